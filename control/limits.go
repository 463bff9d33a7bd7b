package control

import (
	"fmt"
	"slices"
	"strings"
)

// Limits bound how much of a lab is broken at once. Zero fields bound nothing.
type Limits struct {
	Nodes   int // broken at once, at most
	Percent int // of all nodes broken at once, at most, 1 to 100
}

// Stock is a node as limits see it.
type Stock struct {
	Name   string
	Broken bool     // dead or frozen by now
	Holds  []uint32 // the tiles of the stream that it runs or holds a copy of
}

// YesBreakIt is the flag by which a person says that the last one may be broken.
const YesBreakIt = "yes-break-it"

// LastError says that the last node, or the last who holds a task, would be broken. It is an [ErrConflict], unless somebody says
// [YesBreakIt].
type LastError struct{ Why string }

// Error says how to do it all the same.
func (e *LastError) Error() string {
	return fmt.Sprintf("%v: %s; say %s to do it all the same", ErrConflict, e.Why, YesBreakIt)
}

// Unwrap makes it an [ErrConflict].
func (*LastError) Unwrap() error { return ErrConflict }

// Check says whether some more nodes may be broken, by name: a nil error where they may. It refuses, as an [ErrConflict],
// what would break more than the limits allow. Without yes it refuses also, as a [LastError], what would break the last node, or every
// holder of a tile that two or more hold: then results are lost, whatever the cluster does. Where each tile has one holder only, nothing
// was promised of it.
func (l Limits) Check(nodes []Stock, victims []string, yes bool) error {
	broken, whole := 0, 0
	for _, n := range nodes {
		if n.Broken || slices.Contains(victims, n.Name) {
			broken++
		} else {
			whole++
		}
	}
	switch {
	case l.Nodes > 0 && broken > l.Nodes:
		return fmt.Errorf("%w: %d nodes would be broken at once, and --max-nodes allows %d", ErrConflict, broken, l.Nodes)
	case l.Percent > 0 && broken*100 > l.Percent*len(nodes):
		return fmt.Errorf("%w: %d of %d nodes would be broken at once, and --max-percent allows %d%%",
			ErrConflict, broken, len(nodes), l.Percent)
	case yes:
		return nil
	case whole == 0:
		return &LastError{"no node would be left"}
	}
	if tile, holders := lastHolders(nodes, victims); holders != nil {
		return &LastError{fmt.Sprintf("tile %d is held by nobody but %s, and its result would be lost", tile, strings.Join(holders, " and "))}
	}
	return nil
}

// lastHolders finds the lowest tile of several holders of whom the last would be broken, and names them.
func lastHolders(nodes []Stock, victims []string) (tile uint32, holders []string) {
	all := map[uint32][]string{}
	safe := map[uint32]bool{}
	for _, n := range nodes {
		for _, t := range n.Holds {
			if names := all[t]; !slices.Contains(names, n.Name) { // a node may run a task that it has a copy of yet
				all[t] = append(names, n.Name)
			}
			safe[t] = safe[t] || !n.Broken && !slices.Contains(victims, n.Name)
		}
	}
	for t, names := range all {
		if len(names) > 1 && !safe[t] && (holders == nil || t < tile) {
			tile, holders = t, names
		}
	}
	return tile, holders
}
