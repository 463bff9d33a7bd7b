package scenario

import (
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
)

// Series is a number of trials: one fault at one component, again and again, each read before the next one begins. Whom it strikes
// the runner picks among those who are that component at the moment.
type Series struct {
	Component meter.Component
	Fault     meter.Kind
	Trials    int           // 0: as many as the runner is told
	For       time.Duration // 0: as long as the fault usually stands, or no time
	Action    string        // of the method, that does about the same and is not begun in its turn; empty: none
	Place     Place
}

// Bounds of trials.
const (
	maxSeries     = 256
	MaxTrials     = 10_000 // of a series
	ShortestTrial = 10 * time.Millisecond
	LongestTrial  = 30 * time.Second
)

// seriesKeys are those of an entry of trials.
var seriesKeys = []string{"component", "fault", "trials", "for"}

// String is the pair that is tried, as reports call it.
func (s Series) String() string { return string(s.Component) + " " + string(s.Fault) }

// trials reads the list. A pair of component and fault is there once, and makes sense.
func (r *reader) trials(f fields, keys ...string) (all []Series) {
	if v := f.n.get("trials"); v != nil && v.kind == list && len(v.items) == 0 {
		r.wrong(f.at("trials"), "trials: want a list of 1 to %d, such as [{component: owner, fault: kill}]", maxSeries)
	}
	for _, n := range f.list("trials", maxSeries) {
		f := r.fieldsOf(n, "trials", keys...)
		s := Series{Place: f.n.at, Action: f.text("action"), Trials: f.whole("trials", 1, MaxTrials)}
		f.must("component")
		f.must("fault")
		s.Component = meter.Component(f.word("component", spelled(meter.Components)...))
		s.Fault = meter.Kind(f.word("fault", spelled(meter.Kinds)...))
		if s.Component == "" || s.Fault == "" {
			continue // told
		}
		last := f.n.get("for")
		s.For = f.span("for", ShortestTrial)
		switch {
		case !slices.Contains(s.Component.Suffers(), s.Fault):
			r.wrong(f.at("fault"), "fault %s makes no sense: a %s suffers %s", s.Fault, s.Component, strings.Join(spelled(s.Component.Suffers()), ", "))
		case last != nil && !s.Fault.Lasts():
			r.wrong(last.at, "for %s: a %s stands for no time", last.text, s.Fault)
		case s.For > LongestTrial:
			r.wrong(last.at, "for %s: want %v to %v", last.text, ShortestTrial, LongestTrial)
		case slices.ContainsFunc(all, func(o Series) bool { return o.String() == s.String() }):
			r.wrong(s.Place, "%s is in the list already", s)
		default:
			all = append(all, s)
		}
	}
	return all
}

// standIns makes an action of each series of the short form, which does about the same under Chaos Toolkit, one after the other. What
// `fracture inject` cannot say has none.
func (r *reader) standIns(e *Experiment) {
	x := &e.Fracture
	for i := range x.Trials {
		s := &x.Trials[i]
		if r.options.Inject == nil {
			return
		}
		arguments := r.options.Inject(*s)
		if len(arguments) == 0 {
			continue
		}
		s.Action = s.String()
		e.Method = append(e.Method, Activity{Name: s.Action, Before: x.Calm, Place: s.Place,
			Provider: Provider{Type: Process, Path: "fracture", Arguments: append([]string{"inject"}, arguments...)}})
	}
}

// node is the series as the extension has it.
func (s Series) node() *node {
	return tableOf().putText("component", string(s.Component)).putText("fault", string(s.Fault)).
		putWhole("trials", s.Trials).putSpan("for", s.For).putText("action", s.Action)
}

// Measured reports whether trials stand for an action of the method, which then is not begun in its turn.
func (e *Experiment) Measured(action string) bool {
	return slices.ContainsFunc(e.Fracture.Trials, func(s Series) bool { return s.Action == action && action != "" })
}

// Try puts other trials in place of the experiment's. With those that are gone their actions go.
func (e *Experiment) Try(trials []Series) {
	gone := slices.DeleteFunc(slices.Clone(e.Fracture.Trials), func(s Series) bool {
		return s.Action == "" || slices.ContainsFunc(trials, func(kept Series) bool { return kept.Action == s.Action })
	})
	e.Method = slices.DeleteFunc(slices.Clone(e.Method), func(a Activity) bool {
		return slices.ContainsFunc(gone, func(s Series) bool { return s.Action == a.Name })
	})
	e.Fracture.Trials = trials
}

// spelled are names as texts.
func spelled[W ~string](names []W) []string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return texts
}
