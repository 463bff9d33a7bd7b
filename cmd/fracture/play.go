package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/chaos/scenario"
	"fracture/clock"
)

// player plays a scenario on a cluster of its own: what happens, happens on goroutines of their own, at the times that the
// scenario says; the player alone reads what arrives, and so what each fault cost.
type player struct {
	*runner
	lab      *labArena // the runner's
	e        *scenario.Experiment
	injector *injector
	seed     uint64
	actor    *actor

	nth         uint64                  // round that is played, from 0; set before anything of it is
	stopNemesis func(why scenario.Stop) // nil where there is none; set before anything is played

	mu    sync.Mutex // guards what follows
	fresh []*blow    // begun since the last look
	diary []note     // of what was done and asked
	wrong string     // how the hypothesis did not hold; empty where it did

	// Below: the player's own.
	open       []*blow
	quietSince clock.Instant // when the last fault, and its window, was over
	calm       []meter.Calm  // before the first fault that came after a calm
}

// note is an activity that was carried out.
type note struct {
	report.Activity
	at, ended clock.Instant
	planned   clock.Instant // when it was to begin; 0: it has no time
}

// notes are what was done and asked, at times since then.
func (p *player) notes(began clock.Instant) (list []report.Activity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.diary {
		n.At, n.Took = meter.Millis(n.at.Sub(began)), meter.Millis(n.ended.Sub(n.at))
		if n.planned > 0 {
			n.Planned, n.Late = meter.Millis(n.planned.Sub(began)), float64(n.at.Sub(n.planned))/float64(time.Microsecond)
		}
		list = append(list, n.Activity)
	}
	return list
}

func (p *player) note(n note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.diary = append(p.diary, n)
}

// play plays all rounds. What it has read stands in done, also beside an error.
func (p *player) play(ctx context.Context) error {
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // for the thread that waits for a fault's time
	defer func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1) }()
	for round := range max(p.e.Fracture.Repeat, 1) {
		if err := p.round(ctx, uint64(round)); err != nil || p.deviated() != "" {
			return err
		}
	}
	return nil
}

// round waits for the calm, looks at the hypothesis as the scenario wants it, plays the method, and makes all whole again.
func (p *player) round(ctx context.Context, round uint64) error {
	p.nth = round
	p.expectStandbys()
	whole, err := p.awaitWhole(ctx)
	if err == nil {
		err = p.wait(ctx, whole.Add(p.runner.calm))
	}
	strategy := p.e.Runtime.Hypothesis
	if err == nil && strategy != scenario.AfterMethod && strategy != scenario.DuringMethod {
		p.beside(ctx, func(ctx context.Context) { p.steady(ctx, report.Before) })
		err = ctx.Err()
	}
	gated := p.deviated() != ""
	if err == nil && !gated {
		err = p.trials(ctx)
	}
	if err == nil && !gated {
		err = p.method(ctx, round)
	}
	if err == nil && p.deviated() == "" && strategy != scenario.BeforeMethod && strategy != scenario.DuringMethod {
		p.beside(ctx, func(ctx context.Context) { p.steady(ctx, report.After) })
		err = ctx.Err()
	}
	return errors.Join(err, p.restore(ctx, err, gated))
}

// beside does something on another goroutine while the player reads what arrives, and returns once it is done.
func (p *player) beside(ctx context.Context, do func(context.Context)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	for {
		select {
		case <-done:
			return
		default:
			p.look(context.WithoutCancel(ctx)) // also while it ends
		}
	}
}

// look reads what arrives for a moment, and takes over what has begun since.
func (p *player) look(ctx context.Context) {
	_ = p.wait(ctx, p.arena.Now().Add(pumpEvery))
	p.expectStandbys()
	p.mu.Lock()
	fresh := p.fresh
	p.fresh = nil
	p.mu.Unlock()
	for _, b := range fresh {
		if b.before.Sub(p.quietSince) >= p.runner.calm || p.calm == nil {
			p.calm = p.rec.Calm(b.before.Add(-p.runner.calm), b.before)
		}
		b.calm, b.duplicates, b.wrong = p.calm, p.rec.Duplicates(), p.rec.Wrong()
		span := b.span(p.window, p.grace)
		p.quietSince = max(p.quietSince, span.At.Add(span.Window))
		for _, victim := range b.blamed() {
			p.log.Fault(victim, b.before, span.Horizon().Add(aftermath))
		}
		p.open = append(p.open, b)
	}
	now, missing := p.arena.Now(), p.missing()
	p.open = slices.DeleteFunc(p.open, func(b *blow) bool {
		if b.restored == 0 && now >= b.until && missing == "" {
			b.restored = now
		}
		if horizon := b.span(p.window, p.grace).Horizon(); !b.read && now > horizon.Add(statusLag) {
			b.read = true
			p.read(b)
		}
		return b.read && now > b.until // it may stand for longer than it is looked at
	})
}

