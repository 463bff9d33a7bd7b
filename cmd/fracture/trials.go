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
	// Strike lets a fault begin, and stamps both sides of the call: when it returns, the fault is in force.
	Strike(ctx context.Context, s strike) (before, after clock.Instant, err error)
	// End ends a fault that stands.
	End(ctx context.Context, s strike) (ended clock.Instant, err error)
	// Revive starts again what was killed.
	Revive(ctx context.Context, s strike) error
	// Meet returns at an instant that is near, to some 10 µs.
	Meet(until clock.Instant)
	// Stands says in words what there is of a component that is no node, or nothing where there is none now.
	Stands(c meter.Component) string
	// AskDoors begins the requests at the front doors, and lets the recorder expect their answers.
	AskDoors(rec *meter.Recorder)
	// Served is how many connections of the client that asks there a node serves.
	Served(node string) int
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
	nearly       = 5 * time.Millisecond   // so long before its end a fault is waited for without giving the processor away
	endTime      = 3 * time.Second        // how long ending a fault may take when the run is interrupted
)

// plan is what a run is to do.
type plan struct {
	seed     uint64
	series   []series
	controls int // of each control
	nodes    int
	standbys bool          // the strategy keeps any
	stops    bool          // the strategy ends a stream with the first fault, and so the run
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
	arena arena
	rec   *meter.Recorder
	log   *meter.Log
	watch meter.Watch
	told  func(done, all int, t meter.Trial) // progress
	rng   *rand.Rand
	done  []meter.Trial
	made  int           // trials, but for those made again
	all   int           // trials that are to come in all
	asked bool          // the front doors are
	ended clock.Instant // of the last trial
	last  clock.Instant // the last fault
}

func newRunner(p plan, a arena, rec *meter.Recorder, watch meter.Watch, told func(done, all int, t meter.Trial)) *runner {
	return &runner{plan: p, arena: a, rec: rec, log: meter.NewLog(), watch: watch, told: told,
		rng: rand.New(rand.NewPCG(p.seed, 0))}
}

// run carries out controls and trials and returns those that were completed, also beside an error.
func (r *runner) run(ctx context.Context) ([]meter.Trial, error) {
	all := append(r.ofControls(), r.series...)
	r.all = total(all)
	err := r.carry(ctx, all)
	return r.judgeNeedless(), err
}

// ofControls are the series that tell what the meter is worth.
func (r *runner) ofControls() []series {
	return []series{
		{component: meter.None, fault: meter.Noop, n: r.controls},
		{component: meter.All, fault: meter.Freeze, n: r.controls, last: freezeLength},
	}
}

// carry carries out series, one trial after the other. What was completed stands in done, also beside an error.
func (r *runner) carry(ctx context.Context, all []series) error {
	r.ended = r.arena.Now()
	calmSince, err := r.awaitWhole(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.component == meter.Door && !r.asked {
			r.arena.AskDoors(r.rec)
			r.asked, calmSince = true, r.arena.Now().Add(settle)
		}
		attempts := meter.NewAttempts(s.n)
		for more, again := attempts.Next(); more; more, again = attempts.Next() {
			t := meter.Trial{Component: s.component, Fault: s.fault, Began: r.ended, Again: again}
			if err := r.trial(ctx, &t, s.last, calmSince); err != nil {
				return err
			}
			r.done = append(r.done, t)
			r.ended = t.Ended
			if s.fault != meter.Noop { // a noop leaves the calm as it was
				calmSince = t.Ended
			}
			if attempts.Made(t) {
				r.made++
			}
			r.told(r.made, r.all, t)
			if r.stops {
				return nil
			}
		}
	}
	return nil
}

