package cluster

import (
	"sync"

	"fracture/cluster/failover"
	"fracture/cluster/wire"
)

// Bounds of an inbox, in events.
const (
	inboxFull  = 1 << 16 // beyond it, whoever brings messages waits: the link is read no further
	inboxSpare = 1 << 12 // kept for reuse; a larger buffer is left to the collector
	inboxBeats = 1 << 10 // beyond it, a peer's newest beat takes the place of the one before
)

// inbox collects what happens to a process until its loop takes it. Any goroutine may put; one takes. Events that come
// together are taken together, so a busy loop wakes less often, not more.
//
// It is bounded also while the loop stands still: messages wait in their links, beats take each other's place, the workers
// report no more tasks than the loop gave them, and each that runs for long some times; members, links and requests are few.
type inbox struct {
	mu     sync.Mutex // guards all but ready
	space  *sync.Cond // signalled when events were taken
	events []failover.Event
	lent   []wire.Incoming         // what the messages among events lie in
	beats  int                     // among events
	newest map[failover.NodeID]int // where among events each peer's last beat stands
	merged uint64                  // beats that gave way to a newer one, ever
	closed bool
	ready  chan struct{} // of size 1: full while there is something to take
}

func newInbox() *inbox {
	in := &inbox{ready: make(chan struct{}, 1), newest: make(map[failover.NodeID]int)}
	in.space = sync.NewCond(&in.mu)
	return in
}

// put appends an event. It never waits.
func (in *inbox) put(ev failover.Event) {
	in.mu.Lock()
	in.events = append(in.events, ev)
	in.mu.Unlock()
	in.wake()
}

// putAll appends events that came together. It never waits.
func (in *inbox) putAll(events []failover.Event) {
	in.mu.Lock()
	in.events = append(in.events, events...)
	in.mu.Unlock()
	in.wake()
}

// beat appends beats, which nobody need be woken for: they say that nothing happened, and are looked at when the lease that
// they renew would lapse, or before. A peer's rhythm is learned from every beat, so all are kept for as long as a loop that
// is alive can leave them; of one that stands still, each peer's newest is what counts. It takes none where it would have to
// wait: whoever is in the inbox may be waiting for a core, and the thread that beats is not to wait with it.
func (in *inbox) beat(heard []wire.Heard) (taken bool) {
	if !in.mu.TryLock() {
		return false
	}
	defer in.mu.Unlock()
	for _, h := range heard {
		in.appendBeat(failover.Event{
			Kind: failover.Beat, At: h.At, Peer: h.From, Heard: h.HearsUs, Leaving: h.Leaving, Interval: h.Interval,
		})
	}
	return true
}

func (in *inbox) appendBeat(ev failover.Event) {
	last, waits := in.newest[ev.Peer]
	if in.beats >= inboxBeats {
		in.merged++
		if waits {
			in.events[last] = ev
		}
		return
	}
	in.newest[ev.Peer] = len(in.events)
	in.events = append(in.events, ev)
	in.beats++
}

// gaveWay counts the beats that gave way to a newer one.
func (in *inbox) gaveWay() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.merged
}

// putMessages appends what came over a link. Where the inbox is full it waits, which pushes back on the link's peer.
func (in *inbox) putMessages(from failover.NodeID, batch wire.Incoming) {
	in.mu.Lock()
	for len(in.events) >= inboxFull && !in.closed {
		in.space.Wait()
	}
	for i := range batch.Messages {
		in.events = append(in.events, failover.Event{Kind: failover.Received, Peer: from, Message: batch.Messages[i]})
	}
	in.lent = append(in.lent, batch)
	in.mu.Unlock()
	in.wake()
}

func (in *inbox) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// waits reports whether the loop has been woken and has not come.
func (in *inbox) waits() bool { return len(in.ready) > 0 }

// taken is what a loop took out of its inbox at once, and hands back with the next take.
type taken struct {
	events []failover.Event
	lent   []wire.Incoming // what their messages lie in; to be freed by a loop that keeps none of it
}

// take swaps the collected events for empty buffers.
func (in *inbox) take(empty taken) taken {
	clear(empty.events)
	clear(empty.lent)
	if cap(empty.events) > inboxSpare {
		empty = taken{}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	out := taken{in.events, in.lent}
	in.events, in.lent = empty.events[:0], empty.lent[:0]
	in.beats = 0
	clear(in.newest)
	in.space.Broadcast()
	return out
}

// close lets go of whoever waits.
func (in *inbox) close() {
	in.mu.Lock()
	in.closed = true
	in.space.Broadcast()
	in.mu.Unlock()
}
