package failover

import "fracture/work"

// Who holds a stream beside its leader: standbys are found, acknowledge their copies, and are let go when another has one.

// heldBy: a standby acknowledged its copy, or somebody asks whether its copy is still wanted.
func (c *Core) heldBy(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	answer := Message{Task: work.TaskID{Stream: m.Task.Stream}, Epoch: m.Epoch}
	known := c.terms.see(m.Task.Stream, m.Epoch.Term)
	if s != nil && s.leading() && m.Epoch.Term == s.term {
		c.hasRevision(s, from, m)
	}
	switch {
	case s == nil && m.Epoch.Term < known: // another leads it since, or did
		c.fence(from, m.Task.Stream, Epoch{Term: known})
	case s == nil && m.Have > 0 && c.terms.isVoid(m.Task.Stream, m.Epoch.Term):
		// Two were asked to lead the stream. This one refused it, but its term, the higher one, deposed the other.
		answer.Kind, answer.Reason = Yield, NotCopied
		c.send(from, answer)
	case s == nil:
		answer.Kind = Retire
		c.send(from, answer)
	case m.Epoch.Term < s.term:
		c.fence(from, m.Task.Stream, s.epoch())
	case !s.leading() || s.term < m.Epoch.Term:
	case s.holders.Rank(from) < 0 && !s.accepted && s.holders.Len() < len(s.holders):
		// It held the stream for somebody whom this reign fenced, and who may have accepted it: the very copy wanted here.
		s.holders = s.holders.with(from)
		s.version++
		s.copied = s.copied.with(from)
		c.acceptAll(s)
		c.sendHold(s, from)
	case s.holders.Rank(from) < 0: // it was a standby, and missed that it is none any more
		c.letGo(s, from)
	case m.Epoch.Try < s.version: // a copy of before
		c.sendHold(s, from)
	default:
		s.copied = s.copied.with(from)
		if !s.accepted {
			c.acceptAll(s)
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

// mend drops standbys of the splitter that are lost and finds new ones; a node that drains yields to the first of them.
func (c *Core) mend(s *stream) {
	old := s.holders
	kept := Holders{c.cfg.ID}
	n := 1
	for r := 1; r < old.Len(); r++ {
		if p := c.peers.find(old[r]); p != nil && p.serves() && n < s.copies() {
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
		kept = choose(eligible, splitterKey(s.spec.ID), kept, n, s.copies(), anyNumber)
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
			s.copied, s.current = s.copied.without(old[r]), s.current.without(old[r])
			c.letGo(s, old[r])
		}
	}
	if c.draining {
		c.yield(s)
	}
}

// letGo lets a standby of the splitter go, as soon as another one is known to hold its copy: until then it may be the
// last one to do so.
func (c *Core) letGo(s *stream, id NodeID) {
	if s.former.Len() == len(s.former) && s.former.Rank(id) < 0 {
		c.sendRetire(s, id) // it has not acknowledged its copy, or the others would have been dismissed; the oldest did
		return
	}
	s.former = s.former.with(id)
	c.dismiss(s)
}

// dismiss retires the standbys that were let go, if any of those that were not has acknowledged its copy.
func (c *Core) dismiss(s *stream) {
	for r := 0; r < s.holders.Len(); r++ {
		if s.copied.Rank(s.holders[r]) < 0 && s.copies() > 1 {
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

func (c *Core) sendRetire(s *stream, to NodeID) { c.send(to, s.retirement()) }

func (s *stream) retirement() Message {
	return Message{Kind: Retire, Task: work.TaskID{Stream: s.spec.ID}, Epoch: s.epoch()}
}

func (c *Core) sendHold(s *stream, to NodeID) {
	first := s.base
	if s.spec.Frames == 1 {
		first = 0 // until a request is stored whoever leads it next must have all its results, or get them again
	}
	start := len(c.scratch)
	c.scratch = s.appendRuns(c.scratch)
	c.send(to, Message{
		Kind: Hold, Have: s.known(), Task: work.TaskID{Stream: s.spec.ID, Frame: first}, Epoch: s.epoch(),
		Holders: s.holders, Stream: &s.spec, Ran: c.now.Sub(s.start), Began: s.start, Clock: c.cfg.Clock,
		Payload: c.scratch[start:len(c.scratch):len(c.scratch)],
	})
}

// awaitCopy begins to wait for a standby to acknowledge its copy of what was submitted.
func (c *Core) awaitCopy(s *stream) {
	s.deadline = c.now.Add(c.cfg.SubmitTimeout)
	s.askAgain.begin(c.now)
}

// repeatHold asks those who have not acknowledged a copy that a sink waits for.
func (c *Core) repeatHold(s *stream) {
	s.askAgain.next(c.now)
	for r := 1; r < s.holders.Len(); r++ {
		c.sendHold(s, s.holders[r])
	}
}

// tryAnother asks another standby to hold a submit, or refuses it where there is none left.
func (c *Core) tryAnother(s *stream) {
	refusal := Message{
		Kind: Refused, Reason: NotCopied, Task: work.TaskID{Stream: s.spec.ID}, Have: 1, Need: uint32(s.spec.Factor),
		Epoch: Epoch{Term: s.term}, // who is asked next must not reign below it
	}
	if s.holders.Len() == 1 {
		refusal.Reason = TooFewNodes // those that were expected have not come
	}
	for r := 1; r < s.holders.Len(); r++ {
		if n := s.tried.Len(); n < len(s.tried) {
			s.tried[n] = s.holders[r]
		}
		c.passOver(s, s.holders[r])
	}
	s.holders = Holders{c.cfg.ID}
	s.version++
	if s.tried.Len() < len(s.tried) {
		c.awaitCopy(s)
		c.mend(s)
	}
	if s.holders.Len() == 1 {
		c.send(s.submitter, refusal)
		c.terms.void(s.spec.ID, s.term)
		for _, id := range s.former[:s.former.Len()] {
			c.passOver(s, id)
		}
		s.former = Holders{}
		c.retire(s)
	}
}

// passOver does without a copy that was not acknowledged.
func (c *Core) passOver(s *stream, standby NodeID) {
	m := s.retirement()
	m.Reason = NotCopied
	c.send(standby, m)
}
