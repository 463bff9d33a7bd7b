package wire

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// pair is a link that stands, from a to b.
func pair(t testing.TB) (a, b *process) {
	t.Helper()
	c := newCluster(t)
	a, b = start(t, c, "n1"), start(t, c, "n2")
	link(t, a, b)
	return a, b
}

// suffer has faults stand at a process, on its way to a peer or from there.
func (p *process) suffer(t testing.TB, peer *process, inward bool, faults ...chaos.Fault) {
	t.Helper()
	var list []Standing
	for i, f := range faults {
		list = append(list, Standing{Rule: uint32(i + 1), Fault: f, Peer: peer.self.ID, Inward: inward})
	}
	if err := p.SetFaults(list...); err != nil {
		t.Fatal(err)
	}
}

// ship sends a message of so many bytes.
func ship(from, to *process, size int) {
	m := failover.Message{Kind: failover.Place, Payload: make([]byte, size)}
	from.Send(to.self.ID, &m)
	from.Flush()
}

// get waits for so many messages from a peer.
func (p *process) get(t testing.TB, from *process, messages int) {
	t.Helper()
	for messages > 0 {
		messages -= len(p.want(t, "got", from.self.ID).messages)
	}
}

// bothWays runs a test with a fault at who writes, and then at who reads.
func bothWays(t *testing.T, test func(t *testing.T, a, b *process, suffer func(...chaos.Fault))) {
	for name, inward := range map[string]bool{"outward": false, "inward": true} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			test(t, a, b, func(faults ...chaos.Fault) {
				if inward {
					b.suffer(t, a, true, faults...)
				} else {
					a.suffer(t, b, false, faults...)
				}
			})
		})
	}
}

func TestBandwidth_makesBytesLateInProportion(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.Bandwidth, Rate: 100_000})
		began := clock.Now()
		for range 5 {
			ship(a, b, 4000)
		}
		b.get(t, a, 5)
		if took := clock.Now().Sub(began); took < 150*time.Millisecond {
			t.Errorf("20000 bytes at 100000 a second took %v, want 200ms less what passes at once", took)
		}
	})
}

func TestBandwidth_releasesWhatWaitsWhenItIsOver(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.Bandwidth, Rate: chaos.MinRate}) // a quarter of an hour
		ship(a, b, 100_000)
		eventually(t, "bytes wait", func() bool { return a.Stats().Faulted+b.Stats().Faulted > 0 })
		suffer()
		b.get(t, a, 1)
	})
}

func TestSlicer_pausesBetweenPieces(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.Slicer, Size: 50, Vary: 25, By: 2 * time.Millisecond})
		ship(a, b, 1) // who reads already, reads all of this
		b.get(t, a, 1)
		began := clock.Now()
		ship(a, b, 3000)
		b.get(t, a, 1)
		if took := clock.Now().Sub(began); took < 2*time.Millisecond*(3000/75-1) {
			t.Errorf("3000 bytes in pieces of 75 at most, 2ms apart, took %v", took)
		}
		if n := a.Stats().Faulted + b.Stats().Faulted; n < 3000/75-1 {
			t.Errorf("held back %d times, want once between two pieces", n)
		}
	})
}

func TestLimitData_closesTheLinkAndTheNextOneToo(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.LimitData, Bytes: 10_000})
		for range 2 {
			before := b.Stats().BytesIn // of messages; TLS and heads come on top
			for range 11 {              // each more than 1000 bytes on the wire
				ship(a, b, 1000)
			}
			got := 0
			for p := b.next(t); p.what != "down"; p = b.next(t) {
				got += len(p.messages)
			}
			if passed := b.Stats().BytesIn - before; passed > 10_000 || got > 9 {
				t.Errorf("%d messages and %d bytes of them passed a limit of 10000", got, passed)
			}
			a.want(t, "down", b.self.ID)
			a.want(t, "up", b.self.ID)
			b.want(t, "up", a.self.ID)
		}
	})
}

// next waits for whatever is told next.
func (p *process) next(t testing.TB) told {
	t.Helper()
	select {
	case got := <-p.says:
		return got
	case <-time.After(patience):
		t.Fatalf("%s was told nothing more", p.self.Name)
	}
	return told{}
}

func TestLimitData_countsOnWhileOtherFaultsComeAndGo(t *testing.T) {
	a, b := pair(t)
	limit := chaos.Fault{Kind: chaos.LimitData, Bytes: 5000}
	a.suffer(t, b, false, limit)
	ship(a, b, 3000)
	b.get(t, a, 1)
	a.suffer(t, b, false, limit, chaos.Fault{Kind: chaos.Duplicate, Share: 1, By: time.Nanosecond})
	a.suffer(t, b, false, limit)
	ship(a, b, 3000)
	b.want(t, "down", a.self.ID)
}

func TestSlowClose_hasTheEndComeLateToTheOther(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		const late = 150 * time.Millisecond
		suffer(chaos.Fault{Kind: chaos.SlowClose, By: late})
		began := clock.Now()
		a.Disconnect(b.self.ID)
		b.want(t, "down", a.self.ID)
		if took := clock.Now().Sub(began); took < late {
			t.Errorf("n2 learned of the end after %v, want %v at least", took, late)
		}
	})
}

func TestSlowClose_isOverWhenItIsHealed(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.SlowClose, By: chaos.MaxLate})
		began := clock.Now()
		a.Disconnect(b.self.ID)
		eventually(t, "the end waits", func() bool { return a.Stats().Faulted+b.Stats().Faulted > 0 })
		suffer()
		b.want(t, "down", a.self.ID)
		if took := clock.Now().Sub(began); took > chaos.MaxLate {
			t.Errorf("n2 learned of the end after %v, though the fault was over", took)
		}
	})
}

