package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"sync"

	"fracture/cluster/failover"
)

// headBytes is how many bytes stand before each frame: its length, most significant byte first.
const headBytes = 4

// conn carries frames between two processes that have shown each other their certificates. One goroutine sends and one
// receives at a time.
type conn struct {
	tls  io.ReadWriter
	raw  *gate  // below TLS: to close it ends a link at once, whatever the peer does
	name string // in the peer's certificate

	head [headBytes]byte // of the frame that comes
	out  []byte          // the frame that goes, behind its head
}

// hangUp ends the connection, for both who sends and who receives.
func (c *conn) hangUp() { _ = c.raw.Close() }

// send sends one frame. It waits while the peer does not read.
func (c *conn) send(frame []byte) error {
	c.out = binary.BigEndian.AppendUint32(c.out[:0], uint32(len(frame)))
	c.out = append(c.out, frame...) // so that both go in one packet
	_, err := c.tls.Write(c.out)
	if cap(c.out) > 2*frameBytes {
		c.out = nil
	}
	return err
}

// receive waits for one frame. One beyond maxFrameBytes is not read, and is errMalformed: then the connection is of no more
// use.
func (c *conn) receive(rooms *rooms) (*room, error) {
	if _, err := io.ReadFull(c.tls, c.head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(c.head[:])
	if n > maxFrameBytes {
		return nil, fmt.Errorf("%w: a frame of %d bytes, %d are allowed", errMalformed, n, maxFrameBytes)
	}
	r := rooms.take(int(n))
	if _, err := io.ReadFull(c.tls, r.b); err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

// The sizes of rooms that are used again, as powers of two. Most frames are a message or two of some hundred bytes, or a
// tile's result of some thousand; what is larger than the largest is rare, and left to the collector.
const (
	smallestRoom = 9  // 512 bytes
	largestRoom  = 16 // 64 KiB
)

// rooms are memory for frames that come, used again and again.
type rooms [largestRoom - smallestRoom + 1]sync.Pool

// room is memory for one frame that came.
type room struct {
	b    []byte
	pool *sync.Pool // where it belongs; nil where it is not used again
}

// take gives room for exactly n bytes.
func (r *rooms) take(n int) *room {
	size := max(bits.Len(uint(max(n, 1)-1)), smallestRoom)
	if size > largestRoom {
		return &room{b: make([]byte, n)}
	}
	pool := &r[size-smallestRoom]
	if spare, ok := pool.Get().(*room); ok {
		spare.b = spare.b[:n]
		return spare
	}
	return &room{b: make([]byte, n, 1<<size), pool: pool}
}

// free gives the room back for what comes next.
func (r *room) free() {
	if r.pool != nil {
		r.pool.Put(r)
	}
}

// Incoming is what came from a peer at once. All that its messages point to is the receiver's until it frees it. Who keeps any of
// that for good does not: then it is left to the collector.
type Incoming struct {
	Messages []failover.Message // the list itself is used again when the receiver returns
	room     *room              // what they lie in; nil where it is not to be used again
}

// Free gives the memory back for what comes next.
func (in Incoming) Free() {
	if in.room != nil {
		in.room.free()
	}
}
