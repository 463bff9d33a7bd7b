package main

import (
	"maps"
	"slices"

	"fracture/chaos"
	"fracture/tui"
)

// shown lists what stands, as the screen tells of it.
func (i *injector) shown() *tui.Faults {
	i.mu.Lock()
	defer i.mu.Unlock()
	told := &tui.Faults{}
	for _, f := range i.stands {
		if len(told.List) < tui.MaxFaults {
			told.List = append(told.List, f.shown())
		} else {
			told.More++
		}
	}
	return told
}

// shown is a fault as the screen tells of it; the caller holds the injector's mu.
func (f *standingFault) shown() tui.Fault {
	told := tui.Fault{What: f.harm.name, Peer: f.harm.peer(), Until: f.until}
	told.Nodes = append(slices.Clone(f.nodes), slices.Sorted(maps.Keys(f.late))...)
	switch {
	case f.harm.at(chaos.Store):
		told.What = storeRole + " " + f.harm.name
	case f.harm.server != nil:
		return told
	}
	for _, node := range told.Nodes {
		for _, way := range f.ways(node) {
			if len(told.Ways) < tui.MaxWays && !slices.Contains(told.Ways, way) {
				told.Ways = append(told.Ways, way)
			}
		}
	}
	return told
}

// ways are the links that suffer a fault because it stands at a node; the caller holds the injector's mu.
func (f *standingFault) ways(node string) (list []tui.Way) {
	if f.harm.deed != nil && f.harm.name == down {
		return []tui.Way{{From: node, State: tui.Shut}, {To: node, State: tui.Shut}}
	}
	for _, s := range f.at(node) {
		if s.Site != chaos.Link && s.Site != chaos.Beat {
			continue
		}
		way := tui.Way{From: node, To: s.Peer, State: fares(s.Fault.Kind)}
		if s.Inward {
			way.From, way.To = way.To, way.From
		}
		list = append(list, way)
	}
	return list
}

// fares is how a link fares under a fault of a kind.
func fares(k chaos.Kind) tui.WayState {
	switch k {
	case chaos.Cut, chaos.Blackhole:
		return tui.Shut
	case chaos.Delay, chaos.Reorder, chaos.Bandwidth, chaos.Slicer, chaos.SlowClose:
		return tui.Slowed
	default:
	}
	return tui.Harmed
}
