package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// What is done in a lab becomes a scenario, which does it again.

// recorded reads the only file of a pattern as a scenario.
func recorded(t *testing.T, pattern string) (file string, steps []scenario.Step) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s matches %v, %v; want one file", pattern, files, err)
	}
	e, err := scenario.Load(files[0], scenarioOptions(usualRun(), noneGiven))
	if err != nil {
		t.Fatal(err)
	}
	return files[0], e.Plan()
}

func TestE2E_whatKeysDidIsRecordedAndReplayed(t *testing.T) {
	h := newHouse(t)
	state := t.TempDir()
	h.env = append(h.env, "XDG_STATE_HOME="+state)
	s := h.openTerminal()
	s.labIn("--nodes", "5", "--fps", "10", "--probe", "50ms")
	s.press("R")
	s.await(`● recording \d+ s, 0 faults`, `R again ends it`)
	s.press("2", "x")
	s.await(`2 \S n2 +dead`, `recording \d+ s, 1 fault`)
	s.press("r")
	s.await(`2 \S n2 +alive`)
	s.press("3", "p")
	s.await(`3 \S n3 +frozen`, `recording \d+ s, 2 faults`)
	s.press("p")
	s.await(`3 \S n3 +alive`)
	s.press("4", "x")
	s.await(`4 \S n4 +dead`, `3 faults`)
	s.press("R")
	s.await(`recorded 3 faults: fracture run `)
	await(t, "a header that says no more that it records", func() bool { return !strings.Contains(s.shown(), "● recording") }, s.shown)
	file, steps := recorded(t, filepath.Join(state, "fracture", "recorded-*.yaml"))
	s.press("q")
	s.await(`recorded; replay: fracture run /tmp/`, `exit:0`) // the rest is on the next line

	var want []string
	for i, whom := range []string{"kill --node n2", "freeze --node n3", "kill --node n4"} {
		if i >= len(steps) || !strings.HasPrefix(strings.Join(steps[i].Arguments, " "), whom) {
			t.Fatalf("recorded %+v, want %s as the fault %d", steps, whom, i)
		}
		want = append(want, fmt.Sprintf("%s %s", steps[i].Fault, "n"+whom[len(whom)-1:]))
	}
	report, p := h.each("run", file, "--calm=1s", "--window=300ms", "--grace=3s", "--load=idle", "--controls=0")
	var got []string
	for i, trial := range report.Trials {
		got = append(got, fmt.Sprintf("%s %s", trial.Fault, trial.Victim))
		at := time.Duration((trial.At - report.Trials[0].At) * float64(time.Millisecond))
		if planned := steps[i].At - steps[0].At; at < planned-100*time.Millisecond || at > planned+2*time.Second {
			t.Errorf("%s comes %v after the first, want about %v", got[i], at, planned)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the replay does %q, want %q:\n%s", got, want, p.said())
	}
	h.wantNothingLeft()
}

func TestE2E_aLabThatRecordsWritesAtItsEnd(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "it.yaml")
	lab := h.startLab(5, "--fps", "10", "--probe", "50ms", "--record", file)
	o := h.outside()
	whom := o.strikes(`{"fault":"freeze","role":"owner","pick":"one","for":"200ms"}`)
	o.awaitState(whom, "alive")
	killed := o.strikes(`{"fault":"kill","node":"n3","for":"1h"}`)
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is there before the end: %v", err)
	}
	lab.endBy(syscall.SIGTERM)
	if !strings.Contains(lab.out.String(), "recorded; replay: fracture run "+file+"\n") {
		t.Errorf("the lab does not say how to replay:\n%s", lab.said())
	}
	_, steps := recorded(t, file)
	if len(steps) != 2 || steps[0].For != 200*time.Millisecond || !slices.Contains(steps[0].Arguments, whom) || !slices.Contains(steps[1].Arguments, killed) || steps[1].At < steps[0].At {
		t.Errorf("recorded %+v, want a freeze of %s for 200ms, then a kill of n3", steps, whom)
	}
	h.start("scenario", "check", file).wantExit(exitHeld)
	h.start(labArgs("--record", filepath.Join(file, "x.yaml"))...).wantRefusal(exitUsage, "--record")
	h.start(labArgs("--record", "x.yaml", "--nodes", "1", "--strategy", "failfast")...).wantRefusal(exitUsage, "two nodes")
	h.wantNothingLeft()
}

// each runs a scenario, whatever its verdict, and reads its report with each trial, in the order in which they began.
func (h *house) each(args ...string) (report meter.Report, p *process) {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "report.json")
	p = h.start(append(args, "--out", file)...)
	if code := p.end(); !slices.Contains([]int{exitHeld, exitBroken, exitThin}, code) {
		h.t.Fatalf("the run exits with %d:\n%s", code, p.said())
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil {
		h.t.Fatalf("%v in %s", err, text)
	}
	slices.SortFunc(report.Trials, func(a, b meter.TrialRow) int { return cmp.Compare(a.At, b.At) })
	return report, p
}

// strikes has a fault stand by the control API, and answers with the first whom it struck.
func (o *outsider) strikes(body string) string {
	o.t.Helper()
	status, text := o.curl("POST", "/v1/faults", body, o.bearer()...)
	var f struct{ Whom []string }
	if err := json.Unmarshal([]byte(text), &f); err != nil || status != 201 || len(f.Whom) == 0 {
		o.t.Fatalf("%s is answered %d %s", body, status, text)
	}
	return f.Whom[0]
}
