package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// The leader's half: take a stream on, split its frames, place and copy their tasks, and watch them until they come back.

// submitted takes a stream on. The sink is answered once a standby holds it too.
func (c *Core) submitted(from NodeID, m *Message) {
	if m.Stream == nil {
		return
	}
	id := m.Stream.ID
	if from != c.cfg.ID {
		c.subscribe(from, id) // whoever asks for a stream wants its results, and a Subscribe can be lost
	}
	if s := c.stream(id); s != nil {
		switch {
		case s.leading() && s.complete() && m.Epoch.Term != 0:
			c.rewind(s, m)
			c.accept(s, from)
		case s.accepted: // it lives here, or at a leader that is known to have taken it on
			c.accept(s, from)
		case s.leading():
			s.submitter = from
		}
		return
	}
	fn := c.cfg.Function(m.Stream.Function)
	need, have := uint32(m.Stream.Factor), c.expected()
	refusal := Message{Kind: Refused, Task: work.TaskID{Stream: id}, Have: have, Need: need}
	switch {
	case !sound(m.Stream) || fn == nil:
		refusal.Reason = BadStream
	case c.draining:
		refusal.Reason = Draining
	case m.Epoch.Term == 0 && m.Stream.Strategy != work.Reschedule && have < need:
		refusal.Reason = TooFewNodes
	case len(c.streams) >= c.cfg.MaxStreams:
		refusal.Reason, refusal.Have, refusal.Need = TooManyStreams, uint32(len(c.streams)), uint32(c.cfg.MaxStreams)
	default:
		c.takeOn(from, m, fn)
		return
	}
	c.send(from, refusal)
}

// expected counts the nodes that can be given work, or can be soon: a cluster that has just started and whose links are on
// their way is not one with too few nodes, nor is one with a node that is silent for a moment on a link that stands.
func (c *Core) expected() uint32 {
	n := uint32(1)
	for i := range c.peers.list {
		if p := &c.peers.list[i]; p.serves() || !p.Sink && (!p.linked || p.link && p.failed == Silence) {
			n++
		}
	}
	return n
}

// takeOn makes this node a stream's leader.
func (c *Core) takeOn(from NodeID, m *Message, fn work.Function) {
	s := newStream(c.cfg.ID, m.Stream, fn)
	s.term = c.terms.see(s.spec.ID, m.Epoch.Term).next(c.cfg.ID)
	c.terms.see(s.spec.ID, s.term)
	s.base, s.next = m.Task.Frame, m.Task.Frame
	s.start = c.now.Add(-m.Ran - time.Duration(s.base)*s.spec.Period)
	s.holders[0] = c.cfg.ID
	s.submitter = from
	c.streams = append(c.streams, s)
	c.lead(s, 0)
	c.mend(s)
	again := m.Epoch.Term != 0 // its holders are gone: redirect first, replenish after
	if again || s.copies() == 1 || c.cfg.Bug == BugAckBeforeCopy {
		c.accept(s, from)
		return
	}
	s.deadline = c.now.Add(c.cfg.SubmitTimeout)
}

// rewind begins a finite stream again at the frame that the sink asks for, under a higher term: every result came here,
// and some never reached the sink.
func (c *Core) rewind(s *stream, m *Message) {
	s.term = c.terms.see(s.spec.ID, max(s.term, m.Epoch.Term)).next(c.cfg.ID)
	c.terms.see(s.spec.ID, s.term)
	for i := range s.ring {
		s.ring[i].used = false
	}
	s.base, s.next = m.Task.Frame, m.Task.Frame
	s.start = c.now.Add(-m.Ran - time.Duration(s.base)*s.spec.Period)
	c.lead(s, c.cfg.ID)
	for r := 1; r < s.holders.Len(); r++ {
		c.sendHold(s, s.holders[r])
	}
}

// lead announces that this node leads s now, and who did before.
func (c *Core) lead(s *stream, before NodeID) {
	c.emit(Effect{Kind: Lead, Peer: before, Message: Message{
		Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}, Holders: s.holders, Stream: &s.spec,
	}})
}

