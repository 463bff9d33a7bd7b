package sim

import (
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// lost checks promise P1: what was acknowledged survives while one holder lives. After all faults have healed every
// result of every acknowledged stream comes to the sink, and every submit is answered. A stream is excused only where
// all who held it were dead at once; who holds it is what the nodes themselves said by Lead, Follow and Accepted.
type lost struct{}

// role is what a node is to a stream.
type role struct {
	id       failover.NodeID // the incarnation that said so
	leads    bool
	asked    bool // to lead it, and has not answered: whoever asked may have been answered by another since
	follows  bool
	released bool            // its leader has told it to let go
	retired  failover.Epoch  // of the last who told it so, whether or not it has heard it yet
	told     failover.NodeID // whom that one told, which may not even have heard yet that it holds anything
	alone    bool            // it leads a stream of one copy, by its own account: it may be deposed and not know it
	term     failover.Term
	holders  failover.Holders
	since    clock.Instant // when it said so
}

// has reports whether a process has a copy, by its own account.
func (r *role) has(id failover.NodeID) bool {
	return r.id == id && !r.released && (r.leads || r.follows)
}

// holds reports whether it also answers for it.
func (r *role) holds(id failover.NodeID) bool { return r.has(id) && !r.asked }

func (lost) effect(w *World, p *process, e *failover.Effect) {
	s := w.streamOf(e.Message.Task.Stream)
	if s == nil {
		return
	}
	r := &s.roles[p.index]
	switch e.Kind {
	case failover.Lead, failover.Follow:
		if r.id != p.id {
			s.keepers++
		}
		asked := r.asked && r.id == p.id       // it lets go of what it never took on
		released := r.released && r.id == p.id // when others held it
		follows := e.Kind == failover.Follow && e.Message.Holders.Len() > 0
		retired := r.retired
		if r.told != p.id {
			retired = failover.Epoch{}
		}
		*r = role{
			id: p.id, retired: retired, told: p.id, leads: e.Kind == failover.Lead, follows: follows,
			asked: e.Kind == failover.Lead && e.Peer == 0,
			term:  e.Message.Epoch.Term, holders: e.Message.Holders, since: w.now, alone: e.Message.Stream != nil && e.Message.Stream.Factor == 1,
		}
		if asked || r.has(p.id) || !s.acked || s.whole || w.isHeld(s) || s.excused() || s.ever[work.FailFast] {
			return
		}
		if released || retired.Term == r.term && retired != (failover.Epoch{}) { // it was told so while others held it, and hears it now
			s.orphaned = true
			w.out.Orphaned++
			return
		}
		w.violate("lost", "%s, the last to hold stream %x, let go of it with %d of %d results stored",
			p.name, uint64(s.spec.ID), s.stored, len(s.tasks))
	case failover.Guard:
		r.alone = e.Message.Stream.Factor == 1
	case failover.Send:
		switch e.Message.Kind {
		case failover.Accepted:
			r.asked = false
			s.acknowledged(w, p)
		case failover.Held:
			if e.Message.Epoch.Try > 0 { // else it asks for a copy, or whether its own is wanted
				r.released = e.Message.Epoch.Below(r.retired) // it takes up what it has been told to let go
			}
		case failover.Retire:
			if p.core != nil {
				s.release(w, p, e)
			}
		default:
		}
	default:
	}
}

// acknowledged: a node says that the stream is safe; it must not be alone with it.
func (s *stream) acknowledged(w *World, p *process) {
	if !s.acked && s.copies() > 1 && s.keepers < 2 {
		w.violate("lost", "%s acknowledged stream %x of factor %d, and nobody but itself ever held it",
			p.name, uint64(s.spec.ID), s.spec.Factor)
	}
	s.acked = true
}

// release: a leader lets a standby go. Where that one lives, the leader must not be alone with the stream from then on.
func (s *stream) release(w *World, p *process, e *failover.Effect) {
	if r := &s.roles[p.index]; !r.has(p.id) && r.term != e.Message.Epoch.Term {
		return // one that was to stand by as well says that it has no copy itself
	}
	q := w.processOf(e.Peer)
	if q != nil && q.id == e.Peer {
		r := &s.roles[q.index]
		if r.told != q.id {
			r.told, r.retired = q.id, failover.Epoch{}
		}
		if r.retired.Below(e.Message.Epoch) {
			r.retired = e.Message.Epoch
		}
	}
	if q == nil || q.id != e.Peer || !q.up || !s.roles[q.index].holds(q.id) ||
		e.Message.Epoch.Term != s.roles[q.index].term {
		return // there is nobody, or it will not obey
	}
	if e.Message.Reason == failover.NotCopied {
		return // who knows that the stream was accepted goes on with it
	}
	s.roles[q.index].released = true
	if s.whole || s.excused() || !s.acked || s.copies() == 1 || s.roles[p.index].alone {
		return
	}
	for i := range w.cfg.Nodes {
		r := &s.roles[i]
		unheard := (r.leads && !r.asked || r.follows) && r.retired.Term != e.Message.Epoch.Term // released by another, of whom p need not know
		if i != p.index && (r.holds(r.id) || unheard) && w.passesForAlive(r.id, p) {
			return
		}
	}
	w.violate("lost", "%s lets %s go, which alone beside itself held stream %x", p.name, q.name, uint64(s.spec.ID))
}

// passesForAlive reports whether a process lives, or p cannot know yet, since it last began to run, that it does not.
func (w *World) passesForAlive(id failover.NodeID, p *process) bool {
	life := &w.lives[w.byID[id]]
	near := &w.ends[p.index][life.process]
	return life.died == clock.Never ||
		near.up && near.peer == id && w.now.Sub(max(life.died, p.thawed)) < afterSilence
}

// isHeld reports whether a node that lives holds the stream.
func (w *World) isHeld(s *stream) bool { return w.some(s, (*role).holds) }

// isThere reports whether a node that lives has a copy of the stream, and be it one that nobody answers for.
func (w *World) isThere(s *stream) bool { return w.some(s, (*role).has) }

// some reports whether a node that lives is something to a stream.
func (w *World) some(s *stream, is func(*role, failover.NodeID) bool) bool {
	for i := range w.cfg.Nodes {
		if p := &w.processes[i]; p.up && is(&s.roles[i], p.id) {
			return true
		}
	}
	return false
}

// died excuses the streams whose last holder this was.
func (lost) died(w *World, p *process) {
	for i := range w.streams {
		s := &w.streams[i]
		if s.acked && !s.settled() && s.roles[p.index].holds(p.id) && !w.isHeld(s) {
			s.orphaned = true
			w.out.Orphaned++
		}
	}
}

func (lost) end(w *World) {
	for i := range w.streams {
		s := &w.streams[i]
		switch {
		case s.settled():
		case !s.accepted && s.delivered == 0:
			w.violate("lost", "stream %x was submitted and never answered", uint64(s.spec.ID))
		default:
			for j := s.first; j < s.last; j++ {
				if !s.tasks[j].delivered {
					w.violate("lost", "%d of %d results of stream %x never came, the first is %v",
						s.last-s.first-s.delivered, s.last-s.first, uint64(s.spec.ID), s.taskID(j))
				}
			}
		}
	}
}