func TestBlackhole_holdsAllUntilItIsOver(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.Blackhole})
		before := b.Stats().MessagesIn
		say(a, b, 1)
		a.SendTelemetry(b.self.ID, []byte(`{}`))
		say(a, b, 2)
		eventually(t, "bytes wait", func() bool { return a.Stats().Faulted+b.Stats().Faulted > 0 })
		if got := b.Stats().MessagesIn; got != before {
			t.Errorf("%d messages passed", got-before)
		}
		suffer()
		b.get(t, a, 1) // in order, and nothing is missing: the link stood
		eventually(t, "all has come", func() bool { return b.Stats().MessagesIn == before+2 })
	})
}

func TestBlackhole_closesTheLinkAtItsTimeout(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		began := clock.Now()
		suffer(chaos.Fault{Kind: chaos.Blackhole, Timeout: 50 * time.Millisecond})
		say(a, b, 1)
		b.want(t, "down", a.self.ID)
		a.want(t, "down", b.self.ID)
		if took := clock.Now().Sub(began); took < 50*time.Millisecond {
			t.Errorf("it closed after %v", took)
		}
		suffer()
		a.want(t, "up", b.self.ID)
		b.want(t, "up", a.self.ID)
	})
}

func TestReset_atItsTimeoutBreaksEachLink(t *testing.T) {
	a, b := pair(t)
	began := clock.Now()
	a.suffer(t, b, false, chaos.Fault{Kind: chaos.Reset, Timeout: 30 * time.Millisecond})
	for i := range 3 {
		b.want(t, "down", a.self.ID)
		a.want(t, "down", b.self.ID)
		if took, least := clock.Now().Sub(began), time.Duration(i+1)*30*time.Millisecond; took < least {
			t.Errorf("link %d broke after %v, want %v at least", i, took, least)
		}
		a.want(t, "up", b.self.ID)
		b.want(t, "up", a.self.ID)
	}
	a.suffer(t, b, false)
	if a.Stats().Faulted < 3 {
		t.Errorf("%d resets are counted, want 3", a.Stats().Faulted)
	}
}

func TestReset_isOneToThePeersKernel(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	newGate(near, func() {}).reset()
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer reads %v, want a reset", err)
	}
}

func TestCorrupt_breaksTheLink(t *testing.T) {
	bothWays(t, func(t *testing.T, a, b *process, suffer func(...chaos.Fault)) {
		suffer(chaos.Fault{Kind: chaos.Corrupt, Share: 1})
		ended := make(chan struct{})
		defer close(ended)
		go func() { // a flipped bit of a record's length is only seen when enough has come
			for n := uint64(1); ; n++ {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
					ship(a, b, 4000)
				}
			}
		}()
		if p := b.next(t); p.what != "down" {
			t.Errorf("n2 was told %s, want that the link is down: nothing spoiled is read", p.what)
		}
	})
}

func TestCorrupt_everySecondBeatIsRefused(t *testing.T) {
	for name, inward := range map[string]bool{"outward": false, "inward": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			a, b := beating(t, c, "n1"), beating(t, c, "n2")
			at, peer := a.Beats, b.peer.ID
			if inward {
				at, peer = b.Beats, a.peer.ID
			}
			f := chaos.Fault{Kind: chaos.Corrupt, Share: 1, Every: 2}
			if err := at.SetFaults(Standing{Rule: 1, Fault: f, Peer: peer, Inward: inward}); err != nil {
				t.Fatal(err)
			}
			a.SetPeers([]BeatPeer{b.peer})
			b.SetPeers([]BeatPeer{a.peer})
			eventually(t, "beats are refused, and others taken", func() bool { s := b.Stats(); return s.Strangers > 20 && s.In > 20 })
		})
	}
}

func TestFaults_ofBytesSpareWhoOrderedThem(t *testing.T) {
	a, b := pair(t)
	if err := a.SetFaults(Standing{Rule: 1, Fault: chaos.Fault{Kind: chaos.Blackhole, Timeout: time.Millisecond}, Spared: b.self.ID}); err != nil {
		t.Fatal(err)
	}
	say(a, b, 1)
	b.get(t, a, 1)
	if n := a.Stats().Faulted; n != 0 {
		t.Errorf("a fault that spares the peer had it %d times", n)
	}
}

func TestFaults_ofMessagesAreLostByBurst(t *testing.T) {
	a, b := pair(t)
	a.suffer(t, b, false, chaos.Fault{Kind: chaos.Loss, Share: 1, Every: 10, Burst: 4})
	for n := range uint64(30) {
		say(a, b, n+1)
	}
	// What is lost is said again, and that may be lost too.
	eventually(t, "four of each ten are lost", func() bool { return a.Stats().Faulted >= 12 })
	if s := a.Stats(); 10*s.Faulted > 4*(30+s.Repaired+10) {
		t.Errorf("%d of 30 and %d said again are lost, want four of each ten", s.Faulted, s.Repaired)
	}
}

func TestFaults_delayByAtLeastTheMeanLessTheJitter(t *testing.T) {
	a, b := pair(t)
	a.suffer(t, b, false, chaos.Fault{Kind: chaos.Delay, Share: 1, By: 100 * time.Millisecond, Jitter: 20 * time.Millisecond})
	began := clock.Now()
	for n := range uint64(10) {
		say(a, b, n+1)
	}
	for next := uint64(1); next <= 10; {
		for _, m := range b.want(t, "got", a.self.ID).messages {
			if m.Task.Frame != next {
				t.Fatalf("message %d comes in the place of %d: those behind a late one wait", m.Task.Frame, next)
			}
			next++
		}
		if took := clock.Now().Sub(began); took < 80*time.Millisecond {
			t.Errorf("a message came after %v, want 80ms at least", took)
		}
	}
}
