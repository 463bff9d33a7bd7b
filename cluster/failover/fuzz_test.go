package failover

import (
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// dice reads small numbers from a fuzzer's bytes; when they are used up it says zero.
type dice struct{ rest []byte }

func (d *dice) roll(sides int) int {
	if len(d.rest) == 0 {
		return 0
	}
	n := int(d.rest[0]) % sides
	d.rest = d.rest[1:]
	return n
}

// fuzzIDs are the processes that fuzzed events speak of: 1 is the machine itself.
const fuzzIDs = 5

func (d *dice) id() NodeID { return NodeID(d.roll(fuzzIDs + 1)) }

func (d *dice) holders() Holders { return Holders{d.id(), d.id(), d.id(), d.id()} }

func (d *dice) task() work.TaskID {
	tile := uint32(d.roll(5))
	if tile == 4 {
		tile = SplitterTile
	}
	frame := []uint64{0, 1, 2, 3, 4, 5, 70, maxFrame, ^uint64(0)}[d.roll(9)]
	return work.TaskID{Stream: work.StreamID(d.roll(4)), Frame: frame, Tile: tile}
}

func (d *dice) epoch() Epoch {
	return Epoch{Term: Term(d.roll(3))<<32 | Term(d.id()), Try: uint16(d.roll(3)), Rank: uint8(d.roll(4))}
}

func (d *dice) stream() *work.Stream {
	if d.roll(8) == 0 {
		return nil
	}
	return &work.Stream{
		ID: work.StreamID(d.roll(4)), Function: []string{"echo/1", "chess/1"}[d.roll(5)/4], Tiles: uint32(d.roll(5)),
		Period: time.Duration(d.roll(4)) * 10 * time.Millisecond, Frames: uint64(d.roll(4)),
		Strategy: work.Strategy(d.roll(4)), Factor: uint8(d.roll(6)), Revision: work.Revision(d.roll(4)), From: uint64(d.roll(4)),
	}
}

func (d *dice) message() Message {
	return Message{
		Kind: MessageKind(d.roll(int(Revised) + 2)), Reason: Reason(d.roll(6)), Failed: d.roll(4) == 0,
		Function: []string{"echo/1", "chess/1"}[d.roll(5)/4], Task: d.task(), Epoch: d.epoch(), Holders: d.holders(),
		Splitters: d.holders(), Have: uint32(d.roll(2)), Ran: time.Duration(d.roll(3)-1) * 50 * time.Millisecond,
		Stream: d.stream(), Revision: work.Revision(d.roll(4)), Payload: []byte("payload"),
	}
}

func (d *dice) event() Event {
	member := Member{ID: d.id(), Weight: uint64(d.roll(4)), Zone: uint32(d.roll(3)), Sink: d.roll(4) == 0}
	ev := Event{Kind: EventKind(d.roll(int(Recovered) + 2)), Peer: d.id(), Member: member}
	switch ev.Kind {
	case Beat:
		ev.Heard, ev.Leaving, ev.Interval = d.roll(4) != 0, d.roll(8) == 0, time.Duration(d.roll(6))*time.Millisecond
	case Received, Computed, Lags, Saved:
		ev.Message = d.message()
	case Tick:
		if d.roll(2) == 0 {
			ev.At, ev.Stalled = clock.Instant(d.roll(4))*clock.Instant(time.Second), clock.Instant(d.roll(4))*clock.Instant(time.Second)
		}
	case Joined, Left, LinkUp, LinkDown, Detected, Recovered, Drain, Missed:
	}
	return ev
}

// pass lets some time pass: mostly little, sometimes a stall.
func (d *dice) pass(now clock.Instant) clock.Instant {
	return now.Add([]time.Duration{0, 100 * time.Microsecond, 3 * time.Millisecond, 40 * time.Millisecond, time.Second}[d.roll(5)])
}

// FuzzCore_neverPanicsAndKeepsItsBounds tells a core whatever the fuzzer thinks of, also what no peer would say.
func FuzzCore_neverPanicsAndKeepsItsBounds(f *testing.F) {
	for seed := range byte(16) {
		f.Add(scramble(seed, 600))
	}
	const maxTasks, maxStreams = 8, 2
	broken := func(frame uint64) bool { return frame%3 == 1 }
	function := func(name string) work.Function {
		if name == "echo/1" {
			return echo{broken: broken}
		}
		return nil
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := &dice{raw}
		core := New(Config{ID: 1, Weight: 77, MaxTasks: maxTasks, MaxStreams: maxStreams, Function: function})
		now := clock.Instant(time.Second)
		var out []Effect
		for len(d.rest) > 0 {
			now = d.pass(now)
			ev := d.event()
			out = core.Step(now, ev, out[:0])
			core.Wake()
			checkBounds(t, core, maxTasks, maxStreams)
			for _, e := range out {
				if e.Kind == Send && (e.Peer == 0 || e.Peer == 1) {
					t.Fatalf("%+v made the core send to %d", ev, e.Peer)
				}
				if e.Kind == Send && e.Message.Kind == 0 {
					t.Fatalf("%+v made the core send a message of no kind", ev)
				}
			}
		}
	})
}

