package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/telemetry"
	"fracture/work"
)

// arena is a cluster under load that a run breaks, and the sink that watches it.
type arena interface {
	Now() clock.Instant
	// Wait returns at an instant, or earlier when the context ends.
	Wait(ctx context.Context, until clock.Instant) error
	// Pump hands on everything that the sink received and the nodes told since the last call.
	Pump(rec *meter.Recorder, log *meter.Log)
	// Statuses are the newest words of every node that is up, by name.
	Statuses() []telemetry.Status
	// Kill ends a node as kill -9 does, and stamps both sides of the call.
	Kill(name string) (before, after clock.Instant, err error)
	// Freeze stops nodes and lets them go on after length; both stamps, and that of the last thaw.
	Freeze(names []string, length time.Duration) (before, after, thawed clock.Instant, err error)
	// Revive starts a killed node again.
	Revive(ctx context.Context, name string) error
}

// errNotWhole: the cluster did not become whole in time; what was missing is in the text. The machine may be too slow
// for the load, or a node fails at its start: read the logs.
var errNotWhole = errors.New("the cluster did not become whole")

// Times of a run.
const (
	pumpEvery    = 50 * time.Millisecond  // between two looks at the inboxes while waiting
	statusLag    = 500 * time.Millisecond // a status is at most that old; what is told of a horizon has come by then
	maxPhase     = 100 * time.Millisecond // a fault comes up to so long after the calm: three periods of 30 frames/s
	aftermath    = 2 * time.Second        // how long after its horizon a fault may still be the cause of a takeover
	freezeLength = 20 * time.Millisecond  // of the control
)

// plan is what a run is to do.
type plan struct {
	seed     uint64
	roles    []meter.Component
	trials   int // of each role
	controls int // of each control
	nodes    int
	standbys bool          // the strategy keeps any
	every    time.Duration // from one fault to the next, at least
	calm     time.Duration
	window   time.Duration
	grace    time.Duration
	whole    time.Duration // how long the cluster may take to become whole
	tiles    work.StreamID // the stream that Status.OwnedTiles speaks of
}

// runner carries a plan out, one trial after the other.
type runner struct {
	plan
	arena   arena
	rec     *meter.Recorder
	log     *meter.Log
	hiccups *meter.Hiccups
	told    func(done, all int, t meter.Trial) // progress
	rng     *rand.Rand
	done    []meter.Trial
	ended   clock.Instant // of the last trial
	last    clock.Instant // the last fault
}

func newRunner(p plan, a arena, rec *meter.Recorder, hiccups *meter.Hiccups, told func(done, all int, t meter.Trial)) *runner {
	return &runner{plan: p, arena: a, rec: rec, log: meter.NewLog(), hiccups: hiccups, told: told,
		rng: rand.New(rand.NewPCG(p.seed, 0))}
}

// run carries out controls and trials and returns those that were completed, also beside an error.
func (r *runner) run(ctx context.Context) ([]meter.Trial, error) {
	type series struct {
		component meter.Component
		fault     meter.Kind
		n         int
	}
	all := []series{{meter.None, meter.Noop, r.controls}, {meter.All, meter.Freeze, r.controls}}
	for _, role := range r.roles {
		all = append(all, series{role, meter.Kill, r.trials})
	}
	total := 2*r.controls + len(r.roles)*r.trials
	r.ended = r.arena.Now()
	calmSince, err := r.awaitWhole(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		for range s.n {
			t := meter.Trial{Component: s.component, Fault: s.fault, Began: r.ended}
			if err := r.trial(ctx, &t, calmSince); err != nil {
				return r.judgeNeedless(), err
			}
			r.done = append(r.done, t)
			r.ended = t.Ended
			if s.fault != meter.Noop { // a noop leaves the calm as it was
				calmSince = t.Ended
			}
			r.told(len(r.done), total, t)
		}
	}
	return r.judgeNeedless(), nil
}

// trial waits for the calm, injects, watches until the horizon, and makes the cluster whole again.
func (r *runner) trial(ctx context.Context, t *meter.Trial, calmSince clock.Instant) error {
	t.Phase = time.Duration(r.rng.Int64N(int64(maxPhase)))
	ready := max(calmSince.Add(r.calm), r.last.Add(r.every), r.arena.Now())
	if err := r.wait(ctx, ready.Add(t.Phase)); err != nil {
		return err
	}
	duplicates := r.rec.Duplicates()
	onVictim := r.pick(t)
	r.inject(t)
	if t.Before == 0 { // nothing was injected, so there is nothing to read
		t.Ended = r.arena.Now()
		return nil
	}
	r.last = t.Before
	span := meter.Span{At: t.Before, Window: r.window, Grace: r.grace, OnVictim: onVictim}
	if err := r.wait(ctx, span.Horizon().Add(statusLag)); err != nil {
		return err
	}
	t.Calm = r.rec.Calm(t.Before.Add(-r.calm), t.Before)
	t.Rate = r.rec.Rate(t.Before.Add(-time.Second), t.Before)
	t.Reading = r.rec.Read(span, t.Calm)
	t.Hiccup = r.hiccups.Worst(t.Before, span.Horizon())
	t.Timeline = r.log.Timeline(r.rec, t.Victim, t.Before, t.After, span.Horizon())
	err := r.heal(ctx, t)
	t.Duplicates = r.rec.Duplicates() - duplicates
	return err
}