// trial waits for the calm, injects, watches until the horizon, and makes the cluster whole again.
func (r *runner) trial(ctx context.Context, t *meter.Trial, last time.Duration, calmSince clock.Instant) error {
	t.Phase = time.Duration(r.rng.Int64N(int64(maxPhase)))
	ready := max(calmSince.Add(r.calm), r.last.Add(r.every), r.arena.Now())
	if err := r.wait(ctx, ready.Add(t.Phase)); err != nil {
		return err
	}
	duplicates, wrong := r.rec.Duplicates(), r.rec.Wrong()
	s, onVictim := r.pick(t)
	s.last = last
	faulted := r.faulted(s)
	if err := r.inject(ctx, t, s); err != nil {
		return err
	}
	if t.Before == 0 { // nothing was injected, so there is nothing to read
		t.Ended = r.arena.Now()
		return nil
	}
	r.last = t.Before
	span := meter.Span{At: t.Before, Window: r.window, Grace: r.grace, OnVictim: onVictim}
	if err := r.wait(ctx, span.Horizon().Add(statusLag)); err != nil {
		return err
	}
	t.Read(r.rec, r.watch, span, r.calm)
	t.Timeline = r.timeline(t, s, span.Horizon())
	if t.Failed == "" && s.fault.Lasts() && len(s.orders()) > 0 && r.faulted(s) == faulted {
		t.Failed = "the fault had nothing to strike"
	}
	err := r.recover(ctx, t, s)
	t.Duplicates, t.Wrong = r.rec.Duplicates()-duplicates, r.rec.Wrong()-wrong
	return err
}

// faulted is how much ordered faults have had at the nodes that are told of a strike, by their newest words.
func (r *runner) faulted(s strike) (n uint64) {
	for _, told := range s.orders() {
		for _, status := range r.arena.Statuses() {
			if status.Name == told.node {
				n += status.Faulted
			}
		}
	}
	return n
}

// timeline is that of the victim; of a link, that of the end which was missed first.
func (r *runner) timeline(t *meter.Trial, s strike, horizon clock.Instant) meter.Timeline {
	first := meter.Timeline{Injected: t.Before, Effective: t.After}
	for _, victim := range s.blamed() {
		line := r.log.Timeline(r.rec, victim, t.Before, t.After, horizon)
		if first.Noticed == 0 || line.Noticed != 0 && line.Noticed < first.Noticed {
			first = line
		}
	}
	return first
}

// inject does the deed and, where the fault stands, lets it stand for its time. What could not be done is the trial's
// failure, and not the run's. An interrupted run leaves no fault behind.
func (r *runner) inject(ctx context.Context, t *meter.Trial, s strike) error {
	if t.Failed != "" {
		return nil
	}
	var err error
	t.Before, t.After, err = r.arena.Strike(ctx, s)
	if err != nil {
		t.Failed = err.Error()
	}
	if !s.fault.Lasts() || t.Before == 0 {
		return ctx.Err()
	}
	until := t.Before.Add(s.last)
	waited := r.wait(ctx, until.Add(-nearly))
	if waited == nil {
		r.arena.Meet(until)
	}
	// Not with the run's own context: it must end even if that has.
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	ended, err := r.arena.End(short, s)
	t.Length = ended.Sub(t.Before)
	if err != nil && t.Failed == "" {
		t.Failed = err.Error()
	}
	return waited
}

func (r *runner) names() []string {
	var names []string
	for _, s := range r.arena.Statuses() {
		names = append(names, s.Name)
	}
	return names
}

// recover starts what was killed again and waits until the cluster is whole.
func (r *runner) recover(ctx context.Context, t *meter.Trial, s strike) error {
	if t.Fault == meter.Noop {
		t.Ended = r.arena.Now()
		return nil
	}
	if t.Fault == meter.Kill {
		if err := r.arena.Revive(ctx, s); err != nil {
			return err
		}
	}
	whole := r.arena.Now()
	if !r.stops {
		var err error
		if whole, err = r.awaitWhole(ctx); err != nil {
			return err
		}
	}
	t.Ended = whole
	over := t.Before.Add(r.window + r.grace + aftermath)
	for _, victim := range s.blamed() {
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
