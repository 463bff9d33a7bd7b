package sim

import (
	"fracture/cluster/failover"
	"fracture/work"
)

// fence checks promise P3: who knows a higher epoch refuses the lower one. A node that has placed a task, or has taken
// its result, under some epoch takes no result of it under a lower one; and a node that has heard of a term of a stream
// runs no task that is given to it under a lower term. The first placement of a reign asks for what those of the reigns
// before have asked for, so until a task is placed once more a result of any is taken.
type fence struct {
	stale work.TaskID    // the placement in this event that must be refused
	under failover.Epoch // zero where there is none
}

func (f *fence) reset() { *f = fence{} }

func (f *fence) event(w *World, p *process, ev *failover.Event) {
	f.under = failover.Epoch{}
	if ev.Kind != failover.Received {
		return
	}
	s := w.streamOf(ev.Message.Task.Stream)
	if s == nil && ev.Message.Stream != nil {
		s = w.streamOf(ev.Message.Stream.ID)
	}
	if s == nil {
		return
	}
	known := &s.known[p.index]
	if known.id != p.id {
		*known = heardOf{id: p.id}
	}
	term := ev.Message.Epoch.Term
	switch ev.Message.Kind {
	case failover.Place, failover.Copy:
		if term < known.term {
			f.stale, f.under = ev.Message.Task, ev.Message.Epoch
		}
		known.term = max(known.term, term)
	case failover.Hold, failover.Mark, failover.Fence:
		known.term = max(known.term, term)
	default:
	}
}

// heardOf is the highest term that an incarnation of a node has heard of.
type heardOf struct {
	id   failover.NodeID
	term failover.Term
}

func (f *fence) effect(w *World, p *process, e *failover.Effect) {
	epoch := e.Message.Epoch
	switch e.Kind {
	case failover.Send, failover.Replace:
		if kind := e.Message.Kind; e.Kind == failover.Send && kind != failover.Place && kind != failover.Copy {
			return
		}
		if t := w.taskOf(e.Message.Task); t != nil {
			t.note(w, p, epoch)
		}
	case failover.Execute:
		if f.under != (failover.Epoch{}) && f.stale == e.Message.Task && f.under == epoch {
			w.violate("fence", "%s runs task %v under epoch %v, of a reign that it knows to be over",
				p.name, e.Message.Task, epoch)
		}
	case failover.Keep:
		t := w.taskOf(e.Message.Task)
		if t == nil {
			return
		}
		known := lastOf(t.known, p.id).epoch
		known.By, epoch.By = 0, 0 // who placed it beside the leader asked for the same
		if epoch.Below(known) && !sameCall(e.Message.Strategy, epoch, known) && !(known.Try == 0 && epoch.Term < known.Term) {
			w.violate("fence", "%s takes a result of task %v under epoch %v, and knows of epoch %v",
				p.name, e.Message.Task, epoch, known)
		}
		t.note(w, p, e.Message.Epoch)
	case failover.Lead:
		if s := w.streamOf(e.Message.Task.Stream); s != nil && e.Peer == p.id {
			s.forget(p.id) // it begins the stream anew: the results of the reign before are wanted once more
		}
	case failover.Follow:
		if s := w.streamOf(e.Message.Task.Stream); s != nil && e.Message.Holders.Len() == 0 {
			s.forget(p.id) // what it lets go of it need not remember
		}
	default:
	}
}

// forget drops what a process knew of the stream's tasks.
func (s *stream) forget(id failover.NodeID) {
	for i := range s.tasks {
		known := s.tasks[i].known
		for j := range known {
			if known[j].id == id {
				s.tasks[i].known = append(known[:j], known[j+1:]...)
				break
			}
		}
	}
}

// note remembers an epoch of the task that a process knows.
func (t *task) note(w *World, p *process, epoch failover.Epoch) {
	for i := range t.known {
		if t.known[i].id == p.id {
			if t.known[i].epoch.Below(epoch) {
				t.known[i].epoch = epoch
			}
			return
		}
	}
	t.known = append(t.known, run{p.id, epoch, w.now})
}
