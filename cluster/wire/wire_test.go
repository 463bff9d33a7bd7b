package wire

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fracture/cluster/failover"
)

// patience is how long a test waits for what must come; it bounds a hang, and judges no speed.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if childMain() || loadMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// told is one call of a link's callbacks.
type told struct {
	what      string // "up", "got", "heard", "down"
	peer      failover.NodeID
	messages  []failover.Message
	telemetry [][]byte
}

// process is one end of links under test, with what its callbacks told.
type process struct {
	*Links
	self Peer
	says chan told
}

// start runs links for name until the test ends.
func start(t testing.TB, c *Credentials, name string, change ...func(*LinksConfig)) *process {
	t.Helper()
	p := &process{says: make(chan told, 1<<16)}
	cfg := LinksConfig{
		Self:        Peer{Name: name, Incarnation: 1},
		Credentials: c,
		Up:          func(q Peer) { p.says <- told{what: "up", peer: q.ID} },
		Down:        func(q Peer) { p.says <- told{what: "down", peer: q.ID} },
		Received: func(from failover.NodeID, in Incoming) {
			p.says <- told{what: "got", peer: from, messages: slices.Clone(in.Messages)}
		},
		Telemetry: func(from failover.NodeID, b [][]byte) {
			p.says <- told{what: "heard", peer: from, telemetry: b}
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	l, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Links = l
	p.self = cfg.Self
	p.self.ID = failover.Identify(cfg.Self.Name, cfg.Self.Incarnation)
	p.self.Addr = l.Addr()
	run(t, l.Run)
	return p
}

// run calls Run until the test ends, and fails the test if it ended with an error.
func run(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// want waits for the next thing told and fails unless it is what, of peer.
func (p *process) want(t testing.TB, what string, peer failover.NodeID) told {
	t.Helper()
	select {
	case got := <-p.says:
		if got.what != what || got.peer != peer {
			t.Fatalf("%s was told %s of %x, want %s of %x", p.self.Name, got.what, got.peer, what, peer)
		}
		return got
	case <-time.After(patience):
		t.Fatalf("%s was told nothing, want %s", p.self.Name, what)
	}
	return told{}
}

// link makes a link between two processes, a calling, and waits until it stands.
func link(t testing.TB, a, b *process) {
	t.Helper()
	to := b.self
	to.Dial = true
	a.Connect(to)
	b.Connect(a.self)
	a.want(t, "up", b.self.ID)
	b.want(t, "up", a.self.ID)
}

func newCluster(t testing.TB) *Credentials {
	t.Helper()
	c, err := Create(t.TempDir() + "/cluster")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls until ok, or fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			return
		}
	}
}

func TestLinks_carryMessagesBothWays(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	link(t, a, b)
	payload := []byte("input")
	m := failover.Message{Kind: failover.Place, Payload: payload}
	if !a.Send(b.self.ID, &m) {
		t.Fatal("Send = false over a standing link, want true")
	}
	copy(payload, "XXXXX") // Send has copied it
	a.Flush()
	got := b.want(t, "got", a.self.ID)
	if len(got.messages) != 1 || string(got.messages[0].Payload) != "input" {
		t.Fatalf("received %+v, want one message with payload input", got.messages)
	}
	b.Send(a.self.ID, &got.messages[0])
	b.SendTelemetry(a.self.ID, []byte(`{"Text":"hello"}`))
	b.Flush()
	a.want(t, "got", b.self.ID)
	if got := a.want(t, "heard", b.self.ID); fmt.Sprintf("%s", got.telemetry) != `[{"Text":"hello"}]` {
		t.Fatalf("telemetry = %s, want the item sent", got.telemetry)
	}
	a.Disconnect(b.self.ID)
	a.want(t, "down", b.self.ID)
	b.want(t, "down", a.self.ID)
}

func BenchmarkLink_roundTrip(b *testing.B) {
	for _, size := range []int{64, 4096} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			c := newCluster(b)
			x := start(b, c, "n1")
			y := start(b, c, "n2")
			link(b, x, y)
			m := failover.Message{Kind: failover.Place, Payload: make([]byte, size)}
			go func() {
				for got := range y.says {
					if got.what != "got" {
						return
					}
					y.Send(x.self.ID, &got.messages[0])
					y.Flush()
				}
			}()
			took := make([]time.Duration, 0, 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				from := time.Now()
				x.Send(y.self.ID, &m)
				x.Flush()
				<-x.says
				took = append(took, time.Since(from))
			}
			report(b, took)
			x.Disconnect(y.self.ID)
		})
	}
}
