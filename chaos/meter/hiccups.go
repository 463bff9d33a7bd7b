package meter

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"fracture/clock"
)

// Hiccups watches the meter itself: a goroutine that wants to wake every millisecond and notes how late it was. What it
// could not do in time, the goroutine that stamps arrivals could not do either. It waits like that one, on the runtime's
// timers and not on a thread of its own, because it is the runtime's pauses that would be taken for the cluster's.
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
	hiccupFloor  = time.Millisecond // the runtime's timers are that coarse; less is no hiccup
	hiccupBound  = 1 << 14
)

// NewHiccups makes a watch that has seen nothing.
func NewHiccups() *Hiccups {
	return &Hiccups{all: hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
}

// Run watches until the context ends.
func (h *Hiccups) Run(ctx context.Context) error {
	timer := time.NewTimer(hiccupPeriod)
	defer timer.Stop()
	due := clock.Now().Add(hiccupPeriod)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := clock.Now()
		h.Note(due, now)
		due = now.Add(hiccupPeriod)
		timer.Reset(hiccupPeriod)
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
