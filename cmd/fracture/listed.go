package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// listed are a scenario's trials under the flags that were given: --role and --fault choose among them, --trials and --for hold for
// all. None are listed by a scenario that only plays.
func (f runFlags) listed(trials []scenario.Series, given func(flag string) bool) ([]series, error) {
	components, err := parseRoles(f.role, allFaults)
	if err != nil {
		return nil, err
	}
	kinds, err := parseFaults(f.fault)
	if err != nil {
		return nil, err
	}
	var chosen []series
	for _, t := range trials {
		if given("role") && !slices.Contains(components, t.Component) || given("fault") && !slices.Contains(kinds, t.Fault) {
			continue
		}
		s := series{component: t.Component, fault: t.Fault, n: t.Trials, last: usualLength(t.Fault)}
		if t.Trials == 0 || given("trials") {
			s.n = f.trials
		}
		switch {
		case !t.Fault.Lasts():
		case given("for") && f.last > 0:
			s.last = f.last
		case t.For > 0:
			s.last = t.For
		}
		chosen = append(chosen, s)
	}
	if len(chosen) == 0 && len(trials) > 0 {
		return nil, fmt.Errorf("--role %s --fault %s: the scenario lists no such trial", f.role, f.fault)
	}
	return chosen, nil
}

// tried are a scenario's trials as a run makes them.
func tried(all []series, listed []scenario.Series) (some []scenario.Series) {
	for _, t := range listed {
		i := slices.IndexFunc(all, func(s series) bool { return s.component == t.Component && s.fault == t.Fault })
		if i < 0 {
			continue
		}
		t.Trials, t.For = all[i].n, all[i].last
		some = append(some, t)
	}
	return some
}

// sampled are n of the series, drawn from the seed, in their order; all where n is 0.
func sampled(all []series, n int, seed uint64) []series {
	if n == 0 || n >= len(all) {
		return all
	}
	drawn := rand.New(rand.NewPCG(seed, 1)).Perm(len(all))[:n] // the moments of trials are drawn from (seed, 0)
	slices.Sort(drawn)
	some := make([]series, n)
	for i, at := range drawn {
		some[i] = all[at]
	}
	return some
}

// byHand is what `fracture inject` is told to do about what a trial does; nothing where it cannot. Whom it strikes, who holds the role
// decides; a link is that of two nodes that every cluster has.
func byHand(t scenario.Series) []string {
	s := series{component: t.Component, fault: t.Fault, last: usualLength(t.Fault)}
	if t.For > 0 {
		s.last = t.For
	}
	whom := []string{"--role", string(t.Component), "--pick", "one"}
	switch t.Component {
	case meter.Link:
		whom = []string{"--node", nodeName(1), "--peer", nodeName(2)}
	case meter.Gossip:
		whom = []string{"--gossip", "--node", everyNode}
	case meter.Store:
		whom = []string{"--role", storeRole}
	case meter.Sink:
		whom = nil // no node: nobody can be told
	default:
	}
	var what []string
	switch t.Fault {
	case meter.Noop:
		return []string{noop}
	case meter.Partition:
		what = []string{"cut"}
		if t.Component != meter.Gossip {
			what = append(what, "--both")
		}
	case meter.OneWay:
		what = []string{"cut"}
	case meter.Loss:
		what = []string{"loss", "--share", fmt.Sprintf("%g%%", lossShare*100)}
		if t.Component != meter.Gossip {
			what = append(what, "--both")
		}
	case meter.Slow:
		what = []string{"slow", "--times", fmt.Sprint(slowTimes)}
	case meter.Wrong:
		what = []string{"wrong", "--share", fmt.Sprintf("%g%%", float64(wrongShare)*100)}
	case meter.Reset:
		return slices.Concat([]string{"reset"}, whom)
	case meter.Kill:
		what, s.last = []string{"kill"}, killedFor
	case meter.Freeze:
		what = []string{"freeze"}
	}
	if whom == nil {
		return nil
	}
	return slices.Concat(what, whom, []string{"--for", s.last.String()})
}

// bounds hold what a scenario says against what a run takes, under the flags that were given. A flag that makes no sense is not the
// file's, and is told when the run is prepared.
func (f runFlags) bounds(given func(flag string) bool) func(*scenario.Experiment) (string, error) {
	return func(e *scenario.Experiment) (string, error) {
		_, err := f.under(e, given)
		wrong := errFlag(err)
		if wrong == nil || given(wrong.flag) {
			return "", nil
		}
		return wrong.flag, wrong.why
	}
}