// accept answers the sink. From here on the stream survives the loss of all but one of its holders.
func (c *Core) accept(s *stream, sink NodeID) {
	s.accepted, s.deadline = true, clock.Never
	c.send(sink, Message{Kind: Accepted, Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}})
}

// heldBy: a standby acknowledged its copy, or somebody asks whether its copy is still wanted.
func (c *Core) heldBy(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	answer := Message{Task: work.TaskID{Stream: m.Task.Stream}, Epoch: m.Epoch}
	known := c.terms.see(m.Task.Stream, m.Epoch.Term)
	switch {
	case s == nil && m.Epoch.Term < known: // another leads it since, or did
		answer.Kind, answer.Epoch = Fence, Epoch{Term: known}
		c.send(from, answer)
	case s == nil:
		answer.Kind = Retire
		c.send(from, answer)
	case m.Epoch.Term < s.term:
		answer.Kind, answer.Epoch = Fence, s.epoch()
		c.send(from, answer)
	case !s.leading() || s.term < m.Epoch.Term:
	case s.holders.Rank(from) < 0 && !s.accepted && s.holders.Len() < len(s.holders):
		// It held the stream for somebody whom this reign fenced, and who may have accepted it: the very copy wanted here.
		s.holders = s.holders.with(from)
		s.version++
		s.copied = s.copied.with(from)
		c.accept(s, s.submitter)
		c.sendHold(s, from)
	case s.holders.Rank(from) < 0: // it was a standby, and missed that it is none any more
		c.letGo(s, from)
	case m.Epoch.Try < s.version: // a copy of before
		c.sendHold(s, from)
	default:
		s.copied = s.copied.with(from)
		if !s.accepted {
			c.accept(s, s.submitter)
		}
		c.dismiss(s)
	}
}

// mendAll replenishes each stream that this node leads; always after the redirect, never before it.
func (c *Core) mendAll() {
	for _, s := range c.streams {
		if s.leading() {
			c.mend(s)
		}
	}
}

// mend drops standbys of the splitter that are lost and finds new ones.
func (c *Core) mend(s *stream) {
	old := s.holders
	kept := Holders{c.cfg.ID}
	n := 1
	for r := 1; r < old.Len(); r++ {
		if p := c.peers.find(old[r]); p != nil && p.serves() {
			kept[n] = old[r]
			n++
		}
	}
	if n < s.copies() {
		list := c.candidates(c.now, s.spec.Strategy)
		eligible := list[:0]
		for _, k := range list {
			if s.tried.Rank(k.id) < 0 {
				eligible = append(eligible, k)
			}
		}
		kept = choose(eligible, splitterKey(s.spec.ID), kept, n, s.copies())
	}
	if kept == old {
		return
	}
	s.holders = kept
	s.version++
	for r := 1; r < kept.Len(); r++ {
		c.sendHold(s, kept[r])
	}
	for r := 1; r < old.Len(); r++ {
		if kept.Rank(old[r]) < 0 {
			s.copied = s.copied.without(old[r])
			c.letGo(s, old[r])
		}
	}
}

// letGo lets a standby of the splitter go, as soon as another one is known to hold its copy: until then it may be the
// last one to do so.
func (c *Core) letGo(s *stream, id NodeID) {
	if s.former.Len() == len(s.former) && s.former.Rank(id) < 0 {
		c.sendRetire(s, s.former.Owner())
		s.former = s.former.without(s.former.Owner())
	}
	s.former = s.former.with(id)
	c.dismiss(s)
}

// dismiss retires the standbys that were let go, if any of those that were not has acknowledged its copy.
func (c *Core) dismiss(s *stream) {
	for r := 1; r < s.holders.Len(); r++ {
		if s.copied.Rank(s.holders[r]) < 0 {
			continue
		}
		for _, id := range s.former {
			if s.holders.Rank(id) < 0 {
				c.sendRetire(s, id)
			}
		}
		s.former = Holders{}
		return
	}
}

