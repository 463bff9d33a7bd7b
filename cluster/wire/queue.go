package wire

import (
	"slices"
	"sync"

	"fracture/clock"
	"fracture/cluster/failover"
)

// Bounds of a queue beside those that LinksConfig names.
const (
	maxTelemetryItems = 256 // waiting for one peer
	spareFrames       = 4   // buffers kept for reuse
)

// pending is a frame that waits to be sent.
type pending struct {
	b        []byte
	messages int
	due      clock.Instant // not before; zero unless a fault delays it
}

// queue holds what waits for one peer, encoded. It takes from any goroutine and gives to the link's sender.
//
// Invariant: messages and bytes count what is in frames and strays; both stay within their bounds. A fallen queue is
// empty. Strays are in the order in which they are due.
type queue struct {
	maxMessages, maxBytes int
	wake                  chan struct{} // of size 1: there may be something to send

	mu        sync.Mutex // guards what follows
	standing  bool       // a link takes from it
	frames    []pending  // oldest first; the last is open for more
	strays    []pending  // messages that a fault takes out of the order
	messages  int
	bytes     int
	telemetry [][]byte
	spare     [][]byte
}

func newQueue(maxMessages, maxBytes int) *queue {
	return &queue{maxMessages: maxMessages, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// push encodes m behind what waits, to be sent no sooner than due; those behind it wait too, unless it is astray. It
// answers false where there is no link or no room.
func (q *queue) push(m *failover.Message, due clock.Instant, astray bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := len(m.Payload)
	if m.Stream != nil {
		size += len(m.Stream.Params)
	}
	if !q.standing || q.messages >= q.maxMessages || q.bytes+size > q.maxBytes {
		return false
	}
	if astray {
		p := pending{b: appendMessage(nil, m), messages: 1, due: due}
		at := slices.IndexFunc(q.strays, func(s pending) bool { return s.due > due })
		if at < 0 {
			at = len(q.strays)
		}
		q.strays = slices.Insert(q.strays, at, p)
		q.messages++
		q.bytes += len(p.b)
		return true
	}
	last := len(q.frames) - 1
	if last < 0 || due != q.frames[last].due || len(q.frames[last].b)+size > frameBytes {
		q.frames = append(q.frames, pending{b: q.buffer(), due: due})
		last++
	}
	f := &q.frames[last]
	before := len(f.b)
	f.b = appendMessage(f.b, m)
	f.messages++
	q.messages++
	q.bytes += len(f.b) - before
	return true
}

// pushTelemetry keeps item until there is something to send or the queue is flushed.
func (q *queue) pushTelemetry(item []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.standing || len(q.telemetry) >= maxTelemetryItems {
		return false
	}
	q.telemetry = append(q.telemetry, append([]byte(nil), item...))
	return true
}

// flush wakes the sender.
func (q *queue) flush() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives the oldest frame that is due. Telemetry goes with the last one. Without a frame, next is when one will be
// due.
func (q *queue) take(now func() clock.Instant) (f pending, next clock.Instant, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	next = clock.Never
	for _, from := range []*[]pending{&q.strays, &q.frames} {
		if len(*from) == 0 {
			continue
		}
		f = (*from)[0]
		if f.due != 0 && f.due > now() {
			next = min(next, f.due)
			continue
		}
		*from = slices.Delete(*from, 0, 1)
		q.messages -= f.messages
		q.bytes -= len(f.b)
		if len(*from) == 0 {
			f.b = q.attach(f.b)
		}
		return f, 0, true
	}
	if next == clock.Never && len(q.telemetry) > 0 {
		return pending{b: q.attach(q.buffer())}, 0, true
	}
	return pending{}, next, false
}

// attach appends telemetry to a frame while it has room; the caller holds mu.
func (q *queue) attach(b []byte) []byte {
	n := 0
	for n < len(q.telemetry) && (len(b) == 0 || len(b)+len(q.telemetry[n]) < frameBytes) {
		b = appendTelemetry(b, q.telemetry[n])
		n++
	}
	left := copy(q.telemetry, q.telemetry[n:])
	clear(q.telemetry[left:])
	q.telemetry = q.telemetry[:left]
	return b
}

// buffer gives an empty buffer; the caller holds mu.
func (q *queue) buffer() []byte {
	if n := len(q.spare); n > 0 {
		b := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return b[:0]
	}
	return nil
}

// done gives a sent frame's buffer back.
func (q *queue) done(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(b) <= 2*frameBytes && len(q.spare) < spareFrames {
		q.spare = append(q.spare, b)
	}
}

// stand opens the queue for a new link.
func (q *queue) stand() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.standing = true
}

// fall closes the queue and says how much was in it.
func (q *queue) fall() (messages, telemetry int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	messages, telemetry = q.messages, len(q.telemetry)
	q.standing, q.messages, q.bytes = false, 0, 0
	q.frames, q.strays, q.telemetry, q.spare = nil, nil, nil, nil
	return messages, telemetry
}
