package sim

import "fracture/cluster/failover"

// rising checks that numbers which fence only rise: a node runs a task again only under a higher epoch, leads a stream
// again only in a higher term, and follows none of a lower one. A second copy of a placement may be run once more where
// it comes after the node has forgotten the first, which one whose clock has jumped may do early; so may one that a standby of the splitter placed late.
type rising struct{}

func (rising) effect(w *World, p *process, e *failover.Effect) {
	switch e.Kind {
	case failover.Execute:
		if t := w.taskOf(e.Message.Task); t != nil {
			t.runs = risen(w, p, e, t.runs)
		}
	case failover.Lead:
		if s := w.streamOf(e.Message.Task.Stream); s != nil {
			s.reigns = risen(w, p, e, s.reigns)
		}
	case failover.Follow:
		s := w.streamOf(e.Message.Task.Stream)
		if s == nil || e.Message.Holders.Len() == 0 {
			return
		}
		if last := lastOf(s.reigns, p.id).epoch; e.Message.Epoch.Below(last) {
			w.violate("rising", "%s follows stream %x in reign %d after it led in reign %d", p.name,
				uint64(s.spec.ID), e.Message.Epoch.Term.Count(), last.Term.Count())
		}
	default:
	}
}

// risen appends a run that must be above all runs of the same process.
func risen(w *World, p *process, e *failover.Effect, runs []run) []run {
	epoch := e.Message.Epoch
	for _, r := range runs {
		if r.id != p.id {
			continue
		}
		same := epoch == r.epoch || sameCall(e.Message.Strategy, epoch, r.epoch)
		forgotten := w.now >= r.at.Add(linger-linger*maxPPM/1e6) || w.misleads(p, r.at)
		lower := epoch.Below(r.epoch) && !same && !(epoch.By != 0 && forgotten) // placed beside a leader that has gone on
		if lower || same && !forgotten {
			w.violate("rising", "%s: %s of task %v under epoch %v after epoch %v",
				p.name, e.Verb(), e.Message.Task, epoch, r.epoch)
		}
	}
	return append(runs, run{p.id, epoch, w.now})
}

// lastOf is the newest run of a process.
func lastOf(runs []run, id failover.NodeID) run {
	var last run
	for _, r := range runs {
		if r.id == id {
			last = r
		}
	}
	return last
}