func (c *Core) sendRetire(s *stream, to NodeID) {
	c.send(to, Message{Kind: Retire, Task: work.TaskID{Stream: s.spec.ID}, Epoch: s.epoch()})
}

func (c *Core) sendHold(s *stream, to NodeID) {
	accepted := uint32(0)
	if s.accepted {
		accepted = 1
	}
	c.send(to, Message{
		Kind: Hold, Have: accepted, Task: work.TaskID{Stream: s.spec.ID, Frame: s.base}, Epoch: s.epoch(),
		Holders: s.holders, Stream: &s.spec, Ran: c.now.Sub(s.due(s.base)),
	})
}

// tend does what the clock demands of a stream that this node leads.
func (c *Core) tend(s *stream) {
	if !s.accepted {
		if c.now >= s.deadline {
			c.tryAnother(s)
		}
		return
	}
	if late := c.now.Sub(s.due(s.next)); s.spec.Frames == 0 && late > windowTime {
		if behind := uint64((late - windowTime) / s.spec.Period); behind > 0 { // nobody wants frames that old, nor older ones
			c.emit(Effect{Kind: Drop, Message: Message{Task: work.TaskID{Stream: s.spec.ID, Frame: s.next}, Have: uint32(behind)}})
			s.next += behind
			s.base = s.next
		}
	}
	for !s.ended() && c.now >= s.due(s.next) {
		c.split(s)
	}
	if c.now >= s.watchAt {
		c.watch(s)
	}
}

// tryAnother asks another standby to hold a submit, or refuses it where there is none left.
func (c *Core) tryAnother(s *stream) {
	refusal := Message{
		Kind: Refused, Reason: NotCopied, Task: work.TaskID{Stream: s.spec.ID}, Have: 1, Need: uint32(s.spec.Factor),
	}
	if s.holders.Len() == 1 {
		refusal.Reason = TooFewNodes // those that were expected have not come
	}
	for r := 1; r < s.holders.Len(); r++ {
		if n := s.tried.Len(); n < len(s.tried) {
			s.tried[n] = s.holders[r]
		}
		c.sendRetire(s, s.holders[r])
	}
	s.holders = Holders{c.cfg.ID}
	s.version++
	s.deadline = c.now.Add(c.cfg.SubmitTimeout)
	c.mend(s)
	if s.holders.Len() == 1 || s.tried.Len() == len(s.tried) {
		c.send(s.submitter, refusal)
		c.retire(s)
	}
}

// split places every task of the next frame: request → split → place → copy.
func (c *Core) split(s *stream) {
	window := uint64(len(s.ring))
	if s.next-s.base >= window { // the oldest frame is given up, so that the newest can be
		f := s.frame(s.base)
		c.emit(Effect{Kind: Drop, Message: Message{
			Task: work.TaskID{Stream: s.spec.ID, Frame: s.base}, Have: uint32(f.left), Need: s.spec.Tiles,
		}})
		f.used = false
		s.base++
		s.advance()
	}
	k := s.next
	s.next++
	f := s.frame(k)
	list := c.candidates(c.now, s.spec.Strategy)
	for i := range f.tiles {
		c.placeTile(s, f, uint32(i), list)
	}
	for r := 1; r < s.holders.Len(); r++ {
		c.send(s.holders[r], Message{
			Kind: Mark, Task: work.TaskID{Stream: s.spec.ID, Frame: k}, Epoch: s.epoch(), Holders: s.holders,
		})
	}
	s.watchAt = min(s.watchAt, c.now.Add(c.patience(s)))
	s.advance()
}

