package meter

import (
	"context"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"fracture/clock"
)

// Lateness is how late threads were that wanted to wake at even intervals.
type Lateness struct {
	mu    sync.Mutex // guards all below
	all   *hdrhistogram.Histogram
	worst []spell // the newest spellBound that were at least spellFloor long; a ring
	count int     // spells ever kept
}

// spell is a stretch of time in which a thread should have run and did not.
type spell struct {
	from, to clock.Instant // when it should have woken, and when it did
}

const (
	spellFloor = 200 * time.Microsecond // an idle machine is as late now and then; less is not kept
	spellBound = 1 << 14
)

func newLateness() Lateness {
	return Lateness{all: hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
}

// watch lets the calling thread wake at intervals of every, notes how late it was, and calls then, until the context ends. It sleeps
// in the kernel by itself, because a timer of the runtime comes up to a millisecond late on an idle machine and would hide
// what is less.
func (l *Lateness) watch(ctx context.Context, every time.Duration, then func(now clock.Instant)) {
	for ctx.Err() == nil {
		due := clock.Now().Add(every)
		clock.Sleep(due)
		now := clock.Now()
		l.Note(due, now)
		then(now)
	}
}

// Note records that a thread was to wake at due and woke at now.
func (l *Lateness) Note(due, now clock.Instant) {
	late := max(now.Sub(due), 0)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.all.RecordValue(min(late, time.Minute).Microseconds()); err != nil {
		panic("meter: a value within the histogram's range was refused: " + err.Error())
	}
	if late < spellFloor {
		return
	}
	if len(l.worst) < spellBound {
		l.worst = append(l.worst, spell{due, now})
	} else {
		l.worst[l.count%spellBound] = spell{due, now}
	}
	l.count++
}

// Worst is the longest spell that reached into [from, to).
func (l *Lateness) Worst(from, to clock.Instant) (worst time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.worst {
		if x.from < to && x.to > from {
			worst = max(worst, x.to.Sub(x.from))
		}
	}
	return worst
}

// Spread sums the whole run up, at three digits.
func (l *Lateness) Spread() Spread {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(q float64) float64 { return float64(l.all.ValueAtQuantile(q)) / 1e3 }
	return Spread{P50: at(50), P90: at(90), P99: at(99), Max: float64(l.all.Max()) / 1e3}
}
