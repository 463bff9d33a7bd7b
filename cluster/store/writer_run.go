package store

import (
	"context"
	"fmt"
	"time"

	"fracture/clock"
)

// Run writes until ctx ends, then writes what is left, for at most Flush. The error is [ErrUnsaved] where images remain.
// Values of streams are not tried again then: where the store is away they are given up, as a newer one would have done.
func (w *Writer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		w.step(ctx)
	}
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Flush)
	defer cancel()
	for last.Err() == nil && w.worthTrying() {
		w.step(last)
	}
	return w.close()
}

// worthTrying reports whether anything is left to be written when the writer ends.
func (w *Writer) worthTrying() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.images) > 0 || w.dirty > 0 && w.retryAt == 0
}

// close tells those who wait that they wait in vain.
func (w *Writer) close() error {
	w.mu.Lock()
	w.closed = true
	left := w.images
	w.images = nil
	for _, im := range left {
		w.vacate(im.size)
	}
	w.count.Dropped += uint64(w.dirty)
	w.dirty = 0
	w.slots = nil
	w.mu.Unlock()
	if len(left) == 0 {
		return nil
	}
	err := fmt.Errorf("%w: %d, the store at %s did not take them", ErrUnsaved, len(left), w.client)
	for _, im := range left {
		im.saved(err)
	}
	return err
}

// step writes one thing, or waits until there may be one.
func (w *Writer) step(ctx context.Context) {
	im, s, wait := w.next(clock.Now())
	if im == nil && s == nil {
		w.sleep(ctx, wait)
		return
	}
	if w.retryAt != 0 { // the last word was a failure: ask before anything is encoded in vain
		if err := w.ask(ctx); err != nil {
			w.failed(ctx)
			return
		}
	}
	if im != nil {
		w.saveImage(ctx, im)
	} else {
		w.saveValue(ctx, s)
	}
}

// next chooses what to write at now: an image and a stream's value by turns where both wait, the value due longest.
// Where there is nothing, it says how long there will be nothing.
func (w *Writer) next(now clock.Instant) (*durable, *slot, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dirty == 0 && len(w.images) == 0 {
		return nil, nil, time.Hour
	}
	if w.retryAt != 0 && now < w.retryAt {
		return nil, nil, w.retryAt.Sub(now)
	}
	s, wait := w.dueSlot(now)
	if len(w.images) > 0 && (s == nil || !w.streams) {
		return w.images[0], nil, 0
	}
	return nil, s, wait
}

// dueSlot is the value that has been due longest, or how long until one is. It looks at MaxKeys slots at most.
func (w *Writer) dueSlot(now clock.Instant) (*slot, time.Duration) {
	var first *slot
	for _, s := range w.slots {
		if s.encode != nil && (first == nil || s.due < first.due) {
			first = s
		}
	}
	switch {
	case first == nil:
		return nil, time.Hour
	case first.due > now && !w.closing:
		return nil, first.due.Sub(now)
	}
	return first, 0
}

func (w *Writer) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-w.wake:
	}
}

func (w *Writer) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
	defer cancel()
	return w.client.Ping(ctx)
}

// saveImage writes the oldest image. It keeps its place until the store has it.
func (w *Writer) saveImage(ctx context.Context, im *durable) {
	w.streams = true
	entries, err := im.encode()
	if err == nil {
		attempt, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
		defer cancel()
		if w.client.Set(attempt, entries...) != nil {
			w.failed(ctx)
			return
		}
	}
	w.mu.Lock()
	w.images[0] = nil
	w.images = w.images[1:]
	w.vacate(im.size)
	w.mu.Unlock()
	if err != nil {
		w.spoilt()
		im.saved(fmt.Errorf("encoding a picture for the store: %w", err))
		return
	}
	w.done()
	im.saved(nil)
}

// saveValue writes a key's newest value. What is put meanwhile waits for the next interval; where the write fails and
// nothing newer came, the value waits again.
func (w *Writer) saveValue(ctx context.Context, s *slot) {
	w.streams = false
	w.mu.Lock()
	encode := s.encode
	s.encode = nil
	s.due = clock.Now().Add(w.cfg.Interval)
	w.dirty--
	w.mu.Unlock()
	value, err := encode()
	if err != nil {
		w.spoilt()
		return
	}
	attempt, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
	defer cancel()
	if w.client.Set(attempt, Entry{Key: s.key, Value: value}) == nil {
		w.done()
		return
	}
	w.mu.Lock()
	s.due = clock.Now()
	if s.encode == nil {
		s.encode = encode
		w.dirty++
	}
	w.mu.Unlock()
	w.failed(ctx)
}

// spoilt counts something that could not be encoded.
func (w *Writer) spoilt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Failures++
}

// done counts a write and forgets earlier failures.
func (w *Writer) done() {
	w.backoff, w.retryAt = 0, 0
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Written++
	w.count.Down = false
}

// failed counts a failure and puts the next attempt off, unless it failed only because the writer is ending.
func (w *Writer) failed(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	w.backoff = min(max(2*w.backoff, w.cfg.Backoff), w.cfg.MaxBackoff)
	w.retryAt = clock.Now().Add(w.backoff)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Failures++
	w.count.Down = true
}
