package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/work"
)

// saying runs a command line and answers with its exit code and all that it said.
func saying(args ...string) (code int, all string) {
	var b strings.Builder
	code = run(args, &b, &b)
	return code, b.String()
}

// reportOf writes a report of thirty kills, each with the same downtime, to a directory of its own.
func reportOf(t *testing.T, downtime time.Duration) (dir string) {
	t.Helper()
	var trials []meter.Trial
	for i := range 30 {
		began := stageStart.Add(time.Duration(i) * 4 * time.Second)
		trials = append(trials, meter.Trial{Component: meter.Owner, Fault: meter.Kill, Victim: "n3", Held: "owner of 5", Began: began,
			Before: began.Add(time.Second), Ended: began.Add(4 * time.Second), Rate: 3000, Calm: []meter.Calm{{N: 7000, Due: 7000}},
			Reading: meter.Reading{Downtime: downtime + time.Duration(i)*time.Microsecond, Streams: []meter.StreamReading{{Stream: "tiles", Period: time.Second}}}})
	}
	judged := meter.Report{Seed: 7, Began: stageStart, Took: 120, Window: 1, Grace: 1}
	judged.Judge(trials, meter.DefaultBudgets(work.Standby), false)
	dir = filepath.Join(t.TempDir(), "out")
	files, err := (&report.Run{Title: "kills", Command: []string{"fracture", "run"}, Report: judged, Events: report.Events(&judged, nil)}).Files()
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReport_writesWhatWasThere(t *testing.T) {
	dir := reportOf(t, 4*time.Millisecond)
	before := map[string][]byte{}
	for _, name := range []string{report.Page, report.Markdown, report.JUnit, report.Journal, report.Stream, report.Object} {
		before[name], _ = os.ReadFile(filepath.Join(dir, name))
		if name != report.Object && name != report.Stream {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A field that only a later fracture knows stays.
	later := bytes.Replace(before[report.Object], []byte(`"format":1`), []byte(`"later":"x","format":1`), 1)
	if err := os.WriteFile(filepath.Join(dir, report.Object), later, 0o600); err != nil {
		t.Fatal(err)
	}
	before[report.Object] = later
	if code, said := saying("report", dir); code != exitHeld || !strings.Contains(said, "30 trials") {
		t.Fatalf("it ends with %d: %s", code, said)
	}
	for name, want := range before {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was (%v)", name, err)
		}
	}
}

func TestReport_endsWithWhatTheComparisonSays(t *testing.T) {
	fast, slow := reportOf(t, 2*time.Millisecond), reportOf(t, 4*time.Millisecond)
	object := filepath.Join(slow, report.Object)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{fast, slow}, exitBroken, "verdict: regression"},
		{[]string{slow, fast}, exitHeld, "verdict: no regression"},
		{[]string{"--baseline", fast, slow}, exitBroken, "verdict: regression"},
		{[]string{"--baseline", fast, "--tolerance", "150%", slow}, exitHeld, "verdict: no regression"},
		{[]string{"--baseline", object, fast}, exitHeld, slow},
		{[]string{fast, object}, exitBroken, "verdict: regression"},
		{[]string{object}, exitUsage, "name its directory, or a --baseline"},
		{[]string{}, exitUsage, "arg"},
		{[]string{"--tolerance", "-1", fast}, exitUsage, `--tolerance "-1": want`},
		{[]string{"--tolerance", "much", fast}, exitUsage, `--tolerance "much": want`},
		{[]string{filepath.Join(fast, "none")}, exitEnvironment, "name a directory that `fracture run --out` wrote"},
		{[]string{"--baseline", filepath.Join(fast, report.Page), slow}, exitEnvironment, "report.html: not a report: line 1, column"},
	} {
		if code, said := saying(append([]string{"report"}, c.args...)...); code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("report %q ends with %d, want %d and %q:\n%s", c.args, code, c.code, c.want, said)
		}
	}
	code, text := saying("report", "--json", "--baseline", fast, slow, fast)
	var all []report.Comparison
	if err := json.Unmarshal([]byte(text), &all); err != nil || code != exitBroken || len(all) != 2 || !all[0].Regression || all[1].Regression {
		t.Errorf("as JSON it ends with %d, %v: %.300s", code, err, text)
	}
}

func TestReport_saysWhichFileIsDamagedAndWritesNone(t *testing.T) {
	good, bad := reportOf(t, 2*time.Millisecond), reportOf(t, 4*time.Millisecond)
	if err := os.Remove(filepath.Join(good, report.Page)); err != nil {
		t.Fatal(err)
	}
	events := filepath.Join(bad, report.Stream)
	if err := os.WriteFile(events, []byte("{}\n{\"kind\":7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := saying("report", good, bad); code != exitEnvironment || !strings.Contains(said, events+": not the events of a report: line 2") {
		t.Errorf("with damaged events it ends with %d: %s", code, said)
	}
	object := filepath.Join(bad, report.Object)
	if err := os.Truncate(object, 700); err != nil {
		t.Fatal(err)
	}
	if code, said := saying("report", good, bad); code != exitEnvironment || !strings.Contains(said, object+": not a report: line 1, column 700") ||
		!strings.Contains(said, "run again with --out, or take another copy") {
		t.Errorf("with a damaged report it ends with %d: %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(good, report.Page)); err == nil {
		t.Error("the other report was written anew all the same")
	}
}

func TestRepeating_isTheCommandLineWithItsSeed(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{nil, []string{"fracture", "run", "--seed", "9"}},
		{[]string{"a b.yaml", "--trials", "3", "--out", "x", "--json", "--seed", "4", "--budget", "lost<=1", "--budget", "kill: gap.max<=9ms", "--calm", "3000ms", "--rss-ballast", "64MiB"},
			[]string{"fracture", "run", "a b.yaml", "--budget", "lost<=1", "--budget", "kill: gap.max<=9ms", "--calm", "3s", "--rss-ballast", "64MiB", "--trials", "3", "--seed", "9"}},
	} {
		cmd := newRunCommand()
		var line []string
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			line = repeating(cmd, args, 9)
			return nil
		}
		cmd.SetArgs(c.given)
		if err := cmd.Execute(); err != nil || !slices.Equal(line, c.want) {
			t.Errorf("%q is repeated by %q, %v; want %q", c.given, line, err, c.want)
		}
	}
}
