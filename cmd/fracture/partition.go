package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"fracture/chaos"
)

// partition is the fault that parts nodes from each other: to each it is a cut to whom it cannot reach.
const partition = "partition"

// partFlags are those of inject that say who is parted from whom.
type partFlags struct{ shape, groups string }

// partFlagNames are what they are called.
var partFlagNames = []string{"shape", "groups"}

func (p *partFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&p.shape, "shape", "", "who is parted from whom: one, majority, minority-third, majorities-ring, bridge")
	flags.StringVar(&p.groups, "groups", "", "the same by name, such as n1,n2/n3,n4,n5")
}

// check reads them as far as that is possible without knowing the nodes.
func (p *partFlags) check(e entry) error {
	if e.name != partition {
		return nil
	}
	if (p.shape == "") == (p.groups == "") {
		return errors.New("a partition wants either --shape or --groups: such as `" + e.example + "`")
	}
	var err error
	if p.shape != "" {
		_, err = chaos.ParseShape(p.shape)
	} else {
		_, err = chaos.ParseGroups(p.groups)
	}
	return err
}

// cuts says of each of the nodes whom it cannot reach.
func (p *partFlags) cuts(nodes []string, seed uint64) ([][]string, error) {
	if p.shape != "" {
		shape, err := chaos.ParseShape(p.shape)
		return shape.Cuts(nodes, chaos.Draw(seed, chaos.Spot{Site: chaos.Link}, 0, 0)), err
	}
	groups, err := chaos.ParseGroups(p.groups)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(groups...) {
		if !slices.Contains(nodes, name) {
			return nil, fmt.Errorf("--groups: %w: %s; there are %s", errNoSuchNode, name, strings.Join(nodes, ", "))
		}
	}
	return groups.Cuts(nodes), nil
}

// told says what each node is told: the same to all, or, of a partition, to each whom it cannot reach. Who reaches all is told
// nothing.
func (h harm) told(nodes []string, seed uint64) (told map[string][]chaos.Standing, err error) {
	told = map[string][]chaos.Standing{}
	if h.parted == (partFlags{}) {
		for _, n := range nodes {
			told[n] = h.stand
		}
		return told, nil
	}
	lists, err := h.parted.cuts(nodes, seed)
	if err != nil {
		return nil, err
	}
	for i, list := range lists {
		var cut []chaos.Standing
		for _, peer := range list {
			cut = append(cut, ways(chaos.Fault{Kind: chaos.Cut}, peer, false)...)
		}
		if len(cut) > 0 {
			told[nodes[i]] = cut
		}
	}
	if len(told) == 0 {
		return nil, fmt.Errorf("%w: %s cannot be parted so", chaos.ErrBadPartition, strings.Join(nodes, ", "))
	}
	return told, nil
}
