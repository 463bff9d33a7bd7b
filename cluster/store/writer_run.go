package store

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"fracture/clock"
)

// Run writes until ctx ends, then lets what is under way end, for at most half of Flush, and writes what is left, for at
// most Flush. The error is [ErrUnsaved] where images remain. Values of streams are not tried again then: where the store
// is away they are given up, as a newer one would have done.
func (w *Writer) Run(ctx context.Context) error {
	hurried := context.AfterFunc(ctx, func() { w.client.hurry(time.Now().Add(w.cfg.Flush / 2)) })
	for ctx.Err() == nil {
		w.step(ctx)
	}
	hurried()
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

// step writes one thing, or asks the store how it is, or waits until there may be something to do.
func (w *Writer) step(ctx context.Context) {
	now := clock.Now()
	im, s, wait := w.next(now)
	if w.retryAt == 0 && w.checkAt != 0 && now >= w.checkAt {
		w.check(ctx)
		return
	}
	if im == nil && s == nil {
		look := w.nextLook()
		if now < look {
			w.sleep(ctx, min(wait, look.Sub(now)))
		} else if w.ask(ctx) != nil {
			w.failed(ctx)
		} else {
			w.answered()
			w.restore(ctx)
		}
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

// nextLook is when the store is to be asked although there is nothing to write.
func (w *Writer) nextLook() clock.Instant {
	switch {
	case w.lookAt == 0:
		return clock.Never
	case w.lost && w.retryAt == 0:
		return 0
	}
	return max(w.lookAt, w.retryAt)
}

// check asks which of the keys that were written are there, and has those that are missing written again.
func (w *Writer) check(ctx context.Context) {
	w.mu.Lock()
	var slots []*slot
	var keys []string
	for _, s := range w.slots {
		if s.last != nil {
			slots, keys = append(slots, s), append(keys, s.key)
		}
	}
	w.mu.Unlock()
	if w.image != nil {
		keys = append(keys, w.image[0].Key)
	}
	w.checkAt = clock.Now().Add(w.cfg.Look)
	if len(keys) == 0 {
		return
	}
	attempt, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
	defer cancel()
	there, err := w.client.there(attempt, keys)
	if err != nil {
		w.failed(ctx)
		return
	}
	w.answered()
	w.lost = w.lost || w.image != nil && !there[len(slots)]
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range slots {
		if !there[i] {
			w.doubt(s)
		}
	}
}

// restore writes the last image again where it is missing.
func (w *Writer) restore(ctx context.Context) {
	if !w.lost {
		return
	}
	attempt, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
	defer cancel()
	written, err := w.client.restore(attempt, w.image)
	if err != nil {
		w.failed(ctx)
		return
	}
	w.lost = false
	w.answered()
	if written {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count.Again++
		w.count.Written++
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
	var err error
	if im.entries == nil {
		im.entries, err = im.encode()
	}
	if err == nil {
		attempt, cancel := context.WithTimeout(ctx, w.cfg.Attempt)
		defer cancel()
		if w.client.Set(attempt, im.entries...) != nil {
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
	w.image, w.lost = im.entries, false
	if sizeOf(im.entries) > w.cfg.MaxAgain || len(im.entries) == 0 {
		w.image = nil
	}
	im.saved(nil)
}

func sizeOf(entries []Entry) (sizeBytes int) {
	for _, e := range entries {
		sizeBytes += len(e.Key) + len(e.Value)
	}
	return sizeBytes
}

// saveValue writes a key's newest value. What is put meanwhile waits for the next interval; where the write fails and
// nothing newer came, the value waits again.
func (w *Writer) saveValue(ctx context.Context, s *slot) {
	w.streams = false
	w.mu.Lock()
	encode, again := s.encode, s.again
	s.encode, s.again = nil, false
	s.last = nil // of before: whatever becomes of this write, that one must not come after it
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
		unsure := w.unsure
		w.done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if again {
			w.count.Again++
		}
		if !s.left {
			s.last = encode
		}
		if unsure {
			w.doubt(s)
		}
		return
	}
	w.mu.Lock()
	s.due = clock.Now()
	if s.encode == nil && !(again && s.left) {
		s.encode, s.again = encode, again
		w.dirty++
	}
	w.mu.Unlock()
	w.failed(ctx)
}

// doubt lets a value that was written be written again, where no newer one waits. The caller holds mu.
func (w *Writer) doubt(s *slot) {
	if s.encode == nil && s.last != nil {
		s.encode, s.again = s.last, true
		w.dirty++
	}
}

// spoilt counts something that could not be encoded.
func (w *Writer) spoilt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Failures++
}

// done counts a write.
func (w *Writer) done() {
	w.answered()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Written++
}

// answered forgets earlier failures, and doubts what was written before where the store speaks on a new connection.
func (w *Writer) answered() {
	w.backoff, w.retryAt, w.unsure = 0, 0, false
	w.lookAt = clock.Now().Add(w.cfg.Look)
	w.checkAt = cmp.Or(w.checkAt, w.lookAt)
	dials := w.client.dials.Load()
	again := dials != w.dials
	w.dials = dials
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Down = false
	if !again {
		return
	}
	w.lost = w.image != nil
	for _, s := range w.slots {
		w.doubt(s)
	}
}

// failed counts a failure and puts the next attempt off, unless it failed only because the writer is ending.
func (w *Writer) failed(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	w.unsure = true
	w.backoff = min(max(2*w.backoff, w.cfg.Backoff), w.cfg.MaxBackoff)
	w.retryAt = clock.Now().Add(w.backoff)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count.Failures++
	w.count.Down = true
}
