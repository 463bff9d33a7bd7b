package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
)

// over makes a connection that sends to and receives from rw.
func over(rw io.ReadWriter) *conn { return &conn{tls: rw} }

func TestConn_framesComeAsTheyWent(t *testing.T) {
	var between bytes.Buffer
	c := over(&between)
	var kept rooms
	for _, n := range []int{0, 1, 511, 512, 513, 40_000, 1 << 16, 1<<16 + 1, maxFrameBytes, 3} {
		sent := bytes.Repeat([]byte{byte(n), 7}, n)[:n]
		if err := c.send(sent); err != nil {
			t.Fatal(err)
		}
		came, err := c.receive(&kept)
		if err != nil || !bytes.Equal(came.b, sent) {
			t.Fatalf("a frame of %d bytes came as %d (%v)", n, len(came.b), err)
		}
		came.free()
	}
	if _, err := c.receive(&kept); !errors.Is(err, io.EOF) {
		t.Fatalf("receive = %v at the end, want EOF", err)
	}
}

func TestConn_aFrameGoesInOneWrite(t *testing.T) {
	var w writes
	if err := over(&w).send(make([]byte, frameBytes)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.sizes, []int{headBytes + frameBytes}) {
		t.Fatalf("written in pieces of %d bytes, want one of %d", w.sizes, headBytes+frameBytes)
	}
}

// writes notes how much was written at a time.
type writes struct {
	io.Reader
	sizes []int
}

func (w *writes) Write(b []byte) (int, error) {
	w.sizes = append(w.sizes, len(b))
	return len(b), nil
}

func TestRooms_aRoomIsUsedAgainOnlyOnceItIsFree(t *testing.T) {
	var r rooms
	first, second := r.take(600), r.take(1000)
	if &first.b[0] == &second.b[0] {
		t.Fatal("two frames lie in one room")
	}
	if got := cap(first.b); got != 1024 {
		t.Fatalf("a frame of 600 bytes has a room of %d, want 1024", got)
	}
	first.free()
	for _, n := range []int{1024, 513} { // the pool may have let go of it, but gives no other size
		if again := r.take(n); len(again.b) != n || cap(again.b) != 1024 {
			t.Fatalf("room for %d bytes has %d of %d", n, len(again.b), cap(again.b))
		}
	}
	if large := r.take(1<<largestRoom + 1); large.pool != nil {
		t.Fatal("a large room is kept")
	}
}

func FuzzConn_receive(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, kept := over(bytes.NewBuffer(b)), new(rooms)
		for rest := b; ; {
			came, err := c.receive(kept)
			if err != nil {
				whole := len(rest) >= headBytes && int(binary.BigEndian.Uint32(rest)) <= len(rest)-headBytes
				if whole && binary.BigEndian.Uint32(rest) <= maxFrameBytes {
					t.Fatalf("receive = %v, of a whole frame", err)
				}
				return
			}
			n := int(binary.BigEndian.Uint32(rest))
			if !bytes.Equal(came.b, rest[headBytes:headBytes+n]) {
				t.Fatal("another frame came")
			}
			came.free()
			rest = rest[headBytes+n:]
		}
	})
}
