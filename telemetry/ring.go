package telemetry

// Ring keeps the newest of what is pushed: a pane's log, a node's recent past. One goroutine owns it.
type Ring[T any] struct {
	items   []T
	bound   int
	oldest  int // where the oldest item lies, once the ring is full
	dropped uint64
}

// NewRing makes a ring of the given bound in items, at least 1.
func NewRing[T any](bound int) *Ring[T] { return &Ring[T]{bound: max(bound, 1)} }

// Push adds an item. Where the ring is full the oldest one goes, and is counted.
func (r *Ring[T]) Push(item T) {
	if len(r.items) < r.bound {
		r.items = append(r.items, item)
		return
	}
	r.items[r.oldest] = item
	r.oldest = (r.oldest + 1) % r.bound
	r.dropped++
}

// Append appends the items to buf, the oldest first.
func (r *Ring[T]) Append(buf []T) []T {
	buf = append(buf, r.items[r.oldest:]...)
	return append(buf, r.items[:r.oldest]...)
}

// Len is how many items there are.
func (r *Ring[T]) Len() int { return len(r.items) }

// Dropped is how many items have gone to make room.
func (r *Ring[T]) Dropped() uint64 { return r.dropped }
