package toxiproxy

import (
	"bytes"
	"errors"
	"io"
	"math/bits"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProxy_carriesBothWaysAndHalfCloses(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0", ":0", ""} {
		s := begin(t, Config{})
		at := s.proxy(listen, upstream(t, func(c *net.TCPConn) {
			all, _ := io.ReadAll(c) // answers only when it has heard the end
			_, _ = c.Write(bytes.ToUpper(all))
		}))
		if host, port, _ := net.SplitHostPort(at); port == "0" || !net.ParseIP(host).IsLoopback() {
			t.Errorf("listen %q became %q, want an address of loopback with a port", listen, at)
		}
		c := dial(t, at)
		say(t, c, "half a word")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != "HALF A WORD" || err != nil {
			t.Errorf("behind %q heard %q, %v, want what was said before the half close", listen, got, err)
		}
	}
}

func TestProxy_passesAResetOn(t *testing.T) {
	s := begin(t, Config{})
	at := s.proxy("127.0.0.1:0", upstream(t, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.SetLinger(0)
	}))
	c := dial(t, at)
	say(t, c, "x")
	if _, err := io.ReadAll(c); !isReset(err) {
		t.Errorf("read %v, want a reset", err)
	}
}

func TestProxy_closesWhereTheUpstreamDoesNotAnswer(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	s := begin(t, Config{})
	c := dial(t, s.proxy("127.0.0.1:0", gone.Addr().String()))
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil && !isReset(err) {
		t.Errorf("read %q, %v, want the end", got, err)
	}
	if n := s.server.Counters().Failed; n != 1 {
		t.Errorf("counted %d failed, want 1", n)
	}
}

func TestProxy_disabledIsDownAndComesBackWhereItWas(t *testing.T) {
	s, at := echoed(t, Config{})
	c := dial(t, at)
	say(t, c, "up")
	hear(t, c, "up")
	s.must("POST", "/proxies/p", `{"enabled":false}`)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !isReset(err) {
		t.Errorf("read %v, want the connection closed", err)
	}
	if c, err := net.Dial("tcp", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialled %v, %v, want it refused", c, err)
	}
	s.must("PATCH", "/proxies/p", `{"enabled":true}`)
	c = dial(t, at)
	say(t, c, "again")
	hear(t, c, "again")
}

func TestProxy_deletionClosesItsConnections(t *testing.T) {
	s, at := echoed(t, Config{})
	c := dial(t, at)
	say(t, c, "x")
	hear(t, c, "x")
	s.must("DELETE", "/proxies/p", "")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !isReset(err) {
		t.Errorf("read %v, want the connection closed", err)
	}
}

func TestProxy_refusesConnectionsBeyondTheBound(t *testing.T) {
	s, at := echoed(t, Config{MaxConns: 2})
	for range 2 {
		c := dial(t, at)
		say(t, c, "x")
		hear(t, c, "x")
	}
	if got, err := io.ReadAll(dial(t, at)); len(got) > 0 || err != nil && !isReset(err) {
		t.Errorf("the third read %q, %v, want the end", got, err)
	}
	if n := s.server.Counters().Turned; n != 1 {
		t.Errorf("counted %d turned away, want 1", n)
	}
}

func TestLatency_isNotEarlier(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("latency", Downstream, `{"latency":60,"jitter":10}`)
	c := dial(t, at)
	began := time.Now()
	say(t, c, "late")
	hear(t, c, "late")
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("came after %v, want 60 ms less 10", took)
	}
	s.must("DELETE", "/proxies/p/toxics/t", "")
	say(t, c, "soon")
	hear(t, c, "soon")
}

func TestLatency_removedLetsGoOfWhatItHolds(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("latency", Downstream, `{"latency":3600000}`)
	c := dial(t, at)
	say(t, c, "held for an hour")
	s.must("PATCH", "/proxies/p/toxics/t", `{"attributes":{"jitter":1}}`)
	s.must("DELETE", "/proxies/p/toxics/t", "")
	hear(t, c, "held for an hour")
}

func TestBandwidth_isNotFasterAndLosesNothing(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("bandwidth", Upstream, `{"rate":100}`)
	c := dial(t, at)
	text := strings.Repeat("0123456789", 1000)
	began := time.Now()
	say(t, c, text)
	hear(t, c, text)
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("10 kB took %v at 100 kB/s, want 100 ms", took)
	}
	s.must("PATCH", "/proxies/p/toxics/t", `{"attributes":{"rate":0}}`)
	say(t, c, "nothing passes")
	s.must("PATCH", "/proxies/p/toxics/t", `{"attributes":{"rate":1000}}`)
	hear(t, c, "nothing passes")
}

func TestSlowClose_holdsTheEndBack(t *testing.T) {
	s := begin(t, Config{})
	at := s.proxy("127.0.0.1:0", upstream(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("bye")) }))
	s.toxic("slow_close", Downstream, `{"delay":80}`)
	began := time.Now()
	c := dial(t, at)
	hear(t, c, "bye")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %v, want the end", err)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("the end came after %v, want 80 ms", took)
	}
}

