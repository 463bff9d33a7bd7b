package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rawPair is a TCP connection whose one end is read and written by raw system calls.
func rawPair(t *testing.T) (raw *rawConn, under *net.TCPConn, other net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	under = c.(*net.TCPConn)
	if raw, err = newRawConn(under); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = under.Close(), other.Close() })
	return raw, under, other
}

func TestRawConn_carriesMoreThanTheKernelHolds(t *testing.T) {
	raw, under, other := rawPair(t)
	sent := make([]byte, 8<<20) // both ways at once, and more than the sockets' buffers: each end waits for the other
	_, _ = rand.Read(sent)
	back := make(chan error, 2)
	go func() {
		_, err := io.Copy(other, other)
		back <- errors.Join(err, other.(*net.TCPConn).CloseWrite())
	}()
	go func() {
		n, err := raw.Write(sent)
		if n != len(sent) {
			err = errors.Join(err, io.ErrShortWrite)
		}
		back <- errors.Join(err, under.CloseWrite())
	}()
	got, err := io.ReadAll(raw)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back (%v), want the %d that were sent", len(got), err, len(sent))
	}
	for range 2 {
		if err := <-back; err != nil {
			t.Error(err)
		}
	}
}

func TestRawConn_saysWhyItEnds(t *testing.T) {
	var b [1]byte
	raw, under, _ := rawPair(t)
	waited := make(chan error)
	go func() { _, err := raw.Read(b[:]); waited <- err }()
	_ = under.Close()
	if err := <-waited; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read of a connection closed here = %v, want net.ErrClosed", err)
	}
	if _, err := raw.Write(b[:]); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write to a connection closed here = %v, want net.ErrClosed", err)
	}

	raw, _, other := rawPair(t)
	_ = other.(*net.TCPConn).SetLinger(0) // its Close is a reset
	_ = other.Close()
	if _, err := raw.Read(b[:]); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read of a connection reset there = %v, want ECONNRESET", err)
	}
	if _, err := raw.Write(b[:]); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write to a connection reset there = %v, want EPIPE", err)
	}

	raw, under, _ = rawPair(t)
	_ = under.SetReadDeadline(time.Unix(1, 0))
	if _, err := raw.Read(b[:]); !isTimeout(err) {
		t.Errorf("Read past its deadline = %v, want a timeout", err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestSendNow_reachesWhatTheSocketCan(t *testing.T) {
	for _, c := range []struct{ listen, to string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"[::1]:0", "::1"},
		{"[::]:0", "127.0.0.1"},
		{"[::]:0", "::1"},
	} {
		b, err := ListenBeats(BeatsConfig{Addr: c.listen, Credentials: newCluster(t)})
		if err != nil {
			t.Logf("not judged on a host without IPv6: %v", err)
			continue
		}
		there, err := net.ListenPacket("udp", net.JoinHostPort(c.to, "0"))
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(netip.MustParseAddr(c.to), there.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		_ = b.raw.Control(func(fd uintptr) { b.write(fd, []byte("hello"), newSockaddr(to, b.family)) })
		_ = there.SetReadDeadline(time.Now().Add(patience))
		var got [16]byte
		if n, _, err := there.ReadFrom(got[:]); err != nil || string(got[:n]) != "hello" {
			t.Errorf("from %s to %v came %q (%v), want hello", c.listen, to, got[:n], err)
		}
		b.Close()
		_ = there.Close()
	}
	if newSockaddr(netip.MustParseAddrPort("[::1]:1"), unix.AF_INET) != nil {
		t.Error("an IPv4 socket has an address for ::1, want none")
	}
	if newSockaddr(netip.MustParseAddrPort("[fe80::1%nowhere]:1"), unix.AF_INET6) != nil {
		t.Error("a zone that does not exist has an address, want none")
	}
}

func TestBeats_turnAllocatesNothing(t *testing.T) {
	c := newCluster(t)
	a, err := ListenBeats(BeatsConfig{Name: "n1", Incarnation: 1, Credentials: c, OnBeats: func([]Heard) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.SetPeers([]BeatPeer{{ID: 5, Addr: a.Addr()}})
	r := round{Beats: a, seal: newSeal(c)}
	turn := r.turn
	allocs := testing.AllocsPerRun(100, func() {
		r.due = 0
		_ = a.raw.Control(turn)
		a.alarm.Set(r.wake)
	})
	if allocs != 0 || a.Stats().Out < 100 {
		t.Errorf("%v allocations for each of %d rounds, want none", allocs, a.Stats().Out)
	}
}
