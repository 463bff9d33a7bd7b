package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
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

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

var update = flag.Bool("update", false, "write the golden files anew")

const ms = time.Millisecond

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
		t.Errorf("%s differs; run with -update and read the diff", path)
	}
}

const runStart = clock.Instant(1e12)

// trials are made up: n of one pair, a trial every four seconds from the end of those before, each with the next downtime.
func trials(before []meter.Trial, n int, c meter.Component, k meter.Kind, rss int64, downtime func(i int) time.Duration) []meter.Trial {
	began := runStart
	if len(before) > 0 {
		began = before[len(before)-1].Ended
	}
	for i := range n {
		down := downtime(i)
		t := meter.Trial{
			Component: c, Fault: k, Began: began, Before: began.Add(2 * time.Second), Ended: began.Add(4 * time.Second), Rate: 3220,
			Calm: []meter.Calm{{Stream: "tiles", N: 7200, P50: ms, P999: 3 * ms, Max: 4 * ms, Due: 7200}},
			Reading: meter.Reading{Downtime: down, Pieces: 1, Longest: down, Gap: down + ms, InFlight: down / 2, Arrivals: down,
				Streams: []meter.StreamReading{{Stream: "tiles", Period: 11 * ms, Downtime: down, Gap: down + ms, Loss: down, Pieces: 1}}},
		}
		t.After = t.Before.Add(90 * time.Microsecond)
		if k.Lasts() {
			t.Length = 300 * ms
		}
		if c != meter.None && c != meter.All {
			t.Victim, t.Held, t.RSS = fmt.Sprint("n", i%5+1), "owner of 5 tiles", rss
			t.Timeline = meter.Timeline{Injected: t.Before, Effective: t.After, Noticed: t.Before.Add(down * 8 / 10), Promoted: t.Before.Add(down * 83 / 100),
				FirstResult: t.Before.Add(down * 9 / 10), Delivered: t.Before.Add(down * 95 / 100), Signal: failover.Reset}
			if k != meter.Kill {
				t.Timeline.Signal = failover.Silence
			}
		}
		before = append(before, t)
		began = t.Ended
	}
	return before
}

// sampleRun is a small run: kills, of which one did not count, freezes, one of them beyond the budget, and the controls.
func sampleRun() *Run {
	var all []meter.Trial
	all = trials(all, 2, meter.None, meter.Noop, 0, func(i int) time.Duration { return time.Duration(i) * ms / 2 })
	all = trials(all, 6, meter.Owner, meter.Kill, 25<<20, func(i int) time.Duration { return time.Duration(800+700*i) * time.Microsecond })
	all[4].Held = ""
	all[6].RSS = 80 << 20 // its memory explains its reset
	all = trials(all, 5, meter.Splitter, meter.Freeze, 25<<20, func(i int) time.Duration { return time.Duration(5+2*i) * ms })
	all[9].Timeline = meter.Timeline{Injected: all[9].Before, Effective: all[9].After}
	late := &all[10]
	late.Reading.Pieces, late.Timeline.FirstResult, late.Timeline.Delivered = 3, late.Before.Add(7600*time.Microsecond), late.Before.Add(7800*time.Microsecond)
	return judged(all, 42)
}

