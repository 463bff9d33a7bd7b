package meter

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and read the diff. Got:\n%s", path, got)
	}
}

// sampleTrials are the trials of a made-up run: 40 owners killed (one of them no owner any more), 20 splitters, 10 noops
// and 10 freezes of 20 ms.
func sampleTrials() []Trial {
	rng := rand.New(rand.NewPCG(1, 2))
	var trials []Trial
	at := clock.Instant(1e12)
	add := func(n int, c Component, kind Kind, base, spread time.Duration) {
		for i := range n {
			down := base + time.Duration(rng.Int64N(int64(spread)))
			t := Trial{
				Component: c, Fault: kind, Began: at, Before: at.Add(3 * time.Second), Ended: at.Add(6 * time.Second),
				Rate: 3220, Calm: []Calm{{"tiles", 7200, ms, 3 * ms, 4 * ms, 7200}, {"probe", 25000, ms / 2, 2 * ms, 5 * ms, 25000}},
				Reading: Reading{Downtime: down, Pieces: 1, Longest: down, Gap: down + ms, InFlight: down / 2, Arrivals: down, Streams: []StreamReading{
					{Stream: "probe", Period: 2 * ms, Downtime: down, Gap: down + ms, Loss: down, Pieces: 1},
				}},
				Hiccup: time.Duration(i) * 100 * time.Microsecond,
			}
			if c != None {
				t.Victim, t.Held, t.RSS = "n3", "owner of 5 tiles", int64(20+i%5)<<20
				t.Timeline = Timeline{Injected: t.Before, Effective: t.Before.Add(80 * time.Microsecond), Noticed: t.Before.Add(down / 4), Promoted: t.Before.Add(down / 3), Delivered: t.Before.Add(down), Signal: failover.Reset}
			}
			t.After = t.Before.Add(80 * time.Microsecond)
			trials = append(trials, t)
			at = t.Ended
		}
	}
	add(40, Owner, Kill, ms, 7*ms)
	trials[3].Held = ""
	trials[4].Timeline.Signal = failover.Silence
	trials[5].Reading.Streams[0].Gap = 30 * ms
	trials[6].Needless = 2
	add(20, Splitter, Kill, ms, 9*ms)
	add(10, None, Noop, 0, ms)
	add(10, All, Freeze, 19*ms, 2*ms)
	for i := range trials[70:] {
		trials[70+i].Length = 20 * ms
	}
	return trials
}

// spoiltTrials are the sampleTrials, one of which tells of the machine alone.
func spoiltTrials() []Trial {
	trials := sampleTrials()
	trials[7].Stall, trials[7].Reading.Downtime = 12*ms, 80*ms
	return trials
}

func sampleReport() *Report {
	return &Report{
		Seed: 42, Strategy: "standby", Load: "half", Nodes: 5, Asked: 40, Needed: 20,
		Totals: Totals{Due: 1_545_600, Delivered: 1_545_600}, CalmSpan: 10, Window: 1, Grace: 1,
		Hiccups: Spread{P50: 0.1, P90: 0.3, P99: 1.2, Max: 3.9}, Stalls: &Spread{P50: 0.02, P90: 0.1, P99: 0.9, Max: 12}, Late: &Late{N: 200, Spread: Spread{P50: 0.03, P90: 0.04, P99: 0.08, Max: 0.1}}, RSS: 24, Ballast: 2, Cores: 2, CPU: 0.61, CPUAsked: 1, Scheduler: "beats fifo 1, workers other nice 10",
		Versions: Versions{Fracture: "devel", Go: "go1.26", System: "linux/amd64", Machine: "a test"},
		Started:  "2026-11-22T10:00:00Z", Took: 480,
	}
}

func TestReport_isATableForPeople(t *testing.T) {
	r := sampleReport()
	r.Judge(spoiltTrials(), DefaultBudgets(work.Standby), false)
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", b.Bytes())
}

