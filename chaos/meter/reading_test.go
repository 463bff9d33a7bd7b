package meter

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/clock"
	"fracture/work"
)

const (
	ms    = time.Millisecond
	tiles = work.StreamID(1)
	probe = work.StreamID(2)
	start = clock.Instant(1e12)
)

// bench is a synthetic run: a tile stream and a probe stream, whose results arrive when arrive says (0: never).
type bench struct {
	rec  *Recorder
	flow []Schedule
}

func newBench() *bench {
	b := &bench{rec: NewRecorder(20 * time.Second), flow: []Schedule{
		{Stream: tiles, Name: "tiles", Start: start, Period: 33 * ms, Tiles: 24},
		{Stream: probe, Name: "probe", Start: start, Period: 2 * ms, Tiles: 5},
	}}
	for _, s := range b.flow {
		b.rec.Open(s)
	}
	return b
}

func (b *bench) run(until clock.Instant, arrive func(task work.TaskID, due clock.Instant) clock.Instant) {
	for _, s := range b.flow {
		for k := uint64(0); s.Start.Add(time.Duration(k)*s.Period) < until; k++ {
			due := s.Start.Add(time.Duration(k) * s.Period)
			for tile := range s.Tiles {
				task := work.TaskID{Stream: s.Stream, Frame: k, Tile: tile}
				if at := arrive(task, due); at != 0 {
					b.rec.Deliver(Delivery{Task: task, At: at})
				}
			}
		}
	}
}

// steady is a lateness of 1 to 1.25 ms that depends on the task alone.
func steady(task work.TaskID, due clock.Instant) clock.Instant {
	return due.Add(ms + time.Duration((task.Frame*7+uint64(task.Tile)*13)%250)*time.Microsecond)
}

func (b *bench) read(at clock.Instant) Reading {
	calm := b.rec.Calm(at.Add(-10*time.Second), at)
	return b.rec.Read(Span{At: at, Window: time.Second, Grace: time.Second}, calm)
}

func TestReading_ofAFreezeIsItsLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.IntRange(1, 200).Draw(t, "length ms")) * ms
		at := start.Add(11*time.Second + time.Duration(rapid.IntRange(0, 33_000).Draw(t, "phase us"))*time.Microsecond)
		thaw := at.Add(length)
		b := newBench()
		b.run(start.Add(14*time.Second), func(task work.TaskID, due clock.Instant) clock.Instant {
			if arrived := steady(task, due); arrived <= at || arrived >= thaw {
				return arrived
			}
			return thaw
		})
		got := b.read(at)
		// A probe is late from at most a period and its calm after the freeze began.
		if floor := 2*ms + 1250*time.Microsecond; got.Downtime > length || got.Downtime < length-floor {
			t.Fatalf("Downtime of a freeze of %v = %v, want within %v below it", length, got.Downtime, floor)
		}
		if got.Lost != 0 {
			t.Fatalf("Lost = %d, want 0", got.Lost)
		}
		if off := (got.Gap - length).Abs(); off > 3*ms && length > 33*ms {
			t.Fatalf("Gap of a freeze of %v = %v", length, got.Gap)
		}
	})
}

func TestReading_ofNothingIsNothing(t *testing.T) {
	b := newBench()
	b.run(start.Add(14*time.Second), steady)
	got := b.read(start.Add(11 * time.Second))
	if got.Downtime > 20*time.Microsecond || got.Lost != 0 || got.Loss != 0 || got.Gap > ms {
		t.Errorf("Read without a fault = %+v, want nothing beyond the calm's own p99.9", got)
	}
	if why := got.Differ(); len(why) != 0 {
		t.Errorf("Differ = %v, want nothing to explain", why)
	}
}

func TestReading_countsOverlapOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		covered := map[int]bool{}
		var in []interval
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			from := rapid.IntRange(0, 200).Draw(t, "from")
			to := from + rapid.IntRange(1, 40).Draw(t, "length")
			in = append(in, interval{clock.Instant(from), clock.Instant(to)})
			for x := from; x < to; x++ {
				covered[x] = true
			}
		}
		pieces := 0
		for x := range covered {
			if !covered[x-1] {
				pieces++
			}
		}
		sum, n, longest := union(in)
		if int(sum) != len(covered) || n != pieces || longest > sum {
			t.Fatalf("union = %d in %d pieces, longest %d; want %d in %d", sum, n, longest, len(covered), pieces)
		}
	})
}

func TestReading_countsALostResultToTheHorizon(t *testing.T) {
	b := newBench()
	at := start.Add(11 * time.Second)
	lost := work.TaskID{Stream: tiles, Frame: 350, Tile: 3} // due 550 ms after the fault
	b.run(start.Add(14*time.Second), func(task work.TaskID, due clock.Instant) clock.Instant {
		if task == lost {
			return 0
		}
		return steady(task, due)
	})
	got := b.read(at)
	due := start.Add(350 * 33 * ms)
	want := at.Add(2 * time.Second).Sub(due.Add(got.Streams[0].Calm.P999))
	if got.Lost != 1 || (got.Downtime-want).Abs() > 20*time.Microsecond {
		t.Errorf("Lost = %d, Downtime = %v; want 1, %v", got.Lost, got.Downtime, want)
	}
	if got.Loss != 33*ms {
		t.Errorf("Loss = %v, want one period", got.Loss)
	}
	if why := got.Differ(); len(why) != 1 {
		t.Errorf("Differ = %v, want one reason: downtime and loss are far apart", why)
	}
	if total := b.rec.Totals(start.Add(13 * time.Second)); total.Lost != 1 {
		t.Errorf("Totals.Lost = %d, want 1", total.Lost)
	}
}

func TestReading_tellsWorkInFlightFromNewArrivals(t *testing.T) {
	b := newBench()
	at := start.Add(333*33*ms + ms/2) // half a millisecond after frame 333 was due
	b.run(start.Add(14*time.Second), func(task work.TaskID, due clock.Instant) clock.Instant {
		if task.Stream == tiles && task.Frame == 333 && task.Tile == 5 {
			return due.Add(8 * ms)
		}
		if task.Stream == tiles && task.Frame == 334 && task.Tile == 5 {
			return due.Add(4 * ms)
		}
		return steady(task, due)
	})
	calm := b.rec.Calm(at.Add(-10*time.Second), at)
	span := Span{At: at, Window: time.Second, Grace: time.Second, OnVictim: func(task work.TaskID) bool {
		return task.Stream == tiles && task.Tile == 5
	}}
	got := b.rec.Read(span, calm)
	near(t, "InFlight", got.InFlight, 8*ms-calm[0].P999)
	near(t, "Arrivals", got.Arrivals, 4*ms-calm[0].P999)
	near(t, "Downtime", got.Downtime, 12*ms-2*calm[0].P999)
	span.OnVictim = func(work.TaskID) bool { return false }
	if got := b.rec.Read(span, calm); got.InFlight != 0 {
		t.Errorf("InFlight = %v, want 0: nothing ran on the victim", got.InFlight)
	}
}

func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if (got - want).Abs() > 30*time.Microsecond {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func BenchmarkRead(b *testing.B) {
	syn := newBench()
	syn.run(start.Add(14*time.Second), steady)
	for b.Loop() {
		syn.read(start.Add(11 * time.Second))
	}
}
