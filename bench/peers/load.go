package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"fracture/clock"
)

// offer asks a system for one piece of work each period, whether or not the one before was answered: an open loop. Frame
// k is due at start + k·period; where the loop was late itself it catches up, and the due times stay.
func offer(ctx context.Context, start clock.Instant, ask func(frame uint64)) error {
	alarm, err := clock.NewAlarm()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, alarm.Close)
	defer stop()
	defer alarm.Close()
	for frame := uint64(0); ; frame++ {
		due := start.Add(time.Duration(frame) * period)
		if clock.Now() < due {
			alarm.Set(due)
			if !alarm.Wait() {
				return nil
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		ask(frame)
	}
}

// caller asks by calling: each frame is tried until it succeeds or its patience ends, as a careful client does. At most
// slots calls are under way; the others wait for their turn in the order in which they came.
type caller struct {
	try      func(ctx context.Context, frame uint64) error // one attempt; it keeps to its context
	done     func(frame uint64)
	attempt  time.Duration // that one try may take
	patience time.Duration // after which a frame is given up

	ctx     context.Context
	stop    context.CancelFunc
	slots   chan struct{}
	calls   sync.WaitGroup
	waiting atomic.Int64
}

// Bounds of a caller.
const (
	callSlots   = 64
	maxWaiting  = 1 << 15               // frames, waiting or under way; one more is not tried, and the meter counts it as lost
	shortestNap = time.Millisecond      // before the second try; each further waits twice as long …
	longestNap  = 10 * time.Millisecond // … up to this
)

func newCaller(ctx context.Context, c *caller) *caller {
	c.ctx, c.stop = context.WithCancel(ctx)
	c.slots = make(chan struct{}, callSlots)
	return c
}

func (c *caller) ask(frame uint64) {
	if c.waiting.Add(1) > maxWaiting {
		c.waiting.Add(-1)
		return
	}
	c.calls.Go(func() {
		defer c.waiting.Add(-1)
		ctx, cancel := context.WithTimeout(c.ctx, c.patience)
		defer cancel()
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-c.slots }()
		for nap := shortestNap; ; nap = min(2*nap, longestNap) {
			once, cancel := context.WithTimeout(ctx, c.attempt)
			err := c.try(once, frame)
			cancel()
			if err == nil {
				c.done(frame)
				return
			}
			select {
			case <-time.After(nap):
			case <-ctx.Done():
				return
			}
		}
	})
}

// close gives up what is under way.
func (c *caller) close() {
	c.stop()
	c.calls.Wait()
}

// errNotYet: something that is waited for has not happened; look again.
var errNotYet = errors.New("not yet")