func TestReport_isOneObjectForPrograms(t *testing.T) {
	r := sampleReport()
	r.Judge(spoiltTrials(), DefaultBudgets(work.Standby), false)
	var b, pretty bytes.Buffer
	if err := r.WriteJSON(&b, false); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("WriteJSON wrote %d lines, want one", n)
	}
	if err := json.Indent(&pretty, b.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", pretty.Bytes())
}

func TestReport_judges(t *testing.T) {
	lost := sampleTrials()
	lost[2].Reading.Lost = 1
	slow := sampleTrials()
	slow[2].Reading.Downtime = 11 * ms
	restless := sampleTrials()
	for i := range restless {
		restless[i].Calm = []Calm{{"probe", 5000, ms, 12 * ms, 40 * ms, 5000}}
	}
	for _, c := range []struct {
		what        string
		trials      []Trial
		needed      int
		interrupted bool
		want        Verdict
		code        int
	}{
		{"all within the budgets", sampleTrials(), 20, false, Held, 0},
		{"one result lost", lost, 20, false, Broken, 1},
		{"p99 above the budget", slow, 20, false, Broken, 1},
		{"too few counted", sampleTrials(), 21, false, Thin, 4},
		{"too few counted for the slow one to be judged", slow, 50, false, Thin, 4},
		{"too few counted, but one result lost", lost, 50, false, Broken, 1},
		{"a calm that hides what is to be seen", restless, 20, false, Thin, 4},
		{"interrupted", sampleTrials(), 20, true, Interrupted, 130},
		{"nothing happened", nil, 1, false, Thin, 4},
	} {
		r := sampleReport()
		r.Needed = c.needed
		r.Judge(c.trials, DefaultBudgets(work.Standby), c.interrupted)
		if r.Verdict != c.want || r.Verdict.ExitCode() != c.code {
			t.Errorf("%s: verdict %q, exit %d; want %q, %d (%v)", c.what, r.Verdict, r.Verdict.ExitCode(), c.want, c.code, r.Why)
		}
		if (c.want == Held) != (len(r.Why) == 0) {
			t.Errorf("%s: verdict %q because %q", c.what, r.Verdict, r.Why)
		}
	}
	r := sampleReport()
	r.Totals.Lost = 1
	if r.Judge(sampleTrials(), DefaultBudgets(work.Standby), false); r.Verdict != Broken {
		t.Errorf("a result lost between trials: verdict %q, want %q", r.Verdict, Broken)
	}
}

func TestReport_judgesAFaultByItsOwnBudget(t *testing.T) {
	frozen := sampleTrials()
	for i := range frozen[:40] { // all owners
		frozen[i].Fault, frozen[i].Reading.Downtime = Freeze, 25*ms
	}
	frozen[2].Reading.Lost = 3
	parse := func(texts ...string) (budgets []Budget) {
		for _, text := range texts {
			b, err := ParseBudget(text)
			if err != nil {
				t.Fatal(err)
			}
			budgets = WithBudget(budgets, b)
		}
		return budgets
	}
	for _, c := range []struct {
		budgets []Budget
		want    Verdict
	}{
		{parse("downtime.p99<=10ms"), Broken},
		{parse("downtime.p99<=10ms", "freeze: downtime.p99<=30ms"), Held},
		{parse("downtime.p99<=10ms", "freeze: downtime.p99<=20ms"), Broken},
		{parse("kill: downtime.p99<=10ms"), Held},
		{parse("lost<=0"), Broken},
		{parse("lost<=0", "freeze: lost<=3"), Held},
		{parse("lost<=0", "freeze: lost<=2"), Broken},
	} {
		r := sampleReport()
		r.Totals.Lost = 3 // of the whole run: those of the frozen
		if r.Judge(frozen, c.budgets, false); r.Verdict != c.want {
			t.Errorf("budgets %v: verdict %q, want %q (%v)", c.budgets, r.Verdict, c.want, r.Why)
		}
	}
}

