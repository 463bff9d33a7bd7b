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

// newFrame is an empty frame to append to. It begins with the room for its head.
func newFrame() []byte { return make([]byte, headBytes, 16*headBytes) }

// maxHelloBytes bounds a link's first frame, so that who only says a length costs no more.
const maxHelloBytes = 1 << 10

// conn carries frames between two processes that have shown each other their certificates. One goroutine sends and one
// receives at a time.
type conn struct {
	tls  io.ReadWriter
	gate *gate  // below TLS: to close it ends a link, whatever the peer does
	name string // in the peer's certificate

	head [headBytes]byte // of the frame that comes
}

// hangUp ends the connection, for both who sends and who receives. It waits until neither is in the kernel.
func (c *conn) hangUp() { _ = c.gate.Close() }

// send sends one frame, which began as newFrame, and fills in its head. It waits while the peer does not read.
func (c *conn) send(frame []byte) error {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-headBytes))
	_, err := c.tls.Write(frame)
	return err
}

// receive waits for one frame. One beyond the limit is not read, and is errMalformed: then the connection is of no more use.
func (c *conn) receive(rooms *rooms, limit uint32) (*room, error) {
	if _, err := io.ReadFull(c.tls, c.head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(c.head[:])
	if n > limit {
		return nil, fmt.Errorf("%w: a frame of %d bytes, %d are allowed", errMalformed, n, limit)
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
	b    []byte     // the frame; nil once the room is free
	all  []byte     // all of it
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
		spare.b = spare.all[:n]
		return spare
	}
	all := make([]byte, 1<<size)
	return &room{b: all[:n], all: all, pool: pool}
}

// free gives the room back for what comes next. It must not be free already: two frames would come into it.
func (r *room) free() {
	if r.b == nil {
		panic("wire: what came is freed twice")
	}
	r.b = nil
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
