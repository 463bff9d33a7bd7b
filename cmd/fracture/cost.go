package main

import (
	"context"
	"time"

	"fracture/chaos/meter"
	"fracture/telemetry"
)

// measureCost measures what the nodes take for each result while nothing is wrong; a span of 0 measures nothing. Statuses
// come four times a second, so both ends of the span are off by at most a quarter of a second, in the same direction.
func (a *labArena) measureCost(ctx context.Context, r *runner, span time.Duration) error {
	if span == 0 {
		return nil
	}
	a.coresInUse()
	before, began := sum(a.Statuses()), a.Now()
	if err := r.wait(ctx, began.Add(span)); err != nil {
		return err
	}
	took := a.Now().Sub(began)
	after, cores := sum(a.Statuses()), a.coresInUse()
	var results float64 // due meanwhile
	for _, s := range a.schedules {
		results += float64(s.Tiles) * took.Seconds() / s.Period.Seconds()
	}
	each := func(before, after uint64) float64 { return float64(after-min(before, after)) / results }
	a.cost = meter.Cost{
		Results: uint64(results), CPU: 1000 * cores * took.Seconds() / results,
		Messages: each(before.Messages, after.Messages), Bytes: each(before.Bytes, after.Bytes),
		Runs: each(before.Executed, after.Executed), Thrown: each(before.Repeated+before.Fenced, after.Repeated+after.Fenced),
		RSS: float64(after.RSS) / float64(a.options.nodes) / (1 << 20),
	}
	return nil
}

// sum adds up what nodes tell of themselves.
func sum(statuses []telemetry.Status) (all telemetry.Status) {
	for _, s := range statuses {
		all.Messages += s.Messages
		all.Bytes += s.Bytes
		all.Executed += s.Executed
		all.Repeated += s.Repeated
		all.Fenced += s.Fenced
		all.RSS += s.RSS
	}
	return all
}
