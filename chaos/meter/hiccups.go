package meter

import (
	"context"
	"runtime"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// Hiccups watches the meter itself: a thread like any other of its process. What it could not do in time, the goroutine
// that stamps arrivals could not do either: it waits for a core as long as that one does, and is stopped with the world.
type Hiccups struct{ Lateness }

const hiccupPeriod = time.Millisecond

// NewHiccups makes a watch that has seen nothing.
func NewHiccups() *Hiccups { return &Hiccups{newLateness()} }

// run watches until the context ends, on a thread of its own.
func (h *Hiccups) run(ctx context.Context) error {
	onThread(func() {
		thread.Punctual()
		h.watch(ctx, hiccupPeriod, func(clock.Instant) {})
	})
	return nil
}

// onThread calls f on a thread of its own, which ends with it.
func onThread(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		f()
	}()
	<-ended
}
