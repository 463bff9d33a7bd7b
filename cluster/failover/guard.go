package failover

import (
	"hash/fnv"

	"fracture/clock"
	"fracture/work"
)

// How a stream is guarded, where that differs from the standby's way: who runs unasked, who splits beside the leader, what
// is done about a loss that nobody can make good, and how all of that is changed while the stream runs.

// guard takes on a strategy. What was placed under another one keeps it: each task brings its own.
func (s *stream) guard(strategy work.Strategy, factor uint8, now clock.Instant) {
	shared := s.spec.Strategy.Everyone() && s.shared != 0
	s.spec.Strategy, s.spec.Factor = strategy, factor
	s.watchAt = min(s.watchAt, now)     // it may be patient with nothing any more
	if strategy.Everyone() && !shared { // from the first frame that is due after now
		s.shared = s.next
		if late := now.Sub(s.due(s.shared)); late >= 0 {
			s.shared += uint64(late/max(s.spec.Period, 1)) + 1
		}
	}
}

// shareAt is when a standby splits its next frame beside its leader; Never where it does not. From a revision it splits nothing
// before its leader has, which may put it off.
func (s *stream) shareAt() clock.Instant {
	if !s.spec.Strategy.Everyone() || !s.accepted || s.spec.Frames != 0 && s.shared >= s.spec.Frames ||
		s.spec.Revision > s.marked && s.shared >= s.spec.From {
		return clock.Never
	}
	return s.due(s.shared)
}

// share splits what is due at a standby of the splitter, so that the death of the leader need not be noticed either. Who
// is given a task twice in one reign runs it once.
//
// Whom its leader has not spoken to for longer than any silence is borne, and who has not taken over, is a standby no more and
// has not heard so. It splits nothing: how the stream is guarded by now it does not know either.
func (c *Core) share(s *stream) {
	if late := c.now.Sub(s.due(s.shared)); late > c.cfg.Linger {
		s.shared += uint64(late / max(s.spec.Period, 1)) // this node stood still, and who has run those has forgotten it
	}
	if c.now.Sub(s.heard) > c.cfg.SilenceCeiling+s.spec.Period {
		s.shared += uint64(max(c.now.Sub(s.due(s.shared)), 0)/max(s.spec.Period, 1)) + 1
		return
	}
	s.shared = c.terms.share(s.spec.ID, max(s.shared+1, s.next)-1) // not what is followed by a frame that was marked
	s.shared = max(s.shared, s.revisions[0].from)                  // nor what was told something that is not known here
	list := c.candidates(c.now, s.spec.Strategy)
	for c.now >= s.shareAt() {
		if f := s.frame(s.shared); f != nil {
			for i := range f.tiles {
				c.placeTile(s, f, uint32(i), list, false)
			}
			if s.shared == s.next {
				s.next++ // as if its leader had marked it
			}
		}
		s.shared++
	}
	c.terms.share(s.spec.ID, s.shared)
}

// fences reports whether a result comes too late to be one: its task has been placed anew since. Where every holder runs
// its copy, only a new reign or a new try is anew.
func (t *tile) fences(m *Message) bool {
	return m.Epoch.Below(t.epoch) && !(m.Strategy.Everyone() && m.Epoch.sameCall(t.epoch))
}

// ballot is what the holders of one task have answered.
type ballot struct {
	revision work.Revision   // of what the task was split from that they answer
	votes    [MaxFactor]vote // in the order in which they came
	n        int
	decided  bool
	winner   uint64
}

// vote is one holder's answer.
type vote struct {
	by   NodeID
	name uint64 // the voter's weight: a node that is started again has no second vote
	sum  uint64
}

// cast puts a vote in, in place of an older one of the same node, and returns how many votes say the same; 0 where there
// are more voters than votes, and those that came first have their say.
func (b *ballot) cast(v vote) (same int) {
	i := 0
	for i < b.n && b.votes[i].name != v.name {
		i++
	}
	if i == len(b.votes) {
		return 0
	}
	b.votes[i], b.n = v, max(b.n, i+1)
	for _, other := range b.votes[:b.n] {
		if other.sum == v.sum {
			same++
		}
	}
	return same
}

// vote takes a holder's answer in, and reports whether with it, for the first time, more than half of the copies answered
// the same. A wrong answer is told as soon as it is known to be one.
func (c *Core) vote(s *stream, f *frame, from NodeID, m *Message) bool {
	if f.votes == nil {
		f.votes = make([]ballot, s.spec.Tiles)
	}
	b := &f.votes[m.Task.Tile]
	v := vote{by: from, name: c.weight(from), sum: answer(m)}
	if v.name == 0 || m.Revision != s.told(m.Task.Frame).number {
		return false // gossip has not told who it is, so it might vote twice; or it answers something else than is asked
	}
	if m.Revision != b.revision && !b.decided { // what the others answered is not asked any more
		*b = ballot{revision: m.Revision}
	}
	if b.decided {
		c.mask(m, v, b.winner)
		c.emit(Effect{Kind: Repeat, Message: Message{Task: m.Task, Epoch: m.Epoch}})
		return false
	}
	same := b.cast(v)
	if 2*same <= int(m.Need) && c.cfg.Bug != BugFirstVote {
		return false
	}
	b.decided, b.winner = true, v.sum
	for _, other := range b.votes[:b.n] {
		c.mask(m, other, b.winner)
	}
	return true
}

// weight is what a node is known by over its incarnations; 0 where gossip does not know it.
func (c *Core) weight(id NodeID) uint64 {
	if id == c.cfg.ID {
		return c.cfg.Weight
	}
	if p := c.peers.find(id); p != nil {
		return p.Weight
	}
	return 0
}

