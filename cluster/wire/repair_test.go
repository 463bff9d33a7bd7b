package wire

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

func TestGaps_areAskedForAgainAndThenGivenUp(t *testing.T) {
	var g gaps
	at := func(ms int) clock.Instant { return clock.Instant(time.Hour).Add(time.Duration(ms) * time.Millisecond) }
	want := func(ms int, numbers ...uint64) {
		t.Helper()
		if got := g.due(at(ms)); !slices.Equal(got, numbers) {
			t.Fatalf("asks at %d ms for %v, want %v", ms, got, numbers)
		}
	}
	g.came(2, at(0)) // the first of all is missed, too
	g.came(3, at(0))
	g.came(6, at(1))
	want(1, 1, 4, 5)
	want(2)
	g.came(4, at(3))
	want(4, 1, 5)
	g.came(4, at(5)) // twice
	want(9)
	want(10, 1, 5)
	want(49, 1, 5)
	want(50)
	want(51)
	g.came(1, at(60)) // later than anybody hoped for
	want(60)
	g.came(1<<40, at(61)) // a liar
	if got := g.due(at(61)); len(got) > maxMissing || got[len(got)-1] != 1<<40-1 {
		t.Fatalf("asks for %d numbers, want the newest %d at most", len(got), maxMissing)
	}
}

func TestKept_isWhatWasSaidLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k kept
		now := clock.Instant(time.Hour)
		said := map[uint64][]byte{}
		at := map[uint64]clock.Instant{}
		for n := uint64(1); n < rapid.Uint64Range(2, 600).Draw(t, "messages"); n++ {
			b := bytes.Repeat([]byte{byte(n)}, rapid.IntRange(1, maxKeptBytes+1).Draw(t, "size"))
			k.put(n, b, now)
			said[n], at[n] = b, now
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond}).Draw(t, "pause"))
			asked := rapid.Uint64Range(0, n+1).Draw(t, "asked")
			got, ok := k.appendTo([]byte("before"), asked, now)
			if ok && (!bytes.Equal(got, append([]byte("before"), said[asked]...)) || now.Sub(at[asked]) > repairTime) {
				t.Fatalf("message %d of %d: %d B, want the %d B that were put", asked, n, len(got)-6, len(said[asked]))
			}
			if _, ok := k.appendTo(nil, n, now); !ok && len(b) <= maxKeptBytes {
				t.Fatalf("message %d, of %d B, is not kept", n, len(b))
			}
		}
	})
}

// A fifth of the messages is lost, and a fifth of what is asked for and of what is said again.
func TestRepair_leavesLittleOfALoss(t *testing.T) {
	const messages = 2000
	q := newQueue(messages, 1<<20)
	q.stand()
	var g gaps
	var d decoder
	rng := rand.New(rand.NewPCG(1, 1))
	lost := func() bool { return rng.Float64() < 0.2 }
	now := clock.Instant(time.Hour)
	came := map[uint64]bool{}
	for n := range uint64(messages) {
		now = now.Add(time.Millisecond)
		m := failover.Message{Kind: failover.Mark}
		m.Task.Frame = n + 1
		if lost() {
			q.lose(&m)
		} else {
			q.push(&m, 0, false)
		}
		for {
			f, _, ok := q.take(clock.Now)
			if !ok {
				break
			}
			b, err := d.batch(f.b[headBytes:])
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range b.messages {
				if number := b.first + uint64(i); number != m.Task.Frame {
					t.Fatalf("message %d is numbered %d", m.Task.Frame, number)
				}
				g.came(m.Task.Frame, now)
				came[m.Task.Frame] = true
			}
		}
		if asked := g.due(now); len(asked) > 0 && !lost() {
			for _, number := range asked {
				if !lost() {
					q.say(number, 0)
				}
			}
		}
	}
	if missing := messages - len(came); missing > messages/50 {
		t.Errorf("%d of %d never came, want a few: one in five was lost", missing, messages)
	}
}

func TestLinks_sayAgainWhatWasLost(t *testing.T) {
	c := newCluster(t)
	var missed [2]atomic.Int64 // how often each was told that messages were lost
	told := func(i int) func(*LinksConfig) {
		return func(cfg *LinksConfig) { cfg.Missed = func(failover.NodeID) { missed[i].Add(1) } }
	}
	a, b := start(t, c, "n1", told(0)), start(t, c, "n2", told(1))
	link(t, a, b)
	defer func() {
		if missed[0].Load() == 0 || missed[1].Load() == 0 {
			t.Errorf("told of what was lost: who had said it %d times, who had missed it %d times; want both", missed[0].Load(), missed[1].Load())
		}
	}()
	for _, inward := range []bool{false, true} {
		at, peer := a, b
		if inward {
			at, peer = b, a
		}
		before, n := a.Stats().Repaired, uint64(0)
		eventually(t, "what was lost is said again", func() bool { // as often as the machine takes too long over it
			n++
			cut := Standing{Rule: 1, Fault: chaos.Fault{Kind: chaos.Cut}, Peer: peer.self.ID, Inward: inward}
			faulted := at.Stats().Faulted
			if err := at.SetFaults(cut); err != nil {
				t.Fatal(err)
			}
			say(a, b, 2*n)
			eventually(t, "it is lost", func() bool { return at.Stats().Faulted > faulted })
			if err := at.SetFaults(); err != nil {
				t.Fatal(err)
			}
			say(a, b, 2*n+1)
			for next := false; !next; {
				for _, m := range b.want(t, "got", a.self.ID).messages {
					next = next || m.Task.Frame == 2*n+1
				}
			}
			eventually(t, "it is asked for", func() bool { return b.Stats().Missed > 0 })
			return a.Stats().Repaired > before
		})
	}
}

// say sends a message of a number from one process to another.
func say(from, to *process, n uint64) {
	m := failover.Message{Kind: failover.Mark}
	m.Task.Frame = n
	from.Send(to.self.ID, &m)
	from.Flush()
}
