package main

import (
	"slices"

	"fracture/chaos"
	"fracture/control"
)

// Who is as good as broken because nobody hears it any more, whatever its process does: that is a matter of all faults together.

// unheard are the nodes that are up, and stay, and that no other hears which does, by faults that stand or are to. Where that is all of them, one
// is no worse off than if the others had died. What parts nodes on purpose counts nobody as broken.
func (i *injector) unheard(nodes []control.Node, faults []*standingFault) (list []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	hears := func(from, to string) bool {
		return !slices.ContainsFunc(faults, func(f *standingFault) bool {
			return f.harm.parted == (partFlags{}) && (shuts(f.at(from), to, false) || shuts(f.at(to), from, true))
		})
	}
	up := slices.DeleteFunc(slices.Clone(nodes), func(n control.Node) bool { return !n.Up() || n.State == "leaving" })
	slices.SortFunc(up, byName)
	for _, n := range up {
		if !slices.ContainsFunc(up, func(o control.Node) bool { return o.Name != n.Name && hears(n.Name, o.Name) }) {
			list = append(list, n.Name)
		}
	}
	if len(list) == len(up) && len(list) > 0 {
		list = list[1:]
	}
	return list
}

// shuts reports whether by what stands at a node nothing passes to a peer, or, inward, from it.
func shuts(stand []chaos.Standing, peer string, inward bool) bool {
	return slices.ContainsFunc(stand, func(s chaos.Standing) bool {
		return s.Site == chaos.Link && s.Inward == inward && (s.Peer == "" || s.Peer == peer) &&
			(s.Fault.Kind == chaos.Cut || s.Fault.Kind == chaos.Blackhole)
	})
}
