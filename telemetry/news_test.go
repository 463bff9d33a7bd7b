package telemetry

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

func samples() []News {
	return []News{
		{Event: &Event{Trace: failover.Trace{
			At: 123456789, Node: "n3", Verb: "promote", Peer: "n1", Signal: failover.Silence,
			Task:  work.TaskID{Stream: 1<<64 - 1, Frame: 7, Tile: failover.SplitterTile},
			Epoch: failover.Epoch{Term: 1<<32 | 5, Try: 2, Rank: 1},
		}, Text: "n3 leads in place of n1"}},
		{Status: &Status{Name: "n1", ID: 9, PID: 42, Leads: []uint64{1}, OwnedTiles: []uint32{0, 5}, BeatGap: 2.5, RSS: 20 << 20, Draining: true}},
	}
}

func TestNews_readsWhatItWrote(t *testing.T) {
	for _, want := range samples() {
		line, err := want.Append([]byte("x"))
		if err != nil {
			t.Fatalf("Append: %v", err)
		}
		got, err := ParseNews(line[1:])
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParseNews(%s) = %+v, %v; want %+v", line, got, err, want)
		}
	}
}

func TestParseNews_refusesAnythingElse(t *testing.T) {
	for _, line := range []string{
		``, `null`, `{}`, `[]`, `{"event":null}`, `{"event":{},"status":{}}`, `{"event":{"At":"soon"}}`,
		`{"status":{"Name":"` + strings.Repeat("n", MaxNewsBytes) + `"}}`,
	} {
		if n, err := ParseNews([]byte(line)); !errors.Is(err, ErrNews) {
			t.Errorf("ParseNews(%.40s) = %+v, %v; want %v", line, n, err, ErrNews)
		}
	}
}

func TestNews_saysWhenANumberCannotTravel(t *testing.T) {
	n := News{Status: &Status{BeatGap: math.NaN()}}
	if buf, err := n.Append([]byte("kept")); err == nil || string(buf) != "kept" {
		t.Errorf("Append = %q, %v; want an error and nothing appended", buf, err)
	}
}

func FuzzParseNews(f *testing.F) {
	for _, n := range samples() {
		line, err := n.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		n, err := ParseNews(line)
		if err != nil {
			return
		}
		once, err := n.Append(nil)
		if err != nil {
			t.Fatalf("Append of what %q parsed to: %v", line, err)
		}
		again, err := ParseNews(once)
		if errors.Is(err, ErrNews) && len(once) > MaxNewsBytes {
			return // what JSON must escape takes more room than it took in
		}
		if err != nil {
			t.Fatalf("ParseNews of its own %q: %v", once, err)
		}
		if twice, err := again.Append(nil); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, %v", once, twice, err)
		}
	})
}

func TestHistogram_sumsUpAndBins(t *testing.T) {
	h := NewHistogram()
	for i := 1; i <= 100; i++ {
		h.Record(time.Duration(i) * 100 * time.Microsecond)
	}
	h.Record(time.Hour)
	h.Record(-time.Second)
	got := h.Summary()
	if got.N != 102 || math.Abs(got.P50-5) > 0.02 || math.Abs(got.P90-9.1) > 0.05 || got.Max < 60_000 || got.Last != -1000 {
		t.Errorf("Summary = %+v, want n 102, p50 5, p90 9.1, max a minute, last -1 s", got)
	}
	bins := h.Bins(time.Millisecond, 4, nil)
	var n int64
	for _, b := range bins {
		n += b.N
	}
	if len(bins) != 4 || n != 102 || bins[0].N != 10 || bins[1].N != 10 {
		t.Errorf("Bins = %+v, want 102 values in 4 bars, 10 of them below 1 ms", bins)
	}
	h.Reset()
	if got := h.Summary(); got != (Summary{}) {
		t.Errorf("Summary after Reset = %+v, want zeros", got)
	}
	if got := h.Bins(0, 3, nil); len(got) != 0 {
		t.Errorf("Bins of width 0 = %v, want none", got)
	}
}
