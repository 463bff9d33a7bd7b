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
	b        []byte // begun as newFrame
	first    uint64 // the number of its first message; those behind it count on
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
	said      uint64   // the number of the last message
	kept      kept     // of them
	asks      []uint64 // numbers that the peer is to say again
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
	size := sizeOf(m)
	if !q.hasRoom(size) {
		return false
	}
	q.said++
	if astray {
		b := appendMessage(nil, m)
		q.kept.put(q.said, b, clock.Now())
		q.stray(q.said, b, due)
		return true
	}
	last := len(q.frames) - 1
	if last < 0 || due != q.frames[last].due || len(q.frames[last].b)+size > frameBytes || q.frames[last].next() != q.said {
		opened := pending{b: appendFirst(q.buffer(), q.said), first: q.said, due: due}
		q.frames = append(q.frames, opened)
		q.bytes += len(opened.b)
		last++
	}
	f := &q.frames[last]
	before := len(f.b)
	f.b = appendMessage(f.b, m)
	f.messages++
	q.kept.put(q.said, f.b[before:], clock.Now())
	q.messages++
	q.bytes += len(f.b) - before
	return true
}

// lose numbers and keeps m as if it were sent, and does not send it.
func (q *queue) lose(m *failover.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.standing {
		q.said++
		q.kept.put(q.said, appendMessage(nil, m), clock.Now())
	}
}

// pushTwice pushes the last message once more, out of the order.
func (q *queue) pushTwice(m *failover.Message, due clock.Instant) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hasRoom(sizeOf(m)) {
		q.stray(q.said, appendMessage(nil, m), due)
	}
}

// say says a message again that the peer misses, no sooner than due, and answers false where it is not kept any more.
func (q *queue) say(number uint64, due clock.Instant) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, ok := q.kept.appendTo(nil, number, clock.Now())
	if !ok || !q.hasRoom(len(b)) {
		return false
	}
	q.stray(number, b, due)
	return true
}

// stray adds an encoded message that goes out of the order; the caller holds mu.
func (q *queue) stray(number uint64, encoded []byte, due clock.Instant) {
	p := pending{b: append(appendFirst(newFrame(), number), encoded...), first: number, messages: 1, due: due}
	at := slices.IndexFunc(q.strays, func(s pending) bool { return s.due > due })
	if at < 0 {
		at = len(q.strays)
	}
	q.strays = slices.Insert(q.strays, at, p)
	q.messages++
	q.bytes += len(p.b)
}

// hasRoom reports whether a message of about so many bytes may wait; the caller holds mu.
func (q *queue) hasRoom(size int) bool {
	return q.standing && q.messages < q.maxMessages && q.bytes+size <= q.maxBytes
}

// sizeOf is about how many bytes a message takes.
func sizeOf(m *failover.Message) int {
	if m.Stream == nil {
		return len(m.Payload)
	}
	return len(m.Payload) + len(m.Stream.Params)
}

// next is the number of the message that would go on a frame.
func (p *pending) next() uint64 { return p.first + uint64(p.messages) }

// ask asks the peer to say messages again, with the next flush.
func (q *queue) ask(numbers []uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.standing {
		q.asks = append(q.asks, numbers[:min(len(numbers), maxMissing-len(q.asks))]...)
	}
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
	if len(q.asks) > 0 || next == clock.Never && len(q.telemetry) > 0 {
		return pending{b: q.attach(q.buffer())}, 0, true
	}
	return pending{}, next, false
}

// attach appends to a frame what the peer is asked for, and telemetry while it has room; the caller holds mu.
func (q *queue) attach(b []byte) []byte {
	b = appendAsks(b, q.asks)
	q.asks = q.asks[:0]
	n := 0
	for n < len(q.telemetry) && (len(b) == headBytes || len(b)+len(q.telemetry[n]) < frameBytes) {
		b = appendTelemetry(b, q.telemetry[n])
		n++
	}
	left := copy(q.telemetry, q.telemetry[n:])
	clear(q.telemetry[left:])
	q.telemetry = q.telemetry[:left]
	return b
}

// buffer gives an empty frame; the caller holds mu.
func (q *queue) buffer() []byte {
	if n := len(q.spare); n > 0 {
		b := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return b[:headBytes]
	}
	return newFrame()
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
	q.said, q.kept, q.asks = 0, kept{}, nil
	return messages, telemetry
}
