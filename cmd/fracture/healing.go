package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"fracture/clock"
)

// How an injector ends what it broke: when it is told, when the time has come, and when it ends itself.

// heal ends one fault.
func (i *injector) heal(ctx context.Context, id uint32) error {
	for _, f := range i.faults() {
		if f.id == id && i.remove(f) {
			return i.endOrKeep(ctx, f)
		}
	}
	return fmt.Errorf("%w: number %d", errNoSuchFault, id)
}

// endOrKeep ends a fault that has been removed. One of a process that could not be healed stands on for another attempt, but
// not for ever; what nodes were ordered is over with its lease.
func (i *injector) endOrKeep(ctx context.Context, f *standingFault) error {
	err := i.end(ctx, f)
	if f.tries++; err != nil && f.harm.deed != nil && f.tries < healTries {
		i.mu.Lock()
		f.until = clock.Now().Add(healAgain)
		i.stands = append(i.stands, f)
		i.mu.Unlock()
	}
	return err
}

// remove takes a fault from those that stand, and reports whether it was among them: whoever does so must end it.
func (i *injector) remove(f *standingFault) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.stands)
	i.stands = slices.DeleteFunc(i.stands, func(other *standingFault) bool { return other == f })
	return len(i.stands) < n
}

// end ends a fault that has been removed.
func (i *injector) end(ctx context.Context, f *standingFault) error {
	i.recorder.ended(f)
	select {
	case <-i.ending:
		return nil
	default:
	}
	if f.harm.deed == nil {
		_, err := i.unsay(ctx, f)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return forEach(f.nodes, func(node string) error {
		if i.home.startsOf(f.harm, node) > f.starts[node] || i.isHealed(f, node) {
			return nil // somebody has started it again, or it was healed when another was not
		}
		err := f.harm.deed.heal(ctx, i.home, node, f.harm.signal)
		if err != nil && !errors.Is(err, errLetGo) {
			return err
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		f.healed = append(f.healed, node)
		return err
	})
}

// isHealed reports whether a process has been healed of a fault at an attempt at which another has not.
func (i *injector) isHealed(f *standingFault, node string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Contains(f.healed, node)
}

// unsay orders nodes what still stands without a fault that has been removed, which ends with that, and waits until they have said so.
func (i *injector) unsay(ctx context.Context, f *standingFault) (ended clock.Instant, err error) {
	ids := map[uint64]string{}
	failed := i.say(ids, i.told(f), nil)
	ended = clock.Now()
	return ended, errors.Join(failed, i.book.awaitConfirmed(ctx, ids))
}

// healAll ends all that stands, and answers with what it was.
func (i *injector) healAll(ctx context.Context) (healed []*standingFault, err error) {
	var mu sync.Mutex // guards what is answered
	var all sync.WaitGroup
	for _, f := range i.faults() {
		if i.remove(f) {
			all.Go(func() {
				endErr := i.endOrKeep(ctx, f)
				mu.Lock()
				defer mu.Unlock()
				if err = errors.Join(err, endErr); endErr == nil {
					healed = append(healed, f)
				}
			})
		}
	}
	all.Wait()
	slices.SortFunc(healed, func(a, b *standingFault) int { return cmp.Compare(a.id, b.id) })
	return healed, err
}

// run renews what stands and ends what is over, until ctx ends; then it heals all.
func (i *injector) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var ending sync.WaitGroup
	for ctx.Err() == nil {
		select {
		case <-timer.C:
		case <-i.woken:
		case <-ctx.Done():
		}
		timer.Reset(i.tend(ctx, &ending))
	}
	ending.Wait()
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	_, err := i.healAll(short)
	return err
}

// renew orders anew what stands, also those that have joined.
func (i *injector) renew() {
	i.welcome()
	i.book.renew()
}

// tend renews what stands and has what is over end, and answers when to look again.
func (i *injector) tend(ctx context.Context, ending *sync.WaitGroup) time.Duration {
	next := renewEvery / 2
	i.mu.Lock()
	var over []*standingFault
	for _, f := range i.stands {
		if left := f.until.Sub(clock.Now()); left > 0 {
			next = min(next, left)
		} else {
			over = append(over, f)
		}
	}
	i.mu.Unlock()
	for _, f := range over {
		if i.remove(f) {
			ending.Go(func() {
				if err := i.endOrKeep(context.WithoutCancel(ctx), f); err != nil && i.failed != nil {
					i.failed(f, err)
				}
			})
		}
	}
	i.renew()
	return next
}
