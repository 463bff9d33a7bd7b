package failover

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fracture/work"
)

// crews draws between low and high candidates of distinct names, in zones numbered up to the given one.
func crews(low, high int, zones uint32) *rapid.Generator[[]candidate] {
	return rapid.Custom(func(t *rapid.T) []candidate {
		var list []candidate
		for i := range rapid.IntRange(low, high).Draw(t, "nodes") {
			name := fmt.Sprintf("n%d", i)
			list = append(list, candidate{
				id:     Identify(name, rapid.Uint64().Draw(t, "incarnation")),
				weight: WeightOf(name),
				zone:   rapid.Uint32Range(min(zones, 1), zones).Draw(t, "zone"),
			})
		}
		return list
	})
}

func place(list []candidate, tile uint32, n int) Holders {
	return choose(list, tileKey(7, tile), Holders{}, 0, n, anyNumber)
}

func TestChoose_neverGivesANodeTwoPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(1, 8, 3).Draw(t, "crew")
		for i := range list {
			list[i].suspect = rapid.Bool().Draw(t, "suspect")
		}
		n := rapid.IntRange(1, MaxFactor).Draw(t, "copies")
		h := place(list, rapid.Uint32().Draw(t, "tile"), n)
		if got, want := h.Len(), min(n, len(list)); got != want {
			t.Fatalf("%d holders %v of %d nodes for %d copies, want %d", got, h, len(list), n, want)
		}
		for r := range h.Len() {
			if h.Rank(h[r]) != r {
				t.Fatalf("holders %v name a node twice", h)
			}
		}
	})
}

// When a node goes, only what it held moves, and what it owned moves to whoever stood by.
func TestChoose_movesOnlyTheTilesOfTheNodeThatWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(3, 8, 0).Draw(t, "crew")
		n := rapid.IntRange(2, min(MaxFactor, len(list)-1)).Draw(t, "copies")
		gone := list[rapid.IntRange(0, len(list)-1).Draw(t, "gone")].id
		rest := slices.DeleteFunc(slices.Clone(list), func(c candidate) bool { return c.id == gone })
		for tile := range uint32(24) {
			before, after := place(list, tile, n), place(rest, tile, n)
			rank := before.Rank(gone)
			if rank < 0 {
				if before != after {
					t.Fatalf("tile %d was not the lost node's and moved from %v to %v", tile, before, after)
				}
				continue
			}
			if moved := before.without(gone); !begins(after, moved) {
				t.Fatalf("tile %d of %v without %d went to %v, want %v and a new one", tile, before, gone, after, moved)
			}
		}
	})
}

// begins reports whether the first holders of h are those of start.
func begins(h, start Holders) bool {
	n := start.Len()
	return slices.Equal(h[:n], start[:n])
}

func TestChoose_givesANodeThatComesBackItsOldPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(2, 8, 2).Draw(t, "crew")
		again := slices.Clone(list)
		i := rapid.IntRange(0, len(list)-1).Draw(t, "restarted")
		again[i].id = Identify(fmt.Sprintf("n%d", i), rapid.Uint64().Draw(t, "incarnation"))
		for tile := range uint32(24) {
			before, after := place(list, tile, 2), place(again, tile, 2)
			for r := range before {
				want := before[r]
				if want == list[i].id {
					want = again[i].id
				}
				if after[r] != want {
					t.Fatalf("tile %d: %v became %v by the restart of one of them", tile, before, after)
				}
			}
		}
	})
}

func TestChoose_doesNotAskInWhichOrderGossipTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(2, 8, 3).Draw(t, "crew")
		shuffled := rapid.Permutation(list).Draw(t, "order")
		for tile := range uint32(24) {
			if a, b := place(list, tile, 3), place(shuffled, tile, 3); a != b {
				t.Fatalf("tile %d: %v or %v, by the order of the roster", tile, a, b)
			}
		}
	})
}

func TestChoose_keepsOwnerAndStandbyInDifferentZones(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(2, 8, 3).Draw(t, "crew")
		zone := map[NodeID]uint32{}
		zones := map[uint32]bool{}
		for _, c := range list {
			zone[c.id], zones[c.zone] = c.zone, true
		}
		for tile := range uint32(24) {
			h := place(list, tile, 2)
			if len(zones) > 1 && zone[h[0]] == zone[h[1]] {
				t.Fatalf("tile %d: owner and standby %v share zone %d of %v", tile, h, zone[h[0]], zones)
			}
			if len(zones) == 1 && h.Len() != 2 {
				t.Fatalf("tile %d: holders %v; a shared zone is better than no standby", tile, h)
			}
		}
	})
}

func TestChoose_givesASuspectNothingWhileOthersAreThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := crews(3, 8, 2).Draw(t, "crew")
		suspects := rapid.IntRange(1, len(list)-1).Draw(t, "suspects")
		for i := range suspects {
			list[i].suspect = true
		}
		for tile := range uint32(24) {
			h := place(list, tile, 2)
			trusted := 0
			for r := range h.Len() {
				i := slices.IndexFunc(list, func(c candidate) bool { return c.id == h[r] })
				if !list[i].suspect {
					trusted++
				}
			}
			if want := min(2, len(list)-suspects); trusted != want || h.Len() != 2 {
				t.Fatalf("tile %d: %d of the holders %v are trusted, want %d", tile, trusted, h, want)
			}
		}
	})
}

func TestChoose_spreadsTheTiles(t *testing.T) {
	var list []candidate
	for i := range 5 {
		name := fmt.Sprintf("n%d", i+1)
		list = append(list, candidate{id: Identify(name, 1), weight: WeightOf(name)})
	}
	owned := map[NodeID]int{}
	for tile := range uint32(5000) {
		owned[place(list, tile, 2).Owner()]++
	}
	for _, c := range list {
		if n := owned[c.id]; n < 900 || n > 1100 {
			t.Errorf("a node owns %d of 5000 tiles, want 1000 ± 100", n)
		}
	}
}

func TestCandidates_areThoseThatServe(t *testing.T) {
	s := newStage(t, Config{})
	crew, _ := s.crew(6)
	core := crew[0].core
	late := s.node("late", 1)
	s.gossip(crew[0], late) // told of, but not linked
	s.kill(crew[1])
	s.run(100 * stageWire)
	s.step(crew[0], Event{Kind: Beat, Peer: crew[2].id, Heard: true, Leaving: true, Interval: stageBeats})
	s.step(crew[0], Event{Kind: Beat, Peer: crew[3].id, Heard: false, Interval: stageBeats})

	ids := func(strategy work.Strategy) (names []string) {
		for _, c := range core.candidates(s.now, strategy) {
			names = append(names, s.names[c.id])
		}
		return names
	}
	if got, want := ids(work.Standby), []string{"n1", "n5", "n6"}; !slices.Equal(got, want) {
		t.Errorf("given work under standby: %v, want %v: n2 is dead, n3 leaves, n4 does not hear us, late has no link", got, want)
	}
	if got, want := ids(work.Reschedule), []string{"n1", "n2", "n4", "n5", "n6"}; !slices.Equal(got, want) {
		t.Errorf("given work under reschedule: %v, want %v: gossip alone decides", got, want)
	}
	s.step(crew[0], Event{Kind: Drain})
	if got := ids(work.Standby); slices.Contains(got, "n1") {
		t.Errorf("a node that drains gives work to itself: %v", got)
	}
}
