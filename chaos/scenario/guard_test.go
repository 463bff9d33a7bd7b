package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/work"
)

const guarding = `
title: with and without a standby
nodes: 5
strategy: standby
faults:
  - {fault: kill, at: 1s, node: n2, for: 500ms}
  - {guard: reschedule, at: 2s}
  - {guard: vote, factor: 4, at: 4s, every: 2s, times: 2, name: outvoted}
budgets: ["kill: lost == 0"]
`

func TestGuard_isAnActionThatRunsTheVerb(t *testing.T) {
	e := read(t, guarding, Options{})
	if err := errors.Join(same(e, e.YAML()), same(e, e.JSON())); err != nil {
		t.Error(err)
	}
	if want := []Guard{{Strategy: work.Reschedule}, {work.Vote, 4}, {work.Vote, 4}}; !slices.Equal(e.Guards(), want) {
		t.Errorf("it changes to %v, want %v", e.Guards(), want)
	}
	last := e.Method[len(e.Method)-1]
	if want := strings.Fields("guard vote --factor 4"); last.Name != "outvoted.2" || !last.Background || last.Before != 6*time.Second || !slices.Equal(last.Provider.Arguments, want) {
		t.Errorf("the last action is %+v, want %q in the background after 6s", last, want)
	}
	if _, ok := last.Inject(); ok || !e.Timed("outvoted.1") {
		t.Error("the change is taken for a fault, or is begun in its turn")
	}
	var plan strings.Builder
	if err := e.PrintPlan(&plan); err != nil || !strings.Contains(plan.String(), `
at  fault  arguments                       for
1s  kill   --node n2 --for 500ms           500ms
2s  ·      fracture guard reschedule       
4s  ·      fracture guard vote --factor 4  
6s  ·      fracture guard vote --factor 4  
`) {
		t.Errorf("the plan, %v, is\n%s", err, &plan)
	}
}

func TestGuard_isReadInTheLongForm(t *testing.T) {
	e := read(t, extended("timeline: [{at: 1s, guard: vote, factor: 4}, {at: 2s, action: a}]"), Options{})
	if err := errors.Join(same(e, e.YAML()), same(e, e.JSON())); err != nil {
		t.Error(err)
	}
	a, ok := e.Guarding(e.Fracture.Timeline[0])
	if g, same := a.Provider.Guard(); !ok || !same || g != (Guard{work.Vote, 4}) {
		t.Errorf("at 1s it is %+v, %v; want a vote of four", a, ok)
	}
	if _, ok := e.Guarding(e.Fracture.Timeline[1]); ok {
		t.Error("a fault is taken for a change")
	}
	for arguments, want := range map[string]Guard{
		"[guard, active]":              {Strategy: work.Active},
		"[guard, active, --factor, 3]": {work.Active, 3},
		"'guard active --factor=3'":    {work.Active, 3},
		"[guard]":                      {},
		"[guard, --json]":              {},
		"'guard | cat'":                {},
		"[guards, active]":             {},
	} {
		e := read(t, doing("{type: action, name: a, provider: {type: process, path: /bin/fracture, arguments: "+arguments+"}}"), Options{})
		if got, ok := e.Method[0].Provider.Guard(); got != want || ok != (want.Strategy != 0) {
			t.Errorf("%s is %+v, %v; want %+v", arguments, got, ok, want)
		}
	}
}

func TestGuard_isRecordedAmongTheFaults(t *testing.T) {
	const ms = time.Millisecond
	text := Recording{Title: "t", Faults: []Strike{
		{At: 2 * time.Second, Guard: Guard{Strategy: work.Reschedule}},
		{At: 2000*ms + 100*time.Microsecond, Guard: Guard{work.Vote, 4}},
		struck(1000*ms, "kill", 500*ms, "n2"),
	}}.YAML()
	e, err := Parse("t.yaml", text, Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var got []string
	for _, s := range e.Plan() {
		got = append(got, fmt.Sprint(s.At, s.Arguments))
	}
	want := []string{"1s [kill --node n2 --for 500ms]", "2s [fracture guard reschedule]", "2.001s [fracture guard vote --factor 4]"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant\n%q\nof\n%s", got, want, text)
	}
	alone := Recording{Title: "t", Faults: []Strike{{At: 2 * time.Second, Guard: Guard{Strategy: work.Reschedule}}}}.YAML()
	if !strings.HasSuffix(string(alone), "faults:\n  - {fault: noop, at: 0s}\n  - {guard: reschedule, at: 2s}\n") {
		t.Errorf("a change alone is\n%s\nwant a noop before it, by which the run is judged", alone)
	}
	if !strings.Contains(string(text), "  - {guard: reschedule, at: 2s}\n") {
		t.Errorf("it is not written as one writes it:\n%s", text)
	}
}
