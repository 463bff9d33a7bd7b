package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// Whoever places a task watches it: what is overdue, or lost with its last holder, is placed anew.

// patience is how long the leader waits for a result before it places the task anew: long enough that the standbys,
// who need no order, have had their turn.
func (c *Core) patience(s *stream) time.Duration {
	switch s.spec.Strategy {
	case work.FailFast, work.Expendable: // nobody else has it, so being late is no sign of a loss
		return 2 * c.cfg.OverdueCeiling
	case work.Reschedule:
		return longerThanGossip
	case work.Standby, work.Hedge, work.Active, work.Vote:
	}
	return time.Duration(s.copies()+1) * c.overdue(s.spec.Function)
}

// longerThanGossip is when a task is placed anew of which gossip gave no reason to: its result was lost. Gossip takes up to
// 22 s with the settings of memberlist's DefaultLANConfig.
const longerThanGossip = 25 * time.Second

// maxBackoff bounds how often the leader's patience with a task doubles.
const maxBackoff = 3

// backoff is how often the leader's patience with a task has doubled.
func backoff(s *stream, t *tile) uint16 {
	if s.spec.Strategy == work.Reschedule { // it is patient enough
		return 0
	}
	if s.anew && t.epoch.Try > 0 { // the first of these is the first time that this reign places it
		return min(t.epoch.Try-1, maxBackoff)
	}
	return min(t.epoch.Try, maxBackoff)
}

// watch places anew what has been overdue for too long, and finds the next instant worth looking at.
func (c *Core) watch(s *stream) {
	s.watchAt = clock.Never
	if c.cfg.Bug == BugPlaceOnDead {
		return
	}
	patience, pace := c.patience(s), c.pace(s.spec.Function)
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
			until := t.placed.Add(c.wait(s, f, t, patience))
			switch {
			case until > c.now:
			case s.spec.Strategy == work.FailFast:
				c.stop(s, t.holders.Owner(), Overdue)
				return
			case s.spec.Strategy == work.Expendable:
				c.giveUp(s, f, uint32(i))
				continue
			case pace == nil || pace.replace.spend(c.now, replaceBurst):
				c.replace(s, f, uint32(i), Overdue)
				until = t.placed.Add(c.wait(s, f, t, patience))
			default:
				until = c.now.Add(c.overdue(s.spec.Function))
			}
			s.watchAt = min(s.watchAt, until)
		}
	}
	s.advance()
}

// replace places a task anew, under a higher try.
func (c *Core) replace(s *stream, f *frame, i uint32, signal Signal) {
	t := &f.tiles[i]
	before := t.holders.Owner()
	if signal == Overdue {
		c.doubt(before, 0)
	}
	c.placeTile(s, f, i, c.candidates(c.now, s.spec.Strategy), true)
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

// declined: a holder of a task had heard of this reign before the task came, which the one before had placed and told its standbys
// of. If the holders ahead of it are lost it is the one that would have run it.
func (c *Core) declined(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	if s == nil || !s.leading() || m.Task.Tile >= s.spec.Tiles || m.Task.Frame >= s.next {
		return
	}
	rank := m.Holders.Rank(from)
	if rank < 0 {
		return
	}
	for r := range rank {
		if _, lost := c.lostHolder(m.Holders[r]); !lost {
			return
		}
	}
	if f := s.frame(m.Task.Frame); f != nil {
		if t := &f.tiles[m.Task.Tile]; !t.done && t.epoch.Term < s.term {
			c.placeTile(s, f, m.Task.Tile, c.candidates(c.now, s.spec.Strategy), s.anew) // for the first time in this reign
			c.emit(Effect{Kind: Replace, Signal: Handover, Peer: from, Message: Message{Task: m.Task, Epoch: t.epoch}})
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
