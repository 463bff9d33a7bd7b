package wire

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

func isInUse(err error, addr string) bool {
	return errors.Is(err, ErrAddressInUse) && strings.Contains(err.Error(), addr)
}

func TestQueue_keepsItsBoundsAndItsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const maxMessages, maxBytes = 20, 64 << 10
		q := newQueue(maxMessages, maxBytes)
		q.stand()
		var next, want uint64 // frame numbers: the next to push, the next to come out
		var accepted []uint64
		var d decoder
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				size := rapid.SampledFrom([]int{0, 10, 1000, 20_000, 60_000}).Draw(t, "size")
				m := failover.Message{Kind: failover.Mark, Payload: make([]byte, size)}
				m.Task.Frame = next
				room := q.messages < maxMessages && q.bytes+size <= maxBytes
				if ok := q.push(&m, 0, false); ok != room {
					t.Fatalf("push of %d B = %v with %d messages and %d B waiting, want %v", size, ok, q.messages, q.bytes, room)
				} else if ok {
					accepted = append(accepted, next)
				}
				next++
			},
			"take": func(t *rapid.T) {
				f, _, ok := q.take(clock.Now)
				if !ok {
					if len(accepted) > 0 {
						t.Fatal("nothing to take, want what was pushed")
					}
					return
				}
				b, err := d.batch(f.b[headBytes:])
				if err != nil || len(b.messages) != f.messages {
					t.Fatalf("took %d messages (%v), want %d", len(b.messages), err, f.messages)
				}
				for _, m := range b.messages {
					want, accepted = accepted[0], accepted[1:]
					if m.Task.Frame != want {
						t.Fatalf("took %d, want %d", m.Task.Frame, want)
					}
				}
				q.done(f.b)
			},
			"": func(t *rapid.T) {
				waiting := 0
				for _, f := range q.frames {
					waiting += len(f.b)
				}
				if q.bytes != waiting {
					t.Fatalf("%d B are counted, %d wait", q.bytes, waiting)
				}
				if q.messages != len(accepted) || q.messages > maxMessages || q.bytes > maxBytes+maxMessages*256 {
					t.Fatalf("%d messages and %d B wait, want %d", q.messages, q.bytes, len(accepted))
				}
			},
		})
	})
}

func TestQueue_sendsTelemetryBehindTheMessages(t *testing.T) {
	q := newQueue(10, 1<<20)
	if q.pushTelemetry([]byte("a")) || q.push(&failover.Message{Kind: failover.Mark}, 0, false) {
		t.Fatal("a queue without a link took something")
	}
	q.stand()
	item := bytes.Repeat([]byte("t"), frameBytes/2)
	for range maxTelemetryItems {
		q.pushTelemetry(item)
	}
	if q.pushTelemetry(item) {
		t.Fatalf("took more than %d items", maxTelemetryItems)
	}
	q.push(&failover.Message{Kind: failover.Mark, Payload: item}, 0, false)
	q.push(&failover.Message{Kind: failover.Mark, Payload: item}, 0, false)
	var d decoder
	var messages, items []int
	for {
		f, _, ok := q.take(clock.Now)
		if !ok {
			break
		}
		if len(f.b) > frameBytes+frameBytes/2 {
			t.Fatalf("a frame of %d B, want about %d", len(f.b), frameBytes)
		}
		b, err := d.batch(f.b[headBytes:])
		if err != nil {
			t.Fatal(err)
		}
		messages, items = append(messages, len(b.messages)), append(items, len(b.telemetry))
	}
	total := 0
	for i, n := range items {
		total += n
		if n > 0 && i+1 < len(messages) && messages[i+1] > 0 {
			t.Fatalf("telemetry in frame %d, before messages", i)
		}
	}
	if total != maxTelemetryItems {
		t.Fatalf("%d items came out, want %d", total, maxTelemetryItems)
	}
}

func TestLinks_dropAndCountWhatDoesNotFit(t *testing.T) {
	c := newCluster(t)
	hold := make(chan struct{})
	a := start(t, c, "n1", func(cfg *LinksConfig) { cfg.MaxMessages, cfg.MaxBytes = 100, 1<<20 })
	b := start(t, c, "n2", func(cfg *LinksConfig) {
		cfg.Received = func(failover.NodeID, Incoming) { <-hold }
	})
	t.Cleanup(func() { close(hold) }) // before Run is waited for
	link(t, a, b)
	m := failover.Message{Kind: failover.Result, Payload: make([]byte, 64<<10)}
	// The peer reads nothing: windows and queue fill, and then Send says no.
	full := false
	for i := 0; i < 1000 && !full; i++ {
		full = !a.Send(b.self.ID, &m)
		a.Flush()
	}
	if !full || a.Stats().Dropped != 1 {
		t.Fatalf("full = %v with %d dropped, want true with 1", full, a.Stats().Dropped)
	}
	if a.Send(failover.Identify("n7", 1), &m) || a.Stats().Dropped != 2 {
		t.Fatalf("Send to nobody was not dropped and counted")
	}
	m.Payload = make([]byte, failover.MaxPayloadBytes+1)
	if a.Send(b.self.ID, &m) || a.Stats().Dropped != 3 {
		t.Fatalf("Send beyond failover.MaxPayloadBytes was not dropped and counted")
	}
	if a.SendTelemetry(b.self.ID, make([]byte, MaxTelemetryBytes+1)) || a.Stats().TelemetryDropped != 1 {
		t.Fatalf("telemetry beyond MaxTelemetryBytes was not dropped and counted")
	}
}

