package main

import (
	"maps"
	"slices"

	"fracture/chaos"
)

// everybody reports whether a fault is for all nodes, or all of some zones, whoever they are: then it is for those too that
// join while it stands. Roles and tiles mean who had them when it began, a pick means those that were picked, and a partition
// is of the nodes that there were.
func (h harm) everybody() bool {
	w := h.whom
	return h.deed == nil && h.parted == (partFlags{}) && len(w.Names)+len(w.Roles)+len(w.Tiles) == 0 && w.Pick.Mode == chaos.PickAll
}

// welcome orders those that have joined what stands at everybody. It does not wait for their answers: what could not be said
// is said again when the order is renewed.
func (i *injector) welcome() {
	fit := func(h harm, c chaos.Candidate) bool {
		_, err := h.whom.From([]chaos.Candidate{c}, 0)
		return err == nil
	}
	there := candidates(i.statuses())
	var fresh []string
	i.mu.Lock()
	for _, f := range i.stands {
		if !f.harm.everybody() {
			continue
		}
		for _, c := range there {
			if f.at(c.Name) == nil && fit(f.harm, c) {
				if f.late == nil {
					f.late = map[string][]chaos.Standing{}
				}
				f.late[c.Name] = f.harm.stand
				fresh = append(fresh, c.Name)
			}
		}
	}
	i.mu.Unlock()
	if len(fresh) > 0 {
		slices.Sort(fresh)
		_ = i.say(nil, slices.Compact(fresh), nil)
	}
}

// at is what stands at a node by the fault; the caller holds the injector's mu.
func (f *standingFault) at(node string) []chaos.Standing {
	if late := f.late[node]; late != nil {
		return late
	}
	return f.stand[node]
}

// told are all nodes that were ordered the fault.
func (i *injector) told(f *standingFault) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append(slices.Clone(f.nodes), slices.Sorted(maps.Keys(f.late))...)
}
