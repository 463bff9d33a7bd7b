package scenario

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos/meter"
)

var update = flag.Bool("update", false, "write the golden files anew")

// same reports whether a text is an experiment, but for where in the file things stand.
func same(want *Experiment, text []byte) error {
	got, err := Parse("long", text, Options{})
	if err != nil {
		return err
	}
	a, b := placeless(want), placeless(got)
	if !reflect.DeepEqual(a, b) {
		return fmt.Errorf("got %+v, want %+v", b, a)
	}
	if string(got.YAML()) != string(want.YAML()) {
		return fmt.Errorf("it is written as\n%s", got.YAML())
	}
	return nil
}

// placeless is the experiment without places and warnings, and with no empty list where none is meant.
func placeless(from *Experiment) Experiment {
	e := *from
	e.Warnings = nil
	bare := func(all []Activity) (some []Activity) {
		for _, a := range all {
			a.Place = Place{}
			if len(a.Provider.Arguments) == 0 {
				a.Provider.Arguments = nil
			}
			some = append(some, a)
		}
		return some
	}
	e.Method, e.Rollbacks = bare(e.Method), bare(e.Rollbacks)
	if e.Hypothesis != nil {
		e.Hypothesis = &Hypothesis{e.Hypothesis.Title, bare(e.Hypothesis.Probes)}
	}
	e.Fracture.Timeline = nil
	for _, s := range from.Fracture.Timeline {
		s.Place, s.Fault.Place, s.Fault.Flags = Place{}, Place{}, ordered(s.Fault.Flags)
		e.Fracture.Timeline = append(e.Fracture.Timeline, s)
	}
	e.Fracture.Trials = nil
	for _, s := range from.Fracture.Trials {
		s.Place = Place{}
		e.Fracture.Trials = append(e.Fracture.Trials, s)
	}
	if m := from.Fracture.Nemesis; m != nil {
		copied := *m
		copied.Faults = slices.Clone(m.Faults)
		for i := range copied.Faults {
			copied.Faults[i].Fault.Place = Place{}
			copied.Faults[i].Fault.Flags = ordered(copied.Faults[i].Fault.Flags)
		}
		e.Fracture.Nemesis = &copied
	}
	return e
}

// ordered are flags by name: those that stand under `with` come last when they are read again.
func ordered(flags []Flag) []Flag {
	flags = slices.Clone(flags)
	slices.SortFunc(flags, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return flags
}

func read(t *testing.T, text string, o Options) *Experiment {
	t.Helper()
	e, err := Parse("s.yaml", []byte(text), o)
	if err != nil {
		t.Fatalf("%s\nis no scenario: %v", text, err)
	}
	return e
}

const everything = `
title: everything
question: Does the work go on?
nodes: 5
zones: 2
strategy: standby
factor: 2
netns: true
load: half
seed: 7
calm: 2s
window: 1s
grace: 1s
end: 1m
repeat: 2
tags: [net, cpu]
trials:
  - {component: owner, fault: kill, trials: 20}
  - {component: sink, fault: freeze, for: 250ms}
budgets: ["freeze: gap.max <= 1s", "downtime.p99 <= 10ms", "kill: downtime.p99 <= 30ms", "lost == 0", "needless_takeovers <= 10/min"]
faults:
  - {fault: loss, at: 5s, every: 10s, times: 3, for: 2s, share: 20%, node: [n1, n2], inward: true, gossip: false}
  - {fault: slow, at: 1s, for: 500ms, times: 10, node: n3}
  - {fault: kill, name: the splitter dies, at: 9s, role: splitter, pick: one}
nemesis:
  faults: [{weight: 3, fault: kill, role: owner}, {fault: slow, with: {times: 4}, node: all, for: 1s}]
  every: 5s
  for: 50s
  until: [broken]
`

// killing are options under which a trial's kill can be had by hand, and nothing else of trials.
var killing = Options{Inject: func(s Series) []string {
	if s.Fault != meter.Kill {
		return nil
	}
	return []string{"kill", "--role", string(s.Component), "--pick", "one", "--for", "3s"}
}}

func TestParse_expandsTheNativeForm(t *testing.T) {
	e := read(t, everything, killing)
	if err := same(e, e.YAML()); err != nil {
		t.Error(err)
	}
	if err := same(e, e.JSON()); err != nil {
		t.Error(err)
	}
	for name, got := range map[string][]byte{"everything.golden.yaml": e.YAML(), "everything.golden.json": e.JSON()} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", golden, got, want)
		}
	}
	if !e.Timed("owner kill") || len(e.Method) != 6 || e.action("sink freeze") != nil {
		t.Errorf("%d actions; want one for the trials of kill, which is not begun in its turn, and none for those of the sink", len(e.Method))
	}
	arguments, ok := e.Method[1].Inject()
	want := strings.Fields("loss --share 20% --node n1 --node n2 --inward --for 2s")
	if !ok || !slices.Equal(arguments, want) {
		t.Errorf("the first fault is %q, want %q", arguments, want)
	}
	budget := meter.Budget{Fault: meter.Kill, Metric: "downtime.p99", Limit: 30}
	if !slices.Contains(e.Fracture.Budgets, budget) || e.Length() != time.Minute {
		t.Errorf("budgets %v, length %v; want %v among them, and a minute", e.Fracture.Budgets, e.Length(), budget)
	}
}

func TestParse_readsWhatMayBeBrokenInBothForms(t *testing.T) {
	e := read(t, "title: t\nnodes: 5\nmax-nodes: 3\nmax-percent: 60\nyes-break-it: true\nfaults: [{fault: kill, node: n1}, {fault: noop, at: 1s}]\n", Options{})
	if want := (Limits{3, 60, true}); e.Fracture.Limits != want {
		t.Errorf("limits %+v, want %+v", e.Fracture.Limits, want)
	}
	if err := errors.Join(same(e, e.YAML()), same(e, e.JSON())); err != nil {
		t.Error(err)
	}
	if got := e.ArgumentsOf(e.Fracture.Timeline[0]); !slices.Equal(got, strings.Fields("kill --node n1 --yes-break-it")) {
		t.Errorf("Chaos Toolkit is told %q, want that it may break the last one", got)
	}
	var plan strings.Builder
	if err := e.PrintPlan(&plan); err != nil || !strings.Contains(plan.String(), "limits: at most 3 nodes broken at once, at most 60% of them, the last holder of a task may be broken too\n") {
		t.Errorf("the plan does not tell the limits, %v:\n%s", err, &plan)
	}
}

func TestGallery_isReadAndExpandsToTheSame(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	native := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		native++
		e, err := Parse(name, text, Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		if err := errors.Join(same(e, e.YAML()), same(e, e.JSON())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if !strings.HasPrefix(first, "# ") || !strings.HasSuffix(first, "?") {
			t.Errorf("%s begins with %q, want the question that it answers", name, first)
		}
		if len(e.Warnings) > 0 || len(e.Fracture.Budgets) == 0 {
			t.Errorf("%s: warnings %v, budgets %v; want none, and some", name, e.Warnings, e.Fracture.Budgets)
		}
	}
	if native < 10 {
		t.Errorf("%d scenarios in the native form, want 10", native)
	}
}