func TestReport_judgesWrongResultsWhereTheyArePromisedToBeMaskedOrLimited(t *testing.T) {
	limit := Budget{Metric: "wrong", Limit: 7}
	for _, c := range []struct {
		strategy       work.Strategy
		budgets        []Budget
		wrong, between uint64 // delivered under the fault, and between two faults
		want           Verdict
		untold         int
	}{
		{work.Vote, nil, 0, 0, Held, 0},
		{work.Vote, nil, 1, 0, Broken, 0},
		{work.Vote, nil, 0, 1, Broken, 0},
		{work.Standby, nil, 412, 0, Held, 1},
		{work.Standby, nil, 0, 0, Held, 1}, // the fault is one of answers, and nothing judges them
		{work.Standby, nil, 412, 3, Held, 2},
		{work.Standby, []Budget{limit}, 7, 0, Held, 0},
		{work.Standby, []Budget{limit}, 8, 0, Broken, 0},
		{work.Vote, []Budget{{Wrong, "wrong", 3}}, 3, 0, Held, 0},
		{work.Vote, []Budget{{Wrong, "wrong", 3}}, 3, 1, Broken, 0},
	} {
		trials := sampleTrials()
		for i := range trials[:40] { // all owners
			trials[i].Fault = Wrong
		}
		trials[3].Wrong = c.wrong // the one that does not count: what was delivered was delivered
		budgets := DefaultBudgets(c.strategy)
		for _, b := range c.budgets {
			budgets = WithBudget(budgets, b)
		}
		r := sampleReport()
		r.Strategy, r.Totals.Wrong = c.strategy.String(), c.wrong+c.between
		r.Judge(trials, budgets, false)
		if r.Verdict != c.want || len(r.Unjudged) != c.untold || r.Rows[0].Wrong != c.wrong {
			t.Errorf("%v with %d wrong and %d between, budgets %v: %s, %q, not judged %q; want %s, %d not judged",
				c.strategy, c.wrong, c.between, budgets, r.Verdict, r.Why, r.Unjudged, c.want, c.untold)
		}
	}
}

func TestReport_judgesNothingWhereTheKnownLengthIsNotRead(t *testing.T) {
	for _, c := range []struct {
		read    time.Duration
		budget  string
		verdict Verdict
	}{
		{19 * ms, "downtime.p50<=3ms", Held},
		{60 * ms, "downtime.p99<=10ms", Held}, // it had much to make up for
		{16 * ms, "downtime.p50<=3ms", Thin},
		{16 * ms, "downtime.p99<=10ms", Held},
		{0, "downtime.p99<=50ms", Thin},
		{0, "lost<=0", Held},
	} {
		trials := sampleTrials()
		for i := range trials {
			trials[i].Reading.Downtime = ms
			if trials[i].Component == All {
				trials[i].Reading.Downtime = c.read
			}
		}
		b, err := ParseBudget(c.budget)
		if err != nil {
			t.Fatal(err)
		}
		r := sampleReport()
		r.Judge(trials, []Budget{b}, false)
		said := strings.Contains(strings.Join(r.Why, "\n"), "the control that must read 20 ms read "+figure(Millis(c.read)))
		if r.Verdict != c.verdict || said != (c.verdict == Thin) {
			t.Errorf("a freeze read as %v under %s: %s, %q; want %s", c.read, c.budget, r.Verdict, r.Why, c.verdict)
		}
	}
}

