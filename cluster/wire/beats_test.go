package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/thread"
)

// beater is one process's beats under test.
type beater struct {
	*Beats
	peer BeatPeer
	says chan Heard
}

// beating runs beats for name until the test ends.
func beating(t testing.TB, c *Credentials, name string, change ...func(*BeatsConfig)) *beater {
	t.Helper()
	p := &beater{says: make(chan Heard, 1<<16)}
	cfg := BeatsConfig{
		Name: name, Incarnation: 1, Credentials: c, Interval: time.Millisecond,
		OnBeats: func(heard []Heard) bool {
			for _, h := range heard {
				select {
				case p.says <- h:
				default: // the test has heard enough
				}
			}
			return true
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	b, err := ListenBeats(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Beats = b
	p.peer = BeatPeer{ID: failover.Identify(name, cfg.Incarnation), Incarnation: cfg.Incarnation, Addr: b.Addr()}
	run(t, b.Run)
	return p
}

// until waits for a beat of which ok is true.
func (p *beater) until(t testing.TB, what string, ok func(Heard) bool) Heard {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case h := <-p.says:
			if ok(h) {
				return h
			}
		case <-end:
			t.Fatalf("no beat came: %s", what)
		}
	}
}

func TestBeats_areHeardBothWaysAndSaySo(t *testing.T) {
	c := newCluster(t)
	// The multiplier is generous: this test is about what is said, on whatever machine.
	slow := func(cfg *BeatsConfig) { cfg.Multiplier = 1 << 20 }
	a, b := beating(t, c, "n1", slow), beating(t, c, "n2", slow)
	a.SetPeers([]BeatPeer{b.peer, a.peer}) // itself it leaves out
	b.SetPeers([]BeatPeer{a.peer})
	for _, p := range []*beater{a, b} {
		h := p.until(t, "heard both ways", func(h Heard) bool { return h.HearsUs })
		if h.Interval != time.Millisecond || h.Leaving {
			t.Fatalf("heard %+v, want an interval of 1ms and nobody leaving", h)
		}
	}
	a.SetLeaving(true)
	b.until(t, "n1 leaves", func(h Heard) bool { return h.Leaving })
	if a.Gap() == 0 {
		t.Error("Gap = 0 after several rounds, want the longest")
	}
	b.SetPeers(nil)
	eventually(t, "n1's beats are stray", func() bool { return b.Stats().Stray > 0 })
	if s := a.Stats(); s.Strangers+s.Replayed+s.Unsent+s.Faulted != 0 || s.In == 0 || s.Out == 0 {
		t.Fatalf("n1 counts %+v, want beats in and out and nothing refused", s)
	}
}

// Which class is granted is the machine's to say. Whatever it is, it is told as the kernel tells it, and beats go on.
func TestBeats_areHeardUnderEveryClass(t *testing.T) {
	c := newCluster(t)
	for _, classes := range [][]thread.Class{
		{{Nice: 7}}, {{Policy: thread.FIFO, Priority: 1}}, {{Policy: thread.FIFO, Priority: 100}, {Nice: 9}},
	} {
		ask := func(cfg *BeatsConfig) { cfg.Multiplier, cfg.Classes = 1<<20, classes }
		a, b := beating(t, c, "n1", ask), beating(t, c, "n2", ask)
		a.SetPeers([]BeatPeer{b.peer})
		b.SetPeers([]BeatPeer{a.peer})
		b.until(t, "heard both ways", func(h Heard) bool { return h.HearsUs })
		got, known := a.Class()
		if !known || !slices.Contains(threadClasses(t), got) {
			t.Errorf("asked for %v, Class = %v, %v; no thread of this process has it: %v", classes, got, known, threadClasses(t))
		}
		if last := classes[len(classes)-1]; !last.Ahead() && got != last {
			t.Errorf("asked for %v, Class = %v, want the last, which is always allowed", classes, got)
		}
	}
}

// threadClasses reads how each thread of this process is scheduled.
func threadClasses(t *testing.T) (classes []thread.Class) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())                     // digits
		if attr, err := unix.SchedGetAttr(tid, 0); err == nil { // it may have ended
			classes = append(classes, thread.Class{
				Policy: thread.Policy(attr.Policy), Priority: int(attr.Priority), Nice: int(attr.Nice),
			})
		}
	}
	return classes
}

