package cluster

import (
	"context"
	"fmt"
	"sync"

	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/work"
)

// requests are the streams that came through this node's front door.
type requests struct {
	mu   sync.Mutex // guards open
	open map[work.StreamID]*request
}

// request is one of them.
type request struct {
	answer  chan error // one: nil when accepted
	results chan front.Result
	left    uint32
	over    bool // results is closed
}

func newRequests() requests { return requests{open: make(map[work.StreamID]*request)} }

// Request implements front.Cluster.
func (n *Node) Request(ctx context.Context, stream work.Stream) (<-chan front.Result, error) {
	if err := n.cfg.Keeper.Full(); err != nil {
		return nil, err
	}
	r := &request{
		answer: make(chan error, 1), results: make(chan front.Result, stream.Tiles), left: stream.Tiles,
	}
	n.requests.mu.Lock()
	n.requests.open[stream.ID] = r
	n.requests.mu.Unlock()
	n.tellSink(failover.Message{Kind: failover.Submit, Stream: &stream})
	select {
	case err := <-r.answer:
		if err != nil {
			n.endRequest(stream.ID)
			return nil, err
		}
		context.AfterFunc(ctx, func() { n.endRequest(stream.ID) })
		return r.results, nil
	case <-ctx.Done():
		n.endRequest(stream.ID)
		return nil, fmt.Errorf("submitting to the cluster: %w", context.Cause(ctx))
	}
}

// tellSink tells the sink of this node's front door something of its owner's.
func (n *Node) tellSink(m failover.Message) {
	n.in.put(failover.Event{Kind: failover.Received, Peer: n.id, Message: m})
}

// endRequest lets go of a request. What was accepted is computed and stored all the same.
func (n *Node) endRequest(id work.StreamID) {
	n.requests.mu.Lock()
	r := n.requests.open[id]
	delete(n.requests.open, id)
	if r != nil && !r.over {
		r.over = true
		close(r.results)
	}
	n.requests.mu.Unlock()
	if r != nil {
		n.tellSink(failover.Message{Kind: failover.Unsubscribe, Task: work.TaskID{Stream: id}})
	}
}

// answer tells the requester that its stream was accepted or refused.
func (rs *requests) answer(m *failover.Message) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.open[m.Task.Stream]
	if r == nil {
		return
	}
	if m.Reason == failover.Stopped && !r.over {
		r.over = true // the stream has ended with a fault: what came is all that comes
		close(r.results)
	}
	var err error
	if m.Kind == failover.Refused {
		err = front.Refusal{Reason: m.Reason, Have: m.Have, Need: m.Need}
	}
	select {
	case r.answer <- err:
	default:
	}
}

// deliver gives the requester a result; its channel has room for all.
func (rs *requests) deliver(m *failover.Message) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.open[m.Task.Stream]
	if r == nil || r.over {
		return
	}
	r.results <- front.Result{Tile: m.Task.Tile, Failed: m.Failed, Payload: append([]byte(nil), m.Payload...)}
	if r.left--; r.left == 0 {
		r.over = true
		close(r.results)
	}
}