func TestReport_tellsTheCalmOfTrialsThatCount(t *testing.T) {
	trials := sampleTrials()
	trials[0].Calm = []Calm{{"tiles", 6, 0, 0, 0, 6}, {"probe", 100, 0, 0, 0, 100}}
	r := sampleReport()
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	if r.Calm[0].N != 7200 || r.Calm[1].N != 25000 {
		t.Errorf("the calm rests on %+v, want 7200 and 25000: the trial with less does not count", r.Calm)
	}
	r = sampleReport()
	r.Judge(trials[:1], DefaultBudgets(work.Standby), false)
	if r.Calm[0].N != 6 {
		t.Errorf("where none counted the calm rests on %+v, want what there was", r.Calm)
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil || !strings.Contains(b.String(), "at least 6 results before each fault; a trial counts with 200") {
		t.Errorf("the report does not say what it takes to count: %v\n%s", err, b.String())
	}
}

func TestDiffer_namesTheCalmWhereItSwallowedWhatWasLost(t *testing.T) {
	s := StreamReading{Stream: "probe", Period: 2 * ms, Gap: 90 * ms, Loss: 80 * ms, Lost: 3, Calm: Calm{P999: 900 * ms}}
	for _, want := range []string{"the calm before it was so restless", "a lost result counts to the horizon"} {
		got := Reading{Streams: []StreamReading{s}}.Differ()
		if len(got) != 1 || !strings.Contains(got[0].Cause, want) {
			t.Errorf("of a downtime of %v Differ = %+v, want %q", s.Downtime, got, want)
		}
		s.Downtime, s.Calm.P999 = 500*ms, ms
	}
}

func TestReport_isThinWhereTheMeterDidNotReadAll(t *testing.T) {
	lost := sampleTrials()
	lost[2].Reading.Lost = 1
	r := sampleReport()
	r.Totals.Unmeasured = 1
	if r.Judge(lost, DefaultBudgets(work.Standby), false); r.Verdict != Thin {
		t.Errorf("verdict %q where the meter dropped a delivery, want %q", r.Verdict, Thin)
	}
}

func TestReport_needsFourOfFiveOfARowUnlessTold(t *testing.T) {
	r := sampleReport()
	r.Needed = 0
	r.Judge(sampleTrials(), DefaultBudgets(work.Standby), false)
	if r.Rows[0].Needed != 32 || r.Rows[1].Needed != 16 || r.Needed != 16 {
		t.Errorf("needed %d, %d and %d at least; want 32 of 40, 16 of 20, 16", r.Rows[0].Needed, r.Rows[1].Needed, r.Needed)
	}
}

func TestReport_saysWhatWasNotTried(t *testing.T) {
	r := sampleReport()
	trials := sampleTrials()
	for i := range trials[40:60] { // every splitter
		trials[40+i].Held = ""
	}
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	if c := r.Coverage; c.Tried != 1 || len(c.Untried) != 48 || slices.Contains(c.Untried, "owner kill") || !slices.Contains(c.Untried, "splitter kill") {
		t.Errorf("Coverage = %+v, want one pair tried: of the splitters no kill counted", c)
	}
	if above, below := r.cell(Splitter, Kill); above != "0 of 20" || below == "" {
		t.Errorf("the splitter's cell is %q, %q; want that none of 20 counted", above, below)
	}
	for _, c := range Components {
		if kinds := c.Suffers(); len(kinds) == 0 || !slices.Contains(kinds, Noop) {
			t.Errorf("%s suffers %v, want something, and nothing at all", c, kinds)
		}
	}
}

func TestReport_coversWhatAScenarioStruckAlone(t *testing.T) {
	trials := sampleTrials()
	for i := range trials[40:60] { // every splitter: kills become losses at nodes by name
		trials[40+i].Component, trials[40+i].Fault, trials[40+i].Held = "node", "corrupt", ""
	}
	r := sampleReport()
	r.Coverage.Played = true
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	if c := r.Coverage; c.Tried != 1 || !slices.Equal(c.Untried, []string{"node corrupt"}) {
		t.Errorf("Coverage = %+v, want one pair tried, and that of the nodes not", c)
	}
	components, kinds := r.Covers()
	if !slices.Equal(components, []Component{Owner, "node"}) || !slices.Equal(kinds, []Kind{Kill, "corrupt"}) {
		t.Errorf("laid out by %v and %v, want what was struck, and how", components, kinds)
	}
	if above, _ := r.cell("node", Kill); above != senseless {
		t.Errorf("what nobody asked for is %q, want %q", above, senseless)
	}
	if above, _ := r.cell("node", "corrupt"); above != "0 of 20" {
		t.Errorf("what did not count is %q, want that none of 20 did", above)
	}

	listed := sampleReport()
	listed.Judge(trials, DefaultBudgets(work.Standby), false)
	components, kinds = listed.Covers()
	if c := listed.Coverage; c.Tried != 1 || len(c.Untried) != 49 || len(components) != len(Components)+1 || len(kinds) != len(Kinds)+1 {
		t.Errorf("Coverage = %+v by %v and %v; want every pair that makes sense, and one more", c, components, kinds)
	}
}

func TestContradict_findsTwoLimitsOnOneFigure(t *testing.T) {
	for _, c := range []struct {
		budgets []Budget
		want    bool
	}{
		{DefaultBudgets(work.Standby), false},
		{append(DefaultBudgets(work.Standby), Budget{"", "lost", 0}), false},
		{append(DefaultBudgets(work.Standby), Budget{"kill", "lost", 2}), false},
		{append(DefaultBudgets(work.Standby), Budget{"", "lost", 2}), true},
	} {
		if _, _, found := Contradict(c.budgets); found != c.want {
			t.Errorf("Contradict(%v) = %v, want %v", c.budgets, found, c.want)
		}
	}
}

func TestRows_countWhatCounts(t *testing.T) {
	rows := Rows(sampleTrials())
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4", len(rows))
	}
	owner := rows[0]
	if owner.N != 40 || owner.Counted != 39 || len(owner.Uncounted) != 1 {
		t.Errorf("owner: n %d, counted %d, %v; want 40, 39 and one reason", owner.N, owner.Counted, owner.Uncounted)
	}
	if s := owner.Signals; s.Reset != 38 || s.Silence != 1 {
		t.Errorf("signals %+v, want 38 resets and 1 silence: the one that did not count has none", s)
	}
	if owner.Needless != 0.5 {
		t.Errorf("needless %v/min, want 2 in 40 trials of 6 s", owner.Needless)
	}
	if freeze := rows[3]; freeze.Error == nil || freeze.Error.Max > 1 {
		t.Errorf("freeze: error %+v, want at most 1 ms", freeze.Error)
	}
}

