package sim

import (
	"fracture/clock"
	"fracture/cluster/failover"
)

// owner checks that an epoch has one owner: no two nodes run a task under the same epoch, nor lead a stream under the
// same term.
type owner struct{}

// run is a task given to a node's worker, or a stream led by a node: under which epoch, and by whom.
type run struct {
	id    failover.NodeID
	epoch failover.Epoch
	at    clock.Instant
}

func (owner) effect(w *World, p *process, e *failover.Effect) {
	epoch := e.Message.Epoch
	switch e.Kind {
	case failover.Execute:
		t := w.taskOf(e.Message.Task)
		if t == nil {
			w.violate("owner", "%s runs task %v, which nobody submitted", p.name, e.Message.Task)
			return
		}
		for _, r := range t.runs {
			if r.epoch == epoch && r.id != p.id {
				w.violate("owner", "%s and %s both run task %v under epoch %v",
					w.nameOf(r.id), p.name, e.Message.Task, epoch)
			}
		}
	case failover.Lead:
		s := w.streamOf(e.Message.Task.Stream)
		if s == nil {
			return
		}
		for _, r := range s.reigns {
			if r.epoch.Term == epoch.Term && r.id != p.id {
				w.violate("owner", "%s and %s both lead stream %x in reign %d",
					w.nameOf(r.id), p.name, uint64(s.spec.ID), epoch.Term.Count())
			}
		}
	default:
	}
}