// mask tells that a vote was not the winner's.
func (c *Core) mask(m *Message, v vote, winner uint64) {
	if v.sum != winner {
		c.emit(Effect{Kind: Mask, Peer: v.by, Message: Message{Task: m.Task, Epoch: m.Epoch}})
	}
}

// answer is a result as far as it is compared with others: FNV-1a of its bytes and of whether it is an error. It tells
// answers apart that differ by accident, not by design.
func answer(m *Message) uint64 {
	h := fnv.New64a()
	if m.Failed {
		_, _ = h.Write([]byte{1}) // a hash never fails
	}
	_, _ = h.Write(m.Payload)
	return h.Sum64()
}

// bear does about a failed owner what the strategy of a stream led here asks for.
func (c *Core) bear(s *stream, failed NodeID, signal Signal) {
	switch s.spec.Strategy {
	case work.FailFast:
		if c.outstandingAt(s, failed) {
			c.stop(s, failed, signal)
		}
	case work.Expendable:
		c.eachOutstanding(s, func(f *frame, i uint32) {
			if f.tiles[i].holders.Owner() == failed {
				c.giveUp(s, f, i)
			}
		})
	case work.Reschedule:
		if signal == Gone {
			c.replaceOwnedBy(s, failed, signal)
		}
	case work.Standby, work.Hedge, work.Active, work.Vote:
		c.replaceOwnedBy(s, failed, signal)
	}
}

func (c *Core) outstandingAt(s *stream, node NodeID) (found bool) {
	c.eachOutstanding(s, func(f *frame, i uint32) {
		found = found || f.tiles[i].holders.Owner() == node
	})
	return found
}

// eachOutstanding visits the tasks of a stream that were placed and have no result.
func (c *Core) eachOutstanding(s *stream, visit func(f *frame, tile uint32)) {
	for k := s.base; k < s.next; k++ {
		f := s.frame(k)
		if f == nil {
			continue // complete by now
		}
		for i := range f.tiles {
			if !f.tiles[i].done {
				visit(f, uint32(i))
			}
		}
	}
}

// errGivenUp is the result of a task that was lost, where the strategy bears that.
const errGivenUp = "lost with the node that had it"

// giveUp answers for a task that nobody will: under a higher try, so that no late answer contradicts it.
func (c *Core) giveUp(s *stream, f *frame, i uint32) {
	t := &f.tiles[i]
	m := Message{
		Kind: Result, Task: work.TaskID{Stream: s.spec.ID, Frame: f.number, Tile: i}, Failed: true, Payload: []byte(errGivenUp),
		Epoch: Epoch{Term: s.term, Try: t.epoch.Try + 1}, Revision: s.told(f.number).number,
	}
	c.emit(Effect{Kind: Drop, Peer: t.holders.Owner(), Message: Message{Task: m.Task, Epoch: m.Epoch, Have: 1, Need: 1}})
	c.result(c.cfg.ID, &m)
}

// ours reports whether a result is this machine's own word and no holder's answer.
func (m *Message) ours() bool { return m.Failed && m.Holders.Owner() == 0 }

// stop ends a stream at its first fault, and says so to whoever watches it.
func (c *Core) stop(s *stream, failed NodeID, signal Signal) {
	c.emit(Effect{Kind: Stop, Peer: failed, Signal: signal, Message: Message{
		Task: work.TaskID{Stream: s.spec.ID, Frame: s.base}, Epoch: Epoch{Term: s.term},
	}})
	for _, w := range c.watchers {
		if w.stream == 0 || w.stream == s.spec.ID {
			c.send(w.sink, Message{
				Kind: Refused, Reason: Stopped, Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term},
				Holders: Holders{failed}, Have: uint32(signal),
			})
		}
	}
	c.retire(s)
}

// change guards a stream otherwise from now on. Nothing that is under way is touched, so there is no gap; standbys that it
// wants more are found after, and those that it wants no longer are let go.
func (c *Core) change(from NodeID, m *Message) {
	if m.Stream == nil {
		return
	}
	s := c.stream(m.Task.Stream)
	if s == nil || !s.leading() || !c.steadied() {
		return // every node is asked, and again; who leads it, and knows that it still does, answers
	}
	reply := Message{Kind: Changed, Task: m.Task, Epoch: s.epoch(), Stream: m.Stream}
	need, have := uint32(m.Stream.Factor), c.expected()
	switch {
	case m.Stream.Strategy.Check(m.Stream.Factor) != nil:
		reply.Reason = BadStream
	case m.Stream.Strategy == s.spec.Strategy && m.Stream.Factor == s.spec.Factor: // asked again
	case have < need:
		reply.Reason, reply.Have, reply.Need = TooFewNodes, have, need
	default:
		s.guard(m.Stream.Strategy, m.Stream.Factor, c.now)
		s.version++
		reply.Epoch = s.epoch()
		c.emit(Effect{Kind: Guard, Message: Message{Task: m.Task, Epoch: s.epoch(), Stream: &s.spec}})
		c.mend(s)
		for r := 1; r < s.holders.Len(); r++ {
			c.sendHold(s, s.holders[r])
		}
		c.bearLost(s)
	}
	reply.Task.Frame = s.next
	c.send(from, reply)
}

// bearLost does with the tasks that have nobody left what the strategy asks for: the one before may have borne it.
func (c *Core) bearLost(s *stream) {
	stop := false
	c.eachOutstanding(s, func(f *frame, i uint32) {
		switch t := &f.tiles[i]; {
		case t.holders.Len() == 0 || !c.allLost(t.holders, 0):
		case s.spec.Strategy == work.FailFast:
			stop = true
		case s.spec.Strategy == work.Expendable:
			c.giveUp(s, f, i)
		default:
			c.replace(s, f, i, Gone)
		}
	})
	if stop {
		c.stop(s, 0, Gone)
	}
}
