package scenario

import (
	"slices"
	"strings"
)

var (
	toolkitKeys = []string{
		"version", "title", "description", "tags", "contributions", "configuration", "secrets", "steady-state-hypothesis",
		"method", "rollbacks", "runtime", "controls", "extensions", "dry",
	}
	hypothesisStrategies = []string{
		string(BeforeAndAfter), string(BeforeMethod), string(AfterMethod), string(DuringMethod), string(Continuously),
	}
	rollbackStrategies = []string{string(UnlessInterrupted), string(Always), string(Never), string(Deviated)}
)

// toolkit reads an experiment of Chaos Toolkit.
func (r *reader) toolkit(top *node) *Experiment {
	f := r.fieldsOf(top, "experiment", toolkitKeys...)
	for _, ignored := range []string{"contributions", "controls", "dry"} {
		if f.has(ignored) {
			r.warn(f.at(ignored), "%s: not looked at", ignored)
		}
	}
	if f.has("version") {
		r.warn(f.at("version"), "version: not looked at")
	}
	if s := f.n.get("secrets"); s != nil && len(s.items) > 0 {
		r.wrong(s.at, "secrets: none are read, for they would stand in logs and reports; have the program that is run take them from its environment")
	}
	if f.has("configuration") {
		r.putIn(f)
	}
	e := &Experiment{Title: f.must("title"), Description: f.must("description"), Tags: f.texts("tags", maxKeys)}
	named := r.named(f)
	if h := f.n.get("steady-state-hypothesis"); h != nil && h.kind != null {
		e.Hypothesis = r.hypothesis(h, named)
	}
	if !f.has("method") {
		r.wrong(f.n.at, "method is missing: a list of actions and probes, which may be empty")
	}
	e.Method = r.activities(f.list("method", maxActivities), "method", named)
	e.Rollbacks = r.activities(f.list("rollbacks", maxActivities), "rollbacks", named)
	if t := f.n.get("runtime"); t != nil && t.kind != null {
		e.Runtime = r.runtime(t)
	}
	r.extensions(f, e)
	return e
}

// hypothesis reads the steady state.
func (r *reader) hypothesis(n *node, named map[string]*node) *Hypothesis {
	f := r.fieldsOf(n, "steady-state-hypothesis", "title", "description", "probes", "controls")
	if f.has("controls") {
		r.warn(f.at("controls"), "controls: not looked at")
	}
	h := &Hypothesis{Title: f.must("title"), Probes: r.activities(f.list("probes", maxActivities), "probes", named)}
	for _, p := range h.Probes {
		if !p.Probe {
			r.wrong(p.Place, "probes: %q acts; a hypothesis only asks", p.Name)
		} else if p.Tolerance == nil {
			r.wrong(p.Place, "probes: %q has no tolerance: say what it must answer", p.Name)
		}
	}
	return h
}

// runtime reads the strategies.
func (r *reader) runtime(n *node) (t Runtime) {
	f := r.fieldsOf(n, "runtime", "hypothesis", "rollbacks")
	if h := f.n.get("hypothesis"); h != nil {
		f := r.fieldsOf(h, "hypothesis", "strategy", "frequency", "fail_fast", "fail_fast_ratio")
		t.Hypothesis = HypothesisStrategy(f.word("strategy", hypothesisStrategies...))
		t.Frequency, t.FailFast = f.seconds("frequency"), f.truth("fail_fast")
		if f.has("fail_fast_ratio") {
			r.warn(f.at("fail_fast_ratio"), "fail_fast_ratio: not looked at; the first that does not hold ends it")
		}
	}
	if b := f.n.get("rollbacks"); b != nil {
		t.Rollbacks = RollbackStrategy(r.fieldsOf(b, "rollbacks", "strategy").word("strategy", rollbackStrategies...))
	}
	if t.Hypothesis == BeforeAndAfter {
		t.Hypothesis = ""
	}
	if t.Rollbacks == UnlessInterrupted {
		t.Rollbacks = ""
	}
	return t
}

