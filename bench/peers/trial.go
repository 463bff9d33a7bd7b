package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/work"
)

// errNotWhole: the peer did not become whole in time; what was missing is in the text. The machine may be too slow for
// it, or its configuration does not suit this version of it.
var errNotWhole = errors.New("did not become whole")

// Times of the trials of every peer.
const (
	pumpEvery = 50 * time.Millisecond  // between two looks at the inbox
	settle    = 100 * time.Millisecond // what is younger need not have been answered yet
	maxPhase  = 100 * time.Millisecond // a fault comes up to so long after the calm
	wholeWait = 2 * time.Minute        // how long a peer may take to become whole, above its own horizon
	probeWait = 2 * time.Second        // how long one look at a peer may take
	inboxSize = 1 << 17                // answers between two pumps

	victimTries = 10 // to find a victim that holds its role in a peer that is whole
	stream      = work.StreamID(1)
)

// runner carries out the trials of one peer, as `fracture run` does those of its own.
type runner struct {
	peer    peer
	options options
	stand   *stand
	system  system
	rec     *meter.Recorder
	inbox   *meter.Inbox[meter.Delivery]
	spare   []meter.Delivery
	watcher meter.Watch
	rng     *rand.Rand
	start   clock.Instant // when frame 0 is due
	horizon time.Duration // the longest of the peer's
	told    func(t meter.Trial, n, all int)
	done    []meter.Trial
}

// measure starts a peer, breaks it as often as asked, and ends it. Beside an error it returns the trials until then.
func measure(ctx context.Context, p peer, o options, told func(t meter.Trial, n, all int)) (trials []meter.Trial, err error) {
	s, err := openStand()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &runner{peer: p, options: o, stand: s, inbox: meter.NewInbox[meter.Delivery](inboxSize), watcher: meter.NewWatch(),
		rng: rand.New(rand.NewPCG(o.seed, 0)), told: told}
	for _, t := range p.faults {
		r.horizon = max(r.horizon, t.horizon())
	}
	if r.system, err = p.open(ctx, s, r.arrived); err != nil {
		return nil, err
	}
	defer r.system.close()
	r.rec = meter.NewRecorder(o.calm + maxPhase + r.horizon + 5*time.Second)
	r.start = clock.Now().Add(settle)
	r.rec.Open(meter.Schedule{Stream: stream, Name: p.name, Start: r.start, Period: period, Tiles: 1})

	ctx, cancel := context.WithCancel(ctx)
	var load errgroup.Group
	load.Go(func() error { return offer(ctx, r.start, r.system.ask) })
	load.Go(func() error { return r.watcher.Run(ctx) })
	err = r.run(ctx)
	cancel()
	return r.done, errors.Join(err, load.Wait())
}

// arrived stamps an answer.
func (r *runner) arrived(frame uint64) {
	r.inbox.Put(meter.Delivery{Task: work.TaskID{Stream: stream, Frame: frame}, At: clock.Now()})
}

// run carries out the controls and the trials of each fault.
func (r *runner) run(ctx context.Context) error {
	type series struct {
		terms
		victim meter.Component
		n      int
	}
	quiet := terms{fault: meter.Noop, window: time.Second, grace: time.Second}
	all := []series{{quiet, meter.None, r.options.controls}}
	total := r.options.controls
	for _, t := range r.peer.faults {
		if r.options.wants(t.fault) {
			n := r.options.trials
			if t.most > 0 {
				n = min(n, t.most)
			}
			all = append(all, series{t, r.peer.victim, n})
			total += n
		}
	}
	since, err := r.awaitWhole(ctx)
	if err != nil {
		return err
	}
	made := 0
	for _, s := range all {
		attempts := meter.NewAttempts(s.n)
		for more, again := attempts.Next(); more; more, again = attempts.Next() {
			t := meter.Trial{Component: s.victim, Fault: s.fault, Began: clock.Now(), Again: again}
			if err := r.trial(ctx, s.terms, &t, since); err != nil {
				return err
			}
			r.done = append(r.done, t)
			if attempts.Made(t) {
				made++
			}
			r.told(t, made, total)
			if t.Fault != meter.Noop {
				since = t.Ended
			}
		}
	}
	return nil
}