func TestFaults_ofLinks(t *testing.T) {
	c := newCluster(t)
	a, b := start(t, c, "n1"), start(t, c, "n2")
	link(t, a, b)
	on := func(p *process, peer *process, inward bool, f chaos.Fault) {
		t.Helper()
		if err := p.SetFaults(Standing{Rule: 1, Fault: f, Peer: peer.self.ID, Inward: inward}); err != nil {
			t.Fatal(err)
		}
	}
	say := func(n uint64) {
		t.Helper()
		m := failover.Message{Kind: failover.Mark}
		m.Task.Frame = n
		if !a.Send(b.self.ID, &m) {
			t.Fatal("Send = false, want true")
		}
		a.Flush()
	}
	var heard []uint64
	hear := func(want int) {
		t.Helper()
		for heard = heard[:0]; len(heard) < want; {
			for _, m := range b.want(t, "got", a.self.ID).messages {
				if !slices.Contains([]uint64{1, 5, 6}, m.Task.Frame) { // lost, or as good as that: they may be said again
					heard = append(heard, m.Task.Frame)
				}
			}
		}
	}

	on(a, b, false, chaos.Fault{Kind: chaos.Cut})
	say(1)
	on(a, b, false, chaos.Fault{Kind: chaos.Delay, Share: 1, By: 20 * time.Millisecond})
	say(2)
	say(3)
	hear(2)
	if heard[0] != 2 || heard[1] != 3 {
		t.Fatalf("heard %v, want 2 and 3: cut swallows, delay keeps the order", heard)
	}
	on(a, b, false, chaos.Fault{Kind: chaos.Duplicate, Share: 1, By: time.Millisecond})
	say(4)
	hear(2)
	if heard[0] != 4 || heard[1] != 4 {
		t.Fatalf("heard %v, want 4 twice", heard)
	}
	on(a, b, false, chaos.Fault{Kind: chaos.Reorder, Share: 1, By: chaos.MaxLate})
	say(5)
	if err := a.SetFaults(); err != nil {
		t.Fatal(err)
	}
	on(b, a, true, chaos.Fault{Kind: chaos.Cut})
	say(6)
	eventually(t, "6 is swallowed on its way in", func() bool { return b.Stats().Faulted > 0 }) // with what is said again
	if err := b.SetFaults(); err != nil {
		t.Fatal(err)
	}
	say(7)
	hear(1)
	if heard[0] != 7 {
		t.Fatalf("heard %v, want 7: 5 is far too late, 6 was swallowed", heard)
	}
	if got := a.Stats().Faulted; got != 1 {
		t.Fatalf("n1 counts %d faulted, want 1", got)
	}
	for _, kind := range []chaos.Kind{chaos.Kill, chaos.Reset} {
		if err := a.SetFaults(Standing{Fault: chaos.Fault{Kind: kind}}); !errors.Is(err, chaos.ErrBadFault) {
			t.Errorf("SetFaults of %v = %v, want ErrBadFault", kind, err)
		}
	}
}

func TestFaults_loseTheirShareAndTheSameOnesAgain(t *testing.T) {
	lost := func() (which []int) {
		var at atomic.Pointer[plan]
		err := replace(&at, chaos.Link, []Standing{{Seed: 7, Rule: 2, Fault: chaos.Fault{Kind: chaos.Loss, Share: 0.25}, Peer: 5}})
		if err != nil {
			t.Fatal(err)
		}
		p := at.Load()
		for i := range 1000 {
			if p.fate(5, false).Lost {
				which = append(which, i)
			}
			if p.fate(6, false).Lost || p.fate(5, true).Lost {
				t.Fatal("lost for another peer or direction")
			}
		}
		return which
	}
	first, second := lost(), lost()
	if len(first) < 200 || len(first) > 300 {
		t.Fatalf("lost %d of 1000, want about 250", len(first))
	}
	for i := range first {
		if first[i] != second[i] {
			t.Fatal("the same seed lost others the second time")
		}
	}
}
