package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"fracture/work"
)

func someCompare() compareFlags {
	return compareFlags{strategies: "all", cost: 5 * time.Second, run: runFlags{
		trials: 10, role: "owner,splitter", fault: "kill,freeze", nodes: 5, load: "half", probe: runProbePeriod,
		calm: 3 * time.Second, window: time.Second, grace: time.Second,
	}}
}

func TestCompare_givesEachStrategyThePlanThatSuitsIt(t *testing.T) {
	all, err := someCompare().options()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(work.Strategies) || all[0].strategy != work.Standby {
		t.Fatalf("%d plans, the first of %v; want one for each strategy, that of standby first", len(all), all[0].strategy)
	}
	for _, o := range all {
		if o.seed != all[0].seed || len(o.series) != len(all[0].series) {
			t.Errorf("%v has other victims or faults than the first", o.strategy)
		}
		if o.stops != (o.strategy == work.FailFast) {
			t.Errorf("%v: ends with its first fault = %v", o.strategy, o.stops)
		}
		if o.strategy == work.Reschedule && (o.window != rescheduleWindow || o.series[0].n != rescheduleTrials) {
			t.Errorf("reschedule is watched for %v in %d trials, want %v in %d", o.window, o.series[0].n, rescheduleWindow, rescheduleTrials)
		}
	}
}

func TestCompare_refusesWhatMakesNoSense(t *testing.T) {
	for name, spoil := range map[string]func(*compareFlags){
		"a strategy that is none":          func(f *compareFlags) { f.strategies = "standby,prayer" },
		"too short a time for costs":       func(f *compareFlags) { f.cost = time.Millisecond },
		"a fault that is none":             func(f *compareFlags) { f.run.fault = "prayer" },
		"fewer nodes than a vote needs":    func(f *compareFlags) { f.run.nodes = 2 },
		"a load that is none":              func(f *compareFlags) { f.run.load = "much" },
		"a fault that no store can suffer": func(f *compareFlags) { f.run.role, f.run.fault = "gossip", "kill" },
	} {
		f := someCompare()
		spoil(&f)
		if _, err := f.options(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := parseStrategies("prayer"); !errors.Is(err, work.ErrUnknownStrategy) {
		t.Errorf("an unknown strategy: %v, want ErrUnknownStrategy", err)
	}
	if got, _ := parseStrategies("active, standby,active"); !slices.Equal(got, []work.Strategy{work.Standby, work.Active}) {
		t.Errorf("strategies = %v, want standby and active, each once", got)
	}
}