// extensions looks for fracture's own; those of others are passed over.
func (r *reader) extensions(f fields, e *Experiment) {
	seen := false
	for _, n := range f.list("extensions", maxKeys) {
		x := r.anyFields(n, "extensions")
		switch name := x.must("name"); {
		case name == "fracture" && seen:
			r.wrong(n.at, "extensions: fracture is there already")
		case name == "fracture":
			seen = true
			r.extension(n, e)
		case name != "":
			r.warn(n.at, "extensions: %s is not looked at", name)
		}
	}
}

// named finds the activities that others may refer to.
func (r *reader) named(f fields) map[string]*node {
	named := map[string]*node{}
	lists := []*node{f.n.get("method"), f.n.get("rollbacks")}
	if h := f.n.get("steady-state-hypothesis"); h != nil {
		lists = append(lists, h.get("probes"))
	}
	for _, l := range lists {
		if l == nil {
			continue
		}
		for _, n := range l.items {
			if n.kind != table {
				continue
			}
			if name := n.get("name"); name != nil && named[name.text] == nil {
				named[name.text] = n
			}
		}
	}
	return named
}

// activities reads a list of actions and probes. What is referred to takes the place of the reference.
func (r *reader) activities(items []*node, what string, named map[string]*node) (all []Activity) {
	for _, n := range items {
		if n.kind == table && n.get("ref") != nil {
			f := r.fieldsOf(n, what, "ref", "controls")
			ref := f.must("ref")
			meant := named[ref]
			if meant == nil || meant.get("ref") != nil {
				var names []string
				for name := range named {
					names = append(names, name)
				}
				slices.Sort(names)
				near := Nearest(ref, names)
				if near != "" {
					near = "; did you mean " + near + "?"
				}
				r.wrong(n.at, "%s: nothing is called %q%s", what, ref, near)
				continue
			}
			if r.referred += size(meant); r.referred > MaxBytes {
				r.wrong(n.at, "%s: what is referred to is more than %d bytes in all", what, MaxBytes)
				return all
			}
			n = meant
		}
		if a, ok := r.activity(n, what); ok {
			all = append(all, a)
		}
	}
	return all
}

// size is about how many bytes a value takes.
func size(n *node) int {
	bytes := len(n.text) + 8
	for i, item := range n.items {
		if n.kind == table {
			bytes += len(n.keys[i].text)
		}
		bytes += size(item)
	}
	return bytes
}

// activity reads one action or probe.
func (r *reader) activity(n *node, what string) (a Activity, ok bool) {
	f := r.fieldsOf(n, what, "type", "name", "background", "pauses", "provider", "tolerance", "controls", "secrets", "configuration", "dry")
	for _, ignored := range []string{"controls", "configuration", "dry"} {
		if f.has(ignored) {
			r.warn(f.at(ignored), "%s: not looked at", ignored)
		}
	}
	if s := f.n.get("secrets"); s != nil && len(s.items) > 0 {
		r.wrong(s.at, "secrets: none are read")
	}
	f.must("type")
	a = Activity{Name: f.must("name"), Background: f.truth("background"), Place: f.n.at}
	a.Probe = f.word("type", "action", "probe") == "probe"
	if p := f.n.get("pauses"); p != nil {
		f := r.fieldsOf(p, "pauses", "before", "after")
		a.Before, a.After = f.seconds("before"), f.seconds("after")
	}
	p := f.n.get("provider")
	if p == nil {
		r.wrong(f.n.at, "%s: provider is missing", what)
		return a, false
	}
	if a.Provider, ok = r.provider(p); !ok {
		return a, false
	}
	if t := f.n.get("tolerance"); t != nil {
		if a.Tolerance, ok = r.tolerance(t, a.Provider.Type); !ok {
			return a, false
		}
		if !a.Probe {
			r.wrong(t.at, "tolerance: an action has none")
		}
	}
	if arguments, own := a.Inject(); own {
		r.own(p, arguments)
	} else if !a.Probe {
		r.guards(p, a.Provider)
	}
	return a, true
}

// own looks at the arguments of a fault of fracture's own. The fault is to come first.
func (r *reader) own(provider *node, arguments []string) {
	at := provider.at
	if v := provider.get("arguments"); v != nil {
		at = v.at
	}
	if strings.HasPrefix(arguments[0], "-") {
		r.wrong(at, "arguments: want the fault behind inject, and its flags behind that")
		return
	}
	r.judge(at, arguments)
}