func TestBeats_leaveNoThreadOfTheirClassBehind(t *testing.T) {
	odd := thread.Class{Nice: 13}
	b, err := ListenBeats(BeatsConfig{Name: "n1", Credentials: newCluster(t), Classes: []thread.Class{odd}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	eventually(t, "the thread is niced", func() bool { return slices.Contains(threadClasses(t), odd) })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	eventually(t, "the thread is gone", func() bool { return !slices.Contains(threadClasses(t), odd) })
}

func TestBeats_sayThatAPeerIsNotHeard(t *testing.T) {
	c := newCluster(t)
	a, b := beating(t, c, "n1"), beating(t, c, "n2")
	if err := b.SetFaults(Standing{Fault: chaos.Fault{Kind: chaos.Cut}, Peer: a.peer.ID}); err != nil {
		t.Fatal(err)
	}
	a.SetPeers([]BeatPeer{b.peer})
	b.SetPeers([]BeatPeer{a.peer})
	// The way from b to a is cut: b hears a, and that a does not hear it.
	for range 20 {
		if h := b.until(t, "any", func(Heard) bool { return true }); h.HearsUs {
			t.Fatal("n1 says it hears n2, whose beats are cut")
		}
	}
	if a.Stats().In != 0 || b.Stats().Faulted == 0 {
		t.Fatalf("n1 heard %d beats and n2 swallowed %d, want 0 and some", a.Stats().In, b.Stats().Faulted)
	}
	if err := b.SetFaults(); err != nil {
		t.Fatal(err)
	}
	b.until(t, "heard once healed", func(h Heard) bool { return h.HearsUs })
}

// shout sends a packet to p from a socket of its own.
func shout(t *testing.T, p *beater, packet []byte) {
	t.Helper()
	conn, err := net.Dial("udp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
}

func TestBeats_refuseWhatIsForgedReplayedOrForAnother(t *testing.T) {
	c := newCluster(t)
	a := beating(t, c, "n1")
	n2 := BeatPeer{ID: failover.Identify("n2", 5), Incarnation: 5, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
	a.SetPeers([]BeatPeer{n2})
	packet := func(c *Credentials, b beat) []byte {
		var p [beatBytes]byte
		newSeal(c).put(&p, b)
		return p[:]
	}
	genuine := beat{from: n2.ID, to: a.peer.ID, incarnation: 5, seq: 10, interval: time.Millisecond}
	change := func(f func(*beat)) beat { b := genuine; f(&b); return b }
	torn := packet(c, change(func(b *beat) { b.seq = 99 }))
	torn[beatBytes-1] ^= 1
	lying := packet(c, genuine)
	lying[31] = 200 // a higher sequence number under the old MAC
	otherLabel := *c
	otherLabel.Label = "another"
	strangers := func() uint64 { return a.Stats().Strangers }
	stray := func() uint64 { return a.Stats().Stray }
	replayed := func() uint64 { return a.Stats().Replayed }
	in := func() uint64 { return a.Stats().In }
	for _, step := range []struct {
		name   string
		packet []byte
		counts func() uint64
	}{
		{"genuine", packet(c, genuine), in},
		{"replayed", packet(c, genuine), replayed},
		{"older", packet(c, change(func(b *beat) { b.seq = 9 })), replayed},
		{"torn", torn, strangers},
		{"changed", lying, strangers},
		{"of another cluster", packet(newCluster(t), change(func(b *beat) { b.seq = 11 })), strangers},
		{"of another label", packet(&otherLabel, change(func(b *beat) { b.seq = 11 })), strangers},
		{"short", torn[:20], strangers},
		{"long", append(packet(c, change(func(b *beat) { b.seq = 11 })), 0), strangers},
		{"empty", nil, strangers},
		{"huge", make([]byte, 60_000), strangers},
		{"for another", packet(c, change(func(b *beat) { b.to, b.seq = 7, 11 })), stray},
		{"from nobody we know", packet(c, change(func(b *beat) { b.from, b.seq = 7, 11 })), stray},
		{"of another incarnation", packet(c, change(func(b *beat) { b.incarnation, b.seq = 6, 11 })), stray},
		{"genuine and newer", packet(c, change(func(b *beat) { b.seq = 11 })), in},
	} {
		before := step.counts()
		shout(t, a, step.packet)
		eventually(t, step.name, func() bool { return step.counts() == before+1 })
	}
	if got := in(); got != 2 {
		t.Fatalf("%d beats passed, want the 2 genuine ones", got)
	}
}

func TestBeats_keepWhatTheyHeardOfAPeerThatStays(t *testing.T) {
	b, err := ListenBeats(BeatsConfig{Name: "n1", Credentials: newCluster(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, q := BeatPeer{ID: 5, Incarnation: 1}, BeatPeer{ID: 6, Incarnation: 1}
	b.SetPeers([]BeatPeer{p})
	b.peers.Load().byID[5].seq = 40
	b.SetPeers([]BeatPeer{q, p, q})
	r := b.peers.Load()
	if len(r.order) != 2 || r.byID[5].seq != 40 || r.byID[6].seq != 0 {
		t.Fatal("a peer that stayed was forgotten, or one told twice is there twice")
	}
}

func TestFaults_ofBeats(t *testing.T) {
	c := newCluster(t)
	a, b := beating(t, c, "n1"), beating(t, c, "n2")
	if err := a.SetFaults(Standing{Rule: 1, Fault: chaos.Fault{Kind: chaos.Duplicate, Share: 1, By: 3 * time.Millisecond}, Peer: b.peer.ID},
		Standing{Rule: 2, Fault: chaos.Fault{Kind: chaos.Reorder, Share: 0.5, By: 5 * time.Millisecond}, Peer: b.peer.ID},
	); err != nil {
		t.Fatal(err)
	}
	a.SetPeers([]BeatPeer{b.peer})
	b.SetPeers([]BeatPeer{a.peer})
	eventually(t, "second copies come and are refused", func() bool { s := b.Stats(); return s.Replayed > 20 && s.In > 20 })
	if err := b.SetFaults(Standing{Fault: chaos.Fault{Kind: chaos.Cut}, Peer: a.peer.ID, Inward: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "beats are swallowed on their way in", func() bool { return b.Stats().Faulted > 5 })
}

func TestDelayLine_releasesInTheOrderDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d delayLine
		due := rapid.SliceOfN(rapid.Int64Range(1, 20), 1, 30).Draw(t, "due")
		for i, at := range due {
			h := delayed{due: clock.Instant(at)}
			h.packet[0] = byte(i)
			d.hold(h)
		}
		slices.Sort(due)
		for i, h := range d.held {
			if h.due != clock.Instant(due[i]) {
				t.Fatalf("place %d is due at %d, want %d", i, h.due, due[i])
			}
			if i > 0 && d.held[i-1].due == h.due && d.held[i-1].packet[0] > h.packet[0] {
				t.Fatal("two due at once changed places")
			}
		}
	})
}

func TestBeat_comesBackAsItWent(t *testing.T) {
	s := newSeal(newCluster(t))
	rapid.Check(t, func(t *rapid.T) {
		sent := beat{
			from: failover.NodeID(rapid.Uint32().Draw(t, "from")), to: failover.NodeID(rapid.Uint32().Draw(t, "to")),
			incarnation: rapid.Uint64().Draw(t, "incarnation"), seq: rapid.Uint64().Draw(t, "seq"),
			interval: time.Duration(rapid.Uint32().Draw(t, "µs")) * time.Microsecond,
			heard:    rapid.Bool().Draw(t, "heard"), leaving: rapid.Bool().Draw(t, "leaving"),
		}
		var p [beatBytes]byte
		s.put(&p, sent)
		if got, err := s.get(p[:]); err != nil || got != sent {
			t.Fatalf("came back as %+v (%v), want %+v", got, err, sent)
		}
		bit := rapid.IntRange(0, 8*beatBytes-1).Draw(t, "bit")
		p[bit/8] ^= 1 << (bit % 8)
		if _, err := s.get(p[:]); !errors.Is(err, errForged) && !errors.Is(err, errForeign) {
			t.Fatalf("with bit %d flipped: %v, want it refused", bit, err)
		}
	})
}

func TestBeat_allocatesNothing(t *testing.T) {
	s := newSeal(newCluster(t))
	var p [beatBytes]byte
	b := beat{from: 1, to: 2, seq: 3}
	allocs := testing.AllocsPerRun(100, func() {
		s.put(&p, b)
		if _, err := s.get(p[:]); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations for a beat sent and heard, want none", allocs)
	}
}

func FuzzBeat(f *testing.F) {
	c := &Credentials{Label: "fuzz"}
	s := newSeal(c)
	var p [beatBytes]byte
	s.put(&p, beat{from: 1, to: 2, incarnation: 3, seq: 4, interval: time.Millisecond, heard: true})
	f.Add(p[:])
	f.Add(p[:beatBytes-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := s.get(b)
		if err != nil {
			return
		}
		var again [beatBytes]byte
		s.put(&again, got)
		if string(again[:]) != string(b) {
			t.Fatalf("%x is genuine and reads as %+v, which is written as %x", b, got, again)
		}
	})
}

func BenchmarkBeat(b *testing.B) {
	s := newSeal(newCluster(b))
	var p [beatBytes]byte
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.put(&p, beat{from: 1, to: 2, incarnation: 3, seq: 4, interval: time.Millisecond})
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.get(p[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBeats_gap lets two processes beat at the interval of production, one P filled by a calculation, and shows
// the gaps between the beats as one hears the other.
func BenchmarkBeats_gap(b *testing.B) {
	c := newCluster(b)
	production := func(cfg *BeatsConfig) { cfg.Interval = 3 * time.Millisecond }
	x, y := beating(b, c, "n1", production), beating(b, c, "n2", production)
	x.SetPeers([]BeatPeer{y.peer})
	y.SetPeers([]BeatPeer{x.peer})
	var stop atomic.Bool
	var calculators sync.WaitGroup
	defer calculators.Wait()
	defer stop.Store(true)
	for range runtime.GOMAXPROCS(0) - 1 {
		calculators.Go(func() {
			for !stop.Load() {
			}
		})
	}
	last := (<-y.says).At
	var gaps []time.Duration
	for b.Loop() {
		h := <-y.says
		gaps = append(gaps, h.At.Sub(last))
		last = h.At
	}
	report(b, gaps)
	b.ReportMetric(float64(slices.Max(gaps).Microseconds()), "max-µs")
}

// listener hears the beats of another process in turns that the test makes.
func listener(t *testing.T, onBeats func([]Heard) bool) (other *beater, r *round, turn func()) {
	t.Helper()
	c := newCluster(t)
	b, err := ListenBeats(BeatsConfig{Name: "n1", Incarnation: 1, Credentials: c, OnBeats: onBeats})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	other = beating(t, c, "n2")
	other.SetPeers([]BeatPeer{{ID: b.self, Incarnation: 1, Addr: b.Addr()}})
	b.SetPeers([]BeatPeer{other.peer})
	r = &round{Beats: b, seal: newSeal(c), now: clock.Now()}
	return other, r, func() {
		if err := b.raw.Control(r.turn); err != nil {
			t.Fatal(err)
		}
	}
}

// Beats that wait in the socket until a turn came when the kernel took them in, not with the turn.
func TestBeats_areStampedWhenTheyCome(t *testing.T) {
	var heard []Heard
	other, r, turn := listener(t, func(h []Heard) bool {
		heard = append(heard, h...)
		return true
	})
	eventually(t, "the kernel stamps what comes", func() bool { // which it begins to do a moment after it was asked
		began := clock.Now()
		heard = nil
		turn()
		return len(heard) > 0 && heard[0].At < began
	})
	began, sent := r.now, other.Stats().Out
	heard = nil
	eventually(t, "some beats wait", func() bool { return other.Stats().Out > sent+5 })
	waited := clock.Now()
	turn()
	if len(heard) < 5 {
		t.Fatalf("%d beats were heard in one turn, want those that waited", len(heard))
	}
	for i, h := range heard {
		if h.At < began || h.At > r.now || i > 0 && h.At < heard[i-1].At {
			t.Errorf("beat %d came %v after the turn before and %v before this one, want them in order between", i, h.At.Sub(began), r.now.Sub(h.At))
		}
	}
	if first := heard[0].At; first >= waited {
		t.Errorf("the first beat is said to have come %v after it had waited", first.Sub(waited))
	}
	if until, _ := r.HeardUntil(); until != r.now {
		t.Errorf("heard until %v before the turn, want until then", r.now.Sub(until))
	}
}

func TestBeats_thatAreNotTakenAreToldAgain(t *testing.T) {
	takes, told := false, 0
	_, r, turn := listener(t, func(h []Heard) bool {
		told = len(h)
		return takes
	})
	eventually(t, "a beat is told", func() bool { turn(); return told > 0 })
	if until, _ := r.HeardUntil(); until >= r.now {
		t.Error("beats that nobody took count as heard")
	}
	before := told
	eventually(t, "it is told again, with those since", func() bool { turn(); return told > before })
	takes = true
	turn()
	if until, _ := r.HeardUntil(); until != r.now {
		t.Error("beats that were taken do not count as heard")
	}
}
