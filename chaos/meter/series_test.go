package meter

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

func TestSeries_tellsWhenResultsWereLateAndWhichNeverCame(t *testing.T) {
	b := newBench()
	fault := start.Add(3 * time.Second)
	b.run(start.Add(10*time.Second), func(task work.TaskID, due clock.Instant) clock.Instant {
		switch {
		case task.Stream == probe && task.Tile == 2 && due >= fault && due < fault.Add(50*ms):
			return fault.Add(50 * ms)
		case task.Stream == probe && due >= fault.Add(2*time.Second) && due < fault.Add(2*time.Second+20*ms):
			return 0
		}
		return steady(task, due)
	})
	all := b.rec.Series(start.Add(-500*ms), start.Add(10*time.Second-1))
	if len(all) != 2 || all[0].Stream != "tiles" || all[1].Stream != "probe" {
		t.Fatalf("Series = %+v, want the tiles', then the probe's", all)
	}
	p := all[1]
	if p.From != 500 || p.Width != 100 || len(p.Due) != 100 || len(p.Came) != 100 || len(p.P50) != 100 || len(p.Worst) != 100 {
		t.Fatalf("the probe's begins at %v with %d bins of %v; want 100 of 100 from 500", p.From, len(p.Due), p.Width)
	}
	for i := range p.Due {
		came, worst := uint32(250), 1.25
		switch i {
		case 30:
			worst = 50
		case 50:
			came = 200
		}
		if p.Due[i] != 250 || p.Came[i] != came || p.Worst[i] > worst || p.Worst[i] < worst-0.25 || math.Abs(p.P50[i]-1.12) > 0.12 {
			t.Errorf("bin %d: %d due, %d came, p50 %v, worst %v; want 250, %d, about 1.12, %v", i, p.Due[i], p.Came[i], p.P50[i], p.Worst[i], came, worst)
		}
	}
}

// However long a run is, nothing is lost by folding, and the memory has a bound.
func TestSeries_foldsAndForgetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := NewRecorder(time.Second)
		period := time.Duration(rapid.IntRange(20, 400).Draw(t, "period ms")) * ms
		rec.Open(Schedule{Stream: tiles, Name: "tiles", Start: start, Period: period, Tiles: 1})
		frames := uint64(rapid.IntRange(0, 6000).Draw(t, "frames"))
		var worst time.Duration
		for k := range frames {
			late := time.Duration(rapid.Uint32().Draw(t, "late"))
			worst = max(worst, late)
			rec.Deliver(Delivery{Task: work.TaskID{Stream: tiles, Frame: k}, At: start.Add(time.Duration(k)*period + late)})
		}
		end := start.Add(time.Duration(frames)*period - 1)
		due, came, latest := 0, 0, 0.0
		for _, s := range rec.Series(start, end) {
			if len(s.Due) > courseBins {
				t.Fatalf("%d bins, want at most %d", len(s.Due), courseBins)
			}
			for i := range s.Due {
				due, came, latest = due+int(s.Due[i]), came+int(s.Came[i]), max(latest, s.Worst[i])
			}
		}
		if due != int(frames) || came != int(frames) || math.Abs(latest-Millis(worst)) > 0.01 {
			t.Fatalf("of %d frames %d are due, %d came, the worst %v late; want all, and %v", frames, due, came, latest, Millis(worst))
		}
	})
}

func TestLateClass_isWithinATenthOfWhatItStandsFor(t *testing.T) {
	for late := 70 * time.Microsecond; late < 3*time.Second; late += late / 37 {
		if got := middle(lateClass(late)); math.Abs(got.Seconds()/late.Seconds()-1) > 0.125 {
			t.Errorf("%v is told as %v", late, got)
		}
	}
	if lateClass(0) != 0 || lateClass(time.Hour) != courseRank-1 {
		t.Errorf("classes of 0 and an hour: %d, %d", lateClass(0), lateClass(time.Hour))
	}
}

