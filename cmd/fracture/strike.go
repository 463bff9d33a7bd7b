package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		return a.book.heal(ctx, s.orders())
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

// order tells nodes what is to stand at them, and waits until all have said that it does.
func (a *labArena) order(ctx context.Context, s strike) (before, after clock.Instant, err error) {
	before = clock.Now()
	last := s.last + leaseMargin
	if s.last == 0 {
		last = strikeMoment
	}
	err = a.book.stand(ctx, a.options.seed^uint64(before), before.Add(last), s.orders())
	return before, clock.Now(), err
}
