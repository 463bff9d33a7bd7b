package scenario

import (
	"fmt"
	"slices"
	"time"
)

// nativeKeys are those at the top of the short form.
var nativeKeys = slices.Concat([]string{"title", "question", "tags", "trials", "faults", "steady-state-hypothesis"}, clusterKeys, settingKeys)

// native reads the short form, and makes an experiment of it: each strike is an action in the background that waits for its
// time, so that Chaos Toolkit has it then too, and an entry of the timeline, by which fracture has it exactly.
func (r *reader) native(top *node) *Experiment {
	f := r.fieldsOf(top, "scenario", nativeKeys...)
	e := &Experiment{Title: f.text("title"), Description: f.text("question"), Tags: f.texts("tags", maxKeys)}
	if e.Title == "" && f.has("trials") && !f.has("title") {
		e.Title = "trials"
	} else {
		f.must("title")
	}
	if e.Description == "" {
		e.Description = e.Title
	}
	if !f.has("faults") && !f.has("nemesis") && !f.has("trials") {
		r.wrong(f.n.at, "faults are missing: a list such as [{fault: noop, at: 1s}]; or trials, such as [{component: owner, fault: kill}]")
	}
	r.settings(f, &e.Fracture)
	r.cluster(f, &e.Fracture)
	if h := f.n.get("steady-state-hypothesis"); h != nil {
		e.Hypothesis = r.hypothesis(h, nil)
	}
	e.Fracture.Trials = r.trials(f, seriesKeys...)
	r.standIns(e)
	inSerial := f.word("order", parallel, serial) == serial
	start := time.Duration(0)
	for i, n := range f.list("faults", maxStrikes) {
		f := r.anyFields(n, "faults")
		var a Activity
		var last time.Duration
		if f.has("guard") {
			var g Guard
			f, g = r.guard(n, "faults")
			a = g.Activity(fmt.Sprintf("guard %v %d", g.Strategy, i+1))
			a.Place = f.n.at
		} else {
			fault := r.fault(f, r.ownOf(f, ownKeys))
			a, last = e.inject(fault, i+1), fault.For
		}
		if name := f.text("name"); name != "" {
			a.Name = name
		}
		t := r.schedule(f, last, e.Fracture.End)
		if !r.act(e, a, t, start) {
			break
		}
		if inSerial {
			start += t.at + time.Duration(t.n-1)*t.every + last
		}
	}
	heal := Provider{Type: Process, Path: "fracture", Arguments: []string{"heal"}}
	e.Rollbacks = []Activity{{Name: "heal everything", Provider: heal, Place: top.at}}
	e.Runtime.Rollbacks = Always
	e.Fracture.Budgets = r.budgets(f, e)
	return e
}

// inject is an action that does a fault, the n-th of the list.
func (e *Experiment) inject(fault Fault, n int) Activity {
	arguments := append([]string{"inject"}, fault.Arguments()...)
	if e.Fracture.Limits.YesBreakIt && fault.Kind != "noop" { // for Chaos Toolkit, which breaks a lab that somebody else has started
		arguments = append(arguments, "--"+yesBreakIt)
	}
	return Activity{Name: fmt.Sprintf("%s %d", fault.Kind, n), Place: fault.Place,
		Provider: Provider{Type: Process, Path: "fracture", Arguments: arguments}}
}

// act makes actions of one, for each time that it is to be done.
func (r *reader) act(e *Experiment, a Activity, t times, start time.Duration) bool {
	name := a.Name
	for i := range t.n {
		s := Strike{At: start + t.at + time.Duration(i)*t.every, Action: name, Place: a.Place}
		if t.n > 1 {
			s.Action = fmt.Sprintf("%s.%d", name, i+1)
		}
		if e.action(s.Action) != nil {
			r.wrong(a.Place, "the name %q is there already", s.Action)
			return false
		}
		if !r.strike(&e.Fracture, s) {
			return false
		}
		a.Name, a.Background, a.Before = s.Action, true, s.At
		e.Method = append(e.Method, a)
	}
	return true
}