// placeTile gives a task to its owner and copies it to its standbys, under an epoch of this reign.
func (c *Core) placeTile(s *stream, f *frame, i uint32, list []candidate) {
	t := &f.tiles[i]
	if t.done {
		return
	}
	id := work.TaskID{Stream: s.spec.ID, Frame: f.number, Tile: i}
	start := len(c.scratch)
	scratch, err := s.fn.Split(s.spec.Params, f.number, i, s.spec.Tiles, c.scratch)
	if err != nil { // the function cannot make this task: that is its result
		c.result(&Message{Kind: Result, Task: id, Epoch: Epoch{Term: s.term}, Failed: true, Payload: []byte(err.Error())})
		return
	}
	c.scratch = scratch
	t.holders = choose(list, tileKey(s.spec.ID, i), Holders{}, 0, s.copies())
	try := uint16(0)
	if t.epoch.Term == s.term {
		try = t.epoch.Try + 1
	}
	t.epoch, t.placed = Epoch{Term: s.term, Try: try}, c.now
	m := Message{
		Kind: Place, Task: id, Epoch: t.epoch, Function: s.spec.Function,
		Holders: t.holders, Splitters: s.holders, Payload: c.scratch[start:len(c.scratch):len(c.scratch)],
	}
	for r := 0; r < t.holders.Len(); r++ {
		c.send(t.holders[r], m)
		m.Kind = Copy
	}
}

// patience is how long the leader waits for a result before it places the task anew: long enough that the standbys,
// who need no order, have had their turn.
func (c *Core) patience(s *stream) time.Duration {
	return time.Duration(s.copies()+1) * c.overdue(s.spec.Function)
}

// maxBackoff bounds how often the leader's patience with a task doubles.
const maxBackoff = 3

// watch places anew what has been overdue for too long, and finds the next instant worth looking at.
func (c *Core) watch(s *stream) {
	s.watchAt = clock.Never
	if s.spec.Strategy == work.Reschedule || c.cfg.Bug == BugPlaceOnDead {
		return
	}
	patience := c.patience(s)
	for k := s.base; k < s.next; k++ {
		f := s.frame(k)
		if f == nil {
			continue // complete by now: a task that cannot be split is answered for at once
		}
		for i := range f.tiles {
			t := &f.tiles[i]
			if t.done {
				continue
			}
			// Twice as patient after each try: on a cluster that has too much to do, trying again is more to do.
			if t.placed.Add(patience<<min(t.epoch.Try, maxBackoff)) <= c.now {
				c.replace(s, f, uint32(i), Overdue)
			}
			s.watchAt = min(s.watchAt, t.placed.Add(patience<<min(t.epoch.Try, maxBackoff)))
		}
	}
	s.advance()
}

// replace places a task anew, under a higher try.
func (c *Core) replace(s *stream, f *frame, i uint32, signal Signal) {
	t := &f.tiles[i]
	before := t.holders.Owner()
	if signal == Overdue {
		if p := c.peers.find(before); p != nil {
			p.suspect = c.now.Add(suspicion)
		}
	}
	c.placeTile(s, f, i, c.candidates(c.now, s.spec.Strategy))
	c.emit(Effect{Kind: Replace, Signal: signal, Peer: before, Message: Message{
		Task: work.TaskID{Stream: s.spec.ID, Frame: f.number, Tile: i}, Epoch: t.epoch,
	}})
}

// replaceOwnedBy places anew each outstanding task that has lost its last holder with this failure. A task with a
// standby left is that standby's.
func (c *Core) replaceOwnedBy(s *stream, failed NodeID, signal Signal) {
	if c.cfg.Bug == BugPlaceOnDead {
		return
	}
	for k := s.base; k < s.next; k++ {
		f := s.frame(k)
		if f == nil {
			continue // complete by now: a task that cannot be split is answered for at once
		}
		for i := range f.tiles {
			t := &f.tiles[i]
			if !t.done && t.holders.Rank(failed) >= 0 && c.allLost(t.holders, failed) {
				c.replace(s, f, uint32(i), signal)
			}
		}
	}
}

func (c *Core) allLost(holders Holders, failed NodeID) bool {
	for r := 0; r < holders.Len(); r++ {
		if _, lost := c.lostHolder(holders[r]); !lost && holders[r] != failed {
			return false
		}
	}
	return true
}
