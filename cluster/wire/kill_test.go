package wire

import (
	"testing"
	"time"

	"fracture/cluster/failover"
)

func TestLinks_aKilledProcessIsDownOnceAndItsNextIncarnationUpOnce(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n9")
	for incarnation := uint64(1); incarnation <= 3; incarnation++ {
		id, kill := spawn(t, c, a, "n1", incarnation)
		a.Connect(Peer{ID: id, Name: "n1", Incarnation: incarnation})
		a.want(t, "up", id)
		a.want(t, "got", id)
		kill()
		a.want(t, "down", id)
		a.Disconnect(id)
	}
	if n := len(a.says); n != 0 {
		t.Fatalf("%d more things told, want none: %s", n, (<-a.says).what)
	}
}

func TestLinks_theSameProcessIsReconnectedAfterAReset(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	link(t, a, b)
	for _, side := range []*process{a, b} {
		other := a
		if side == a {
			other = b
		}
		side.Reset(other.self.ID)
		for _, what := range []string{"down", "up"} {
			a.want(t, what, b.self.ID)
			b.want(t, what, a.self.ID)
		}
	}
	if a, b := a.Stats().Reconnects, b.Stats().Reconnects; a != 2 || b != 2 {
		t.Fatalf("reconnects = %d and %d, want 2 and 2", a, b)
	}
}

func TestLinks_aPeerNamedAgainIsUpOnlyAfterItsDown(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	link(t, a, b)
	to := b.self
	to.Dial = true
	again := func() {
		t.Helper()
		for _, what := range []string{"down", "up"} {
			a.want(t, what, b.self.ID)
			b.want(t, what, a.self.ID)
		}
	}
	for range 20 {
		b.Disconnect(a.self.ID)
		b.Connect(a.self)
		again()
		a.Disconnect(b.self.ID)
		a.Connect(to)
		again()
	}
}

func TestLinks_aMemberThatIsNotKnownYetIsLetInWhenItIs(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	to := b.self
	to.Dial = true
	a.Connect(to)
	eventually(t, "n1's call has come", func() bool { return b.listener.inside.Load() > 0 })
	b.Connect(a.self)
	a.want(t, "up", b.self.ID)
	b.want(t, "up", a.self.ID)
}

func TestLinks_aSinkCallsAndDoesNotListen(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	s := start(t, c, "screen", func(cfg *LinksConfig) { cfg.Self.Sink = true })
	if s.Addr() != "" {
		t.Fatalf("a sink listens on %s", s.Addr())
	}
	link(t, s, a)
}

func TestLinks_endingRunTakesEveryLinkDown(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	var b *process
	t.Run("while n2 runs", func(t *testing.T) {
		b = start(t, c, "n2")
		link(t, a, b)
	})
	b.want(t, "down", a.self.ID)
	a.want(t, "down", b.self.ID)
	if b.Send(a.self.ID, &failover.Message{Kind: failover.Mark}) {
		t.Fatal("Send = true after Run, want false")
	}
}

func TestLinks_aPortInUseIsSaidSo(t *testing.T) {
	c := newCluster(t)
	a := start(t, c, "n1")
	_, err := Listen(LinksConfig{Self: Peer{Name: "n2"}, Credentials: c, Addr: a.Addr()})
	if !isInUse(err, a.Addr()) {
		t.Fatalf("Listen = %v, want ErrAddressInUse that names %s", err, a.Addr())
	}
	beats, err := ListenBeats(BeatsConfig{Name: "n1", Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	defer beats.Close()
	_, err = ListenBeats(BeatsConfig{Name: "n2", Credentials: c, Addr: beats.Addr().String()})
	if !isInUse(err, beats.Addr().String()) {
		t.Fatalf("ListenBeats = %v, want ErrAddressInUse that names %s", err, beats.Addr())
	}
}

// BenchmarkLinks_kill shows the time from killing a process to its peer's Down: the first signal of a failure.
func BenchmarkLinks_kill(b *testing.B) {
	c := newCluster(b)
	a := start(b, c, "n9")
	var took []time.Duration
	incarnation := uint64(0)
	for b.Loop() {
		incarnation++
		id, kill := spawn(b, c, a, "n1", incarnation)
		a.Connect(Peer{ID: id, Name: "n1", Incarnation: incarnation})
		a.want(b, "up", id)
		a.want(b, "got", id)
		from := time.Now()
		go kill() // waits until the process is gone, which is later
		a.want(b, "down", id)
		took = append(took, time.Since(from))
		a.Disconnect(id)
	}
	report(b, took)
}

// BenchmarkLinks_reset shows what of that is ours: the time from closing a link's connection at one end to Down at the
// other, of which the kernel's part is some microseconds.
func BenchmarkLinks_reset(b *testing.B) {
	c := newCluster(b)
	caller, answerer := start(b, c, "n1"), start(b, c, "n2")
	link(b, caller, answerer)
	for _, side := range []struct {
		name        string
		hears, does *process
	}{{"heard by who called", caller, answerer}, {"heard by who answered", answerer, caller}} {
		b.Run(side.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				from := time.Now()
				side.does.Reset(side.hears.self.ID)
				side.hears.want(b, "down", side.does.self.ID)
				took = append(took, time.Since(from))
				side.does.want(b, "down", side.hears.self.ID)
				side.hears.want(b, "up", side.does.self.ID)
				side.does.want(b, "up", side.hears.self.ID)
			}
			report(b, took)
		})
	}
}