func BenchmarkCourse_add(b *testing.B) {
	c := course{from: start, width: courseBin}
	due := start
	b.ReportAllocs()
	for b.Loop() {
		c.add(due, ms)
		due = due.Add(400 * time.Microsecond)
	}
}

func TestTrialRow_hasTheTimelineAndTheInstant(t *testing.T) {
	trials := sampleTrials()
	trials[1].Timeline.FirstResult = 0
	r := sampleReport()
	r.Began = trials[0].Began.Add(-2 * time.Second)
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	first, second, noop := r.Trials[0], r.Trials[1], r.Trials[60]
	if first.At != 5000 || first.Took != 6000 || second.At != 11000 {
		t.Errorf("the first trial is at %v and takes %v, the second at %v; want 5000, 6000, 11000", first.At, first.Took, second.At)
	}
	var names []string
	for _, s := range second.Stages {
		names = append(names, s.Stage)
	}
	if want := []string{"effective", "noticed", "promoted", "delivered", "redundancy restored"}; !slices.Equal(names, want) {
		t.Errorf("stages %v, want those that were seen: %v", names, want)
	}
	if ms, seen := second.Stage("effective"); !seen || ms != 0.08 {
		t.Errorf("effective after %v ms, %v; want 0.08", ms, seen)
	}
	if _, seen := second.Stage("first result"); seen || len(noop.Stages) > 0 {
		t.Errorf("a stage that was not seen is told, or a noop has stages: %+v", noop)
	}
	var brief bytes.Buffer
	r.Series = []Series{{Stream: "tiles"}}
	if err := r.WriteJSON(&brief, false); err != nil || bytes.Contains(brief.Bytes(), []byte(`"series"`)) {
		t.Errorf("the brief object has the series (%v)", err)
	}
}

func TestChecks_areOfTheReportAsReadAsOfTheOneWritten(t *testing.T) {
	lost := sampleTrials()
	lost[2].Reading.Lost, lost[5].Reading.Downtime = 1, 30*ms
	for i := range 12 {
		lost[40+i].Held = "" // too few splitters count
	}
	r := sampleReport()
	r.Totals.Lost = 1
	budgets := append(DefaultBudgets(work.Standby), Budget{Fault: Freeze, Metric: "gap.max", Limit: 5})
	r.Judge(lost, budgets, false)
	var b bytes.Buffer
	if err := r.WriteJSON(&b, true); err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(b.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	checks, err := read.Checks()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]Verdict{}
	for _, c := range checks {
		verdicts[c.Row+" "+c.Budget.Metric] = c.Verdict
		if (c.Why == "") != (c.Verdict == Held) || c.Why != "" && !slices.Contains(r.Why, c.Why) {
			t.Errorf("%s: %s because %q, which is not among %q", c.Row, c.Verdict, c.Why, r.Why)
		}
	}
	for what, want := range map[string]Verdict{
		"owner kill downtime.p99": Broken, "owner kill lost": Broken, "owner kill duplicates": Held,
		"splitter kill downtime.p99": Thin, "whole run lost": Broken, "whole run duplicates": Held,
	} {
		if verdicts[what] != want {
			t.Errorf("%s: %q, want %q", what, verdicts[what], want)
		}
	}
	if len(checks) != 8 {
		t.Errorf("%d checks, want three of each row and two of the whole", len(checks))
	}
	read.Budgets = []string{"speed"}
	if _, err := read.Checks(); err == nil {
		t.Error("a budget that is none passes")
	}
}

func TestLog_listsItsLinesInOrder(t *testing.T) {
	log := NewLog()
	for i := range LogBound + 3 {
		log.Observe(failover.Trace{At: clock.Instant(i), Verb: "promote"})
		if i == 1 {
			if lines := log.Lines(); len(lines) != 2 || lines[1].At != 1 {
				t.Errorf("two lines are listed as %v", lines)
			}
		}
	}
	if lines := log.Lines(); len(lines) != LogBound || lines[0].At != 3 || lines[LogBound-1].At != LogBound+2 {
		t.Errorf("%d lines from %d to %d", len(lines), lines[0].At, lines[len(lines)-1].At)
	}
}
