package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"fracture/cluster/failover"
)

// refused waits until p has counted more strangers than before.
func refused(t *testing.T, p *process, before uint64) {
	t.Helper()
	eventually(t, p.self.Name+" counts a stranger", func() bool { return p.Stats().Strangers > before })
}

func TestLinks_refuseAnotherClustersNode(t *testing.T) {
	a, b := start(t, newCluster(t), "n1"), start(t, newCluster(t), "n2")
	to := b.self
	to.Dial = true
	b.Connect(a.self)
	a.Connect(to)
	// a finds b's certificate wrong; b, in TLS 1.3, hears of it from a.
	refused(t, a, 0)
	refused(t, b, 0)
	select {
	case got := <-a.says:
		t.Fatalf("n1 was told %s, want silence", got.what)
	case got := <-b.says:
		t.Fatalf("n2 was told %s, want silence", got.what)
	default:
	}
}

func TestLinks_refuseANodeCertifiedUnderAnotherName(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	to := b.self
	to.Name, to.Dial = "n3", true // at n3's address n2 answers
	a.Connect(to)
	b.Connect(a.self)
	refused(t, a, 0)
}

// framed makes a frame of b.
func framed(b []byte) []byte { return append(newFrame(), b...) }

// intrude calls p with a genuine certificate for certified, and returns the connection.
func intrude(t *testing.T, c *Credentials, certified string, p *process) *conn {
	t.Helper()
	cert, err := c.issue(certified)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	_ = tcp.SetDeadline(time.Now().Add(patience))
	raw := newGate(tcp, func() {})
	admitted, err := admit(t.Context(), raw, tls.Client(raw, tlsConfig(c, cert)))
	if err != nil {
		t.Fatal(err)
	}
	return admitted
}

