package cluster

import (
	"slices"
	"time"

	"fracture/chaos"
	"fracture/clock"
)

// wrongClock is the clock by which a node decides, as faults have it: what the machines are told of time they are told by it. What
// concerns others, telemetry and leases of orders, goes by the true one. It is the loop's own.
type wrongClock []clockFault

// clockFault is a fault of the clock, and since when it has stood.
type clockFault struct {
	standing chaos.Standing
	since    clock.Instant
}

// set lets these faults stand, and no others. Those that do already go on.
func (c *wrongClock) set(now clock.Instant, list []chaos.Standing) {
	var next wrongClock
	for _, s := range list {
		f := clockFault{s, now}
		if i := slices.IndexFunc(*c, func(was clockFault) bool { return was.standing == s }); i >= 0 {
			f = (*c)[i]
		}
		next = append(next, f)
	}
	*c = next
}

// shows is what the clock showed, or shows, at an instant.
func (c wrongClock) shows(at clock.Instant) clock.Instant { return at.Add(c.shift(at)) }

func (c wrongClock) shift(at clock.Instant) (shift time.Duration) {
	for _, f := range c {
		if at >= f.since {
			by, _ := f.standing.Fault.Shift(at.Sub(f.since))
			shift += by
		}
	}
	return shift
}

// wakes is when the loop is to be woken for what is to be done when the clock shows an instant: then, or when the clock jumps.
func (c wrongClock) wakes(shown clock.Instant) clock.Instant {
	if len(c) == 0 {
		return shown
	}
	now, at := clock.Now(), shown
	if shown != clock.Never {
		at = shown.Add(-c.shift(now))
	}
	for _, f := range c {
		if _, jumps := f.standing.Fault.Shift(now.Sub(f.since)); jumps > 0 {
			at = min(at, now.Add(jumps))
		}
	}
	return at
}

// truly is an instant just now, that this clock shows, as others are to be told of it.
func (c wrongClock) truly(shown clock.Instant) clock.Instant {
	if len(c) == 0 {
		return shown
	}
	return clock.Now()
}
