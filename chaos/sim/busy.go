package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
)

// A machine with far too much to do, in calm worlds, in place of a death. Either the loops of all nodes wait for a core again and
// again while their beats go on, and each comes round once in some ten milliseconds; or all processes, or most, stand still for
// seconds, at once or one after the other, and go on so, too.
const (
	busyFrom = 300 * time.Millisecond // after the beginning, as all of this
	maxHangs = 3
	hangAll  = 0.6                  // the chance that every process stands still
	hangMost = 0.8                  // that one does, where not all do
	hangTail = recovered + calmTail // for how long a world is looked at after its last hang
	// lateBusy is how late a result may be where loops come round late. The splitter's loop may find itself late, and lead a round
	// later, and so may that of whoever takes over; the task, its result, and the result's copy for the sink each wait for one.
	lateBusy = lateUsual + 8*busyLongest
	// lateHung: that of a frame that was due when all had gone on for long. What they were behind with is done before it.
	lateHung = lateRobbed
	// busyLongest is from one round of a loop to its next, at most.
	busyLongest = 60 * time.Millisecond
)

var (
	busyFor   = between(800*time.Millisecond, 1600*time.Millisecond)
	busyRound = between(12*time.Millisecond, busyLongest)
	busyTurn  = between(20*time.Microsecond, 400*time.Microsecond) // how long a loop has a core then
	hangFor   = between(500*time.Millisecond, 3*time.Second)
	hangEach  = between(50*time.Millisecond, 1500*time.Millisecond)                  // from the end of one to the next
	hangApart = [...]time.Duration{0, 10 * time.Millisecond, 300 * time.Millisecond} // between the first and the last that stops, or goes on
)

// hang is one time that processes stand still: when each stops, and when it goes on; 0 where it does not stop.
type hang struct{ stops, goesOn [MaxNodes + 1]clock.Instant }

// planBusy draws for how long the loops are late.
func (w *World) planBusy() {
	w.fells = clock.Instant(busyFrom)
	w.calms = w.fells.Add(w.luck(luckBusy, 0, 0, 0).Within(busyFor))
	w.heals = w.calms.Add(calmTail)
}

// queueBusy has each node's loop begin to be late.
func (w *World) queueBusy() {
	for i := range w.cfg.Nodes {
		w.queue.push(entry{at: w.fells.Add(w.luck(luckBusy, i, 0, 1).Within(busyRound)), kind: stops, a: uint16(i)})
	}
}

// wait has a loop wait for a core, and come round after a while.
func (w *World) wait(p *process, e entry) {
	if w.now >= w.calms {
		return
	}
	if e.arg == 0 {
		w.out.Troubles[Busy]++
	}
	w.wedge(p)
	e.at, e.kind = w.now.Add(w.luck(luckBusy, p.index, 1, uint64(e.arg)).Within(busyRound)), comesRound
	w.queue.push(e)
}

// comeRound has a loop do what has waited for it, and wait again.
func (w *World) comeRound(p *process, e entry) {
	w.free(p)
	e.at, e.kind = w.now.Add(w.luck(luckBusy, p.index, 2, uint64(e.arg)).Within(busyTurn)), stops
	e.arg++
	w.queue.push(e)
}

// busy reports whether the loops of this world wait for a core while its workers do not.
func (w *World) busy() bool { return w.calm && w.beside == loopsLate }

// planHangs draws when processes stand still.
func (w *World) planHangs() {
	w.hangs = w.hangs[:0]
	w.fells, w.calms = clock.Instant(busyFrom), clock.Instant(busyFrom)
	for n := range 1 + w.luck(luckHang, 0, 0, 0).Below(maxHangs) {
		w.hangs = append(w.hangs, w.drawHang(w.luck(luckHang, 0, 1, n)))
	}
	w.heals = w.calms.Add(hangTail)
}

// drawHang draws one after those before.
func (w *World) drawHang(luck chaos.Luck) (h hang) {
	next := func() chaos.Luck {
		luck = luck.Next()
		return luck
	}
	stop := w.calms.Add(next().Within(hangEach))
	goOn := stop.Add(next().Within(hangFor))
	all := next().Hits(hangAll)
	stopApart := hangApart[next().Below(uint64(len(hangApart)))]
	goApart := hangApart[next().Below(uint64(len(hangApart)))]
	for i := range w.processes {
		if !all && !next().Hits(hangMost) {
			continue
		}
		h.stops[i] = stop.Add(next().Within(between(0, stopApart)))
		h.goesOn[i] = goOn.Add(next().Within(between(0, goApart)))
		w.calms = max(w.calms, h.goesOn[i])
	}
	return h
}

// queueHangs lets processes stand still, and go on.
func (w *World) queueHangs() {
	for n := range w.hangs {
		h := &w.hangs[n]
		for i := range w.processes {
			if h.stops[i] != 0 {
				w.queue.push(entry{at: h.stops[i], kind: hangs, a: uint16(i)})
				w.queue.push(entry{at: h.goesOn[i], kind: resumes, slot: 1 << i})
			}
		}
	}
}

// standStill stops a process for a while.
func (w *World) standStill(p *process) {
	if p.up && !p.frozen {
		w.out.Troubles[Hang]++
		w.tell(spotOf(chaos.Process, p.index, all), Hang.word())
		w.freeze(p)
	}
}