func checkBounds(t *testing.T, core *Core, maxTasks, maxStreams int) {
	t.Helper()
	if n := len(core.tasks.list); n > maxTasks || n != len(core.tasks.at) {
		t.Fatalf("%d tasks, %d in the index, bound %d", n, len(core.tasks.at), maxTasks)
	}
	for i := range core.tasks.list {
		if core.tasks.at[core.tasks.list[i].id] != int32(i) {
			t.Fatalf("task %v is not where the index says", core.tasks.list[i].id)
		}
	}
	if n := len(core.streams); n > maxStreams {
		t.Fatalf("%d streams, bound %d", n, maxStreams)
	}
	if n := len(core.watchers); n > maxWatchers {
		t.Fatalf("%d watchers, bound %d", n, maxWatchers)
	}
	for i := range core.peers.list {
		if core.peers.at[core.peers.list[i].ID] != i {
			t.Fatalf("peer %d is not where the index says", core.peers.list[i].ID)
		}
	}
	for _, s := range core.streams {
		if s.base > s.next && s.next != 0 || s.next-s.base > uint64(len(s.ring)) {
			t.Fatalf("stream %d: base %d, next %d, window %d", s.spec.ID, s.base, s.next, len(s.ring))
		}
	}
}

// FuzzSink_deliversNothingTwice tells a sink whatever the fuzzer thinks of.
func FuzzSink_deliversNothingTwice(f *testing.F) {
	for seed := range byte(16) {
		f.Add(scramble(seed, 600))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := &dice{raw}
		sink := NewSink(SinkConfig{ID: 1, Window: 4})
		now := clock.Instant(time.Second)
		open := map[work.TaskID]bool{}
		for len(d.rest) > 0 {
			now = d.pass(now)
			ev := d.event()
			for _, e := range sink.Step(now, ev, nil) {
				switch {
				case e.Kind == Deliver && open[e.Message.Task]:
					t.Fatalf("task %v was delivered twice", e.Message.Task)
				case e.Kind == Deliver:
					open[e.Message.Task] = true
				}
			}
			if m := ev.Message; ev.Kind == Received && ev.Peer == 1 && (m.Kind == Retire || m.Kind == Unsubscribe || m.Kind == Submit) {
				clear(open) // a stream that was given up and asked for again begins anew
			}
			sink.Wake()
		}
	})
}

// scramble is a seed's bytes.
func scramble(seed byte, n int) []byte {
	out := make([]byte, n)
	h := uint64(seed)
	for i := range out {
		h = hash64(h, uint64(i))
		out[i] = byte(h)
	}
	return out
}
