package meter

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"fracture/clock"
	"fracture/thread"
)

// Hiccups watches the meter itself: a thread that wants to wake every millisecond and notes how late it was. What it could
// not do in time, the goroutine that stamps arrivals could not do either: it waits for a core as long as that one does, and
// then for the runtime, which lets it go on when it has a P for it and does not stop the world. It sleeps in the kernel
// by itself, because a timer of the runtime comes up to a millisecond late on an idle machine and would hide what is less.
type Hiccups struct {
	mu    sync.Mutex // guards all below
	all   *hdrhistogram.Histogram
	worst []hiccup // the newest hiccupBound that were at least hiccupFloor late; a ring
	count int      // hiccups ever kept
}

type hiccup struct {
	from, to clock.Instant // when it should have woken, and when it did
}

const (
	hiccupPeriod = time.Millisecond
	hiccupFloor  = 200 * time.Microsecond // an idle machine is as late now and then; less is no hiccup
	hiccupBound  = 1 << 14
)

// NewHiccups makes a watch that has seen nothing.
func NewHiccups() *Hiccups {
	return &Hiccups{all: hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
}

// Run watches until the context ends. It costs a P: while the thread sleeps the runtime may keep one for it, so a process
// whose other goroutines are not to wait for that one has GOMAXPROCS raised by one.
func (h *Hiccups) Run(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.watch(ctx)
	}()
	<-ended
	return nil
}

// watch is Run, in a goroutine whose thread ends with it.
func (h *Hiccups) watch(ctx context.Context) {
	runtime.LockOSThread()
	thread.Punctual()
	for ctx.Err() == nil {
		due := clock.Now().Add(hiccupPeriod)
		clock.Sleep(due)
		h.Note(due, clock.Now())
	}
}

// Note records that the meter was to wake at due and woke at now.
func (h *Hiccups) Note(due, now clock.Instant) {
	late := max(now.Sub(due), 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.all.RecordValue(min(late, time.Minute).Microseconds()); err != nil {
		panic("meter: a value within the histogram's range was refused: " + err.Error())
	}
	if late < hiccupFloor {
		return
	}
	if len(h.worst) < hiccupBound {
		h.worst = append(h.worst, hiccup{due, now})
	} else {
		h.worst[h.count%hiccupBound] = hiccup{due, now}
	}
	h.count++
}

// Worst is how late the meter was at worst in [from, to).
func (h *Hiccups) Worst(from, to clock.Instant) (worst time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range h.worst {
		if x.from < to && x.to > from {
			worst = max(worst, x.to.Sub(x.from))
		}
	}
	return worst
}

// Spread sums up how late the meter was in the whole run, at three digits.
func (h *Hiccups) Spread() Spread {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := func(q float64) float64 { return float64(h.all.ValueAtQuantile(q)) / 1e3 }
	return Spread{P50: at(50), P90: at(90), P99: at(99), Max: float64(h.all.Max()) / 1e3}
}