// judged makes a run of trials.
func judged(all []meter.Trial, seed uint64) *Run {
	r := &Run{Title: "owner kill, splitter freeze", Command: []string{"fracture", "run", "--budget", "kill: downtime.p99<=15ms", "--seed", fmt.Sprint(seed)}, Host: "box",
		Report: meter.Report{
			Seed: seed, Strategy: "standby", Load: "half", Nodes: 5, Asked: 6, CalmSpan: 10, Window: 1, Grace: 1, Began: runStart,
			Totals: meter.Totals{Due: 167_440, Delivered: 167_440}, Hiccups: meter.Spread{P50: 0.1, P90: 0.3, P99: 1.2, Max: 3.9}, Late: &meter.Late{N: 200, Spread: meter.Spread{P50: 0.03, P90: 0.04, P99: 0.08, Max: 0.1}},
			Stalls: &meter.Spread{P50: 0.02, P90: 0.1, P99: 0.9, Max: 1.4}, RSS: 26, Cores: 2, CPU: 0.93, CPUAsked: 1, Scheduler: "beats fifo 1, workers other nice 10",
			Versions: meter.Versions{Fracture: "devel", Go: "go1.26", System: "linux/amd64", Machine: "a <test> & more"},
			Started:  "2026-11-22T10:00:00Z", Took: 52,
		}}
	s := meter.Series{Stream: "tiles", From: 0, Width: 100}
	rng := rand.New(rand.NewPCG(1, 2))
	for range min(10*len(all)*4, 2048) {
		s.Due, s.Came, s.P50, s.Worst = append(s.Due, 72), append(s.Came, 72), append(s.P50, 0.8+0.1*float64(rng.IntN(4))), append(s.Worst, 1.5+float64(rng.IntN(20))/10)
	}
	for _, t := range all {
		if i := int(t.Before.Sub(runStart) / (100 * ms)); i < len(s.Due) {
			s.Worst[i] += meter.Millis(t.Reading.Downtime)
		}
	}
	if len(s.Due) > 300 {
		s.Came[300] = 70
	}
	r.Series = []meter.Series{s}
	r.Judge(all, meter.DefaultBudgets(work.Standby), false)
	r.Events = Events(&r.Report, []failover.Trace{
		{At: all[0].Before.Add(ms), Node: "n2", Verb: "promote", Task: work.TaskID{Stream: 1, Frame: 7, Tile: 3}, Peer: "n1", Signal: failover.Reset},
		{At: all[0].Before.Add(2 * ms), Node: "n2", Verb: "detect", Peer: "n1"},
	})
	return r
}

func TestRun_filesAreAsTheyWere(t *testing.T) {
	files, err := sampleRun().Files()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		found = append(found, f.Name)
		if f.Name == Object {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, f.Content, "", " "); err != nil {
				t.Fatal(err)
			}
			f.Content = pretty.Bytes()
		}
		golden(t, f.Name, f.Content)
	}
	if got := strings.Join(found, " "); got != strings.Join(names, " ") {
		t.Errorf("the files are %s, want %s", got, strings.Join(names, " "))
	}
}

func TestPage_ofAScenarioHasNoCellForWhatItDidNotAskFor(t *testing.T) {
	all := trials(nil, 3, meter.Owner, meter.Kill, 25<<20, func(i int) time.Duration { return time.Duration(1+i) * ms })
	all = trials(all, 2, "node", "corrupt", 25<<20, func(int) time.Duration { return ms })
	all[3].Held, all[4].Held = "", ""
	for played, want := range map[bool][]string{
		true:  {`<th scope="row">node</th>`, "n = 3", "0 of 2", `title="not asked for"`, "The rows are what the scenario struck"},
		false: {`<th scope="row">gossip</th>`, "n = 3", "0 of 2", "never", "of the pairs that make sense"},
	} {
		r := &Run{}
		r.Report = meter.Report{Coverage: meter.Coverage{Played: played}, Began: runStart, Asked: 3}
		r.Judge(all, meter.DefaultBudgets(work.Standby), false)
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("played %v: the page lacks %q", played, w)
			}
		}
		if played == strings.Contains(b.String(), "never tried") {
			t.Errorf("played %v: there are cells of what was never tried: %v", played, !played)
		}
	}
}

func TestPage_needsNothingElse(t *testing.T) {
	r := sampleRun()
	evil := `"><script>alert(1)</script><img src=http://x>`
	r.Title, r.Command[3], r.Host, r.Scheduler = evil, evil, evil, evil
	r.Trials[3].Victim, r.Trials[3].Held, r.Trials[3].Signal, r.Trials[3].Fault, r.Rows[0].Fault, r.Series[0].Stream = evil, evil, evil, meter.Kind(evil), meter.Kind(evil), evil
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	var clean bytes.Buffer
	if err := sampleRun().WriteHTML(&clean); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		page []byte
		bad  []string
	}{
		{b.Bytes(), []string{"<script", "<img", "<link", "<iframe", "ZgotmplZ"}},
		{clean.Bytes(), []string{"<script", "<img", "<link", "src=", "href=", "url(", "@import", "http", "ZgotmplZ"}},
	} {
		for _, bad := range c.bad {
			if i := bytes.Index(c.page, []byte(bad)); i >= 0 {
				t.Errorf("the page holds %s: %.120s", bad, c.page[max(i-40, 0):])
			}
		}
	}
}