// pick chooses a victim among the live holders of the trial's role, and says what it held.
func (r *runner) pick(t *meter.Trial) (onVictim func(work.TaskID) bool) {
	if t.Component == meter.None || t.Component == meter.All {
		return nil
	}
	var holders []telemetry.Status
	for _, s := range r.arena.Statuses() {
		if holds(s, t.Component) != "" {
			holders = append(holders, s)
		}
	}
	if len(holders) == 0 {
		t.Failed = fmt.Sprintf("no node is a live %s", t.Component)
		return nil
	}
	victim := holders[r.rng.IntN(len(holders))]
	t.Victim, t.Held, t.RSS = victim.Name, holds(victim, t.Component), victim.RSS
	return func(task work.TaskID) bool {
		// A status names the tiles of one stream; an outstanding task of another may well be the victim's.
		return task.Stream != r.tiles || slices.Contains(victim.OwnedTiles, task.Tile)
	}
}

// holds says in words what a node holds, empty where that does not include the role.
func holds(s telemetry.Status, role meter.Component) string {
	held := map[meter.Component]int{meter.Owner: s.Owns, meter.Standby: s.StandsBy, meter.Splitter: len(s.Leads)}
	if held[role] == 0 {
		return ""
	}
	var words []string
	for _, what := range []meter.Component{meter.Splitter, meter.Owner, meter.Standby} {
		if n := held[what]; n > 0 {
			words = append(words, fmt.Sprintf("%s of %d", what, n))
		}
	}
	return strings.Join(words, ", ")
}

// inject does the deed. What could not be done is the trial's, not the run's, failure.
func (r *runner) inject(t *meter.Trial) {
	if t.Failed != "" {
		return
	}
	var err error
	var thawed clock.Instant
	switch t.Fault {
	case meter.Noop:
		t.Before = r.arena.Now()
		t.After = t.Before
	case meter.Freeze:
		t.Before, t.After, thawed, err = r.arena.Freeze(r.names(), freezeLength)
		t.Length = thawed.Sub(t.Before)
	case meter.Kill:
		t.Before, t.After, err = r.arena.Kill(t.Victim)
	}
	if err != nil {
		t.Failed = err.Error()
	}
}

func (r *runner) names() []string {
	var names []string
	for _, s := range r.arena.Statuses() {
		names = append(names, s.Name)
	}
	return names
}

// heal starts the victim again and waits until the cluster is whole.
func (r *runner) heal(ctx context.Context, t *meter.Trial) error {
	victims := []string{t.Victim}
	switch t.Fault {
	case meter.Noop:
		t.Ended = r.arena.Now()
		return nil
	case meter.Freeze:
		victims = r.names()
	case meter.Kill:
		if err := r.arena.Revive(ctx, t.Victim); err != nil {
			return fmt.Errorf("revive %s: %w", t.Victim, err)
		}
	}
	whole, err := r.awaitWhole(ctx)
	if err != nil {
		return err
	}
	t.Ended = whole
	over := t.Before.Add(r.window + r.grace + aftermath)
	for _, victim := range victims {
		r.log.Fault(victim, t.Before, max(over, whole))
	}
	return nil
}

// awaitWhole waits until nothing is missing, and returns when that was seen.
func (r *runner) awaitWhole(ctx context.Context) (clock.Instant, error) {
	limit := r.arena.Now().Add(r.whole)
	for {
		missing := r.missing()
		now := r.arena.Now()
		switch {
		case missing == "":
			return now, nil
		case now > limit:
			return 0, fmt.Errorf("%w in %v: %s", errNotWhole, r.whole, missing)
		}
		if err := r.wait(ctx, now.Add(pumpEvery)); err != nil {
			return 0, err
		}
	}
}

// missing says what the cluster lacks, or nothing: a node, one splitter for each stream and a standby for that, tasks and
// any copy of them. Which task has its copy no status tells.
func (r *runner) missing() string {
	statuses := r.arena.Statuses()
	if len(statuses) < r.nodes {
		return fmt.Sprintf("%d of %d nodes are up: %s", len(statuses), r.nodes, strings.Join(r.names(), ", "))
	}
	leaders, followers, owns, copies := map[uint64]int{}, map[uint64]int{}, 0, 0
	for _, s := range statuses {
		owns += s.Owns
		copies += s.StandsBy
		for _, id := range s.Leads {
			leaders[id]++
		}
		for _, id := range s.Follows {
			followers[id]++
		}
	}
	if len(leaders) == 0 || owns == 0 {
		return "no stream is running"
	}
	if r.standbys && copies == 0 {
		return "no task has a standby"
	}
	for _, s := range statuses {
		for _, id := range append(slices.Clone(s.Leads), s.Follows...) {
			if leaders[id] != 1 {
				return fmt.Sprintf("stream %x has %d splitters", id, leaders[id])
			}
			if r.standbys && followers[id] == 0 {
				return fmt.Sprintf("the splitter of stream %x has no standby", id)
			}
		}
	}
	return ""
}

// wait pumps until an instant.
func (r *runner) wait(ctx context.Context, until clock.Instant) error {
	for {
		r.arena.Pump(r.rec, r.log)
		now := r.arena.Now()
		if now >= until {
			return ctx.Err()
		}
		if err := r.arena.Wait(ctx, min(until, now.Add(pumpEvery))); err != nil {
			return err
		}
	}
}

// judgeNeedless fills in what only the whole run can tell: which takeovers nobody needed.
func (r *runner) judgeNeedless() []meter.Trial {
	for i := range r.done {
		r.done[i].Needless = r.log.Needless(r.done[i].Began, r.done[i].Ended)
	}
	return r.done
}
