package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// series is a number of trials of one fault on one component.
type series struct {
	component meter.Component
	fault     meter.Kind
	n         int
	last      time.Duration // how long the fault stands; 0 where it does not
}

// How long faults stand unless told otherwise.
const (
	standsFor   = time.Second
	freezesFor  = 500 * time.Millisecond
	killedFor   = 3 * time.Second // by hand: what a trial kills is started again when it has been read
	shortestFor = scenario.ShortestTrial
	longestFor  = scenario.LongestTrial
)

// usualLength is how long a fault stands unless told otherwise.
func usualLength(fault meter.Kind) time.Duration {
	switch {
	case !fault.Lasts():
		return 0
	case fault == meter.Freeze:
		return freezesFor
	}
	return standsFor
}

// allFaults and allRoles are the words for everything.
const (
	allFaults = "all"
	allRoles  = "all"
)

// nodeRoles are what --role all means where nothing else is said: whatever a node can be to a task or a stream.
var nodeRoles = []meter.Component{meter.Owner, meter.Splitter, meter.Standby}

// chooseSeries makes a series of each component and each fault that it can suffer. A component that suffers none of the
// faults that were asked for is an error, which lists what it does suffer; with all faults, or all components, what makes
// no sense is left out.
func chooseSeries(role, fault string, n int, last time.Duration) ([]series, error) {
	components, err := parseRoles(role, fault)
	if err != nil {
		return nil, err
	}
	kinds, err := parseFaults(fault)
	if err != nil {
		return nil, err
	}
	var chosen []series
	for _, c := range components {
		for _, k := range kinds {
			if !slices.Contains(c.Suffers(), k) {
				if fault != allFaults && len(components) == 1 {
					return nil, fmt.Errorf("--role %s --fault %s makes no sense: a %s suffers %s", c, k, c, words(c.Suffers()))
				}
				continue
			}
			s := series{component: c, fault: k, n: n, last: usualLength(k)}
			if last != 0 && k.Lasts() {
				s.last = last
			}
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("--role %s --fault %s makes no sense together: %s", role, fault, sensible())
	}
	return chosen, nil
}

// parseRoles reads --role: names, parted by commas, or all. With all faults, all is every component there is.
func parseRoles(text, fault string) ([]meter.Component, error) {
	if text == allRoles {
		if fault == string(meter.Kill) {
			return nodeRoles, nil
		}
		return meter.Components, nil
	}
	return parseNames("--role", text, meter.Components, allRoles)
}

// parseFaults reads --fault: names, parted by commas, or all.
func parseFaults(text string) ([]meter.Kind, error) {
	if text == allFaults {
		return meter.Kinds, nil
	}
	return parseNames("--fault", text, meter.Kinds, allFaults)
}

// parseNames reads names, parted by commas, each of them once; an error offers those that there are, and the word for all.
func parseNames[N ~string](flag, text string, there []N, all string) ([]N, error) {
	var names []N
	for part := range strings.SplitSeq(text, ",") {
		name := N(strings.TrimSpace(part))
		if !slices.Contains(there, name) {
			return nil, fmt.Errorf("%s %q: want one of %s, or %s", flag, part, words(there), all)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// sensible lists what each component can suffer.
func sensible() string {
	var lines []string
	for _, c := range meter.Components {
		lines = append(lines, fmt.Sprintf("a %s suffers %s", c, words(c.Suffers())))
	}
	return strings.Join(lines, "; ")
}

// words joins names for people.
func words[W ~string](names []W) string {
	texts := make([]string, 0, len(names))
	for _, name := range names {
		texts = append(texts, string(name))
	}
	return strings.Join(texts, ", ")
}

// total is how many trials there are in several series.
func total(all []series) (n int) {
	for _, s := range all {
		n += s.n
	}
	return n
}

// most is the largest number of trials of any series.
func (p plan) most() (n int) {
	for _, s := range p.series {
		n = max(n, s.n)
	}
	return n
}

// has reports whether any of the series is on the component.
func has(all []series, c meter.Component) bool {
	return slices.ContainsFunc(all, func(s series) bool { return s.component == c })
}
