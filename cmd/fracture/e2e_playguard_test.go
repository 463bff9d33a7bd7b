package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/chaos/scenario"
)

// Scenarios that have their streams guarded otherwise while they run.

func TestE2E_aScenarioChangesHowItsStreamsAreGuarded(t *testing.T) {
	h := newHouse(t)
	out := filepath.Join(t.TempDir(), "report.json")
	file := h.scenarioFile("s.yaml", `
title: with a standby and without
strategy: standby
budgets: ["downtime.p99 <= 1m"]
repeat: 2
faults:
  - {fault: noop, at: 100ms}
  - {guard: reschedule, at: 1s}
  - {guard: vote, factor: 4, at: 4s}
  - {fault: noop, at: 8s}
`)
	p := h.start(append([]string{"run", file, "--out", out}, quick...)...)
	p.wantExit(exitUsage) // of three nodes
	if !strings.Contains(p.errs.String(), "--nodes 3: guard vote needs 4, one for each copy") {
		t.Errorf("four copies on three nodes are refused by %q", p.errs.String())
	}
	p = h.start(append(append([]string{"run", file, "--out", out}, quick...), "--nodes=4")...)
	if code := p.end(); !slices.Contains([]int{exitHeld, exitThin, exitBroken}, code) {
		t.Fatalf("exits with %d:\n%s", code, p.said())
	}
	var run struct {
		meter.Report
		Activities []report.Activity
	}
	if text, err := os.ReadFile(out); err != nil || json.Unmarshal(text, &run) != nil {
		t.Fatalf("%v, or no report in %s", err, text)
	}
	var way, in, done []string
	for _, g := range run.Guarded {
		way = append(way, g.String())
	}
	for _, trial := range run.Trials {
		in = append(in, trial.Strategy)
	}
	for _, a := range run.Activities {
		if a.Arguments[0] == "guard" {
			done = append(done, fmt.Sprintf("%s %s: %s%s", a.Phase, strings.Join(a.Arguments, " "), a.Output, a.Failed))
		}
	}
	round := []string{"standby ×2", "reschedule ×1", "vote ×4"}
	if want := append(slices.Clone(round), round...); !slices.Equal(way, want) || run.Strategy != strings.Join(want, ", then ") {
		t.Errorf("guarded by %q, in words %q; want %q", way, run.Strategy, want)
	}
	if want := []string{"standby", "vote", "standby", "vote"}; !slices.Equal(in, want) {
		t.Errorf("the faults struck %q, want %q", in, want)
	}
	first := []string{
		"method guard reschedule: probe: reschedule, 1 copy (was standby, 2); picture: reschedule, 1 copy (was standby, 2)",
		"method guard vote --factor 4: probe: vote, 4 copies (was reschedule, 1); picture: vote, 4 copies (was reschedule, 1)",
		"rollback guard standby --factor 2: probe: standby, 2 copies (was vote, 4); picture: standby, 2 copies (was vote, 4)",
	}
	if want := append(first, first[:2]...); !slices.Equal(done, want) {
		t.Errorf("done was\n%s\nwant\n%s", strings.Join(done, "\n"), strings.Join(want, "\n"))
	}
	h.wantNothingLeft()
}

// What nodes tell while it is played, and not what the run says that it did, is read here.
func TestE2E_theNodesOfAScenarioGuardAsItSays(t *testing.T) {
	h := newHouse(t)
	p := h.start(append([]string{"run", h.scenarioFile("e.json", `{
  "title": "an action", "description": "in its turn",
  "method": [
    {"type": "action", "name": "alone", "provider": {"type": "process", "path": "fracture", "arguments": ["guard", "reschedule"]}},
    {"type": "probe", "name": "wait", "provider": {"type": "process", "path": "sleep", "arguments": "60"}}
  ]
}`)}, quick...)...)
	var streams []guardedStream
	await(t, "both streams of the run guarded by reschedule", func() bool {
		var whole struct{ Streams []guardedStream }
		if q := h.start("guard", "--json"); q.end() != exitHeld || json.Unmarshal([]byte(q.out.String()), &whole) != nil {
			return false // there is no cluster yet
		}
		streams = whole.Streams
		return len(streams) == 2 && !slices.ContainsFunc(streams, func(s guardedStream) bool { return s.Strategy != "reschedule" || s.Copies != 1 })
	}, func() string { return fmt.Sprintf("%+v\n%s", streams, p.said()) })
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	h.wantNothingLeft()
}

func TestE2E_aChangeOfStrategyIsRecordedAndReplayed(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "it.yaml")
	s := h.openTerminal()
	s.labIn("--nodes", "5", "--fps", "10", "--probe", "50ms", "--strategy", "standby", "--record", file)
	s.await(`strategy standby ×2`)
	s.press("S")
	s.await(`strategy hedge ×2`)
	h.guard(exitHeld, "vote")
	s.await(`strategy vote ×3`)
	s.press("2", "x")
	s.await(`2 \S n2 +dead`)
	s.press("r")
	s.await(`2 \S n2 +alive`)
	s.press("q")
	s.await(`recorded; replay: fracture run /`, `exit:0`)
	_, steps := recorded(t, file)
	var got []string
	for _, step := range steps {
		got = append(got, strings.Join(step.Arguments, " "))
	}
	if len(got) != 3 || got[0] != "fracture guard hedge" || got[1] != "fracture guard vote" || !strings.HasPrefix(got[2], "kill --node n2 --for ") {
		t.Fatalf("recorded %q, want two changes and a kill", got)
	}
	if e, err := scenario.Load(file, scenarioOptions(usualRun(), noneGiven)); err != nil || e.Fracture.Cluster.Strategy != "standby" {
		t.Errorf("it begins with %+v, %v; want standby", e, err)
	}
	again, p := h.each("run", file, "--calm=1s", "--window=300ms", "--grace=3s", "--load=idle", "--controls=0")
	if again.Strategy != "standby ×2, then hedge ×2, then vote ×3" || len(again.Trials) != 1 || again.Trials[0].Strategy != "vote" {
		t.Errorf("the replay was guarded by %s, and its trials are %+v; want the same again, and one that struck vote:\n%s", again.Strategy, again.Trials, p.said())
	}
	if g := again.Guarded; len(g) == 3 && g[1].At >= g[2].At {
		t.Errorf("the second change comes at %v ms and the first at %v, want it after that", g[2].At, g[1].At)
	}
	h.wantNothingLeft()
}
