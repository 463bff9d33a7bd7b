package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/telemetry"
	"fracture/work"
)

// How the streams of a run are guarded otherwise while a scenario is played. All of them are, always alike.

// guardFrom is how the streams were guarded from an instant on.
type guardFrom struct {
	at       clock.Instant // 0: from the beginning
	strategy work.Strategy
	factor   uint8
}

// Guard has every stream without end guarded otherwise from now on, and answers with what became of each. One that failfast
// has just stopped is started again so. Where the cluster refuses one, all are guarded as before.
func (a *labArena) Guard(ctx context.Context, strategy work.Strategy, factor uint8) (told string, err error) {
	a.guarding.Lock()
	defer a.guarding.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, guardTime, fmt.Errorf("%w within %v", errNoNodes, guardTime))
	defer cancel()
	a.mu.Lock()
	streams := slices.Clone(a.endless)
	a.mu.Unlock()
	var lines []string
	for i, s := range streams {
		before, now := streamOfRun(s), *s
		now.Strategy, now.Factor = strategy, factor
		a.keepEndless(i, &now) // if it is stopped from here on, it is started again as it is to be
		if err := a.change(ctx, &now); err != nil {
			// It may have been changed, and only the answer be late.
			return "", errors.Join(fmt.Errorf("%s: %w", streamName(before), err), a.guardAgain(ctx, streams[:i+1]))
		}
		lines = append(lines, changed(streamOfRun(&now), before))
	}
	return strings.Join(lines, "; "), nil
}

// guardAgain has the first of the streams without end guarded as they were, also where the time for a change has run out.
func (a *labArena) guardAgain(ctx context.Context, were []*work.Stream) (err error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), guardTime, fmt.Errorf("%w within %v", errNoNodes, guardTime))
	defer cancel()
	for i, s := range were {
		a.keepEndless(i, s)
		err = errors.Join(err, a.change(ctx, s))
	}
	return err
}

// change asks for one stream. While a stream that was stopped is started again there is none.
func (a *labArena) change(ctx context.Context, s *work.Stream) error {
	for {
		err := a.asks.change(ctx, s.ID, s.Strategy, s.Factor)
		if !errors.Is(err, errNoSuchStream) {
			return err
		}
		if late := a.Wait(ctx, a.Now().Add(pumpEvery)); late != nil {
			return late
		}
	}
}

// keepEndless puts a stream in the place of one that is submitted again when it has stopped.
func (a *labArena) keepEndless(i int, s *work.Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.endless[i] = s
}

// streamOfRun is a stream as nodes tell of it.
func streamOfRun(s *work.Stream) telemetry.Stream {
	return telemetry.Stream{ID: uint64(s.ID), Function: s.Function, Strategy: s.Strategy.String(), Factor: int(s.Factor)}
}

// guard does for a scenario what `fracture guard` does.
func (p *player) guard(ctx context.Context, g scenario.Guard) (string, error) {
	told, err := p.lab.Guard(ctx, g.Strategy, g.Copies())
	if err != nil {
		return told, err
	}
	p.lab.noteGuard(guardFrom{p.arena.Now(), g.Strategy, g.Copies()})
	return told, nil
}

// guardTimed carries out an activity that changes how the streams are guarded, at its time.
func (p *player) guardTimed(ctx context.Context, at clock.Instant, a scenario.Activity) {
	if p.arena.Wait(ctx, at) == nil {
		p.attempt(ctx, report.Method, a, at)
	}
}

// guardAsBefore has the streams guarded as at the beginning again, for another round.
func (p *player) guardAsBefore(ctx context.Context) error {
	first, last := p.lab.guardAt(0), p.lab.guardAt(clock.Never)
	if first.strategy == last.strategy && first.factor == last.factor {
		return nil
	}
	n := p.attempt(ctx, report.Rollback, scenario.Guard{Strategy: first.strategy, Factor: first.factor}.Activity("guard as at the beginning"), 0)
	if n.Failed != "" {
		return errors.New(n.Failed)
	}
	return nil
}

// noteGuard takes in how the streams are guarded from an instant on, whoever has asked for it. What is in force already, or is older
// than that, says nothing new.
func (a *labArena) noteGuard(g guardFrom) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.inForce(clock.Never)
	if g.at > now.at && (g.strategy != now.strategy || g.factor != now.factor) {
		a.guards = append(a.guards, g)
	}
}

// guardAt is how the streams were guarded at an instant.
func (a *labArena) guardAt(at clock.Instant) guardFrom {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inForce(at)
}

// inForce is guardAt; the caller holds mu.
func (a *labArena) inForce(at clock.Instant) guardFrom {
	for _, g := range slices.Backward(a.guards) {
		if g.at <= at {
			return g
		}
	}
	return guardFrom{strategy: a.options.strategy, factor: a.factor()}
}

// expectStandbys has the cluster be whole without standbys where the strategy in force keeps none.
func (p *player) expectStandbys() { p.standbys = !p.lab.guardAt(clock.Never).strategy.Single() }

// tellGuards tells a report, and each trial, what was in force, and since when, if that was not one and the same from beginning to end.
func (a *labArena) tellGuards(r *meter.Report, trials []meter.Trial) {
	a.mu.Lock()
	all := append([]guardFrom{{r.Began, a.options.strategy, a.factor()}}, a.guards...)
	a.mu.Unlock()
	if len(all) == 1 {
		return
	}
	for i := range trials {
		trials[i].Strategy = a.guardAt(trials[i].Before).strategy.String()
	}
	for _, g := range all {
		r.Guarded = append(r.Guarded, meter.Guarded{At: meter.Millis(g.at.Sub(r.Began)), Strategy: g.strategy.String(), Copies: int(g.factor)})
	}
	r.Strategy = meter.InTurn(r.Guarded)
}

// guardedBy holds a scenario's changes against what a run takes. A vote masks wrong answers only while it is in force, so where it is not
// from beginning to end none are promised.
func (o *runOptions) guardedBy(guards []scenario.Guard) error {
	for _, g := range guards {
		if copies := int(g.Copies()); copies > o.nodes {
			return wrongValue("nodes", "%d: guard %v needs %d, one for each copy", o.nodes, g.Strategy, copies)
		}
		if g.Strategy != work.Vote {
			o.budgets = slices.DeleteFunc(o.budgets, func(b meter.Budget) bool { return b.Metric == "wrong" })
		}
	}
	return nil
}