func TestTrial_saysWhyItDoesNotCount(t *testing.T) {
	good := sampleTrials()[0]
	for _, c := range []struct {
		spoil func(*Trial)
		want  string
	}{
		{func(*Trial) {}, ""},
		{func(t *Trial) { t.Held = "" }, "the victim was no live owner"},
		{func(t *Trial) { t.Rate = 99 }, "fewer than 100 results/s"},
		{func(t *Trial) { t.Calm = []Calm{{N: 199}} }, "fewer than 200 results"},
		{func(t *Trial) { t.Calm = []Calm{{Stream: "tiles", N: 300, Due: 900}} }, "most results of tiles"},
		{func(t *Trial) { t.Failed = "no such process" }, "no such process"},
	} {
		trial := good
		c.spoil(&trial)
		got := trial.Uncounted()
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("Uncounted = %q, want %q", got, c.want)
		}
	}
}

func TestSpread_isExact(t *testing.T) {
	var values []time.Duration
	for i := 200; i > 0; i-- {
		values = append(values, time.Duration(i)*ms)
	}
	if got, want := SpreadOf(values), (Spread{100, 180, 198, 200}); got != want {
		t.Errorf("SpreadOf 1..200 ms = %+v, want %+v", got, want)
	}
	if got, want := SpreadOf([]time.Duration{7 * ms}), (Spread{7, 7, 7, 7}); got != want {
		t.Errorf("SpreadOf one = %+v, want %+v", got, want)
	}
	if got := SpreadOf(nil); got != (Spread{}) {
		t.Errorf("SpreadOf nothing = %+v, want zeros", got)
	}
}

