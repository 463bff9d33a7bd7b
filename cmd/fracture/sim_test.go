package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestSim_keepsItsPromisesAndSaysSo(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"sim", "--seeds", "40", "--json"}, &out, &errs); code != exitHeld {
		t.Fatalf("exit %d: %s%s", code, out.String(), errs.String())
	}
	var report simReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if report.Seeds != 40 || report.Verdict != "held" || report.Delivered == 0 || report.Faults["kill"] == 0 || report.Late.N == 0 {
		t.Errorf("report = %+v", report)
	}
}

func TestSim_aSeedIsTheSameRunEachTime(t *testing.T) {
	trace := func() string {
		var out, errs bytes.Buffer
		if code := run([]string{"sim", "--seed", "7", "--trace"}, &out, &errs); code != exitHeld {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		var kept strings.Builder // the summary's first line tells how fast it was
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "seeds ") {
				kept.WriteString(line)
			}
		}
		return kept.String()
	}
	first := trace()
	if second := trace(); first != second {
		t.Error("two runs of seed 7 print different traces")
	}
	if !strings.Contains(first, " promote ") || !strings.Contains(first, "every promise kept") {
		t.Errorf("the trace of seed 7 has no promotion or no verdict:\n%.2000s", first)
	}
}

func TestSim_namesTheSeedThatBreaksAPromise(t *testing.T) {
	for _, bug := range bugNames() {
		var out, errs bytes.Buffer
		if code := run([]string{"sim", "--bug", bug, "--seeds", "2000"}, &out, &errs); code != exitBroken {
			t.Errorf("%s: exit %d, want %d:\n%s%s", bug, code, exitBroken, out.String(), errs.String())
		}
		if want := "--bug " + bug + " --trace"; !strings.Contains(out.String(), want) {
			t.Errorf("%s: no command replays it:\n%s", bug, out.String())
		}
	}
}

func TestSim_theLowestBrokenSeedIsNamedWhoeverFindsIt(t *testing.T) {
	var replays []string
	for _, jobs := range []string{"1", "4"} {
		var out, errs bytes.Buffer
		run([]string{"sim", "--bug", "place-on-dead", "--seeds", "500", "--jobs", jobs}, &out, &errs)
		_, replay, _ := strings.Cut(out.String(), "replay ")
		replays = append(replays, replay)
	}
	if replays[0] == "" || replays[0] != replays[1] {
		t.Errorf("one worker says %q, four say %q", replays[0], replays[1])
	}
}

func TestSim_refusesACommandLineThatMakesNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"--seeds", "0"},
		{"--nodes", "2"},
		{"--nodes", "20000"},
		{"--nodes", "5,100"},
		{"--nodes", "100", "--trace"},
		{"--nodes", "100", "--bug", "no-fencing"},
		{"--jobs", "-1"},
		{"--trace"},
		{"--seed", "1", "--trace", "--json"},
		{"--bug", "bogus"},
		{"--seed", "minus one"},
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"sim"}, args...), &out, &errs); code != exitUsage {
			t.Errorf("%v: exit %d, want %d: %s", args, code, exitUsage, errs.String())
		}
	}
}

func TestSim_failsWhereItCannotPrint(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	for _, args := range [][]string{{"sim", "--seed", "1"}, {"sim", "--seed", "1", "--json"}, {"sim", "--seed", "1", "--trace"}} {
		var errs strings.Builder
		if code := run(args, full, &errs); code != exitEnvironment || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%q to a full device ended with %d and said %q", args, code, errs.String())
		}
	}
}

func TestSim_accountsForEveryResult(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"sim", "--seeds", "100", "--json"}, &out, &errs); code != exitHeld {
		t.Fatalf("exit %d: %s%s", code, out.String(), errs.String())
	}
	var r simReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if sum := r.Delivered + r.Excused.Refused + r.Excused.Orphaned + r.Excused.Single; sum != r.Tasks || r.Delivered == r.Tasks {
		t.Errorf("of %d results %d were delivered, and %+v are excused: %d", r.Tasks, r.Delivered, r.Excused, sum)
	}
}

// What a node costs does not depend on how many there are: that is the table's point, and the field's.
func TestSim_printsWhatANodeCostsAgainstTheirNumber(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"sim", "--nodes", "50,200", "--json"}, &out, &errs); code != exitHeld {
		t.Fatalf("exit %d: %s%s", code, out.String(), errs.String())
	}
	var rows []fieldRow
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if len(rows) != 2 || rows[0].Nodes != 50 || rows[1].Nodes != 200 || rows[1].Tasks == 0 || rows[1].Reset.N == 0 {
		t.Errorf("rows = %+v", rows)
	}
	out.Reset()
	if code := run([]string{"sim", "--nodes", "50"}, &out, &errs); code != exitHeld || !strings.Contains(out.String(), "copies") {
		t.Errorf("exit %d: no table in\n%s", code, out.String())
	}
}
