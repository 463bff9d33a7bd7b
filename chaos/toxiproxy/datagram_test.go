package toxiproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/bits"
	"net"
	"strings"
	"testing"
	"time"
)

// udpEchoed is a stand with a proxy p of datagrams before an echo, and a socket that speaks to it.
func udpEchoed(t *testing.T, cfg Config) (*stand, net.Conn) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, maxDatagram)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buf[:n], from)
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	s := begin(t, cfg)
	at := s.proxy("udp:127.0.0.1:0", server.LocalAddr().String())
	return s, dialUDP(t, at)
}

func dialUDP(t *testing.T, at string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", strings.TrimPrefix(at, udpPrefix))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// next is the next datagram.
func next(t *testing.T, c net.Conn) string {
	t.Helper()
	buf := make([]byte, maxDatagram)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestDatagrams_passWhole(t *testing.T) {
	_, c := udpEchoed(t, Config{})
	for _, text := range []string{"one", "", strings.Repeat("x", 9000)} {
		say(t, c, text)
		if got := next(t, c); got != text {
			t.Errorf("heard %d bytes, want %d", len(got), len(text))
		}
	}
}

func TestPacketLoss_losesThoseThatTheSeedDraws(t *testing.T) {
	const seed, wanted = 3, 10
	s, c := udpEchoed(t, Config{Seed: seed})
	s.toxic("packet_loss", Upstream, `{"probability":0.5}`)
	drawn := newStage(seed, "p", live{Toxic: Toxic{Name: "t", Toxicity: 1, Attributes: &PacketLoss{}}}, 1, true, time.Now())
	var want []string
	for i := 0; len(want) < wanted; i++ {
		if !drawn.luck().Hits(0.5) {
			want = append(want, fmt.Sprint(i))
		}
	}
	said := make(chan struct{})
	defer func() { <-said }()
	enough, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // one after the other, until so many have come through
		defer close(said)
		for i := 0; enough.Err() == nil; i++ {
			_, _ = io.WriteString(c, fmt.Sprint(i))
			pause(enough, time.Millisecond)
		}
	}()
	var got []string
	for range wanted {
		got = append(got, next(t, c))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("heard %v, want %v: the others are drawn to be lost", got, want)
	}
}

func TestDuplicate_arrivesTwice(t *testing.T) {
	s, c := udpEchoed(t, Config{})
	s.toxic("duplicate", Downstream, `{"probability":1}`)
	say(t, c, "twice")
	if a, b := next(t, c), next(t, c); a != "twice" || b != "twice" {
		t.Errorf("heard %q and %q, want it twice", a, b)
	}
}

func TestReorder_letsThoseBehindPass(t *testing.T) {
	s, c := udpEchoed(t, Config{})
	s.toxic("reorder", Downstream, `{"probability":1,"delay":3600000}`)
	say(t, c, "first")
	for len(s.flows()) == 0 || !s.holds(1) {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the first datagram is not held")
		}
	}
	s.must("PATCH", "/proxies/p/toxics/t", `{"attributes":{"probability":0}}`)
	say(t, c, "second")
	if got := next(t, c); got != "second" {
		t.Errorf("heard %q, want the second first", got)
	}
	s.must("DELETE", "/proxies/p/toxics/t", "")
	if got := next(t, c); got != "first" {
		t.Errorf("heard %q, want the first when its toxic is gone", got)
	}
}

// holds reports whether the stage of p's only connection holds n pieces on the way back.
func (s *stand) holds(n int) bool {
	held := 0
	s.flows()[0].flows[down].change(func(_ time.Time, old []*stage) []*stage {
		held = len(old[0].held)
		return old
	})
	return held == n
}

func TestCorrupt_flipsOneBitOfADatagram(t *testing.T) {
	s, c := udpEchoed(t, Config{})
	s.toxic("corrupt", Downstream, `{"probability":1}`)
	said := []byte("eight by")
	say(t, c, string(said))
	got := []byte(next(t, c))
	flipped := 0
	for i := range min(len(got), len(said)) {
		flipped += bits.OnesCount8(got[i] ^ said[i])
	}
	if len(got) != len(said) || flipped != 1 || bytes.Equal(got, said) {
		t.Errorf("heard %q, which differs by %d bits, want 1", got, flipped)
	}
}

func TestLatency_ofDatagramsIsNotEarlier(t *testing.T) {
	s, c := udpEchoed(t, Config{})
	s.toxic("latency", Upstream, `{"latency":50}`)
	began := time.Now()
	say(t, c, "late")
	next(t, c)
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("came after %v, want 50 ms", took)
	}
}

func TestDatagrams_ofASilentClientAreForgotten(t *testing.T) {
	s, c := udpEchoed(t, Config{IdleTime: 300 * time.Millisecond})
	say(t, c, "x")
	next(t, c)
	for deadline := time.Now().Add(patience); len(s.flows()) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the client is still known")
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
	say(t, c, "and known again")
	if got := next(t, c); got != "and known again" {
		t.Errorf("heard %q", got)
	}
}
