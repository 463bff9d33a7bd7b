package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
)

// Clocks. The world has its own time, by which everything happens and every checker judges; a process is told its clock's.
// Who shares no clock may be hours apart, and goes faster or slower than the world.

// skewed is a clock: what it shows at the world's beginning, and how much faster than the world's it goes.
type skewed struct {
	offset time.Duration
	ppm    int64 // millionths; negative: slower
}

// The worst of clocks: a day apart, and a rate that crystals have when they are bad.
const (
	maxOffset = 24 * time.Hour
	maxPPM    = 200
)

// skewKind says which clocks a world has.
type skewKind uint8

const (
	skewDrawn   skewKind = iota // in half of the seeds all clocks show the same, in the others nothing is sure
	skewNone                    // all show the world's time
	skewOffsets                 // they differ, and go at the world's rate
)

// drawClocks draws the clocks of a run, one for each name that clockOf gives.
func (w *World) drawClocks() {
	w.clocks = w.clocks[:0]
	kind := w.cfg.skew
	if kind == skewDrawn && (w.cfg.Faultless || w.luck(luckSkew, 0, 0, 0).Hits(0.5)) {
		kind = skewNone
	}
	for i := range clockOf(w.sinkProcess()) {
		luck, c := w.luck(luckSkew, int(i), 1, 0), skewed{}
		if kind != skewNone {
			c.offset = luck.Within(chaos.Span{Max: maxOffset})
		}
		if kind == skewDrawn {
			c.ppm = int64(luck.Next().Below(2*maxPPM+1)) - maxPPM
		}
		w.clocks = append(w.clocks, c)
	}
	if kind == skewDrawn {
		w.out.Troubles[Skew]++
	}
}

// clockOf says which processes share a clock: in every world there are some that do and some that do not.
func clockOf(p *process) uint64 { return 1 + uint64(p.index)/2 }

// shows is what the clock shows at an instant of the world.
func (c skewed) shows(at clock.Instant) clock.Instant {
	return at.Add(c.offset + time.Duration(int64(at)*c.ppm/1e6))
}

// reaches is the first instant of the world at which the clock shows no less than it is asked for.
func (c skewed) reaches(shown clock.Instant) clock.Instant {
	since := int64(shown) - int64(c.offset)
	at := clock.Instant(max(since-since*c.ppm/1e6, 0))
	for at > 0 && c.shows(at-1) >= shown {
		at--
	}
	for c.shows(at) < shown {
		at++
	}
	return at
}

// shown is what a process's clock shows at an instant, under the faults that stand.
func (w *World) shown(p *process, at clock.Instant) clock.Instant {
	return w.clocks[clockOf(p)-1].shows(at).Add(w.shiftOf(p, at))
}

// timeOf is what a process's clock shows now.
func (w *World) timeOf(p *process) clock.Instant { return w.shown(p, w.now) }

// wakeOf is when a process wants to be woken, by the world's time, if its clock does not jump before.
func (w *World) wakeOf(p *process) clock.Instant {
	wake := p.machine.Wake()
	if wake == clock.Never {
		return wake
	}
	return w.clocks[clockOf(p)-1].reaches(wake.Add(-w.shiftOf(p, w.now)))
}

// shiftOf is how far off the standing faults have a process's clock at an instant.
func (w *World) shiftOf(p *process, at clock.Instant) (shift time.Duration) {
	for k := range w.standing {
		if s := &w.standing[k]; s.began && s.spot.Site == chaos.Loop && int(s.spot.From) == p.index+1 && at >= s.since {
			by, _ := w.rules[s.rule].Fault.Shift(at.Sub(s.since))
			shift += by
		}
	}
	return shift
}

// swing sets a process's timer anew when a fault has had its clock jump, and looks when it will again.
func (w *World) swing(e entry) {
	s := &w.standing[e.slot]
	if !s.began || s.spot.Site != chaos.Loop || s.rule != int(e.a) || s.nth != uint64(e.arg) {
		return // over, and what stands in its place is another
	}
	p, fault := &w.processes[s.spot.From-1], w.rules[s.rule].Fault
	w.mislead(p, fault)
	if _, jumps := fault.Shift(w.now.Sub(s.since)); jumps > 0 {
		w.at(jumps, e)
	}
}

// mislead has a process live with what its clock shows now. What it has learned from what the clock showed wrong, such as until
// when a lease holds, tells for twice as long as the clock is off.
func (w *World) mislead(p *process, fault chaos.Fault) {
	p.misled = w.now.Add(2 * fault.By.Abs())
	if p.up {
		w.setTimer(p)
	}
}

// misleads reports whether a process's clock is wrong, or what it showed tells still, or did so after an instant.
func (w *World) misleads(p *process, since clock.Instant) bool {
	if p.misled > since {
		return true
	}
	for k := range w.standing {
		s := &w.standing[k]
		if s.began && s.spot.Site == chaos.Loop && int(s.spot.From) == p.index+1 && w.rules[s.rule].Fault.Kind != chaos.Wedge {
			return true
		}
	}
	return false
}
