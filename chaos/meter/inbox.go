package meter

import "sync"

// Inbox is where the goroutines of a sink leave what they saw for the one that measures. Putting costs one append under
// a lock, so that stamping the next arrival never waits for a computation.
type Inbox[T any] struct {
	bound int

	mu      sync.Mutex // guards in and dropped
	in      []T
	dropped uint64
}

// NewInbox makes an inbox that holds at most bound items between two calls of Take.
func NewInbox[T any](bound int) *Inbox[T] { return &Inbox[T]{bound: bound} }

// Put leaves an item. Where the inbox is full the item is dropped and counted.
func (b *Inbox[T]) Put(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.in) >= b.bound {
		b.dropped++
		return
	}
	b.in = append(b.in, item)
}

// Take returns what was left since the last call, in order, and how many items were ever dropped. The inbox keeps spare,
// emptied, for what comes next: hand back the slice of the call before.
func (b *Inbox[T]) Take(spare []T) (items []T, dropped uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	items, b.in = b.in, spare[:0]
	return items, b.dropped
}
