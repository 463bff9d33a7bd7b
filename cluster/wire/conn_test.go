package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/iotest"
)

// over makes a connection that sends to and receives from rw.
func over(rw io.ReadWriter) *conn { return &conn{tls: rw} }

func TestConn_framesComeAsTheyWent(t *testing.T) {
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"at once":       func(r io.Reader) io.Reader { return r },
		"in two halves": iotest.HalfReader,
		"byte by byte":  iotest.OneByteReader,
	} {
		var between bytes.Buffer
		near, far := over(&between), over(struct {
			io.Reader
			io.Writer
		}{slow(&between), nil})
		var kept rooms
		for _, n := range []int{0, 1, 511, 512, 513, 40_000, 1 << 16, 1<<16 + 1, maxFrameBytes, 3} {
			sent := bytes.Repeat([]byte{byte(n), 7}, n)[:n]
			if err := near.send(framed(sent)); err != nil {
				t.Fatal(err)
			}
			came, err := far.receive(&kept, maxFrameBytes)
			if err != nil {
				t.Fatalf("%s: a frame of %d bytes: %v", name, n, err)
			}
			if !bytes.Equal(came.b, sent) {
				t.Fatalf("%s: a frame of %d bytes came as %d others", name, n, len(came.b))
			}
			came.free()
		}
		if _, err := far.receive(&kept, maxFrameBytes); !errors.Is(err, io.EOF) {
			t.Fatalf("%s: receive = %v at the end, want EOF", name, err)
		}
	}
}

func TestConn_aTilesResultIsOneWriteBelowTLSFromTheFirst(t *testing.T) {
	c := newCluster(t)
	cert, err := c.issue("n1")
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	w := &writes{Conn: near}
	var wg sync.WaitGroup
	wg.Go(func() {
		server := tls.Server(far, tlsConfig(c, cert))
		_, _ = io.Copy(io.Discard, server)
	})
	defer wg.Wait()
	defer func() { _ = near.Close() }()
	client := tls.Client(w, tlsConfig(c, cert))
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.n = 0
		if err := over(client).send(framed(make([]byte, 12<<10))); err != nil {
			t.Fatal(err)
		}
		if w.n != 1 {
			t.Fatalf("a frame of 12 KiB was written %d times, want once", w.n)
		}
	}
}

// writes counts how often it was written.
type writes struct {
	net.Conn
	n int
}

func (w *writes) Write(b []byte) (int, error) {
	w.n++
	return w.Conn.Write(b)
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
	if large := r.take(1<<largestRoom + 1); large.pool != nil {
		t.Fatal("a large room is kept")
	}
	again := testing.AllocsPerRun(100, func() { // a pool may let go of a room, as it does often under race
		room := r.take(1024)
		room.free()
	})
	if again > 0.9 {
		t.Fatalf("%v rooms are made for each frame, want them used again", again)
	}
	first.free()
	defer func() {
		if recover() == nil {
			t.Fatal("a room was freed twice, and nobody said so")
		}
	}()
	first.free()
}

func FuzzConn_receive(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, kept := over(bytes.NewBuffer(b)), new(rooms)
		for rest := b; ; {
			came, err := c.receive(kept, maxFrameBytes)
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
