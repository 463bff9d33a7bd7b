package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fracture/chaos/meter"
)

// A run breaks front doors that serve its client, and whoever asks there has an answer to each request all the same.
func TestE2E_aRunBreaksFrontDoors(t *testing.T) {
	h := newHouse(t)
	out := filepath.Join(h.runtime, "run.json")
	p := h.start("run", "--role", "door", "--fault", "kill,freeze", "--for", "150ms", "--trials", "1", "--controls", "0",
		"--nodes", "4", "--load", "idle", "--calm", "1s", "--window", "300ms", "--grace", "300ms", "--out", out)
	if code := p.end(); code != exitHeld && code != exitBroken && code != exitThin { // how long it took is not judged here
		t.Fatalf("the run exits with %d:\n%s", code, p.said())
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report meter.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	var faults []meter.Kind
	for _, trial := range report.Trials {
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
	if report.Door == nil || report.Door.Requests == 0 || report.Door.Unanswered != 0 || report.Totals.Duplicates != 0 {
		t.Errorf("of the front door the report says %+v, and %d delivered twice; want requests, none of them given up or twice",
			report.Door, report.Totals.Duplicates)
	}
	for _, row := range report.Rows {
		if row.Counted > 0 && !slices.ContainsFunc(row.Streams, func(s meter.StreamRow) bool { return s.Stream == "door" }) {
			t.Errorf("%s %s tells of the streams %+v, want the door's among them", row.Component, row.Fault, row.Streams)
		}
	}
	h.wantNothingLeft()
}
