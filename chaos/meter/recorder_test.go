package meter

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/work"
)

func TestRecorder_seesADuplicateByItself(t *testing.T) {
	b := newBench()
	task := work.TaskID{Stream: tiles, Frame: 3, Tile: 7}
	at := start.Add(100 * ms)
	b.rec.Deliver(Delivery{Task: task, At: at})
	b.rec.Deliver(Delivery{Task: task, At: at.Add(ms)})
	got := b.rec.Totals(at)
	if got.Duplicates != 1 || got.Delivered != 1 {
		t.Errorf("Totals = %+v, want 1 delivered, 1 duplicate", got)
	}
	if b.rec.Arrival(task) != at {
		t.Errorf("Arrival = %d, want that of the first copy, %d", b.rec.Arrival(task), at)
	}
}

func TestRecorder_countsWrongResultsAsDelivered(t *testing.T) {
	b := newBench()
	at := start.Add(100 * ms)
	for tile := range uint32(3) {
		b.rec.Deliver(Delivery{Task: work.TaskID{Stream: tiles, Frame: 3, Tile: tile}, At: at, Wrong: tile > 0})
	}
	b.rec.Deliver(Delivery{Task: work.TaskID{Stream: 99}, At: at, Wrong: true}) // of no stream: wild, and that is all
	if got := b.rec.Totals(at); got.Wrong != 2 || got.Delivered != 3 || got.Wild != 1 {
		t.Errorf("Totals = %+v, want 3 delivered, of which 2 wrong, and 1 wild", got)
	}
}

func TestRecorder_refusesWhatNobodyExpects(t *testing.T) {
	b := newBench()
	for _, task := range []work.TaskID{
		{Stream: 99},
		{Stream: tiles, Tile: 24},
		{Stream: tiles, Frame: 1 << 62},
	} {
		b.rec.Deliver(Delivery{Task: task, At: start})
	}
	if got := b.rec.Totals(start.Add(-1)); got.Wild != 3 || got.Delivered != 0 || got.Due != 0 {
		t.Errorf("Totals = %+v, want 3 wild and nothing else", got)
	}
}

// What is due is delivered or lost, however the results come and however short the memory is.
func TestRecorder_losesCountOfNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := uint64(rapid.IntRange(0, 5).Draw(t, "first"))
		rec := NewRecorder(time.Duration(rapid.IntRange(1, 20).Draw(t, "window ms")) * ms)
		rec.Open(Schedule{Stream: tiles, Start: start, Period: ms, Tiles: 3, First: first})
		var sent uint64
		frames := uint64(rapid.IntRange(0, 60).Draw(t, "frames"))
		for k := first; k < first+frames; k++ {
			for tile := range uint32(3) {
				for range rapid.IntRange(0, 2).Draw(t, "copies") {
					rec.Deliver(Delivery{Task: work.TaskID{Stream: tiles, Frame: k, Tile: tile}, At: start.Add(time.Duration(k) * ms)})
					sent++
				}
			}
		}
		got := rec.Totals(start.Add(time.Duration(first+frames)*ms - 1))
		if got.Due != frames*3 || got.Delivered+got.Lost != got.Due {
			t.Fatalf("%+v: due %d, want delivered and lost to make it up", got, frames*3)
		}
		missing := uint64(0)
		for i, h := range rec.Holes(start.Add(time.Duration(first+frames)*ms - 1)) {
			if missing += h.N; h.N == 0 || h.To < h.From {
				t.Fatalf("hole %d: %+v", i, h)
			}
		}
		if missing != got.Lost {
			t.Fatalf("%+v: %d are missing from the holes, want those that are lost", got, missing)
		}
		if got.Delivered+got.Duplicates != sent || got.Wild+got.Stale != 0 {
			t.Fatalf("%+v: want delivered and duplicates to make up %d", got, sent)
		}
	})
}

func TestRecorder_knowsTheRateAndTheCalm(t *testing.T) {
	b := newBench()
	b.run(start.Add(3*time.Second), steady)
	if got := b.rec.Rate(start.Add(time.Second), start.Add(2*time.Second)); got < 3200 || got > 3250 {
		t.Errorf("Rate = %.0f results/s, want 24 × 30.3 + 5 × 500", got)
	}
	calm := b.rec.Calm(start.Add(time.Second), start.Add(2*time.Second))
	if len(calm) != 2 || calm[1].N != 2500 || calm[1].P999 < 1240*time.Microsecond || calm[1].Max >= 1250*time.Microsecond {
		t.Errorf("Calm = %+v, want 2500 probes up to 1.25 ms late", calm)
	}
}

func TestInbox_dropsAndCountsBeyondItsBound(t *testing.T) {
	b := NewInbox[int](2)
	for i := range 5 {
		b.Put(i)
	}
	items, dropped := b.Take(nil)
	if len(items) != 2 || dropped != 3 {
		t.Errorf("Take = %v, %d dropped; want 2 items, 3 dropped", items, dropped)
	}
	b.Put(9)
	if items, _ = b.Take(items); len(items) != 1 || items[0] != 9 {
		t.Errorf("Take = %v, want what came since", items)
	}
}

func BenchmarkRecorder_Deliver(b *testing.B) {
	rec := NewRecorder(60 * time.Second)
	rec.Open(Schedule{Stream: probe, Start: start, Period: 2 * ms, Tiles: 5})
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		k := i / 5
		rec.Deliver(Delivery{Task: work.TaskID{Stream: probe, Frame: k, Tile: uint32(i % 5)}, At: start.Add(time.Duration(k) * 2 * ms)})
		i++
	}
}

func TestAnchor_findsTheOriginInTheQuickestResult(t *testing.T) {
	s := Schedule{Stream: probe, Period: 2 * ms, Tiles: 5}
	if _, ok := Anchor(s, nil); ok {
		t.Error("Anchor of nothing found an origin")
	}
	var seen []Delivery
	for k := range uint64(50) {
		late := ms + time.Duration(k*7%11)*100*time.Microsecond
		seen = append(seen,
			Delivery{Task: work.TaskID{Stream: probe, Frame: k}, At: start.Add(time.Duration(k)*2*ms + late)},
			Delivery{Task: work.TaskID{Stream: tiles, Frame: k}, At: start})
	}
	if got, ok := Anchor(s, seen); !ok || got.Start != start.Add(ms) || got.First != 50 {
		t.Errorf("Anchor = %+v, %v; want the origin 1 ms after the start, frame 50 first", got, ok)
	}
}