// read makes a trial of a blow that is over.
func (p *player) read(b *blow) {
	span := b.span(p.window, p.grace)
	t := meter.Trial{Component: componentOf(b.harm), Fault: meter.Kind(b.harm.name), Victim: strings.Join(b.nodes, ", "), Held: b.held,
		Before: b.before, After: b.after, Began: b.before, Ended: max(b.restored, span.Horizon()), RSS: b.rss}
	if b.failed != nil {
		t.Failed = b.failed.Error()
	}
	if len(p.e.Guards()) > 0 {
		t.Strategy = p.lab.guardAt(b.before).strategy.String()
	}
	if ofNoNode(t.Component) {
		t.Held = fmt.Sprintf("of %d nodes", len(b.nodes))
	}
	if b.harm.server != nil {
		t.Held = fmt.Sprintf("the store of %d nodes", p.lab.options.nodes)
	}
	t.ReadAgainst(p.rec, p.watch, span, b.calm)
	t.Length = b.until.Sub(b.before)
	t.Timeline = meter.Timeline{Injected: b.before, Effective: b.after}
	for _, victim := range b.nodes {
		if line := p.log.Timeline(p.rec, victim, b.before, b.after, span.Horizon()); t.Timeline.Noticed == 0 || line.Noticed != 0 && line.Noticed < t.Timeline.Noticed {
			t.Timeline = line
		}
	}
	t.Duplicates, t.Wrong = p.rec.Duplicates()-b.duplicates, p.rec.Wrong()-b.wrong
	p.done = append(p.done, t)
	p.made++
	p.told(p.made, p.all, t)
	if p.stopNemesis != nil && p.breaks() {
		p.stopNemesis(scenario.Broken)
	}
}

// breaks reports whether what has been read by now breaks a budget.
func (p *player) breaks() bool {
	so := meter.Report{Needed: 1}
	so.Judge(p.done, p.lab.options.budgets, false)
	return so.Verdict == meter.Broken
}

// method plays the timeline, the nemesis and the activities in their turn, and returns once all that they began has been
// read.
func (p *player) method(ctx context.Context, round uint64) error {
	play, stop := context.WithCancel(ctx)
	defer stop()
	drawn, end := context.WithCancel(play)
	defer end()
	strikes := slices.Clone(p.e.Fracture.Timeline)
	if m := p.e.Fracture.Nemesis; m != nil {
		p.stopNemesis = func(why scenario.Stop) {
			if slices.Contains(m.Until, why) {
				end()
			}
		}
		strikes = append(strikes, m.Strikes(p.seed+round)...)
	}
	single := alone(strikes)
	var group errgroup.Group
	begin := p.arena.Now().Add(nearly)
	for i, s := range strikes {
		while := play
		if i >= len(p.e.Fracture.Timeline) {
			while = drawn
		}
		t := turn{at: begin.Add(s.At), place: i + 1, alone: single[i]}
		group.Go(func() error { p.strikeTimed(while, t, s); return nil })
	}
	group.Go(func() error { p.turns(play, &group); return nil })
	group.Go(func() error { return p.arena.Wait(play, begin.Add(p.e.Fracture.End)) })
	watching, over := context.WithCancel(play)
	defer over()
	var during sync.WaitGroup
	if s := p.e.Runtime.Hypothesis; p.e.Hypothesis != nil && (s == scenario.Continuously || s == scenario.DuringMethod) {
		during.Go(func() { p.keepLooking(watching, stop) })
	}
	p.beside(ctx, func(context.Context) { _ = group.Wait() })
	if play.Err() != nil && ctx.Err() == nil { // the hypothesis has stopped it: what stands is not waited for
		p.beside(ctx, func(ctx context.Context) { _, _ = p.injector.healAll(ctx) }) // once more when the round ends, which tells of errors
		for _, b := range p.open {
			b.until = min(b.until, p.arena.Now())
		}
	}
	for len(p.open)+p.unseen() > 0 && ctx.Err() == nil {
		p.look(ctx)
	}
	over()
	p.beside(context.WithoutCancel(ctx), func(context.Context) { during.Wait() })
	return ctx.Err()
}

// unseen is how many faults have begun since the last look.
func (p *player) unseen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.fresh)
}

