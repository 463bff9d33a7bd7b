package failover

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func epochs() *rapid.Generator[Epoch] {
	return rapid.Custom(func(t *rapid.T) Epoch {
		return Epoch{
			Term: Term(rapid.Uint64Range(0, 3).Draw(t, "reign")<<32 | rapid.Uint64Range(1, 3).Draw(t, "splitter")),
			Try:  rapid.Uint16Range(0, 3).Draw(t, "try"),
			Rank: rapid.Uint8Range(0, 3).Draw(t, "rank"),
		}
	})
}

func TestEpoch_isATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := epochs().Draw(t, "a"), epochs().Draw(t, "b"), epochs().Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) {
			t.Fatalf("%v against %v = %d, the other way round %d", a, b, a.Compare(b), b.Compare(a))
		}
		if (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%v and %v compare as %d", a, b, a.Compare(b))
		}
		if a.Below(b) && b.Below(c) && !a.Below(c) {
			t.Fatalf("%v < %v < %v, but not the first below the last", a, b, c)
		}
	})
}

func TestEpoch_ordersReignBeforeTryBeforeRank(t *testing.T) {
	rising := []Epoch{
		{Term: 1 << 32, Try: 0, Rank: 0},
		{Term: 1 << 32, Try: 0, Rank: 3},
		{Term: 1 << 32, Try: 1, Rank: 0},
		{Term: 1 << 32, Try: 7, Rank: 3},
		{Term: 1<<32 | 5, Try: 0, Rank: 0},
		{Term: 2 << 32, Try: 0, Rank: 0},
	}
	for i := range rising[1:] {
		if !rising[i].Below(rising[i+1]) {
			t.Errorf("%+v does not fence %+v", rising[i+1], rising[i])
		}
	}
}

// Whoever takes over chooses a term above every term it has seen, so reigns only rise; and no two splitters ever choose
// the same one, whatever each has seen.
func TestTerm_isRaisedByEveryTakeoverAndNeverShared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owners := map[Term]NodeID{}
		seen := map[NodeID]Term{}
		for range rapid.IntRange(1, 60).Draw(t, "takeovers") {
			id := NodeID(rapid.Uint32Range(1, 5).Draw(t, "node"))
			if from := NodeID(rapid.Uint32Range(1, 5).Draw(t, "hears")); seen[from] > seen[id] {
				seen[id] = seen[from]
			}
			term := seen[id].next(id)
			if term <= seen[id] {
				t.Fatalf("node %d raised %v to %v", id, seen[id], term)
			}
			if term.Splitter() != id || term.Count() != seen[id].Count()+1 {
				t.Fatalf("term %x says splitter %d, reign %d; want %d, %d", term, term.Splitter(), term.Count(), id, seen[id].Count()+1)
			}
			if other, taken := owners[term]; taken {
				t.Fatalf("nodes %d and %d both reign in term %x", other, id, term)
			}
			owners[term], seen[id] = id, term
		}
	})
}

func TestIdentify_tellsIncarnationsApart(t *testing.T) {
	ids := map[NodeID]string{}
	for name := range 32 {
		for incarnation := range uint64(32) {
			who := fmt.Sprintf("n%d/%d", name, incarnation)
			id := Identify(fmt.Sprintf("n%d", name), 1_700_000_000_000_000_000+incarnation)
			if other, taken := ids[id]; taken || id == 0 {
				t.Fatalf("%s is %x, as is %q", who, id, other)
			}
			ids[id] = who
		}
	}
}

func TestHolders_keepTheirRanks(t *testing.T) {
	h := Holders{}.with(7).with(5).with(7).with(9)
	if want := (Holders{7, 5, 9}); h != want || h.Len() != 3 {
		t.Fatalf("holders %v, want %v", h, want)
	}
	for id, rank := range map[NodeID]int{7: 0, 5: 1, 9: 2, 4: -1, 0: -1} {
		if got := h.Rank(id); got != rank {
			t.Errorf("rank of %d among %v = %d, want %d", id, h, got, rank)
		}
	}
	if got, want := h.without(5), (Holders{7, 9}); got != want {
		t.Errorf("%v without 5 = %v, want %v", h, got, want)
	}
	full := Holders{1, 2, 3, 4}
	if got := full.with(5); got != full {
		t.Errorf("%v with a fifth = %v, want no change", full, got)
	}
}