// trial waits for the calm, breaks the victim, watches until the horizon, and makes the peer whole again.
func (r *runner) trial(ctx context.Context, terms terms, t *meter.Trial, since clock.Instant) error {
	for try := 0; ; try++ {
		t.Phase = time.Duration(r.rng.Int64N(int64(maxPhase)))
		if err := r.wait(ctx, max(since.Add(r.options.calm), clock.Now()).Add(t.Phase)); err != nil {
			return err
		}
		err := r.inject(ctx, t)
		if err == nil {
			break
		}
		if try == victimTries || ctx.Err() != nil {
			return err
		}
		if since, err = r.awaitWhole(ctx); err != nil { // it has changed by itself meanwhile, as a busy machine makes it
			return err
		}
	}
	span := meter.Span{At: t.Before, Window: terms.window, Grace: terms.grace}
	if err := r.watch(ctx, span); err != nil {
		return err
	}
	t.Read(r.rec, r.watcher, span, r.options.calm)
	if t.Fault == meter.Noop {
		t.Ended = clock.Now()
		return nil
	}
	if t.Fault == meter.Freeze { // what is frozen is never thawed: nobody is to hear of it again
		if _, _, err := r.stand.lab.Kill(t.Victim); err != nil {
			return err
		}
	}
	r.look(ctx) // by which the peer sees as what the victim is to be started again
	if err := r.stand.lab.Revive(ctx, t.Victim); err != nil {
		return fmt.Errorf("reviving %s: %w", t.Victim, err)
	}
	var err error
	t.Ended, err = r.awaitWhole(ctx)
	return err
}

// inject breaks the victim and stamps both sides of the call, as the lab does.
func (r *runner) inject(ctx context.Context, t *meter.Trial) (err error) {
	if t.Fault == meter.Noop {
		t.Before = clock.Now()
		t.After = t.Before
		return nil
	}
	if t.Victim, t.Held, err = r.system.victim(ctx); err != nil {
		return fmt.Errorf("finding the %s: %w", r.peer.victim, err)
	}
	t.RSS = r.stand.resident(t.Victim)
	if t.Fault == meter.Kill {
		t.Before, t.After, err = r.stand.lab.Kill(t.Victim)
	} else {
		t.Before, t.After, err = r.stand.lab.Freeze(t.Victim)
	}
	return err
}

// watch waits until the horizon, or only until everything has come that was due until a little after the window: then
// nothing that comes later can change the reading.
func (r *runner) watch(ctx context.Context, span meter.Span) error {
	for at := span.At.Add(span.Window + 2*settle); at < span.Horizon(); at = at.Add(pumpEvery) {
		if err := r.wait(ctx, at); err != nil {
			return err
		}
		if r.outstanding(span.At.Add(-r.horizon), span.At.Add(span.Window+settle/2)) == 0 {
			return nil
		}
	}
	return r.wait(ctx, span.Horizon())
}

// outstanding counts the frames due in [from, to) that have not come, of those that the recorder remembers.
func (r *runner) outstanding(from, to clock.Instant) (n int) {
	for frame := r.frame(from); frame < r.frame(to); frame++ {
		if r.rec.Arrival(work.TaskID{Stream: stream, Frame: frame}) == 0 {
			n++
		}
	}
	return n
}

// frame is the first that is due at or after an instant.
func (r *runner) frame(at clock.Instant) uint64 {
	return uint64(max(at.Sub(r.start)+period-1, 0) / period)
}

// awaitWhole waits until the peer says that it is whole and owes no answer that could still come, and returns when that
// was seen. An answer older than the horizon is given up: it would be lost in any trial.
func (r *runner) awaitWhole(ctx context.Context) (clock.Instant, error) {
	limit := clock.Now().Add(wholeWait + r.horizon)
	for {
		missing := r.look(ctx)
		now := clock.Now()
		if missing == "" {
			if n := r.outstanding(now.Add(-r.horizon), now.Add(-settle)); n > 0 || now < r.start.Add(time.Second) {
				missing = fmt.Sprintf("%d answers are outstanding", n)
			}
		}
		switch {
		case missing == "":
			return now, nil
		case now > limit:
			return 0, fmt.Errorf("%w in %v: %s", errNotWhole, wholeWait+r.horizon, missing)
		}
		if err := r.wait(ctx, now.Add(pumpEvery)); err != nil {
			return 0, err
		}
	}
}

// look asks the peer what it lacks.
func (r *runner) look(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	return r.system.missing(ctx)
}

// wait pumps the inbox until an instant.
func (r *runner) wait(ctx context.Context, until clock.Instant) error {
	for {
		r.spare, _ = r.inbox.Take(r.spare)
		for _, d := range r.spare {
			r.rec.Deliver(d)
		}
		now := clock.Now()
		if now >= until {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(until.Sub(now), pumpEvery)):
		}
	}
}
