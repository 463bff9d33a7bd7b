package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// listing reads a scenario as a run with these flags does.
func listing(t *testing.T, text string, f runFlags, given ...string) *scenario.Experiment {
	t.Helper()
	e, err := scenario.Parse("s.yaml", []byte(text), scenarioOptions(f, flagsGiven(given...)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTrials_becomeAPlan(t *testing.T) {
	const text = `
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
`
	read := func(f runFlags, given ...string) runOptions {
		t.Helper()
		o, err := f.under(listing(t, text, f, given...), flagsGiven(given...))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := read(goodRunFlags())
	want := []series{{meter.Owner, meter.Kill, 3, 0}, {meter.Link, meter.Loss, 50, 250 * time.Millisecond}, {meter.Splitter, meter.Freeze, 50, freezesFor}}
	if !slices.Equal(o.series, want) || o.nodes != 3 || o.load.name != "idle" || o.seed != 9 || o.calm != 2*time.Second || o.window != time.Second || o.controls != 5 || o.minimum != 0 {
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

	e := listing(t, text, f)
	e.Try(tried(o.series, e.Fracture.Trials))
	if len(e.Method) != 2 || len(e.Fracture.Trials) != 2 || e.Fracture.Trials[0].Trials != 2 {
		t.Errorf("the run makes %+v by the actions %+v; want two of each of two", e.Fracture.Trials, e.Method)
	}
}

func TestTrials_canBeASampleDrawnFromTheSeed(t *testing.T) {
	draw := func(seed uint64) runOptions {
		f := goodRunFlags()
		f.role, f.fault, f.trials, f.sample, f.seed = "all", "all", 1, 12, seed
		o, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	first, again, other := draw(7), draw(7), draw(8)
	if len(first.series) != 12 || !slices.Equal(first.series, again.series) || slices.Equal(first.series, other.series) {
		t.Errorf("drawn %v, %v and with another seed %v; want twelve, the same of the same seed", first.series, again.series, other.series)
	}
	distinct := slices.Clone(first.series)
	slices.SortFunc(distinct, func(a, b series) int {
		return strings.Compare(string(a.component+" ")+string(a.fault), string(b.component+" ")+string(b.fault))
	})
	if len(slices.Compact(distinct)) != 12 {
		t.Errorf("%v has a pair twice", first.series)
	}
}

func TestTrials_sayWhereTheyAreWrong(t *testing.T) {
	const one = "trials: [{component: owner, fault: kill}]\n"
	for text, want := range map[string]string{
		"":                               "s.yaml:1:1: want one document",
		"nodes: 5":                       "title is missing",
		one + "color: red":               "s.yaml:2:1: scenario: unknown key \"color\"",
		one + "lod: idle":                "did you mean load?",
		one + "nodes: 1":                 "s.yaml:2:8: nodes 1: want a whole number from 2 to 32",
		one + "calm: 3":                  "s.yaml:2:7: calm 3: want a duration",
		one + "calm: 3ms":                "s.yaml:2:7: calm 3ms: want 1s to 1m0s",
		one + "grace: 50ms":              "s.yaml:2:8: grace 50ms: want 100ms to 30s",
		one + "load: heavy":              "s.yaml:2:7: load \"heavy\": want one of",
		one + "budgets: [speed<=3]":      "s.yaml:2:11: budgets: not a budget",
		one + "strategy: vote\nnodes: 2": "s.yaml:2:11: strategy vote with --nodes 2",
		one + "budgets:\n  - lost<=0\n  - duplicates<=0\n  - lost<=3":                                                                   "s.yaml:5:5: budgets: lost<=3 contradicts lost<=0",
		"trials: [{component: owner, fault: slow, for: 2s}]":                                                                            "s.yaml:1:1: window 1s: a slow stands for 2s",
		"trials: [{component: owner, fault: slow}]\nwindow: 500ms":                                                                      "s.yaml:2:9: window 500ms: a slow stands for 1s",
		"trials: [{component: standby, fault: kill}]\nstrategy: failfast":                                                               "with --strategy failfast nothing has a standby",
		"title: t\ndescription: d\nmethod: []\nextensions:\n  - {name: fracture, calm: 3ms, trials: [{component: owner, fault: kill}]}": "s.yaml:5:28: calm 3ms: want 1s",
	} {
		_, err := scenario.Parse("s.yaml", []byte(text), scenarioOptions(goodRunFlags(), noneGiven))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q is %v; want a line that says %s", text, err, want)
		}
	}
	// What a flag says instead is not the file's, be it right or wrong.
	f := goodRunFlags()
	f.window, f.nodes = 3*time.Second, 99
	if e := listing(t, "trials: [{component: owner, fault: slow, for: 2s}]", f, "window", "nodes"); len(e.Fracture.Trials) != 1 {
		t.Errorf("read as %+v", e)
	}
}

// byHandText is what is done by hand about a pair; empty where that cannot be.
func byHandText(c meter.Component, k meter.Kind) string {
	return strings.Join(byHand(scenario.Series{Component: c, Fault: k}), " ")
}

func TestTrials_haveAnActionThatInjectTakes(t *testing.T) {
	for _, c := range meter.Components {
		for _, k := range c.Suffers() {
			line := byHandText(c, k)
			if (line == "") != (c == meter.Sink && k != meter.Noop) {
				t.Errorf("%s %s by hand: %q; want something for all but those of the sink", c, k, line)
			}
			if line == "" {
				continue
			}
			h, err := parseHarm(strings.Fields(line))
			if err != nil {
				t.Errorf("%s %s: %v", c, k, err)
			}
			for _, role := range h.whom.Roles {
				if role != chaos.Role(c) || h.whom.Pick != (chaos.Pick{Mode: chaos.PickFixed, Count: 1}) {
					t.Errorf("%s %s: %q is for others", c, k, line)
				}
			}
		}
	}
	for _, want := range []string{
		byHandText(meter.Owner, meter.Kill) + "|kill --role owner --pick one --for 3s",
		byHandText(meter.Splitter, meter.Partition) + "|cut --both --role splitter --pick one --for 1s",
		byHandText(meter.Link, meter.Loss) + "|loss --share 20% --both --node n1 --peer n2 --for 1s",
		byHandText(meter.Gossip, meter.Partition) + "|cut --gossip --node all --for 1s",
		byHandText(meter.Store, meter.Freeze) + "|freeze --role store --for 500ms",
		byHandText(meter.Door, meter.Noop) + "|noop",
	} {
		if got, want, _ := strings.Cut(want, "|"); got != want {
			t.Errorf("by hand it is %q, want %q", got, want)
		}
	}
}

func TestKPI_isWholeAndAScenarioLikeTheOthers(t *testing.T) {
	const file = "../../scenarios/kpi.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := listing(t, string(text), usualRun())
	o, err := usualRun().under(e, noneGiven)
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
	long := listing(t, string(e.YAML()), usualRun())
	if string(long.YAML()) != string(e.YAML()) || len(long.Method) != len(e.Fracture.Trials)-2 || len(long.Plan()) > 0 {
		t.Errorf("its long form has %d actions, of which %d are played, want one for each pair but two of the sink, and none played", len(long.Method), len(long.Plan()))
	}
}

func TestDryRun_printsTheTrialsThatWouldBeMade(t *testing.T) {
	var out, errs strings.Builder
	code := run([]string{"run", "../../scenarios/kpi.yaml", "--dry-run", "--trials=3", "--role=link,sink", "--fault=loss,kill"}, &out, &errs)
	if code != exitHeld || !strings.Contains(out.String(), "3       link       loss   1s   fracture inject loss --share 20% --both --node n1 --peer n2 --for 1s\n3       sink       kill") ||
		strings.Contains(out.String(), "owner") {
		t.Errorf("ends with %d and\n%s%s", code, out.String(), errs.String())
	}
	for _, wrong := range [][]string{{"--trials=0"}, {"--role=roof"}, {"--role=sink", "--fault=slow"}, {"--sample=-1"}} {
		var out, errs strings.Builder
		if code := run(append([]string{"run", "../../scenarios/kpi.yaml", "--dry-run"}, wrong...), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), wrong[0][:strings.IndexByte(wrong[0], '=')]) {
			t.Errorf("%v ends with %d and %q", wrong, code, errs.String())
		}
	}
	errs.Reset()
	if code := run([]string{"run", "../../scenarios/noop.yaml", "--dry-run", "--trials=3"}, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "--trials is for trials") {
		t.Errorf("ends with %d and %q", code, errs.String())
	}
}

func FuzzTrials(f *testing.F) {
	f.Add("trials:\n  - component: owner\n    fault: slow\n    for: 1s\nbudgets: [\"slow: gap.max<=3\"]\n")
	f.Add("trials: [{component: link, fault: loss, trials: 3}]\nseed: 7")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := scenario.Parse("s.yaml", []byte(text), scenarioOptions(goodRunFlags(), noneGiven))
		if err != nil {
			return
		}
		o, err := goodRunFlags().under(e, noneGiven)
		if err != nil {
			t.Fatalf("%q is read, and then: %v", text, err)
		}
		if len(o.series) != len(e.Fracture.Trials) || total(o.series) > maxTrials {
			t.Fatalf("%q is %d trials in %d series", text, total(o.series), len(o.series))
		}
		for _, s := range o.series {
			if !slices.Contains(s.component.Suffers(), s.fault) || s.n < 1 || s.last < 0 || s.last > o.window {
				t.Fatalf("%q has the series %+v", text, s)
			}
		}
	})
}
