package failover

import (
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
		case m.Have == toDate:
			c.date(s, m)
		case s.leading() && s.complete() && m.Have == toLeadOn:
			c.rewind(s, m)
			c.accept(s, from)
		case s.accepted: // it lives here, or at a leader that is known to have taken it on
			c.accept(s, from)
		case s.leading():
			s.submitter = from
		}
		return
	}
	if m.Have == toDate {
		return // another leads it by now, and is told as well if results are late
	}
	fn := c.cfg.Function(m.Stream.Function)
	need, have := uint32(m.Stream.Factor), c.expected()
	refusal := Message{Kind: Refused, Task: work.TaskID{Stream: id}, Have: have, Need: need}
	switch {
	case !sound(m.Stream) || fn == nil:
		refusal.Reason = BadStream
	case c.draining:
		refusal.Reason = Draining
	case m.Have == toLead && have < need:
		refusal.Reason = TooFewNodes
	case len(c.streams) >= c.cfg.MaxStreams:
		refusal.Reason, refusal.Have, refusal.Need = TooManyStreams, uint32(len(c.streams)), uint32(c.cfg.MaxStreams)
	default:
		c.takeOn(from, m, fn)
		return
	}
	c.send(from, refusal)
}

// date takes note of when frame 0 of a stream was due: what took the shortest way here shows best when that was.
func (c *Core) date(s *stream, m *Message) {
	if s.spec.Frames == 0 && c.cfg.Bug != BugOldDate {
		s.start = min(s.start, c.origin(m))
	}
}

// expected counts the nodes that can be given work, or can be soon: a cluster that has just started and whose links are on
// their way is not one with too few nodes, nor is one with a node that is silent for a moment, or does not hear us yet, on
// a link that stands.
func (c *Core) expected() uint32 {
	n := uint32(1)
	for i := range c.peers.list {
		if c.peers.list[i].expected() {
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
	s.start = c.origin(m)
	s.anew = s.spec.Frames != 0 && s.term.Count() > 1
	s.holders[0] = c.cfg.ID
	s.submitter = from
	c.streams = append(c.streams, s)
	c.lead(s, 0)
	c.mend(s)
	again := m.Have == toLeadOn // its holders are gone: redirect first, replenish after
	if again || s.copies() == 1 || c.cfg.Bug == BugAckBeforeCopy {
		c.accept(s, from)
		return
	}
	c.awaitCopy(s)
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
	s.start, s.anew = c.origin(m), true
	c.lead(s, c.cfg.ID)
	for r := 1; r < s.holders.Len(); r++ {
		c.sendHold(s, s.holders[r])
	}
}

// lead announces that this node leads s now, and who did before.
func (c *Core) lead(s *stream, before NodeID) {
	s.led = c.now
	c.emit(Effect{Kind: Lead, Peer: before, Message: Message{
		Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}, Holders: s.holders, Stream: &s.spec,
	}})
}

// accept answers the sink. From here on the stream survives the loss of all but one of its holders.
func (c *Core) accept(s *stream, sink NodeID) {
	s.accepted, s.deadline = true, clock.Never
	c.send(sink, Message{Kind: Accepted, Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}})
}

// acceptAll answers, besides the sink that submitted s last, those that asked for it meanwhile.
func (c *Core) acceptAll(s *stream) {
	c.accept(s, s.submitter)
	for _, w := range c.watchers {
		if w.stream == s.spec.ID && w.sink != s.submitter {
			c.send(w.sink, Message{Kind: Accepted, Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}})
		}
	}
}

// tend does what the clock demands of a stream that this node leads.
func (c *Core) tend(s *stream) {
	if !s.accepted {
		switch {
		case c.now >= s.deadline:
			c.tryAnother(s)
		case c.now >= s.askAgain.at:
			c.repeatHold(s)
		}
		return
	}
	c.tendRevision(s)
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
	if s.pending && k >= s.spec.From {
		c.putOff(s)
	}
	f := s.frame(k)
	list := c.candidates(c.now, s.spec.Strategy)
	for i := range f.tiles {
		c.placeTile(s, f, uint32(i), list, s.anew)
	}
	for r := 1; r < s.holders.Len(); r++ {
		c.send(s.holders[r], Message{
			Kind: Mark, Task: work.TaskID{Stream: s.spec.ID, Frame: k}, Epoch: s.epoch(), Holders: s.holders, Revision: s.told(k).number,
			Ran: c.now.Sub(s.start), Began: s.start, Clock: c.cfg.Clock, Need: uint32(s.next - s.base),
		})
	}
	s.watchAt = min(s.watchAt, c.now.Add(c.patience(s)))
	s.advance()
}

// evenly is how many of a frame's tasks each of some nodes gets, where none gets more than it must.
func evenly(tasks uint32, nodes int) int { return (int(tasks) + nodes - 1) / max(nodes, 1) }

// placeTile gives a task to its owner and copies it to its standbys, under an epoch of this reign; anew says that it was
// placed before, in whichever reign.
func (c *Core) placeTile(s *stream, f *frame, i uint32, list []candidate, anew bool) {
	t := &f.tiles[i]
	if t.done {
		return
	}
	id := work.TaskID{Stream: s.spec.ID, Frame: f.number, Tile: i}
	start := len(c.scratch)
	told := s.told(f.number)
	scratch, err := s.fn.Split(told.params, f.number, i, s.spec.Tiles, c.scratch)
	if err != nil { // the function cannot make this task: that is its result
		c.result(c.cfg.ID, &Message{
			Kind: Result, Task: id, Epoch: Epoch{Term: s.term}, Revision: told.number, Failed: true, Payload: []byte(err.Error()),
		})
		return
	}
	c.scratch = scratch
	t.holders = choose(list, tileKey(s.spec.ID, i), Holders{}, 0, s.copies(), evenly(s.spec.Tiles, len(list)))
	if c.cfg.Bug == BugBesideOwner && s.copies() > 1 {
		t.holders[1] = t.holders[0]
	}
	m := Message{
		Kind: Place, Task: id, Epoch: Epoch{Term: s.term}, Function: s.spec.Function, Strategy: s.spec.Strategy,
		Holders: t.holders, Splitters: s.holders, Revision: told.number, Need: uint32(s.copies()),
		Payload: c.scratch[start:len(c.scratch):len(c.scratch)],
	}
	if s.leading() {
		switch {
		case t.epoch.Term == s.term:
			m.Epoch.Try = t.epoch.Try + 1
		case anew:
			m.Epoch.Try = 1
		}
		t.epoch, t.placed, t.version = m.Epoch, c.now, s.version
	} else { // beside the leader, who watches it
		if t.epoch.Term < s.term {
			t.epoch = m.Epoch
		}
		if c.cfg.Bug != BugSharedEpoch {
			m.Epoch.By = c.cfg.ID
		}
	}
	for r := 0; r < t.holders.Len(); r++ {
		c.send(t.holders[r], m)
		m.Kind = Copy
	}
}
