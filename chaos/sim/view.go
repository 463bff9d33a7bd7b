package sim

import (
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// In some worlds the stream of frames is to show other views while it runs: a few of them, at any time, or in a burst of which
// each takes the place of the one before; in a calm world, just before its node dies.
const (
	viewChance   = 0.3 // that a world has other views
	maxViews     = 4
	viewBurst    = 0.3 // the chance that a view follows the one before at once
	viewClosely  = 2 * time.Millisecond
	viewInDeath  = 3 * time.Millisecond // before the node of a calm world dies, at most
	viewParamLen = 9                    // a stream's own params, and the view
)

// shown is what became of the views of a stream.
type shown struct {
	wishes int
	asked  [maxViews + 1]work.Revision // by the number of the view, from 1: as which revision it was asked for
	told   work.Revision               // the highest of which the sink was told that it holds
	has    [MaxNodes]revision          // what each node last said that it has

	term    failover.Term    // the highest in which a leader has placed a task,
	holders failover.Holders // and who held the stream then, by its account
}

// revision is what a node has said that a stream's function is told, from a frame on.
type revision struct {
	id     failover.NodeID // the incarnation that said so
	number work.Revision
	from   uint64
}

// planViews draws when the stream of frames, submitted at a time, is to show another view.
func (w *World) planViews(at time.Duration) {
	luck := w.luck(luckView, 0, 0, 0)
	if w.cfg.Faultless || !luck.Hits(viewChance) {
		return
	}
	if w.calm {
		w.queue.push(entry{at: max(w.fells.Add(-luck.Next().Within(between(0, viewInDeath))), clock.Instant(at)+1), kind: revises})
		return
	}
	luck = luck.Next()
	last := time.Duration(0)
	for i := range 1 + luck.Below(maxViews) {
		luck := w.luck(luckView, 1, 0, i)
		if i > 0 && luck.Hits(viewBurst) {
			last += luck.Next().Within(between(0, viewClosely))
		} else {
			last = luck.Next().Within(between(at, time.Duration(w.heals)))
		}
		w.at(last, entry{kind: revises})
	}
}

// revise lets the sink's owner ask for another view.
func (w *World) revise() {
	p, s := w.sinkProcess(), &w.streams[0]
	s.shown.wishes++
	var params [viewParamLen]byte
	copy(params[:], s.params[:])
	params[len(s.params)] = byte(s.shown.wishes)
	w.feed(p, &failover.Event{Kind: failover.Received, Peer: p.id, Message: failover.Message{
		Kind: failover.Revise, Stream: &work.Stream{ID: s.spec.ID, Params: params[:]},
	}})
}

// viewed checks that a view, once the sink is told that it holds, holds: whoever has it, or is said to have it, splits no frame from
// an older one any more, and each result is of the view that it is said to be of.
type viewed struct{}

func (viewed) effect(w *World, p *process, e *failover.Effect) {
	m := &e.Message
	s := w.streamOf(m.Task.Stream)
	switch {
	case s == nil || e.Kind != failover.Send && e.Kind != failover.Lead && e.Kind != failover.Follow:
	case p.core == nil:
		s.shown.sent(w, m)
	case e.Kind == failover.Follow && m.Holders.Len() == 0:
		s.shown.has[p.index] = revision{} // it may come to hold another copy
	case e.Kind != failover.Send:
		s.shown.note(p, m.Stream.Revision, m.Stream.From)
	case m.Kind == failover.Held && m.Epoch.Try > 0: // else it may have no copy
		s.shown.note(p, m.Revision, m.Task.Frame)
	case m.Kind == failover.Revised && m.Reason == 0:
		for _, id := range m.Holders[:m.Holders.Len()] {
			if q := w.processOf(id); q != nil && q.up && q.id == id {
				s.shown.note(q, m.Stream.Revision, m.Stream.From)
			}
		}
	case m.Kind == failover.Place || m.Kind == failover.Copy:
		if m.Epoch.By == 0 && m.Epoch.Term >= s.shown.term {
			s.shown.term, s.shown.holders = m.Epoch.Term, m.Splitters
		}
		if has := s.shown.has[p.index]; has.id == p.id && m.Revision < has.number && m.Task.Frame >= has.from {
			w.violate("view", "%s splits task %v from revision %x, and has %x from frame %d on", p.name, m.Task, m.Revision, has.number, has.from)
		}
	}
}

// note takes note of what a node is said to have.
func (v *shown) note(p *process, number work.Revision, from uint64) {
	has := &v.has[p.index]
	if has.id != p.id || has.number < number || has.number == number && has.from < from {
		*has = revision{p.id, number, from}
	}
}

// sent: the sink says something.
func (v *shown) sent(w *World, m *failover.Message) {
	switch {
	case m.Kind == failover.Revise && len(m.Stream.Params) == viewParamLen:
		v.asked[m.Stream.Params[viewParamLen-1]] = m.Stream.Revision
	case m.Kind == failover.Submit && m.Stream.Revision < v.told:
		w.violate("view", "the sink submits stream %x with revision %x, and was told that %x holds", m.Stream.ID, m.Stream.Revision, v.told)
	}
}

// delivered: a result has come to the sink.
func (viewed) delivered(w *World, s *stream, m *failover.Message) {
	if m.Failed {
		return
	}
	if view := viewOf(m.Payload); view > s.shown.wishes || s.shown.asked[view] != m.Revision {
		w.violate("view", "the result of task %v is of view %d and said to be of revision %x", m.Task, view, m.Revision)
	}
}

// agreed is called when all has healed for long: whoever holds the stream then, by its leader's account, has the newest view.
func (viewed) agreed(w *World, s *stream) {
	if s.excused() {
		return
	}
	for i := range w.cfg.Nodes {
		p := &w.processes[i]
		if !p.up || p.frozen || p.wedged || s.shown.holders.Rank(p.id) < 0 || !s.roles[i].holds(p.id) {
			continue
		}
		if has := s.shown.has[i]; has.id == p.id && has.number < s.shown.told {
			w.violate("view", "%s has revision %x of stream %x long after the sink was told that %x holds",
				p.name, has.number, uint64(s.spec.ID), s.shown.told)
		}
	}
}