func TestTimeout_dropsAndCloses(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("timeout", Downstream, `{"timeout":60}`)
	c := dial(t, at)
	began := time.Now()
	say(t, c, "into the void")
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
		t.Errorf("read %q, %v, want nothing and the end", got, err)
	}
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("closed after %v, want 60 ms", took)
	}
}

func TestTimeout_removedClosesWhatItDroppedFrom(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("timeout", Downstream, `{"timeout":0}`)
	c := dial(t, at)
	say(t, c, "into the void")
	for len(s.flows()) == 0 { // until the proxy has dialled
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("no connection")
		}
	}
	s.must("DELETE", "/proxies/p/toxics/t", "")
	if got, err := io.ReadAll(c); len(got) > 0 || err != nil && !isReset(err) {
		t.Errorf("read %q, %v, want nothing and the end", got, err)
	}
}

// flows are those of proxy p which are carried now.
func (s *stand) flows() []*conn {
	s.server.mu.Lock()
	p := s.server.proxies["p"]
	s.server.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*conn
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}

func TestResetPeer_resetsBothSides(t *testing.T) {
	heard := make(chan error, 1)
	s := begin(t, Config{})
	at := s.proxy("127.0.0.1:0", upstream(t, func(c *net.TCPConn) {
		_, err := io.ReadAll(c)
		heard <- err
	}))
	s.toxic("reset_peer", Upstream, `{"timeout":30}`)
	c := dial(t, at)
	began := time.Now()
	say(t, c, "x")
	if _, err := io.ReadAll(c); !isReset(err) {
		t.Errorf("the client read %v, want a reset", err)
	}
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("reset after %v, want 30 ms", took)
	}
	if err := <-heard; !isReset(err) {
		t.Errorf("the server read %v, want a reset", err)
	}
}

func TestResetPeer_removedInTimeLosesNothing(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("reset_peer", Downstream, `{"timeout":3600000}`)
	c := dial(t, at)
	say(t, c, "kept")
	s.must("DELETE", "/proxies/p/toxics/t", "")
	hear(t, c, "kept")
}

func TestSlicer_waitsBehindEachPart(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("slicer", Downstream, `{"average_size":10,"size_variation":3,"delay":2000}`)
	c := dial(t, at)
	text := strings.Repeat("0123456789", 20)
	began := time.Now()
	say(t, c, text)
	hear(t, c, text)
	if took := time.Since(began); took < 14*2*time.Millisecond {
		t.Errorf("200 bytes took %v, want 2 ms behind each of 15 parts at least, of which the last is not waited for", took)
	}
}

func TestLimitData_closesBehindTheLastByte(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("limit_data", Downstream, `{"bytes":10}`)
	c := dial(t, at)
	say(t, c, "0123")
	hear(t, c, "0123")
	say(t, c, "456789 and more")
	if got, err := io.ReadAll(c); string(got) != "456789" || err != nil && !isReset(err) {
		t.Errorf("read %q, %v, want the other 6 bytes and the end", got, err)
	}
}

func TestNthCall_countsOverAllConnections(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("nth_call", Upstream, `{"n":3}`)
	kept := dial(t, at)
	for call := 1; call <= 9; call++ {
		c := kept
		if call%3 != 1 { // the first of each three on a connection of its own
			c = dial(t, at)
		}
		say(t, c, "call")
		if call%3 != 0 {
			hear(t, c, "call")
			continue
		}
		if got, err := io.ReadAll(c); len(got) > 0 || !isReset(err) {
			t.Errorf("call %d read %q, %v, want a reset", call, got, err)
		}
	}
	say(t, kept, "still here")
	hear(t, kept, "still here")
}

func TestCorrupt_flipsOneBitOfEachPiece(t *testing.T) {
	s, at := echoed(t, Config{})
	s.toxic("corrupt", Upstream, `{"probability":1}`)
	c := dial(t, at)
	for range 5 {
		said, got := "eight by", make([]byte, 8)
		say(t, c, said)
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatal(err)
		}
		flipped := 0
		for i := range got {
			flipped += bits.OnesCount8(got[i] ^ said[i])
		}
		if flipped != 1 {
			t.Errorf("heard %q, which differs by %d bits, want 1", got, flipped)
		}
	}
}

func TestToxicity_isDrawnFromTheSeed(t *testing.T) {
	const conns = 40
	draw := func(seed uint64) (hits [conns]bool) {
		s, at := echoed(t, Config{Seed: seed})
		s.must("POST", "/proxies/p/toxics", `{"type":"limit_data","toxicity":0.5,"attributes":{"bytes":0}}`)
		for i := range hits {
			c := dial(t, at)
			say(t, c, "x")
			_, err := io.ReadFull(c, make([]byte, 1))
			hits[i] = err != nil
			_ = c.Close()
		}
		return hits
	}
	first, again, other := draw(1), draw(1), draw(2)
	if first != again {
		t.Errorf("the same seed drew\n%v and\n%v", first, again)
	}
	if first == other {
		t.Error("two seeds drew the same")
	}
	n := 0
	for _, hit := range first {
		if hit {
			n++
		}
	}
	if n < conns/5 || n > conns*4/5 {
		t.Errorf("a toxicity of 0.5 hit %d of %d", n, conns)
	}
}
