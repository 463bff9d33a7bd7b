package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos/meter"
)

func TestScenario_becomesAPlan(t *testing.T) {
	sc, err := parseTrialList("s.yaml", []byte(`
load: idle
nodes: 3
seed: 9
calm: 2s
budgets: ["freeze: downtime.p99<=30ms"]
trials:
  - {component: owner, fault: kill, trials: 3}
  - component: link
    fault: loss
    for: 250ms
  - {component: splitter, fault: freeze}
`), goodRunFlags())
	if err != nil {
		t.Fatal(err)
	}
	read := func(f runFlags, given ...string) runOptions {
		t.Helper()
		sc.under(&f, flagsGiven(given...))
		o, err := f.options(func() ([]series, error) { return sc.series(f, flagsGiven(given...)) })
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := read(goodRunFlags())
	want := []series{{meter.Owner, meter.Kill, 3, 0}, {meter.Link, meter.Loss, 50, 250 * time.Millisecond}, {meter.Splitter, meter.Freeze, 50, freezesFor}}
	if !slices.Equal(o.series, want) || o.nodes != 3 || o.load.name != "idle" || o.seed != 9 || o.calm != 2*time.Second || o.window != time.Second {
		t.Errorf("options = %+v, want what the file says, and the defaults for the rest", o)
	}
	if !slices.Contains(o.budgets, meter.Budget{Fault: meter.Freeze, Metric: "downtime.p99", Limit: 30}) || len(o.budgets) != 4 {
		t.Errorf("budgets %v, want the defaults and that of the file", o.budgets)
	}

	f := goodRunFlags()
	f.trials, f.nodes, f.fault, f.last, f.budgets = 2, 7, "loss,freeze", 100*time.Millisecond, []string{"freeze: downtime.p99<=5ms"}
	o = read(f, "trials", "nodes", "fault", "for", "budget")
	want = []series{{meter.Link, meter.Loss, 2, 100 * time.Millisecond}, {meter.Splitter, meter.Freeze, 2, 100 * time.Millisecond}}
	if !slices.Equal(o.series, want) || o.nodes != 7 || o.seed != 9 {
		t.Errorf("options = %+v, want what the flags say, where they do", o)
	}
	if !slices.Contains(o.budgets, meter.Budget{Fault: meter.Freeze, Metric: "downtime.p99", Limit: 5}) || len(o.budgets) != 4 {
		t.Errorf("budgets %v, want that of the flag in place of the file's", o.budgets)
	}
}

func TestScenario_saysWhereItIsWrong(t *testing.T) {
	const one = "trials: [{component: owner, fault: kill}]\n"
	for text, want := range map[string]string{
		"":                  "want one document",
		one + "---\n" + one: "want one document",
		"trials: []":        "s.yaml:1:",
		"nodes: 5":          "trials: 0 entries",
		"trials: 5":         "s.yaml:1:9: ",
		"trials: [":         "s.yaml:1:",
		one + "color: red":  "s.yaml:2:1: unknown field \"color\"",
		one + one:           "s.yaml:2:1: ",
		"trials: [{component: owner, fault: kill, speed: 3}]":                        "unknown field \"speed\"",
		"trials:\n  - {component: roof, fault: kill}":                                "s.yaml:2:17: component \"roof\": want one of owner, standby, splitter, link, gossip, store, sink",
		"trials:\n  - {component: owner, fault: melt}":                               "s.yaml:2:31: fault \"melt\": want one of kill, freeze, partition",
		"trials:\n  - {component: store, fault: slow}":                               "s.yaml:2:31: fault slow makes no sense: a store suffers kill, freeze, noop",
		"trials:\n  - {component: owner, fault: kill, trials: 0}":                    "s.yaml:2:45: trials 0: want 1 to",
		"trials:\n  - {component: owner, fault: slow, for: -1s}":                     "s.yaml:2:42: for -1s: want",
		"trials:\n  - {component: owner, fault: kill, for: 1s}":                      "for 1s: a kill stands for no time",
		"trials:\n  - {component: owner, fault: slow, for: soon}":                    "s.yaml:2:42: want a duration",
		"trials:\n  - {fault: kill}":                                                 "component \"\": want one of",
		one + "nodes: 1":                                                             "s.yaml:2:8: nodes: 1: want 2 to 32",
		one + "calm: 3":                                                              "s.yaml:2:7: want a duration",
		one + "calm: -3s":                                                            "s.yaml:2:7: calm: -3s: want",
		one + "load: heavy":                                                          "s.yaml:2:7: load: unknown load",
		one + "budgets: [speed<=3]":                                                  "s.yaml:2:11: budgets: not a budget",
		one + "budgets:\n  - lost<=0\n  - duplicates<=0\n  - lost<=3":                "s.yaml:5:5: budgets: lost<=3 contradicts lost<=0",
		"trials: [{component: owner, fault: kill}, {component: owner, fault: kill}]": "owner kill is in the list already",
		"trials: &a [{component: owner, fault: kill}]":                               "s.yaml:1:9: anchors",
		one + "window: 500ms\ngrace: !!str 1s":                                       "tags are not for scenarios",
		"trials: [{component: owner, fault: slow, for: 2s}]\nwindow: 1s":             "s.yaml:2:9: window: 1s: a slow stands for 2s",
		strings.Repeat("#", maxScenarioBytes+1):                                      "more than",
	} {
		f := goodRunFlags()
		sc, err := parseTrialList("s.yaml", []byte(text), f)
		if err == nil {
			sc.under(&f, flagsGiven())
			if _, err = f.options(func() ([]series, error) { return sc.series(f, flagsGiven()) }); err != nil {
				err = sc.blame(err, flagsGiven())
			}
		}
		if !errors.Is(err, errScenario) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80q is %v; want one line that says %s", text, err, want)
		}
	}
}

func TestScenario_theOneOfTheKPIIsWholeAndGood(t *testing.T) {
	const file = "../../scenarios/kpi.yaml"
	f := goodRunFlags()
	o, err := f.read([]string{file}, flagsGiven())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range meter.Components {
		for _, k := range c.Suffers() {
			if !slices.ContainsFunc(o.series, func(s series) bool { return s.component == c && s.fault == k }) {
				t.Errorf("%s lacks %s %s", file, c, k)
			}
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	f.Add("trials:\n  - component: owner\n    fault: slow\n    for: 1s\nbudgets: [\"slow: gap.max<=3\"]\n")
	f.Add("trials: [{component: link, fault: loss, trials: 3}]\nseed: 7")
	f.Fuzz(func(t *testing.T, text string) {
		flags := goodRunFlags()
		sc, err := parseTrialList("s.yaml", []byte(text), flags)
		if err != nil {
			return
		}
		sc.under(&flags, flagsGiven())
		o, err := flags.options(func() ([]series, error) { return sc.series(flags, flagsGiven()) })
		if err != nil {
			_ = sc.blame(err, flagsGiven()).Error()
			return
		}
		if len(o.series) == 0 || total(o.series) > maxTrials {
			t.Fatalf("%q is %d trials in %d series", text, total(o.series), len(o.series))
		}
		for _, s := range o.series {
			if !slices.Contains(s.component.Suffers(), s.fault) || s.n < 1 || s.last < 0 || s.last > o.window {
				t.Fatalf("%q has the series %+v", text, s)
			}
		}
	})
}
