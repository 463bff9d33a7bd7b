package failover

import (
	"slices"
	"time"

	"fracture/clock"
	"fracture/work"
)

// What a stream's function is told, as where its picture lies, can be changed while the stream runs, from a frame on. Each
// change is a revision, and a higher one takes the place of a lower one wherever the two meet, whoever leads by then. So
// there is nothing to agree upon: all who hold the stream come to have the highest. Which revision a frame is split from is
// said by its number, so that a standby that splits it, or places a task of it anew, asks for the same as its leader did.

// revision is what the function of a stream is told, from a frame on.
type revision struct {
	number work.Revision
	from   uint64
	params []byte // nobody changes them any more
}

const (
	// maxRevisions bounds those that a holder keeps: the newest, and those of the frames that are not complete.
	maxRevisions = 64
	// reviseAfter is how long after it was asked for a revision holds, at the soonest: by then the standbys have mostly said that
	// they have it.
	reviseAfter = 5 * time.Millisecond
	// reviseLater is the same where they had not by then.
	reviseLater = 20 * time.Millisecond
)

// nextRevision is the lowest revision of a sink above r.
func nextRevision(r work.Revision, sink NodeID) work.Revision {
	return work.Revision(Term(r).next(sink))
}

// told is the revision that a frame is split from: the oldest known where that is not known any more.
func (s *stream) told(frame uint64) *revision {
	i := len(s.revisions) - 1
	for i > 0 && s.revisions[i].from > frame {
		i--
	}
	return &s.revisions[i]
}

// revise takes in a revision that is newer than what is known here, or has been put off.
func (s *stream) revise(told *work.Stream) {
	switch last := &s.revisions[len(s.revisions)-1]; {
	case told.Revision < last.number || told.Revision == last.number && told.From <= last.from:
		return
	case told.Revision == last.number:
		last.from = told.From
	default:
		for len(s.revisions) > 1 && (s.revisions[1].from <= s.base || len(s.revisions) >= maxRevisions) {
			s.revisions = slices.Delete(s.revisions, 0, 1)
		}
		s.revisions = append(s.revisions, revision{told.Revision, told.From, append([]byte(nil), told.Params...)})
	}
	last := s.revisions[len(s.revisions)-1]
	s.spec.Revision, s.spec.From, s.spec.Params = last.number, last.from, last.params
}

// hasCopy says what a standby has of a stream.
func (s *stream) hasCopy() Message {
	return Message{
		Kind: Held, Task: work.TaskID{Stream: s.spec.ID, Frame: s.spec.From}, Epoch: s.epoch(), Revision: s.spec.Revision,
	}
}

// revise has the function of a stream that is led here told something else. Who asks is answered once every standby has it, so
// that it survives this node from then on; and no frame is split from it before that, so that it leaves no trace where this
// node dies before.
func (c *Core) revise(from NodeID, m *Message) {
	if m.Stream == nil {
		return
	}
	s := c.stream(m.Task.Stream)
	if s == nil || !s.leading() || !s.accepted || !c.steadied() {
		return // every node is asked, and again; who leads it, and knows that it still does, answers
	}
	if m.Stream.Revision > s.spec.Revision {
		if !c.takesParams(s, m.Stream.Params) {
			c.send(from, Message{Kind: Revised, Reason: BadStream, Task: m.Task, Epoch: s.epoch(), Stream: m.Stream})
			return
		}
		c.takeRevision(s, m.Stream)
	}
	if !s.unrevised() {
		s.holdAgain.begin(c.now)
	}
	s.reviser = from
}

// takesParams reports whether a stream's function can split the next frame from some params.
func (c *Core) takesParams(s *stream, params []byte) bool {
	if len(params) > MaxParamsBytes {
		return false
	}
	start := len(c.scratch)
	scratch, err := s.fn.Split(params, s.next, 0, s.spec.Tiles, c.scratch)
	if err == nil {
		c.scratch = scratch[:start]
	}
	return err == nil
}

// takeRevision gives a revision that is newer than the one known here to the standbys, to hold from a frame soon on.
func (c *Core) takeRevision(s *stream, told *work.Stream) {
	newest := *told
	newest.From = s.firstDue(c.now.Add(reviseAfter))
	s.revise(&newest)
	s.pending = true
	c.giveRevision(s)
}

// putOff has a revision hold later, for some standby has not said by now that it has it.
func (c *Core) putOff(s *stream) {
	later := s.spec
	later.From = s.firstDue(c.now.Add(reviseLater))
	s.revise(&later)
	c.giveRevision(s)
}

func (c *Core) giveRevision(s *stream) {
	s.current = Holders{}
	s.holdAgain.begin(c.now)
	for r := 1; r < s.holders.Len(); r++ {
		c.sendHold(s, s.holders[r])
	}
}

// firstDue is the first frame not placed yet that is due at an instant or later.
func (s *stream) firstDue(at clock.Instant) uint64 {
	after := at.Sub(s.start)
	if after <= 0 || s.spec.Period <= 0 {
		return s.next
	}
	return max(s.next, uint64((after+s.spec.Period-1)/s.spec.Period))
}

// hasRevision: a standby, or who was one, says which revision it has.
func (c *Core) hasRevision(s *stream, from NodeID, m *Message) {
	switch {
	case m.Stream != nil && m.Stream.Revision > s.spec.Revision && m.Stream.ID == s.spec.ID:
		c.takeRevision(s, m.Stream) // of a reign that knew more, or was deposed and did not know it
	case m.Revision == s.spec.Revision && m.Task.Frame >= s.spec.From && s.holders.Rank(from) > 0:
		s.current = s.current.with(from)
	}
}

// unrevised reports whether it is waited for that each standby has the newest revision.
func (s *stream) unrevised() bool { return s.pending || s.reviser != 0 }

// allCurrent reports whether each of them has it.
func (s *stream) allCurrent() bool {
	for r := 1; r < s.holders.Len(); r++ {
		if s.current.Rank(s.holders[r]) < 0 {
			return false
		}
	}
	return true
}

// tendRevision sees to it that each standby has the newest revision, and then tells the sinks.
func (c *Core) tendRevision(s *stream) {
	switch {
	case !s.unrevised():
	case s.allCurrent() || c.cfg.Bug == BugReviseBeforeCopy:
		c.tellRevised(s)
	case c.now >= s.holdAgain.at:
		s.holdAgain.next(c.now)
		for r := 1; r < s.holders.Len(); r++ {
			if s.current.Rank(s.holders[r]) < 0 {
				c.sendHold(s, s.holders[r])
			}
		}
	}
}

// tellRevised tells who asked, and whoever watches the stream, what its function is told.
func (c *Core) tellRevised(s *stream) {
	asked := s.reviser
	s.pending, s.reviser = false, 0
	m := Message{
		Kind: Revised, Task: work.TaskID{Stream: s.spec.ID, Frame: s.spec.From}, Epoch: s.epoch(), Holders: s.holders, Stream: &s.spec,
	}
	if asked != 0 {
		c.send(asked, m)
	}
	for _, w := range c.watchers {
		if w.sink != asked && (w.stream == 0 || w.stream == s.spec.ID) {
			c.send(w.sink, m)
		}
	}
}
