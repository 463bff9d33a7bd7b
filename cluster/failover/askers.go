package failover

import "fracture/work"

// Several sinks may ask for one picture: a client that has no answer asks again at another door. Who asks late has missed what was
// given before, and gets it again. A stream of many frames is asked for by one sink, which knows from where on it wants them.

// asksLate reports whether a sink asks for a picture for the first time, and has missed a result of it.
func (s *stream) asksLate(sink NodeID) bool {
	if s.spec.Frames != 1 || s.askers.Rank(sink) >= 0 || s.askers.Len() == len(s.askers) {
		return false
	}
	return s.complete() || s.next > s.base && s.frame(s.base).left < int(s.spec.Tiles)
}

// rewind begins a finite stream again at the frame that the sink asks for, under a higher term: results came here that never
// reached the sink, for they were lost on the way or it asked after others had. Who is still at work on a task goes on.
func (c *Core) rewind(s *stream, m *Message) {
	s.term = c.terms.see(s.spec.ID, max(s.term, m.Epoch.Term)).next(c.cfg.ID)
	c.terms.see(s.spec.ID, s.term)
	for i := range s.ring {
		s.ring[i].used = false
	}
	s.base, s.next = m.Task.Frame, m.Task.Frame
	s.start, s.again = c.origin(m), true
	c.lead(s, c.cfg.ID)
	for r := 1; r < s.holders.Len(); r++ {
		c.sendHold(s, s.holders[r])
	}
}

// passOnAskers tells who leads a picture's stream now which sinks asked for it here: it may not know of them, and has given
// them nothing of what it gave before.
func (c *Core) passOnAskers(s *stream) {
	if s.spec.Frames != 1 {
		return
	}
	for _, sink := range s.askers[:s.askers.Len()] {
		c.send(s.holders.Owner(), Message{
			Kind: Submit, Task: work.TaskID{Stream: s.spec.ID, Frame: s.first()}, Epoch: s.epoch(), Holders: Holders{sink},
			Stream: &s.spec, Ran: c.now.Sub(s.start), Began: s.start, Clock: c.cfg.Clock,
		})
	}
}
