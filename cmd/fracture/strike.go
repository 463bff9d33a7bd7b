package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster"
)

// Strike implements arena.
func (a *labArena) Strike(ctx context.Context, s strike) (before, after clock.Instant, err error) {
	switch s.fault {
	case meter.Noop:
		now := clock.Now()
		return now, now, nil
	case meter.Kill:
		return a.kill(s)
	case meter.Freeze:
		return a.freeze(s)
	case meter.Partition, meter.OneWay, meter.Slow, meter.Wrong, meter.Loss, meter.Reset:
		return a.order(ctx, s)
	}
	return 0, 0, fmt.Errorf("no way is known to do %s to a %s", s.fault, s.component)
}

// End implements arena.
func (a *labArena) End(ctx context.Context, s strike) (ended clock.Instant, err error) {
	switch s.fault {
	case meter.Freeze:
		for _, v := range a.home.victims(s) {
			_, at, thawErr := v.lab.Thaw(v.name)
			err = errors.Join(err, thawErr)
			ended = at
		}
		return ended, err
	case meter.Partition, meter.OneWay, meter.Slow, meter.Wrong, meter.Loss, meter.Reset:
		return a.relieve(ctx)
	case meter.Kill, meter.Noop:
	}
	return clock.Now(), nil
}

// Revive implements arena.
func (a *labArena) Revive(ctx context.Context, s strike) error {
	switch s.component {
	case meter.Store:
		return a.home.reviveServer(ctx)
	case meter.Sink:
		return a.home.lab.Revive(ctx, secondSink)
	default:
	}
	for _, name := range s.nodes {
		if err := a.home.revive(ctx, name); err != nil {
			return fmt.Errorf("revive %s: %w", name, err)
		}
	}
	return nil
}

// Stands implements arena.
func (a *labArena) Stands(c meter.Component) string {
	switch c {
	case meter.Store:
		if a.home.serverUp() {
			return fmt.Sprintf("the store of %d nodes", a.options.nodes)
		}
	case meter.Sink:
		if slices.ContainsFunc(a.client.Members(), func(m cluster.Member) bool { return m.Sink }) {
			return "a second receiver of all results"
		}
	default:
	}
	return ""
}

// kill ends processes as kill -9 does.
func (a *labArena) kill(s strike) (before, after clock.Instant, err error) {
	for _, v := range a.home.victims(s) {
		b, f, killErr := v.lab.Kill(v.name)
		if killErr != nil {
			return 0, 0, killErr
		}
		before, after = b, f
		a.bury(v.name) // and nobody else that the strike names: to kill the store buries no node
	}
	return before, after, nil
}

// bury notes that nodes were killed, whose last words may still come.
func (a *labArena) bury(names ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, n := range a.nodes {
		if slices.Contains(names, n.status.Name) {
			a.nodes[i].dead = n.status.Incarnation
		}
	}
}

// freeze stops processes. Where one cannot be, the others go on.
func (a *labArena) freeze(s strike) (before, after clock.Instant, err error) {
	victims := a.home.victims(s)
	for _, v := range victims {
		if c, err := v.lab.Child(v.name); err == nil && !slices.Contains(awake, c.State) {
			return 0, 0, fmt.Errorf("%w: %s is %v", errUnsuited, v.name, c.State) // whoever froze it will thaw it
		}
	}
	for i, v := range victims {
		b, f, freezeErr := v.lab.Freeze(v.name)
		if freezeErr != nil {
			for _, frozen := range victims[:i] {
				_, _, thawErr := frozen.lab.Thaw(frozen.name)
				freezeErr = errors.Join(freezeErr, thawErr)
			}
			return 0, 0, freezeErr
		}
		if before == 0 {
			before, after = b, f
		}
	}
	return before, after, nil
}

// order has nodes suffer a strike, beside what else stands at them, and waits until all have said that they do.
func (a *labArena) order(ctx context.Context, s strike) (before, after clock.Instant, err error) {
	f := &standingFault{id: a.injector.number(), harm: harm{name: string(s.fault), last: s.last + leaseMargin}, stand: map[string][]chaos.Standing{}}
	if s.last == 0 {
		f.harm.last = strikeMoment
	}
	for _, o := range s.orders() {
		f.nodes, f.stand[o.node], f.harm.stand = append(f.nodes, o.node), o.stand, o.stand
	}
	f.harm.whom.Names = f.nodes // and nobody who joins
	a.struck = f
	err = a.injector.bring(ctx, f)
	return f.since, clock.Now(), err
}

// errHealed: who asked for everything to be healed has ended a trial's fault with the rest; nobody knows for how long it stood.
var errHealed = errors.New("it was healed before its time")

// relieve ends what the trial that is on has ordered, and nothing else.
func (a *labArena) relieve(ctx context.Context) (ended clock.Instant, err error) {
	f := a.struck
	a.struck = nil
	switch {
	case a.injector.remove(f):
		return a.injector.unsay(ctx, f)
	case !f.harm.once() && clock.Now() < f.until:
		return clock.Now(), errHealed
	}
	return clock.Now(), nil
}