func TestLinks_refuseAMemberThatSaysItIsAnother(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	for name, hello := range map[string]Peer{
		"another name": {Name: "n3", Incarnation: 1, ID: failover.Identify("n3", 1)},
		"another id":   {Name: "n2", Incarnation: 1, ID: failover.Identify("n3", 1)},
	} {
		before := a.Stats().Strangers
		s := intrude(t, c, "n2", a)
		if err := s.send(framed(appendHello(nil, hello))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.receive(new(rooms), maxFrameBytes); err == nil {
			t.Errorf("%s: answered, want an error", name)
		}
		refused(t, a, before)
	}
}

func TestLinks_refuseAFirstFrameThatIsNoHello(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	m := failover.Message{Kind: failover.Mark}
	hello := appendHello(nil, Peer{Name: "n2", Incarnation: 1, ID: failover.Identify("n2", 1)})
	for name, b := range map[string][]byte{
		"nothing":             {},
		"junk":                bytes.Repeat([]byte{0xff}, 100),
		"a message":           appendMessage(nil, &m),
		"more than the hello": appendMessage(hello, &m),
		"a very long hello":   protowire.AppendBytes(protowire.AppendTag(bytes.Clone(hello), 99, protowire.BytesType), make([]byte, maxHelloBytes)),
	} {
		before := a.Stats().Malformed
		s := intrude(t, c, "n2", a)
		if err := s.send(framed(b)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.receive(new(rooms), maxFrameBytes); err == nil {
			t.Errorf("%s: answered, want an error", name)
		}
		if got := a.Stats().Malformed; got != before+1 {
			t.Errorf("%s: malformed = %d, want %d", name, got, before+1)
		}
	}
}

// join calls p as n2 in earnest, as far as the hello that p answers with.
func join(t *testing.T, c *Credentials, p *process) *conn {
	t.Helper()
	n2 := Peer{Name: "n2", Incarnation: 1, ID: failover.Identify("n2", 1)}
	p.Connect(n2)
	s := intrude(t, c, "n2", p)
	if err := s.send(framed(appendHello(nil, n2))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.receive(new(rooms), maxFrameBytes); err != nil {
		t.Fatal(err)
	}
	p.want(t, "up", n2.ID)
	return s
}

func TestLinks_skipAMalformedMessageAndKeepTheLink(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	s := join(t, c, a)
	m := failover.Message{Kind: failover.Mark}
	bad := failover.Message{Task: m.Task} // no kind
	if err := s.send(framed(appendMessage(appendMessage(nil, &bad), &m))); err != nil {
		t.Fatal(err)
	}
	got := a.want(t, "got", failover.Identify("n2", 1))
	if len(got.messages) != 1 || a.Stats().Malformed != 1 {
		t.Fatalf("%d messages, %d malformed, want 1 and 1", len(got.messages), a.Stats().Malformed)
	}
	if err := s.send(framed(bytes.Repeat([]byte{0xff}, 100))); err != nil {
		t.Fatal(err)
	}
	if err := s.send(framed(appendMessage(nil, &m))); err != nil {
		t.Fatal(err)
	}
	a.want(t, "got", failover.Identify("n2", 1))
}

func TestLinks_endALinkWhoseFramesAreTooLarge(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	s := join(t, c, a)
	_ = s.send(framed(make([]byte, maxFrameBytes+1))) // it is cut short once its length is read
	a.want(t, "down", failover.Identify("n2", 1))
	if got := a.Stats().Malformed; got != 1 {
		t.Fatalf("malformed = %d, want 1", got)
	}
}

func TestLinks_refuseBytesThatAreNotTLS(t *testing.T) {
	a := start(t, newCluster(t), "n1")
	for name, junk := range map[string][]byte{
		"http":  []byte("GET / HTTP/1.1\r\nHost: n1\r\n\r\n"),
		"zeros": make([]byte, 1<<20),
		// A handshake record that promises 16 KiB, again and again, and never ends.
		"endless hello": bytes.Repeat(append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff}, make([]byte, 0x4000-4)...), 64),
	} {
		before := a.Stats().Strangers
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(junk) // it may be cut short: that is the point
		_, err = io.Copy(io.Discard, c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stayed open", name)
		}
		_ = c.Close()
		refused(t, a, before)
	}
}

func TestGate_readsNoMoreThanItsBoundBeforeItIsOpened(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _ = near.Close() }()
	go func() {
		defer func() { _ = far.Close() }()
		_, _ = far.Write(make([]byte, 4*greetingBytes))
	}()
	left := 0
	g := newGate(near, func() { left++ })
	n, err := io.Copy(io.Discard, g)
	if n != greetingBytes || !errors.Is(err, errTalkative) {
		t.Fatalf("read %d bytes (%v), want %d and errTalkative", n, err, greetingBytes)
	}
	g.open()
	if n, err := io.Copy(io.Discard, io.LimitReader(g, greetingBytes)); n != greetingBytes || err != nil {
		t.Fatalf("read %d bytes (%v) after open, want %d", n, err, greetingBytes)
	}
	_, _ = g.Close(), g.Close()
	if left != 1 {
		t.Fatalf("left %d times, want once", left)
	}
}

func TestLinks_holdStrangersToTheirNumber(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	conns := make([]net.Conn, 0, maxHandshakes+1)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range maxHandshakes + 1 {
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	refused(t, a, 0) // the one too many
	// They have cost the members nothing but a while: once they hang up, a member is let in.
	for _, c := range conns {
		_ = c.Close()
	}
	link(t, start(t, c, "n0"), a)
}

func TestLinks_speakTLS13AndNothingOlder(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	cert, err := c.issue("n2")
	if err != nil {
		t.Fatal(err)
	}
	config := tlsConfig(c, cert)
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	conn, err := tls.Dial("tcp", a.Addr(), config)
	if err == nil {
		_ = conn.Close()
		t.Fatal("TLS 1.2 was accepted")
	}
	if !strings.Contains(err.Error(), "protocol version") {
		t.Fatalf("Dial = %v, want a complaint about the protocol version", err)
	}
	refused(t, a, 0)
}

func TestLinks_aStrangerCosts64KiBAtMost(t *testing.T) {
	a := start(t, newCluster(t), "n1")
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := inUse()
	// A handshake record that promises 16 KiB and stops one byte short: the server has read it all and waits.
	promise := append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc}, make([]byte, greetingBytes-10)...)
	for range maxHandshakes {
		c, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := c.Write(promise); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are in the hall", func() bool { return a.greeting.Load() == maxHandshakes })
	if after := inUse(); after > before+maxHandshakes*64<<10 {
		t.Fatalf("%d strangers cost %d KiB each, want 64 at most", maxHandshakes, (after-before)/maxHandshakes>>10)
	} else {
		t.Logf("%d strangers cost %d KiB each", maxHandshakes, (int64(after)-int64(before))/maxHandshakes>>10)
	}
}

