package sim

import (
	"math/bits"
	"testing"
)

// views are what each node sees of the nodes, itself included, as sets of bits.
func views(p *partition, nodes int) []uint32 {
	seen := make([]uint32, nodes)
	for i := range seen {
		seen[i] = ^p.blind[i] & (1<<nodes - 1)
	}
	return seen
}

// shapes draws many partitions of a shape in worlds of every size.
func shapes(shape Trouble, visit func(p *partition, nodes int)) {
	for nodes := MinNodes; nodes <= MaxNodes; nodes++ {
		w := New(Config{Nodes: nodes})
		for seed := range uint64(20) {
			w.reset(seed)
			p := partition{shape: shape}
			w.drawShape(&p, w.luck(luckPartition, 0, 1, 0))
			visit(&p, nodes)
		}
	}
}

func TestPartition_isTheSameInBothDirections(t *testing.T) {
	for shape := OneApart; shape <= Third; shape++ {
		shapes(shape, func(p *partition, nodes int) {
			for i := range nodes + 1 {
				if p.between(i, i) {
					t.Fatalf("%v of %d nodes parts a process from itself", shape, nodes)
				}
				for j := range i {
					if p.between(i, j) != p.between(j, i) {
						t.Fatalf("%v of %d nodes is one way between %d and %d", shape, nodes, i, j)
					}
				}
			}
		})
	}
}

func TestPartition_ringLetsEachNodeSeeAMajorityOfItsOwn(t *testing.T) {
	shapes(Ring, func(p *partition, nodes int) {
		seen := views(p, nodes)
		for i, v := range seen {
			if 2*bits.OnesCount32(v) <= nodes {
				t.Errorf("of %d nodes one sees %d, no majority", nodes, bits.OnesCount32(v))
			}
			for _, other := range seen[:i] {
				if other == v {
					t.Errorf("of %d nodes two see the same ones, %b", nodes, v)
				}
			}
		}
	})
}

func TestPartition_dividesIntoTwoGroups(t *testing.T) {
	few := map[Trouble]func(nodes int) int{
		OneApart: func(int) int { return 1 },
		Halves:   func(n int) int { return (n - 1) / 2 },
		Third:    func(n int) int { return max((n-1)/3, 1) },
	}
	for shape, size := range few {
		shapes(shape, func(p *partition, nodes int) {
			small := 0
			for _, v := range views(p, nodes) {
				switch n := bits.OnesCount32(v); n {
				case size(nodes):
					small++
				case nodes - size(nodes):
				default:
					t.Errorf("%v of %d nodes: one sees %d", shape, nodes, n)
				}
			}
			if small != size(nodes) && small != nodes {
				t.Errorf("%v of %d nodes: %d are on the smaller side, want %d", shape, nodes, small, size(nodes))
			}
		})
	}
}

// The sink stands now with the few, now with the many, and now it sees all.
func TestPartition_sinkStandsOnEitherSideOrOnBoth(t *testing.T) {
	stands := map[int]bool{}
	shapes(OneApart, func(p *partition, nodes int) {
		stands[min(bits.OnesCount32(p.blind[nodes]), 2)] = true
	})
	if !stands[0] || !stands[1] || !stands[2] {
		t.Errorf("sinks that are cut from none, one, more nodes: %v", stands)
	}
}
