package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"fracture/cluster/failover"
	"fracture/work"
)

// ErrRefused: the cluster did not take the stream on; the text says why. Nothing was started.
var ErrRefused = errors.New("refused")

// RefusedError is an [ErrRefused] with its reason and, where it has any, its two figures.
type RefusedError struct {
	Reason     failover.Reason
	Have, Need uint32
}

// Error says why in words.
func (e *RefusedError) Error() string {
	switch e.Reason {
	case failover.TooFewNodes, failover.NotCopied, failover.TooManyStreams:
		return fmt.Sprintf("refused: %s: need %d, have %d", e.Reason, e.Need, e.Have)
	default:
		return fmt.Sprintf("refused: %s", e.Reason)
	}
}

// Is makes errors.Is(err, ErrRefused) true.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// Request is one stream of one frame on its way: its results come as they are delivered, each once.
type Request struct {
	Results <-chan failover.Message // one for each tile, then closed
	node    *Node
	id      work.StreamID
}

// Close lets go of the request. What was accepted is computed and stored all the same.
func (r *Request) Close() { r.node.requests.drop(r.id, r.node) }

// requests are the streams that came through this node's front door.
type requests struct {
	mu   sync.Mutex // guards open
	open map[work.StreamID]*request
}

type request struct {
	answer  chan error // one: nil when accepted
	results chan failover.Message
	left    uint32
}

func newRequests() requests { return requests{open: make(map[work.StreamID]*request)} }

// Request submits a stream of one frame and returns once it is accepted: from then on it survives the loss of all but one
// of its holders. Errors: [ErrRefused], or ctx's own.
func (n *Node) Request(ctx context.Context, stream *work.Stream) (*Request, error) {
	r := &request{
		answer: make(chan error, 1), results: make(chan failover.Message, stream.Tiles), left: stream.Tiles,
	}
	n.requests.mu.Lock()
	n.requests.open[stream.ID] = r
	n.requests.mu.Unlock()
	out := &Request{Results: r.results, node: n, id: stream.ID}
	n.tellSink(failover.Message{Kind: failover.Submit, Stream: stream})
	select {
	case err := <-r.answer:
		if err != nil {
			out.Close()
			return nil, err
		}
		return out, nil
	case <-ctx.Done():
		out.Close()
		return nil, fmt.Errorf("submitting to the cluster: %w", context.Cause(ctx))
	}
}

// tellSink tells the sink of this node's front door something of its owner's.
func (n *Node) tellSink(m failover.Message) {
	n.in.put(failover.Event{Kind: failover.Received, Peer: n.id, Message: m})
}

func (rs *requests) drop(id work.StreamID, n *Node) {
	rs.mu.Lock()
	_, open := rs.open[id]
	delete(rs.open, id)
	rs.mu.Unlock()
	if open {
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
	var err error
	if m.Kind == failover.Refused {
		err = &RefusedError{Reason: m.Reason, Have: m.Have, Need: m.Need}
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
	if r == nil || r.left == 0 {
		return
	}
	result := *m
	result.Payload = append([]byte(nil), m.Payload...)
	r.results <- result
	if r.left--; r.left == 0 {
		close(r.results)
	}
}
