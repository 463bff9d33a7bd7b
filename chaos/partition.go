package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Shape is a shape of partition, in the words of Jepsen's nemesis: which of some nodes, in a drawn order, cannot reach which, both
// ways.
type Shape uint8

// The shapes.
const (
	// One: one node and the others.
	One Shape = iota
	// Majority: the largest minority and a majority.
	Majority
	// MinorityThird: less than a third of the nodes, at least one, and the others.
	MinorityThird
	// MajoritiesRing: each node sees those next to it on a ring, as many on either side as make a majority, and no two see the
	// same one. Three nodes have no such ring; there the one in the middle sees both others, and these do not see each other.
	MajoritiesRing
	// Bridge: two halves, and one node that sees both.
	Bridge
)

// Shapes lists every shape by value.
var Shapes = []Shape{One, Majority, MinorityThird, MajoritiesRing, Bridge}

// String names the shape as command lines do.
func (s Shape) String() string {
	switch s {
	case One:
		return "one"
	case Majority:
		return "majority"
	case MinorityThird:
		return "minority-third"
	case MajoritiesRing:
		return "majorities-ring"
	case Bridge:
		return "bridge"
	}
	return fmt.Sprintf("shape(%d)", uint8(s))
}

// ErrBadPartition: the text says no partition of these nodes; it says why.
var ErrBadPartition = errors.New("bad partition")

// ParseShape reads what String wrote. Its error wraps [ErrBadPartition].
func ParseShape(name string) (Shape, error) {
	for _, s := range Shapes {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: no shape is called %q: want one of %v", ErrBadPartition, name, Shapes)
}

// Apart reports whether the shape stands between the ith and the jth of n nodes, counted from 0.
func (s Shape) Apart(n, i, j int) bool {
	if i == j {
		return false
	}
	few := 0 // the first so many stand on one side
	switch s {
	case One:
		few = 1
	case Majority:
		few = max((n-1)/2, 1)
	case MinorityThird:
		few = max((n-1)/3, 1)
	case MajoritiesRing:
		if n <= 3 {
			return max(i, j)-min(i, j) == 2
		}
		distance := max(i, j) - min(i, j)
		return min(distance, n-distance) > (n/2+1)/2
	case Bridge:
		middle := n / 2
		return i != middle && j != middle && (i < middle) != (j < middle)
	}
	return (i < few) != (j < few)
}

// Shuffle brings the numbers below len(order) into an order of luck, after Fisher and Yates, and answers with a luck that it has not
// used.
func Shuffle(order []int, luck Luck) Luck {
	for i := range order {
		j := int(luck.Below(uint64(i + 1)))
		order[i], order[j] = order[j], i
		luck = luck.Next()
	}
	return luck
}

// Cuts says of each of the nodes whom it cannot reach under the shape, in the order of their names, with the order on which the
// shape is laid drawn with luck. Fewer than two nodes cannot be parted.
func (s Shape) Cuts(nodes []string, luck Luck) [][]string {
	order := make([]int, len(nodes))
	Shuffle(order, luck)
	at := make([]int, len(nodes)) // where each node stands in the order
	for place, node := range order {
		at[node] = place
	}
	return cuts(nodes, func(i, j int) bool { return s.Apart(len(nodes), at[i], at[j]) })
}

// ParseGroups reads a partition by names, such as n1,n2/n3,n4,n5. Who is in no group sees all. Its error wraps [ErrBadPartition].
func ParseGroups(text string) (Groups, error) {
	var groups Groups
	var had []string
	for list := range strings.SplitSeq(text, "/") {
		group := strings.Split(list, ",")
		for i, name := range group {
			group[i] = strings.TrimSpace(name)
			switch {
			case group[i] == "":
				return nil, fmt.Errorf("%w: %q names nobody somewhere: want names such as n1,n2/n3,n4", ErrBadPartition, text)
			case slices.Contains(had, group[i]):
				return nil, fmt.Errorf("%w: %s stands in %q twice", ErrBadPartition, group[i], text)
			}
			had = append(had, group[i])
		}
		groups = append(groups, group)
	}
	if len(groups) < 2 {
		return nil, fmt.Errorf("%w: %q is one group: want two or more with / between them", ErrBadPartition, text)
	}
	return groups, nil
}

// Groups are nodes by name; who is in one cannot reach who is in another.
type Groups [][]string

// Cuts says of each of the nodes whom of them it cannot reach.
func (g Groups) Cuts(nodes []string) [][]string {
	return cuts(nodes, func(i, j int) bool {
		a, b := g.group(nodes[i]), g.group(nodes[j])
		return a >= 0 && b >= 0 && a != b
	})
}

// group is the number of the group that a node is in; -1 for none.
func (g Groups) group(node string) int {
	return slices.IndexFunc(g, func(group []string) bool { return slices.Contains(group, node) })
}

// cuts lists, for each of the nodes, who is apart from it.
func cuts(nodes []string, apart func(i, j int) bool) [][]string {
	lists := make([][]string, len(nodes))
	for i := range nodes {
		for j, other := range nodes {
			if i != j && apart(i, j) {
				lists[i] = append(lists[i], other)
			}
		}
	}
	return lists
}