// turns carries out the activities of the method, one after the other but for those in the background.
func (p *player) turns(ctx context.Context, group *errgroup.Group) {
	for _, a := range p.e.Method {
		if p.e.Timed(a.Name) {
			continue
		}
		if a.Background {
			group.Go(func() error { p.act(ctx, report.Method, a); return nil })
			continue
		}
		p.act(ctx, report.Method, a)
	}
}

// act carries out one activity, with its pauses, and tells whether it went well and its answer was tolerable.
func (p *player) act(ctx context.Context, phase report.Phase, a scenario.Activity) (well bool, why string) {
	if p.arena.Wait(ctx, p.arena.Now().Add(a.Before)) != nil {
		return false, "interrupted"
	}
	if arguments, ok := a.Inject(); ok {
		p.strike(ctx, turn{at: p.arena.Now()}, a.Name, arguments, !a.Background)
		_ = p.arena.Wait(ctx, p.arena.Now().Add(a.After))
		return true, ""
	}
	n := p.attempt(ctx, phase, a, 0)
	_ = p.arena.Wait(ctx, p.arena.Now().Add(a.After))
	return n.Failed == "" && n.Unmet == "", cmp.Or(n.Failed, n.Unmet)
}

// attempt carries out one activity that is no fault, and notes what came of it. It was planned for an instant, or for none.
func (p *player) attempt(ctx context.Context, phase report.Phase, a scenario.Activity, planned clock.Instant) note {
	n := note{at: p.arena.Now(), planned: planned, Activity: report.Activity{Phase: phase, Name: a.Name, Probe: a.Probe, Judged: a.Tolerance != nil,
		Provider: string(a.Provider.Type), Path: cmp.Or(a.Provider.Path, a.Provider.URL), Arguments: a.Provider.Arguments}}
	if a.Provider.Line != "" {
		n.Arguments = []string{a.Provider.Line}
	}
	answer, err := p.actor.carryOut(ctx, a.Provider)
	n.ended, n.Output = p.arena.Now(), answer.Said
	if err != nil {
		n.Failed = err.Error()
	} else if a.Tolerance != nil {
		if met, reason := a.Tolerance.Met(answer); !met {
			n.Unmet = reason
		}
	}
	p.note(n)
	return n
}

// steady looks at the hypothesis once.
func (p *player) steady(ctx context.Context, phase report.Phase) {
	if p.e.Hypothesis == nil {
		return
	}
	for _, probe := range p.e.Hypothesis.Probes {
		if well, why := p.act(ctx, phase, probe); !well && ctx.Err() == nil {
			p.deviate(fmt.Sprintf("the steady state did not hold %s the method: %s: %s", phase, probe.Name, why))
			return
		}
	}
}

// keepLooking looks at the hypothesis again and again, and stops the method where that is wanted.
func (p *player) keepLooking(ctx context.Context, stop func()) {
	every := time.Second
	if f := p.e.Runtime.Frequency; f > 0 {
		every = f
	}
	for p.arena.Wait(ctx, p.arena.Now().Add(every)) == nil {
		p.steady(ctx, report.During)
		if p.e.Runtime.FailFast && p.deviated() != "" {
			stop()
			return
		}
	}
}

func (p *player) deviate(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = cmp.Or(p.wrong, why)
	if p.stopNemesis != nil {
		p.stopNemesis(scenario.Deviate)
	}
}

// deviated says how the hypothesis did not hold, or nothing.
func (p *player) deviated() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

// restore makes the rollbacks, heals what still stands, and waits until the cluster is whole. It does so too where the run failed
// or was interrupted, but then it does not wait. Gated is where the method was not played, for the steady state did not hold before it.
func (p *player) restore(ctx context.Context, failed error, gated bool) error {
	healing := ctx
	if failed != nil {
		var cancel context.CancelFunc
		healing, cancel = context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
	}
	var wanted bool // as Chaos Toolkit has it
	switch p.e.Runtime.Rollbacks {
	case scenario.Always:
		wanted = true
	case scenario.Deviated:
		wanted = !gated && p.deviated() != ""
	case scenario.UnlessInterrupted, "":
		wanted = failed == nil && p.deviated() == ""
	case scenario.Never:
	}
	var err error
	p.beside(healing, func(ctx context.Context) {
		if wanted {
			for _, a := range p.e.Rollbacks {
				p.act(ctx, report.Rollback, a)
			}
		}
		_, err = p.injector.healAll(ctx)
		if failed == nil && p.deviated() == "" && int(p.nth)+1 < p.e.Fracture.Repeat {
			err = errors.Join(err, p.guardAsBefore(ctx))
		}
	})
	p.expectStandbys()
	if err != nil || failed != nil {
		return err
	}
	_, err = p.awaitWhole(ctx)
	return err
}