func TestParseBudget_readsWhatItPrints(t *testing.T) {
	for text, want := range map[string]Budget{
		"downtime.p99<=10ms": {"", "downtime.p99", 10},
		"downtime.max = 1.5": {"", "downtime.max", 1.5},
		"gap.p50=800us":      {"", "gap.p50", 0.8},
		"lost=0":             {"", "lost", 0},
		"needless<=6":        {"", "needless", 6},
		"wrong: wrong<=3":    {Wrong, "wrong", 3},

		"freeze: downtime.p99<=10ms": {Freeze, "downtime.p99", 10},
		" one-way :lost=2":           {OneWay, "lost", 2},

		"lost == 0":                      {"", "lost", 0},
		" downtime.p99 <= 10ms ":         {"", "downtime.p99", 10},
		"needless_takeovers <= 10/min":   {"", "needless", 10},
		"needless<=0.5 /min":             {"", "needless", 0.5},
		"kill: needless_takeovers == 10": {Kill, "needless", 10},
	} {
		got, err := ParseBudget(text)
		if err != nil || got != want {
			t.Errorf("ParseBudget(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "downtime=10ms", "lost", "lost=", "lost=5ms", "lost=-1", "gap.p99<=NaN", "gap.p99>=1", "melt: lost<=0", ": lost<=0", "kill:", "kill: freeze: lost=0",
		"lost <= 3/min", "lost === 0", "lost > 0", "needless_takeovers <= 10/s", "needless <= /min", "lost 0", "<= 3"} {
		if b, err := ParseBudget(text); !errors.Is(err, ErrBudget) {
			t.Errorf("ParseBudget(%q) = %+v, %v; want %v", text, b, err, ErrBudget)
		}
	}
	if got := WithBudget(DefaultBudgets(work.Standby), Budget{"", "lost", 3}); len(got) != 3 || got[2].Limit != 3 {
		t.Errorf("WithBudget = %v, want lost replaced", got)
	}
}

func FuzzParseBudget(f *testing.F) {
	f.Add("downtime.p99<=10ms")
	f.Add("lost=0")
	f.Add("freeze: gap.max<=3")
	f.Add("kill: needless_takeovers <= 10/min")
	f.Add("lost == 0")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBudget(text)
		if err != nil {
			return
		}
		if again, err := ParseBudget(b.String()); err != nil || again != b {
			t.Fatalf("%q parsed to %+v, which prints as %q and parses to %+v, %v", text, b, b, again, err)
		}
	})
}

func TestReport_tellsEachStreamOfADoor(t *testing.T) {
	trials := sampleTrials()
	for i := range trials[:40] {
		trials[i].Component = Door
		trials[i].Reading.Streams = append(trials[i].Reading.Streams, StreamReading{Stream: "door", Downtime: 5 * ms, Gap: 3 * ms})
	}
	trials[7].Reading.Streams[1].Downtime, trials[7].Reading.Streams[1].Lost = 9*ms, 1
	r := sampleReport()
	r.Door = &DoorLoad{Rate: 50, Connections: 8, Requests: 24000, Late: 60, Failed: 11, Why: "503"}
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"; door 5/9/9, 1 lost\n", "door kill: downtime of each stream alone, p50/p99/max in ms: probe ",
		"front door: 50 requests/s over 8 kept connections; 24000 requests, asked again 60 times beside an attempt that was late, 11 times after one that failed; 0 given up; the last failure: 503\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "splitter kill: downtime of each stream") || len(r.Rows[0].Streams) != 2 {
		t.Errorf("streams are told of more than doors, or not of both streams: %+v\n%s", r.Rows[0].Streams, b.String())
	}
}

func TestReport_saysWhereResultsAreMissing(t *testing.T) {
	trials := sampleTrials()
	second := trials[1].Before
	if second == 0 || second <= trials[0].Before {
		t.Fatalf("the second trial struck at %d, want after the first", second)
	}
	r := sampleReport()
	r.Holes = []Hole{{"tiles", 3, trials[0].Before.Add(-ms), trials[0].Before.Add(-ms)}, {"probe", 12, second.Add(1310 * ms), second.Add(1420 * ms)}}
	r.Totals.Lost = 15
	r.Judge(trials, DefaultBudgets(work.Standby), false)
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lost: 3 of tiles, due before the first trial\n",
		fmt.Sprintf("lost: 12 of probe, due 1310 to 1420 ms after the fault of trial 2 (%s %s", trials[1].Component, trials[1].Fault),
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, b.String())
		}
	}
}