// manyTrials is a run of n incidents of five kinds.
func manyTrials(n int) *Run {
	rng := rand.New(rand.NewPCG(3, 4))
	var all []meter.Trial
	for _, k := range []meter.Kind{meter.Kill, meter.Freeze, meter.Partition, meter.Slow, meter.Loss} {
		all = trials(all, n/5, meter.Owner, k, 25<<20, func(int) time.Duration { return time.Duration(rng.ExpFloat64() * float64(3*ms)) })
	}
	r := judged(all, 7)
	r.Took = all[len(all)-1].Ended.Sub(runStart).Seconds()
	r.Series[0].Width = r.Took * 1e3 / 2048
	return r
}

func TestPage_ofTenThousandIncidentsIsSmall(t *testing.T) {
	var b bytes.Buffer
	if err := manyTrials(10_000).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 5<<20 {
		t.Errorf("the page has %d bytes, want at most 5 MiB", b.Len())
	}
	text := b.String()
	if n := strings.Count(text, `<section class="incident`); n != inFull {
		t.Errorf("%d incidents in full, want %d", n, inFull)
	}
	if n := strings.Count(text, "<"); n > 10_000 {
		t.Errorf("%d elements: a browser takes its time over more than 10,000", n)
	}
	if !strings.Contains(text, "40 of 10000 in full") || !strings.Contains(text, "The other 9960 are dots") {
		t.Error("the page does not say which incidents it tells in full")
	}
	if out := os.Getenv("FRACTURE_PAGE"); out != "" {
		if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExplain_claimsNoMoreThanWasMeasured(t *testing.T) {
	stages := func(us ...float64) (list []meter.StageAt) {
		for i, at := range us {
			if at >= 0 {
				list = append(list, meter.StageAt{Stage: course[i].stage, At: at})
			}
		}
		return list
	}
	for _, c := range []struct {
		what string
		t    meter.TrialRow
		want string
	}{
		{"a small process", meter.TrialRow{Fault: meter.Kill, Signal: "reset", RSS: 25, Downtime: 4.9, Stages: stages(80, 4080, 4100, 4500, 4900)},
			"4 ms of 4.90: until the broken link was noticed."},
		{"a large one", meter.TrialRow{Fault: meter.Kill, Signal: "reset", RSS: 64, Downtime: 4.9, Stages: stages(80, 4080, 4100, 4500, 4900)},
			"4 ms of 4.90: the kernel freed 64 MiB before it closed the sockets."},
		{"a large one, noticed by silence", meter.TrialRow{Fault: meter.Kill, Signal: "silence", RSS: 64, Downtime: 4.8, Stages: stages(80, 3980, 4100, 4500, 4800)},
			"3.90 ms of 4.80: until the silence was noticed."},
		{"a large one that was frozen", meter.TrialRow{Fault: meter.Freeze, Signal: "reset", RSS: 64, Downtime: 4.9, Stages: stages(80, 4080, 4100, 4500, 4900)},
			"4 ms of 4.90: until the broken link was noticed."},
		{"a large one, but noticing took far longer than freeing", meter.TrialRow{Fault: meter.Kill, Signal: "reset", RSS: 64, Downtime: 40, Stages: stages(80, 39080, 39100, 39500, 40000)},
			"39 ms of 40: until the broken link was noticed."},
		{"computing", meter.TrialRow{Fault: meter.Kill, Signal: "reset", RSS: 64, Downtime: 9, Stages: stages(80, 400, 500, 5500, 6000)},
			"5 ms of 6: until the first result was computed. Results were late for 9 ms in all."},
		{"a link that broke before the call returned", meter.TrialRow{Fault: meter.Reset, Signal: "reset", Downtime: 1.5, Stages: stages(900, 300, 350, 1200, 1500)},
			"0.85 ms of 1.50: until the first result was computed."},
		{"what is no later than usual", meter.TrialRow{Fault: meter.Freeze, Signal: "silence", Downtime: 1.65, Stages: stages(80, 16300, 16400, 17000, 18100)},
			"16.2 ms of 18.1: until the silence was noticed. Of that, 1.65 ms is downtime: later than 999 of 1000 results before it."},
		{"nobody told", meter.TrialRow{Fault: meter.Loss, Signal: "-", Downtime: 3, Stages: stages(80)}, "No node told of noticing it, so where the time went is not known."},
		{"lost", meter.TrialRow{Fault: meter.Kill, Signal: "reset", Downtime: 900, Lost: 3, Stages: stages(80, 400, 500, 900, 1000)},
			"0.40 ms of 1: until the first result was computed. 3 results never came, and count to the horizon."},
		{"nothing", meter.TrialRow{Fault: meter.Kill, Signal: "reset", Stages: stages(80, 400)}, "Nothing came later than it does on a quiet day."},
	} {
		if got := explain(c.t); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestRead_takesWhatWasWritten(t *testing.T) {
	var first, second bytes.Buffer
	if err := sampleRun().WriteJSON(&first); err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("what was read is written otherwise")
	}
}

func TestRead_saysWhatIsWrong(t *testing.T) {
	var b bytes.Buffer
	if err := sampleRun().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for _, c := range []struct {
		text string
		is   error
		want string
	}{
		{good[:len(good)/2], ErrNoReport, "line 1, column"},
		{"", ErrNoReport, "unexpected end"},
		{"{\n \"format\": x}", ErrNoReport, "line 2, column 12"},
		{`{"format":"1"}`, ErrNoReport, "format is a string"},
		{"[]", ErrNoReport, "array"},
		{"{}", ErrNoReport, "says no format"},
		{`{"format":99}`, ErrNewer, "99"},
		{strings.Replace(good, `"verdict":"broken"`, `"verdict":"fine"`, 1), ErrNoReport, `verdict "fine"`},
		{strings.Replace(good, `"bin_ms":100`, `"bin_ms":0`, 1), ErrNoReport, "series[0]"},
		{strings.Replace(good, `"due":[72,`, `"due":[`, 1), ErrNoReport, "equally long"},
		{strings.Replace(good, `"at_ms":2000`, `"at_ms":-1`, 1), ErrNoReport, "each[0].at_ms"},
		{strings.Replace(good, `"lost\u003c=0"`, `"speed\u003c=0"`, 1), ErrNoReport, "speed"},
	} {
		_, err := Read(strings.NewReader(c.text))
		if !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("Read(%.60s…) = %v, want %v and %q", c.text, err, c.is, c.want)
		}
	}
}

func TestReadEvents_takesWhatWasWrittenAndSaysWhichLineIsWrong(t *testing.T) {
	r := sampleRun()
	var b bytes.Buffer
	if err := r.WriteEvents(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEvents(bytes.NewReader(b.Bytes()))
	if err != nil || !slices.Equal(got, r.Events) {
		t.Errorf("ReadEvents = %d events, %v; want the %d that were written", len(got), err, len(r.Events))
	}
	for text, want := range map[string]string{"{}\n{]\n": "line 2", "{}\n\"" + strings.Repeat("x", maxEventLine) + "\"\n": "line 2"} {
		if _, err := ReadEvents(strings.NewReader(text)); !errors.Is(err, ErrNoEvents) || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadEvents(%.20q) = %v, want %v and %q", text, err, ErrNoEvents, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := sampleRun().WriteJSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":1,"verdict":"held","each":[{"component":"","fault":"x","downtime_ms":1e9,"timeline":[{"stage":"noticed","us":1e300}]}]}`))
	f.Add([]byte(`{"format":1,"verdict":"held","budgets":["lost<=0"],"rows":[{"n":1}],"series":[{"bin_ms":1,"due":[1],"came":[0],"p50_ms":[-1],"worst_ms":[1e308]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		files, err := r.Files()
		if err != nil {
			t.Fatalf("what was read cannot be laid out: %v", err)
		}
		for _, file := range files {
			if bytes.Contains(file.Content, []byte("<script")) && file.Name == Page {
				t.Fatal("a script in the page")
			}
			if file.Name == JUnit {
				wellFormed(t, file.Content)
			}
		}
		Compare(r, r, Tolerance{})
	})
}

// wellFormed fails where a text is no XML.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); err != nil {
			if err.Error() != "EOF" {
				t.Fatalf("no XML: %v", err)
			}
			return
		}
	}
}

func FuzzReadEvents(f *testing.F) {
	var b bytes.Buffer
	if err := sampleRun().WriteEvents(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{}\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := ReadEvents(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := (&Run{Events: events}).WriteEvents(&again); err != nil {
			t.Fatal(err)
		}
		if read, err := ReadEvents(&again); err != nil || len(read) != len(events) {
			t.Fatalf("%d events, written and read again: %d, %v", len(events), len(read), err)
		}
	})
}

func BenchmarkPage_ofTenThousandIncidents(b *testing.B) {
	r := manyTrials(10_000)
	var page bytes.Buffer
	for b.Loop() {
		page.Reset()
		if err := r.WriteHTML(&page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(page.Len()), "bytes")
}
