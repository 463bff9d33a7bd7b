package main

import (
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/telemetry"
	"fracture/work"
)

// How the streams are guarded, as a recording has it.

// guardOf is a strategy with its copies, which are not told where they are the fewest.
func guardOf(strategy work.Strategy, copies int) scenario.Guard {
	g := scenario.Guard{Strategy: strategy}
	if fewest, _ := strategy.Factors(); copies != int(fewest) {
		g.Factor = uint8(copies) //nolint:gosec // 4 at most
	}
	return g
}

// guarded takes in how the streams are guarded since then. A key tells so, and so does who leads the picture: what is in force already,
// or is older than that, says nothing new.
func (r *recorder) guarded(at clock.Instant, g scenario.Guard) {
	r.noting(func(t *tape) {
		since := max(at.Sub(t.began), 0)
		if n := len(t.guards); n > 0 && (t.guards[n-1].Guard == g || since < t.guards[n-1].At) {
			return
		} else if s, err := work.ParseStrategy(t.guard.Strategy); n == 0 && err == nil && g == guardOf(s, t.guard.Factor) {
			return
		}
		if t.full(since) {
			t.missed++
			return
		}
		t.guards = append(t.guards, scenario.Strike{At: since, Guard: g})
	})
}

// guardTold is how a node says that it guards a stream from now on; false where it says something else.
func guardTold(e *telemetry.Event) (g scenario.Guard, ok bool) {
	s, err := work.ParseStrategy(e.Strategy)
	if err != nil || s.Check(uint8(min(max(e.Factor, 0), work.MaxFactor+1))) != nil {
		return g, false
	}
	return guardOf(s, e.Factor), true
}
