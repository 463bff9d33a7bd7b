package sim

import (
	"time"

	"fracture/chaos"
)

// beside is what happens in a calm world beside the death of its node.
type beside uint8

// In a fifth of the calm worlds each of these.
const (
	// nothing does.
	nothing beside = iota
	// hostStalls: for a moment no process runs, or only some do, as where the cores are lent out to others.
	hostStalls
	// moreDie: the node starts again, and when not everybody may know of that yet the first standby of the splitter dies, whose
	// place it may be given, and when that is done the leader.
	moreDie
	// loopsLate, hostHangs: nobody dies, and the machine has far too much to do; see busy.go.
	loopsLate
	hostHangs
	besides
)

const (
	stallAll    = 0.5 // the chance that every process stands still
	stallSome   = 0.6 // that one does, where not all do
	stallsAside = 60 * time.Millisecond
	besideTail  = lateBeside + calmWait + 100*time.Millisecond // as calmTail
)

var (
	stallFor  = chaos.Span{Min: 2 * time.Millisecond, Max: 60 * time.Millisecond}
	revivedIn = chaos.Span{Min: 100 * time.Millisecond, Max: 400 * time.Millisecond} // after the death
	secondIn  = chaos.Span{Max: 100 * time.Millisecond}                              // and after that the standby's
	thirdIn   = chaos.Span{Min: lateTakeover, Max: 3 * lateTakeover}                 // and after that the leader's
)

// planBeside draws what happens beside the death of a calm world, and for how long it is looked at.
func (w *World) planBeside() {
	w.stall, w.revived = 0, 0
	w.heals = w.fells.Add(calmTail)
	w.beside = beside(w.seed / calmEach % uint64(besides))
	luck := w.luck(luckBeside, 0, 0, 0)
	switch w.beside {
	case hostStalls:
		w.stall = luck.Within(stallFor)
		w.heals = w.fells.Add(besideTail)
	case moreDie:
		w.revived = w.fells.Add(luck.Within(revivedIn))
		w.second = w.revived.Add(luck.Next().Within(secondIn))
		w.third = w.second.Add(luck.Next().Next().Within(thirdIn))
		w.heals = w.third.Add(missHigh + besideTail)
	case loopsLate:
		w.planBusy()
	case hostHangs:
		w.planHangs()
	default:
	}
}

// queueBeside lets it happen.
func (w *World) queueBeside() {
	switch luck := w.luck(luckBeside, 0, 0, 1); w.beside {
	case hostStalls:
		w.queue.push(entry{at: w.fells.Add(luck.Within(between(0, 2*stallsAside)) - stallsAside), kind: stalls})
	case moreDie:
		w.queue.push(entry{at: w.second, kind: fells, arg: 1})
		w.queue.push(entry{at: w.third, kind: fells, arg: 2})
	case loopsLate:
		w.queueBusy()
	case hostHangs:
		w.queueHangs()
	default:
	}
}

// secluded reports whether the first standby of a splitter is linked with nobody but its leader: gossip has told nobody of it
// yet, and the leader's death would leave it linked with nobody.
func (w *World) secluded(leader *process) bool {
	for i := range w.cfg.Nodes {
		if r := &w.streams[0].roles[i]; !w.processes[i].up || !r.holds(w.processes[i].id) || r.holders.Rank(r.id) != 1 {
			continue
		}
		for j := range w.processes {
			if w.ends[i][j].up && j != leader.index {
				return false
			}
		}
		return true
	}
	return false
}

// stallHost stops processes, and says when they go on.
func (w *World) stallHost() {
	w.out.Troubles[Stall]++
	luck := w.luck(luckBeside, 0, 0, 2)
	every := luck.Hits(stallAll)
	stopped := int32(0)
	for i := range w.processes {
		luck = luck.Next()
		if p := &w.processes[i]; p.up && !p.frozen && (every || luck.Hits(stallSome)) {
			w.tell(spotOf(chaos.Process, i, all), Stall.word())
			w.freeze(p)
			stopped |= 1 << i
		}
	}
	w.at(w.stall, entry{kind: resumes, slot: stopped})
}

// resume lets them go on.
func (w *World) resume(stopped int32) {
	for i := range w.processes {
		if p := &w.processes[i]; stopped>>i&1 != 0 && p.frozen {
			w.tell(spotOf(chaos.Process, i, all), chaos.Thaw.String())
			w.thaw(p)
		}
	}
}
