package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
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
	faults   int // that are to come in all, and the controls before them

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
	Phase      string // before, method, during, after, rollback
	Name       string
	Probe      bool
	Arguments  []string
	At, Ended  clock.Instant
	Output     string
	Err        error
	InTurn     bool
	Tolerances string // why an answer is not within its tolerance; empty where it is, or none was asked for
}

func (p *player) note(n note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.diary = append(p.diary, n)
}

// play plays all rounds. What it has read stands in done, also beside an error.
func (p *player) play(ctx context.Context) error {
	for round := range max(p.e.Fracture.Repeat, 1) {
		if err := p.round(ctx, uint64(round)); err != nil || p.deviated() != "" {
			return err
		}
	}
	return nil
}

// round waits for the calm, looks at the hypothesis as the scenario wants it, plays the method, and makes all whole again.
func (p *player) round(ctx context.Context, round uint64) error {
	whole, err := p.awaitWhole(ctx)
	if err != nil {
		return err
	}
	if err := p.wait(ctx, whole.Add(p.runner.calm)); err != nil {
		return err
	}
	strategy := p.e.Runtime.Hypothesis
	if strategy != scenario.AfterMethod && strategy != scenario.DuringMethod && !p.beside(ctx, func(ctx context.Context) { p.steady(ctx, "before") }) {
		return ctx.Err()
	}
	var failed error
	if p.deviated() == "" {
		failed = p.method(ctx, round)
	}
	if failed == nil && ctx.Err() == nil && p.deviated() == "" && strategy != scenario.BeforeMethod && strategy != scenario.DuringMethod {
		p.beside(ctx, func(ctx context.Context) { p.steady(ctx, "after") })
	}
	return errors.Join(failed, p.restore(ctx, failed))
}

// beside does something on another goroutine while the player reads what arrives; false where the context has ended.
func (p *player) beside(ctx context.Context, do func(context.Context)) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	for {
		select {
		case <-done:
			p.look(ctx)
			return ctx.Err() == nil
		default:
			p.look(context.WithoutCancel(ctx))
		}
	}
}

// look reads what arrives for a moment, and takes over what has begun since.
func (p *player) look(ctx context.Context) {
	_ = p.wait(ctx, p.arena.Now().Add(pumpEvery))
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
		over := now > b.span(p.window, p.grace).Horizon().Add(statusLag)
		if over {
			p.read(b)
		}
		return over
	})
}

// read makes a trial of a blow that is over.
func (p *player) read(b *blow) {
	span := b.span(p.window, p.grace)
	t := meter.Trial{Component: componentOf(b.harm), Fault: meter.Kind(b.harm.name), Victim: strings.Join(b.nodes, ", "), Held: b.held,
		Before: b.before, After: b.after, Began: b.before, Ended: cmp.Or(b.restored, span.Horizon()), RSS: b.rss}
	if b.failed != nil {
		t.Failed = b.failed.Error()
	}
	if t.Component == meter.Store || t.Component == meter.Gossip {
		t.Held = fmt.Sprintf("of %d nodes", len(b.nodes))
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
	p.told(len(p.done), p.faults, t)
}

// method plays the timeline, the nemesis and the activities in their turn, and returns once all that they began has been
// read.
func (p *player) method(ctx context.Context, round uint64) error {
	play, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	begin := p.arena.Now().Add(nearly)
	timed := map[string]bool{}
	strikes := slices.Clone(p.e.Fracture.Timeline)
	if m := p.e.Fracture.Nemesis; m != nil {
		strikes = append(strikes, m.Strikes(p.seed+round)...)
	}
	for _, s := range strikes {
		arguments, name := p.e.ArgumentsOf(s), cmp.Or(s.Action, s.Fault.Kind)
		timed[s.Action] = true
		group.Go(func() error { p.strike(play, begin.Add(s.At), name, arguments, false); return nil })
	}
	group.Go(func() error { p.turns(play, &group, timed); return nil })
	watching, over := context.WithCancel(play)
	defer over()
	var during sync.WaitGroup
	if s := p.e.Runtime.Hypothesis; p.e.Hypothesis != nil && (s == scenario.Continuously || s == scenario.DuringMethod) {
		during.Go(func() { p.keepLooking(watching, stop) })
	}
	p.beside(ctx, func(context.Context) { _ = group.Wait(); over(); during.Wait() })
	for len(p.open)+p.unseen() > 0 && ctx.Err() == nil {
		p.look(ctx)
	}
	return ctx.Err()
}

func (p *player) unseen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.fresh)
}

// turns carries out the activities of the method, one after the other but for those in the background.
func (p *player) turns(ctx context.Context, group *errgroup.Group, timed map[string]bool) {
	for _, a := range p.e.Method {
		if timed[a.Name] {
			continue
		}
		if a.Background {
			group.Go(func() error { p.act(ctx, "method", a); return nil })
			continue
		}
		p.act(ctx, "method", a)
	}
}

// act carries out one activity, with its pauses, and tells whether it went well and its answer was tolerable.
func (p *player) act(ctx context.Context, phase string, a scenario.Activity) (well bool, why string) {
	if p.arena.Wait(ctx, p.arena.Now().Add(a.Before)) != nil {
		return false, "interrupted"
	}
	if arguments, ok := a.Inject(); ok {
		p.strike(ctx, p.arena.Now(), a.Name, arguments, !a.Background)
		_ = p.arena.Wait(ctx, p.arena.Now().Add(a.After))
		return true, ""
	}
	n := note{Phase: phase, Name: a.Name, Probe: a.Probe, At: p.arena.Now(), InTurn: !a.Background}
	var answer scenario.Answer
	answer, n.Err = p.actor.carryOut(ctx, a.Provider)
	n.Ended, n.Output = p.arena.Now(), answer.Said
	if n.Err == nil && a.Tolerance != nil {
		if met, reason := a.Tolerance.Met(answer); !met {
			n.Tolerances = reason
		}
	}
	p.note(n)
	_ = p.arena.Wait(ctx, p.arena.Now().Add(a.After))
	if n.Err != nil {
		return false, n.Err.Error()
	}
	return n.Tolerances == "", n.Tolerances
}

// steady looks at the hypothesis once.
func (p *player) steady(ctx context.Context, phase string) {
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
		p.steady(ctx, "during")
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
}

// deviated says how the hypothesis did not hold, or nothing.
func (p *player) deviated() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

// restore makes the rollbacks, heals what still stands, and waits until the cluster is whole. It does so too where the run was
// interrupted, but then it does not wait.
func (p *player) restore(ctx context.Context, failed error) error {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	interrupted := failed != nil || ctx.Err() != nil
	wanted := !interrupted
	switch p.e.Runtime.Rollbacks {
	case scenario.Always:
		wanted = true
	case scenario.Never:
		wanted = false
	case scenario.Deviated:
		wanted = p.deviated() != ""
	case scenario.UnlessInterrupted:
	}
	var err error
	p.beside(short, func(ctx context.Context) {
		if wanted {
			for _, a := range p.e.Rollbacks {
				p.act(ctx, "rollback", a)
			}
		}
		_, err = p.injector.healAll(ctx)
	})
	if err != nil || interrupted {
		return err
	}
	_, err = p.awaitWhole(ctx)
	return err
}
