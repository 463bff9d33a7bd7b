package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fracture/chaos/meter"
	"fracture/chaos/report"
)

// A run breaks front doors that serve its client, and whoever asks there has an answer to each request all the same.
func TestE2E_aRunBreaksFrontDoors(t *testing.T) {
	h := newHouse(t)
	out := filepath.Join(t.TempDir(), "report")
	p := h.start("run", "--role", "door", "--fault", "kill,freeze", "--for", "150ms", "--trials", "1", "--controls", "0",
		"--nodes", "4", "--load", "idle", "--calm", "1s", "--window", "300ms", "--grace", "300ms", "--out", out)
	if code := p.end(); code != exitHeld && code != exitBroken && code != exitThin { // how long it took is not judged here
		t.Fatalf("the run exits with %d:\n%s", code, p.said())
	}
	told, _, err := runOf(out)
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, out, told)
	var faults []meter.Kind
	for _, trial := range told.Trials {
		if !trial.Again { // the machine may have spoilt one
			faults = append(faults, trial.Fault)
		}
		if trial.Component != meter.Door || trial.Uncounted == "" && !strings.HasPrefix(trial.Held, "door of ") {
			t.Errorf("trial %+v: want a door that serves connections", trial)
		}
	}
	if want := []meter.Kind{meter.Kill, meter.Freeze}; !slices.Equal(faults, want) {
		t.Errorf("the trials are of %v, want %v", faults, want)
	}
	if told.Door == nil || told.Door.Requests == 0 || told.Door.Unanswered != 0 || told.Totals.Duplicates != 0 {
		t.Errorf("of the front door the report says %+v, and %d delivered twice; want requests, none of them given up or twice",
			told.Door, told.Totals.Duplicates)
	}
	for _, row := range told.Rows {
		if row.Counted > 0 && !slices.ContainsFunc(row.Streams, func(s meter.StreamRow) bool { return s.Stream == "door" }) {
			t.Errorf("%s %s tells of the streams %+v, want the door's among them", row.Component, row.Fault, row.Streams)
		}
	}
	h.wantNothingLeft()
}

// checkReport looks at the directory that a run of doors left, beside the figures in it.
func checkReport(t *testing.T, dir string, r *report.Run) {
	t.Helper()
	for name, want := range map[string]string{
		report.Page: "door freeze", report.Markdown: "| door kill |", report.JUnit: `classname="fracture.door.kill"`, report.Journal: `"chaoslib-version"`, report.Stream: `"kind":"verdict"`,
	} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: %d bytes, %v; want %q in it", name, len(text), err, want)
		}
	}
	again := strings.Join(r.Command, " ")
	if !strings.HasPrefix(again, "fracture run --calm 1s --controls 0 --fault kill,freeze --for 150ms") || !strings.HasSuffix(again, fmt.Sprint("--seed ", r.Seed)) ||
		strings.Contains(again, "--out") {
		t.Errorf("the command that repeats it is %q", again)
	}
	streams := map[string]uint64{}
	for _, s := range r.Series {
		for _, n := range s.Due {
			streams[s.Stream] += uint64(n)
		}
	}
	if streams["tiles"] == 0 || streams["probe"] == 0 || streams["door"] == 0 {
		t.Errorf("the series are of so many results: %v; want some of tiles, probe and door", streams)
	}
	for i, trial := range r.Trials {
		if trial.At <= 0 || trial.At > 1e3*r.Took+1e3 || trial.Took <= 0 {
			t.Errorf("trial %d at %v ms, for %v, of a run of %v s", i+1, trial.At, trial.Took, r.Took)
		}
		if _, seen := trial.Stage("effective"); !seen && trial.Uncounted == "" {
			t.Errorf("trial %d counts, and its fault was never effective: %+v", i+1, trial)
		}
	}
	if code, said := saying("report", dir); code != exitHeld || !strings.Contains(said, "written anew") {
		t.Errorf("writing it anew ends with %d: %s", code, said)
	}
}
