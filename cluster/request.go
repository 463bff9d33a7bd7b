package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/work"
)

// requests are the streams that came through this node's front door.
type requests struct {
	mu    sync.Mutex // guards open and ended
	open  map[work.StreamID]*request
	ended bool // the node's loop is gone: nobody is answered any more
}

// request is one of them, which several may wait for: a client asks again for what its idempotency key names.
type request struct {
	release  func()         // gives back the room for its picture
	accepted bool           // by the cluster
	came     []front.Result // for who joins later; only where somebody can
	waiters  []*waiter
}

// waiter is who asked for it.
type waiter struct {
	answer  chan error // one: nil when accepted
	results chan front.Result
	left    uint32
	over    bool // results is closed
}

func newRequests() requests { return requests{open: make(map[work.StreamID]*request)} }

// Request implements front.Cluster.
func (n *Node) Request(ctx context.Context, stream work.Stream) (<-chan front.Result, error) {
	if !n.keys.see(stream.ID, clock.Now()) {
		return nil, front.ErrKeyReused
	}
	w, err := n.join(&stream)
	if err != nil {
		return nil, err
	}
	select {
	case err := <-w.answer:
		if err != nil {
			n.endRequest(stream.ID, w)
			return nil, err
		}
		context.AfterFunc(ctx, func() { n.endRequest(stream.ID, w) })
		return w.results, nil
	case <-ctx.Done():
		n.endRequest(stream.ID, w)
		return nil, fmt.Errorf("submitting to the cluster: %w", context.Cause(ctx))
	}
}

// join makes one more wait for a stream, and submits the stream for the first.
func (n *Node) join(stream *work.Stream) (*waiter, error) {
	rs := &n.requests
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.ended {
		return nil, front.ErrEnded
	}
	w := &waiter{answer: make(chan error, 1), results: make(chan front.Result, stream.Tiles), left: stream.Tiles}
	r := rs.open[stream.ID]
	if r == nil {
		release, err := n.cfg.Keeper.Reserve(stream)
		if err != nil {
			return nil, err
		}
		r = &request{release: release}
		rs.open[stream.ID] = r
		shared := uint32(0)
		if front.IsKeyed(stream.ID) {
			shared = 1
		}
		n.tellSink(failover.Message{Kind: failover.Submit, Have: shared, Stream: stream})
	}
	r.waiters = append(r.waiters, w)
	if r.accepted {
		w.answer <- nil
	}
	for _, result := range r.came {
		w.take(result)
	}
	return w, nil
}

// tellSink tells the sink of this node's front door something of its owner's.
func (n *Node) tellSink(m failover.Message) {
	n.in.put(failover.Event{Kind: failover.Received, Peer: n.id, Message: m})
}

// endRequest lets a waiter go, and with the last one the request. What was accepted is computed and stored all the same.
func (n *Node) endRequest(id work.StreamID, w *waiter) {
	rs := &n.requests
	rs.mu.Lock()
	defer rs.mu.Unlock()
	w.end()
	r := rs.open[id]
	if r == nil {
		return
	}
	before := len(r.waiters)
	r.waiters = slices.DeleteFunc(r.waiters, func(other *waiter) bool { return other == w })
	if before > 0 && len(r.waiters) == 0 {
		delete(rs.open, id)
		r.release()
		n.tellSink(failover.Message{Kind: failover.Unsubscribe, Task: work.TaskID{Stream: id}}) // in the order of joins
	}
}

// answer tells those who wait that their stream was accepted or refused, or that it has ended with a fault.
func (rs *requests) answer(m *failover.Message) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.open[m.Task.Stream]
	switch {
	case r == nil, r.accepted && m.Reason != failover.Stopped:
		return
	case m.Kind != failover.Refused:
		r.accepted = true
		r.tell(nil)
		return
	}
	delete(rs.open, m.Task.Stream) // the sink has looked away: who asks from now on asks anew
	r.release()
	r.tell(front.Refusal{Reason: m.Reason, Have: m.Have, Need: m.Need})
	for _, w := range r.waiters {
		w.end() // where the stream has ended with a fault, what came is all that comes
	}
}

// deliver gives those who wait a result; their channels have room for all.
func (rs *requests) deliver(m *failover.Message) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.open[m.Task.Stream]
	if r == nil {
		return
	}
	result := front.Result{Tile: m.Task.Tile, Failed: m.Failed, Payload: append([]byte(nil), m.Payload...)}
	if front.IsKeyed(m.Task.Stream) {
		r.came = append(r.came, result)
	}
	for _, w := range r.waiters {
		w.take(result)
	}
}

// end tells all who wait that this node's life is over.
func (rs *requests) end() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.ended = true
	for _, r := range rs.open {
		r.tell(front.ErrEnded)
		for _, w := range r.waiters {
			w.end()
		}
	}
}

// tell gives each waiter its answer, unless it has one.
func (r *request) tell(err error) {
	for _, w := range r.waiters {
		select {
		case w.answer <- err:
		default:
		}
	}
}

func (w *waiter) take(result front.Result) {
	if w.over {
		return
	}
	w.results <- result
	if w.left--; w.left == 0 {
		w.end()
	}
}

func (w *waiter) end() {
	if !w.over {
		w.over = true
		close(w.results)
	}
}
