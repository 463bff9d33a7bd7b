package scenario

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"fracture/chaos/meter"
	"fracture/work"
)

// Keys of the extension, of its cluster, and of the native form, which has those of both at the top.
var (
	settingKeys   = append([]string{"seed", "load", "calm", "window", "grace", "end", "repeat", "order", "nemesis", "budgets"}, limitKeys...)
	limitKeys     = []string{"max-nodes", "max-percent", yesBreakIt}
	clusterKeys   = []string{"nodes", "zones", "strategy", "factor", "netns"}
	extensionKeys = append([]string{"name", "cluster", "trials", "timeline"}, settingKeys...)
)

// Orders of faults.
const (
	parallel = "parallel" // each at its time since the beginning
	serial   = "serial"   // each at its time since the one before was over
)

// extension reads fracture's own extension into an experiment whose method has been read.
func (r *reader) extension(n *node, e *Experiment) {
	f := r.fieldsOf(n, "fracture", extensionKeys...)
	r.extended = n
	x := &e.Fracture
	r.settings(f, x)
	if c := f.n.get("cluster"); c != nil {
		r.cluster(r.fieldsOf(c, "cluster", clusterKeys...), x)
	}
	x.Trials = r.trials(f, append(slices.Clone(seriesKeys), "action")...)
	own := append(slices.Clone(ownKeys), "action")
	start := time.Duration(0)
	inSerial := f.word("order", parallel, serial) == serial
	for _, n := range f.list("timeline", maxStrikes) {
		f := r.anyFields(n, "timeline")
		var guard Guard
		switch {
		case f.has("action"):
			f = r.fieldsOf(n, "timeline", "action", "at", "every", "times")
		case f.has("guard"):
			f, guard = r.guard(n, "timeline")
		case !f.has("fault"):
			r.wrong(n.at, "timeline: want a fault, a guard, or an action of the method")
			continue
		}
		s := Strike{Action: f.text("action"), Guard: guard, Place: f.n.at}
		last := time.Duration(0)
		if a := e.action(s.Action); s.Action != "" && a != nil {
			if arguments, ok := a.Inject(); ok {
				_, last = kindOf(arguments)
			}
		} else if f.has("fault") {
			s.Fault = r.fault(f, r.ownOf(f, own))
			last = s.Fault.For
		}
		t := r.schedule(f, last, x.End)
		for i := range t.n {
			s.At = start + t.at + time.Duration(i)*t.every
			if !r.strike(x, s) {
				return
			}
		}
		if inSerial {
			start = s.At + last
		}
	}
	x.Budgets = r.budgets(f, e)
}

// settingAt is the place of a key of the native form, or of the extension; that of the whole where the key is not there.
func (r *reader) settingAt(top *node, key string) Place {
	tables := []*node{top}
	if x := r.extended; x != nil {
		tables = []*node{x, x.get("cluster")}
	}
	for _, t := range tables {
		if t == nil {
			continue
		}
		if v := t.get(key); v != nil {
			return v.at
		}
	}
	return tables[0].at
}

// ownOf are the keys of an entry that are no flags: `times` is one where `every` does not stand.
func (r *reader) ownOf(f fields, own []string) []string {
	if f.has("every") {
		return append(slices.Clone(own), "times")
	}
	return own
}

// strike puts one into the timeline; false where there are too many, or it comes too late.
func (r *reader) strike(x *Extension, s Strike) bool {
	switch {
	case len(x.Timeline) == maxStrikes:
		r.wrong(s.Place, "more than %d faults in all", maxStrikes)
	case s.At > longest:
		r.wrong(s.Place, "it would come after %v: want %v at most", s.At, longest)
	default:
		x.Timeline = append(x.Timeline, s)
		return true
	}
	return false
}

// settings reads what the native form and the extension have in common, but for the budgets.
func (r *reader) settings(f fields, x *Extension) {
	if v := f.n.get("seed"); v != nil {
		seed, err := strconv.ParseUint(v.text, 10, 64)
		if v.kind != number && v.kind != text || err != nil {
			r.wrong(v.at, "seed %s: want a whole number from 0", v.text)
		}
		x.Seed = seed
	}
	x.Load = f.word("load", "idle", "half", "full")
	x.Calm, x.Window, x.Grace = f.span("calm", 0), f.span("window", 0), f.span("grace", 0)
	x.End = f.span("end", shortest)
	x.Repeat = f.whole("repeat", 1, 1000)
	x.Limits = Limits{f.whole("max-nodes", 1, MaxNodes), f.whole("max-percent", 1, 100), f.truth(yesBreakIt)}
	if n := f.n.get("nemesis"); n != nil {
		x.Nemesis = r.nemesis(n)
	}
}

// cluster reads what the faults happen to.
func (r *reader) cluster(f fields, x *Extension) {
	x.Cluster = Cluster{
		Nodes: f.whole("nodes", 2, MaxNodes), Zones: f.whole("zones", 1, MaxNodes),
		Strategy: f.text("strategy"), Factor: f.whole("factor", 1, MaxNodes), NetNS: f.truth("netns"),
	}
	if x.Cluster.Strategy != "" {
		if _, err := work.ParseStrategy(x.Cluster.Strategy); err != nil {
			r.wrong(f.at("strategy"), "strategy: %v", err)
		}
	}
	c := x.Cluster
	if c.Nodes > 0 && c.Zones > c.Nodes {
		r.wrong(f.at("zones"), "zones %d: more than the %d nodes", c.Zones, c.Nodes)
	}
	if c.Nodes > 0 && x.Limits.Nodes > c.Nodes {
		r.wrong(f.at("max-nodes"), "max-nodes %d: more than the %d nodes", x.Limits.Nodes, c.Nodes)
	}
	if c.Nodes > 0 && c.Factor > c.Nodes {
		r.wrong(f.at("factor"), "factor %d: more copies than the %d nodes", c.Factor, c.Nodes)
	}
}

// budgets reads the limits. A word before one names the faults that it is for; it is to be of the scenario.
func (r *reader) budgets(f fields, e *Experiment) (all []meter.Budget) {
	known := e.kinds()
	for _, n := range f.list("budgets", maxKeys) {
		fault, limit, classed := strings.Cut(n.text, ":")
		if !classed {
			fault, limit = "", n.text
		}
		fault = strings.TrimSpace(fault)
		if classed && !slices.Contains(known, fault) {
			r.wrong(n.at, "budgets: no fault here is called %q: want one of %s", fault, strings.Join(known, ", "))
			continue
		}
		b, err := meter.ParseBudget(limit)
		if n.kind != text || err != nil {
			r.wrong(n.at, "budgets: %v", err)
			continue
		}
		b.Fault = meter.Kind(fault)
		if a, b, found := meter.Contradict(append(slices.Clone(all), b)); found {
			r.wrong(n.at, "budgets: %v contradicts %v", b, a)
			continue
		}
		all = append(all, b)
	}
	return all
}

// kinds are the faults of an experiment, each once.
func (e *Experiment) kinds() (all []string) {
	for _, a := range e.Method {
		if arguments, ok := a.Inject(); ok && !e.Measured(a.Name) {
			all = append(all, arguments[0])
		}
	}
	for _, s := range e.Fracture.Trials {
		all = append(all, string(s.Fault))
	}
	for _, s := range e.Fracture.Timeline {
		if s.Action == "" && s.Guard.Strategy == 0 {
			all = append(all, s.Fault.Kind)
		}
	}
	if n := e.Fracture.Nemesis; n != nil {
		for _, w := range n.Faults {
			all = append(all, w.Fault.Kind)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
