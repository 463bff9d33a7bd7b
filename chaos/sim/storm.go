package sim

import (
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// storm checks that the machines come to rest: that no Step answers with a flood, that none asks for ever to be woken at
// an instant that has passed, and that a node which comes back is greeted once for each time it was missed (the rejoin
// storm of the original, E-064, greets it every two seconds).
type storm struct {
	greeted []greeting
}

// greeting is a peer as a process sees it: there, or missed.
type greeting struct {
	by, of failover.NodeID
}

// The marks of a storm.
const (
	// maxEffects in one Step: a node that is left alone with all tasks of the run sends a few times that many messages.
	maxEffects = 4096
	// maxLateWakes is how often in a row a machine may answer a Tick with the wish to be woken in the past.
	maxLateWakes = 32
	// maxReigns of one stream may begin within reignsTime, while one fault comes after the other.
	maxReigns  = 12
	reignsTime = 200 * time.Millisecond
	// maxMisled where a clock was wrong meanwhile: one that jumps ahead each 14 ms has its node miss all others each time.
	maxMisled = maxReigns + int(reignsTime/(14*time.Millisecond))
)

func (s *storm) reset() { s.greeted = s.greeted[:0] }

func (s *storm) started(p *process) { p.lateWakes = 0 }

func (s *storm) stepped(w *World, p *process, ev *failover.Event, effects int) {
	if effects > maxEffects {
		w.violate("storm", "%s answers one event with %d effects", p.name, effects)
	}
	if ev.Kind != failover.Tick {
		return
	}
	if wake := w.wakeOf(p); wake == clock.Never || wake > w.now {
		p.lateWakes = 0
		return
	}
	if p.lateWakes++; p.lateWakes > maxLateWakes {
		w.violate("storm", "%s was ticked %d times in a row and still asks to be woken in the past", p.name, p.lateWakes)
	}
}

// led looks whether a stream goes from hand to hand.
func (s *storm) led(w *World, led *stream) {
	n := 0
	for _, r := range led.reigns {
		if w.now.Sub(r.at) < reignsTime {
			n++
		}
	}
	most := maxReigns
	for i := range w.processes {
		if w.misleads(&w.processes[i], w.now.Add(-reignsTime)) {
			most = maxMisled
		}
	}
	if n > most {
		w.violate("storm", "stream %x had %d reigns within %v", uint64(led.spec.ID), n, reignsTime)
	}
}

func (s *storm) effect(w *World, p *process, e *failover.Effect) {
	switch e.Kind {
	case failover.Lead:
		if led := w.streamOf(e.Message.Task.Stream); led != nil {
			s.led(w, led)
		}
	case failover.Recover:
		g := greeting{p.id, e.Peer}
		for i := range s.greeted {
			if s.greeted[i] == g {
				w.violate("storm", "%s takes %s for alive again and has not missed it", p.name, w.nameOf(e.Peer))
				return
			}
		}
		s.greeted = append(s.greeted, g)
	case failover.Detect:
		for i := range s.greeted {
			if s.greeted[i] == (greeting{p.id, e.Peer}) {
				last := len(s.greeted) - 1
				s.greeted[i] = s.greeted[last]
				s.greeted = s.greeted[:last]
				return
			}
		}
	default:
	}
}