func TestLinks_whoSaysNothingAfterTheHandshakeIsHungUp(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	s := intrude(t, c, "n2", a)
	if _, err := s.receive(new(rooms), maxFrameBytes); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
		t.Fatalf("receive = %v, want that n1 hangs up", err)
	}
	eventually(t, "n1 has room for another", func() bool { return a.listener.inside.Load() == 0 })
}

func TestLinks_aMemberThatDoesNotShakeHandsIsNoStrangerToWhoCalls(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // the kernel answers for it, as for a frozen process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	a := start(t, newCluster(t), "n1")
	called := make(chan struct{}, 2)
	go func() {
		for {
			c, err := deaf.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			called <- struct{}{}
		}
	}()
	a.Connect(Peer{Name: "n2", ID: failover.Identify("n2", 1), Addr: deaf.Addr().String(), Dial: true})
	<-called
	<-called // so the first call was given up
	if got := a.Stats().Strangers; got != 0 {
		t.Fatalf("strangers = %d, want 0", got)
	}
}

func TestLinks_whoCallsWhileTheFormerLinkIsBusyIsNotKeptForEver(t *testing.T) {
	c := newCluster(t)
	busy := make(chan struct{})
	a := start(t, c, "n1", func(cfg *LinksConfig) {
		received := cfg.Received
		cfg.Received = func(from failover.NodeID, in Incoming) {
			received(from, in)
			<-busy
		}
	})
	first := join(t, c, a)
	m := failover.Message{Kind: failover.Mark}
	if err := first.send(framed(appendMessage(nil, &m))); err != nil {
		t.Fatal(err)
	}
	n2 := failover.Identify("n2", 1)
	a.want(t, "got", n2)
	again := intrude(t, c, "n2", a)
	if got := a.listener.inside.Load(); got != 2 {
		t.Fatalf("%d connections hold a place, want 2", got)
	}
	if err := again.send(framed(appendHello(nil, Peer{Name: "n2", Incarnation: 1, ID: n2}))); err != nil {
		t.Fatal(err)
	}
	again.hangUp()
	eventually(t, "neither holds a place", func() bool { return a.listener.inside.Load() == 0 })
	close(busy)
	a.want(t, "down", n2)
	if len(a.says) != 0 {
		t.Fatalf("n1 was told %s of one that had hung up", (<-a.says).what)
	}
}

func TestLinks_aPeerThatDoesNotReadKeepsNoLinkUp(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	join(t, c, a) // and never reads again
	n2 := failover.Identify("n2", 1)
	m := failover.Message{Kind: failover.Mark, Payload: make([]byte, 60_000)}
	eventually(t, "the queue is full, so its sender waits", func() bool {
		ok := a.Send(n2, &m)
		a.Flush()
		return !ok
	})
	a.Reset(n2)
	a.want(t, "down", n2)
}

func TestLinks_aLinkCutInsideAFrameIsDownOnceAndNotMalformed(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	s := join(t, c, a)
	if _, err := s.tls.Write([]byte{0, 0, 1, 0, 'h', 'a', 'l', 'f'}); err != nil {
		t.Fatal(err)
	}
	s.hangUp()
	a.want(t, "down", failover.Identify("n2", 1))
	eventually(t, "the place is free", func() bool { return a.listener.inside.Load() == 0 })
	if got := a.Stats().Malformed; got != 0 || len(a.says) != 0 {
		t.Fatalf("malformed = %d and %d more things told, want none", got, len(a.says))
	}
}
