package failover

import (
	"fracture/clock"
	"fracture/work"
)

// A dying splitter is a dying owner: its standby goes on with the next frame, under a higher term.

// takeOverStreams promotes this node for every stream whose holders ahead of it are lost.
func (c *Core) takeOverStreams(signal Signal) {
	for i := len(c.streams) - 1; i >= 0; i-- { // downward: a stream that is over is given up at once
		c.takeOverStream(c.streams[i], signal)
	}
}

func (c *Core) takeOverStream(s *stream, signal Signal) {
	rank := s.holders.Rank(c.cfg.ID)
	if rank < 1 || c.now < s.vouched {
		return
	}
	for r := 0; r < rank; r++ {
		known, lost := c.lostHolder(s.holders[r])
		if !lost {
			return
		}
		if r == 0 && signal == 0 {
			signal = known
		}
	}
	c.reign(s, signal)
}

// reign makes this node the leader of a stream that it followed. What is due and was not marked is placed at once, and
// may have been placed before; what was marked is on its way from executors who answer to this node as well, and is watched.
func (c *Core) reign(s *stream, signal Signal) {
	before, rank := s.holders.Owner(), s.holders.Rank(c.cfg.ID)
	if c.cfg.Bug != BugNoEpochBump {
		s.term = c.terms.see(s.spec.ID, s.term).next(c.cfg.ID)
	}
	c.terms.see(s.spec.ID, s.term)
	holders := Holders{c.cfg.ID}
	copy(holders[1:], s.holders[rank+1:])
	s.holders = holders
	s.current, s.pending, s.reviser = Holders{}, false, 0 // the newest revision holds at once: it may have been answered
	s.accepted, s.deadline = true, clock.Never            // whether or not the sink was told: it is done
	c.emit(Effect{Kind: Promote, Signal: signal, Peer: before, Message: Message{
		Task: work.TaskID{Stream: s.spec.ID, Frame: s.next, Tile: SplitterTile}, Epoch: Epoch{Term: s.term},
	}})
	c.lead(s, before)
	// If it is not dead but frozen, it finds this when it thaws, before it leads on.
	c.fence(before, s.spec.ID, Epoch{Term: s.term})
	for k := s.base; k < s.next; k++ {
		f := s.frame(k)
		for i := range f.tiles {
			if s.spec.Strategy == work.Reschedule && !f.tiles[i].done {
				c.replace(s, f, uint32(i), signal) // nobody watches these, and some were refused in the old reign
			}
			f.tiles[i].placed = c.now          // watched from now, whoever has it
			f.tiles[i].version = s.version - 1 // not the one of now: its result goes to holders of before
		}
		s.watchAt = min(s.watchAt, c.now.Add(c.patience(s)))
	}
	c.tend(s)
	for r := 1; r < holders.Len(); r++ {
		c.sendHold(s, holders[r])
	}
	c.mend(s)
	c.retireIfOver(s)
}

// yield hands a stream to the first standby, if there is one yet: the leader drains, or loses what it says.
func (c *Core) yield(s *stream) {
	if s.holders.Len() > 1 {
		m := Message{Kind: Yield, Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}}
		if c.draining {
			m.Reason = Draining
		}
		c.send(s.holders[1], m)
	}
}

// yielded: the leader asks this node to take the stream over. A node that drains as well does not: the leader hears of that
// and finds another. Nor does one that loses messages itself from one that asks for no other reason.
func (c *Core) yielded(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	if s == nil || c.draining || s.leading() || m.Epoch.Term != s.term || s.holders.Rank(c.cfg.ID) < 1 || s.holders.Owner() != from {
		return
	}
	if m.Reason == 0 && c.lossyItself() {
		return
	}
	next := s.next
	c.reign(s, Handover)
	if m.Reason == 0 { // who led it loses messages
		s.doubtful, s.watchAt = next, c.now
	}
}

// fence tells a node which term is known here of a stream that it holds, and whether the splitter of that term is heard here.
func (c *Core) fence(to NodeID, stream work.StreamID, known Epoch) {
	m := Message{Kind: Fence, Task: work.TaskID{Stream: stream}, Epoch: known}
	splitter := known.Term.Splitter()
	if p := c.peers.find(splitter); splitter == c.cfg.ID || p != nil && p.serves() {
		m.Have = 1
	}
	c.send(to, m)
}

// fenced: somebody knows a higher term of a stream that this node holds. It steps back behind the splitter of that term,
// and does not let go before that one says so: it may be dead already, and this copy the last.
//
// Where whoever says so hears that splitter and this node does not, the network between the two is cut, and not the splitter
// dead. Were it deposed, it would be told so by the same go-between, and would take this node for dead in turn: a stream went
// from hand to hand a thousand times a second. A third one's word is what tells the two apart in SWIM, too (Das et al. 2002).
func (c *Core) fenced(m *Message) {
	known := c.terms.see(m.Task.Stream, m.Epoch.Term)
	s := c.stream(m.Task.Stream)
	if s == nil || known <= s.term || known.Splitter() == c.cfg.ID {
		return
	}
	lives := m.Have > 0 && known == m.Epoch.Term || c.outbid(s, known)
	c.adopt(s, Epoch{Term: known}, Holders{known.Splitter(), c.cfg.ID})
	if c.peers.find(known.Splitter()) == nil && !lives {
		c.reign(s, Gone)
		return
	}
	if lives {
		s.vouched = c.now.Add(longerThanGossip) // which says so sooner if it has died
	}
	c.askWhetherHeld(s)
	c.takeOverStream(s, 0)
}

// outbid reports whether the splitter of a term has deposed this node although it was silent before this node's reign began: its
// silence is a cut's, then, and not its end. That it counted further is taken to say that it knew of this reign: of two terms of one
// count either may be the older.
func (c *Core) outbid(s *stream, term Term) bool {
	p := c.peers.find(term.Splitter())
	return s.leading() && term.Count() > s.term.Count() && p != nil && p.failed == Silence && p.lease.Lapse() < s.led
}

// doubtWord forgets who vouched for a leader: what has been seen of it since is newer.
func (c *Core) doubtWord(leader NodeID) {
	for _, s := range c.streams {
		if s.holders.Owner() == leader {
			s.vouched = 0
		}
	}
}

// noneAhead reports whether each holder ahead of this node is lost, or nobody it has ever heard of.
func (c *Core) noneAhead(s *stream) bool {
	for _, id := range s.holders[:s.holders.Rank(c.cfg.ID)] {
		if _, lost := c.lostHolder(id); !lost && c.peers.find(id) != nil {
			return false
		}
	}
	return true
}

// askWhetherHeld tells the first holder ahead of this node that is not lost that it holds a copy, too. A leader that does
// not want it retires it; a standby that has none itself says so, and is not waited for any more. Nor is one of whom nobody has
// told for so long: it died before this node could hear of it, and nobody will say so.
func (c *Core) askWhetherHeld(s *stream) {
	s.askAt = c.now.Add(windowTime)
	if s.asked == 0 {
		s.asked = c.now
	}
	if c.now.Sub(s.asked) >= windowTime && c.now >= s.vouched && c.noneAhead(s) {
		c.reign(s, Gone)
		return
	}
	for r := 0; r < s.holders.Rank(c.cfg.ID); r++ {
		if _, lost := c.lostHolder(s.holders[r]); !lost {
			question := s.hasCopy()
			question.Have = s.known()
			if s.spec.Revision > 0 {
				question.Stream = &s.spec
			}
			c.send(s.holders[r], question)
			return
		}
	}
}
