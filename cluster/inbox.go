package cluster

import (
	"sync"

	"fracture/cluster/failover"
)

// Bounds of an inbox, in events.
const (
	inboxFull  = 1 << 16 // beyond it, whoever brings messages waits: the link is read no further
	inboxSpare = 1 << 12 // kept for reuse; a larger buffer is left to the collector
)

// inbox collects what happens to a process until its loop takes it. Any goroutine may put; one takes. Events that come
// together are taken together, so a busy loop wakes less often, not more.
type inbox struct {
	mu     sync.Mutex // guards events and closed
	space  *sync.Cond // signalled when events were taken
	events []failover.Event
	closed bool
	ready  chan struct{} // of size 1: full while there is something to take
}

func newInbox() *inbox {
	in := &inbox{ready: make(chan struct{}, 1)}
	in.space = sync.NewCond(&in.mu)
	return in
}

// put appends an event. It never waits.
func (in *inbox) put(ev failover.Event) {
	in.putQuiet(ev)
	in.wake()
}

// putAll appends events that came together. It never waits.
func (in *inbox) putAll(events []failover.Event) {
	in.mu.Lock()
	in.events = append(in.events, events...)
	in.mu.Unlock()
	in.wake()
}

// putQuiet appends an event that nobody need be woken for: a beat says that nothing happened, and is looked at when the
// lease that it renews would lapse, or before.
func (in *inbox) putQuiet(ev failover.Event) {
	in.mu.Lock()
	in.events = append(in.events, ev)
	in.mu.Unlock()
}

// putMessages appends what came over a link. Where the inbox is full it waits, which pushes back on the link's peer.
func (in *inbox) putMessages(from failover.NodeID, batch []failover.Message) {
	in.mu.Lock()
	for len(in.events) >= inboxFull && !in.closed {
		in.space.Wait()
	}
	for i := range batch {
		in.events = append(in.events, failover.Event{Kind: failover.Received, Peer: from, Message: batch[i]})
	}
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take swaps the collected events for an empty buffer.
func (in *inbox) take(empty []failover.Event) []failover.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	taken := in.events
	clear(empty)
	if cap(empty) > inboxSpare {
		empty = nil
	}
	in.events = empty[:0]
	in.space.Broadcast()
	return taken
}

// close lets go of whoever waits.
func (in *inbox) close() {
	in.mu.Lock()
	in.closed = true
	in.space.Broadcast()
	in.mu.Unlock()
}
