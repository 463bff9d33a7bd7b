package chaos

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// sees counts whom each of n nodes reaches under a shape, itself included.
func sees(s Shape, n int) (counts []int, views []string) {
	for i := range n {
		var view []int
		for j := range n {
			if !s.Apart(n, i, j) {
				view = append(view, j)
			}
		}
		counts = append(counts, len(view))
		views = append(views, fmt.Sprint(view))
	}
	return counts, views
}

func TestShape_isTheSameBothWaysAndPartsNobodyFromItself(t *testing.T) {
	for _, s := range Shapes {
		for n := 2; n <= 16; n++ {
			parted := false
			for i := range n {
				for j := range n {
					parted = parted || s.Apart(n, i, j)
					if s.Apart(n, i, j) != s.Apart(n, j, i) || s.Apart(n, i, i) {
						t.Errorf("%v of %d: between %d and %d it is one way, or within one", s, n, i, j)
					}
				}
			}
			if !parted && n > 2 { // two are a ring and a bridge by themselves
				t.Errorf("%v of %d nodes parts nobody", s, n)
			}
		}
	}
}

func TestShape_partsAsItsNameSays(t *testing.T) {
	for s, want := range map[Shape][]int{
		One:            {1, 6, 6, 6, 6, 6, 6},
		Majority:       {3, 3, 3, 4, 4, 4, 4},
		MinorityThird:  {2, 2, 5, 5, 5, 5, 5},
		MajoritiesRing: {5, 5, 5, 5, 5, 5, 5},
		Bridge:         {4, 4, 4, 7, 4, 4, 4},
	} {
		got, views := sees(s, 7)
		if !slices.Equal(got, want) {
			t.Errorf("of seven nodes parted by %v each sees %v, want %v", s, got, want)
		}
		if slices.Sort(views); s == MajoritiesRing && len(slices.Compact(views)) != 7 {
			t.Errorf("two nodes of the ring see the same majority")
		}
	}
}

func TestShape_cutsByName(t *testing.T) {
	nodes := []string{"n1", "n2", "n3", "n4", "n5"}
	drawn := map[string]bool{}
	for seed := range uint64(50) {
		lists := One.Cuts(nodes, Draw(seed, link, 0, 0))
		if again := One.Cuts(nodes, Draw(seed, link, 0, 0)); fmt.Sprint(again) != fmt.Sprint(lists) {
			t.Fatalf("the same luck cuts %v, then %v", lists, again)
		}
		for i, list := range lists {
			switch len(list) {
			case 4:
				drawn[nodes[i]] = true
				if slices.Contains(list, nodes[i]) {
					t.Errorf("%s is cut from itself", nodes[i])
				}
			case 1:
			default:
				t.Errorf("one node apart cuts %s from %v", nodes[i], list)
			}
		}
	}
	if len(drawn) != len(nodes) {
		t.Errorf("in 50 seeds only %v stood apart", drawn)
	}
}

func TestGroups_areReadAndCut(t *testing.T) {
	g, err := ParseGroups("n1, n2/n3")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(g.Cuts([]string{"n1", "n2", "n3", "n4"})), "[[n3] [n3] [n1 n2] []]"; got != want {
		t.Errorf("cuts %s, want %s", got, want)
	}
	for _, text := range []string{"", "n1,n2", "n1//n2", "n1/n2,", "n1/n1", "/"} {
		if g, err := ParseGroups(text); !errors.Is(err, ErrBadPartition) {
			t.Errorf("%q is read as %v, %v; want ErrBadPartition", text, g, err)
		}
	}
}

func TestParseShape_readsEachByItsName(t *testing.T) {
	for _, s := range Shapes {
		if got, err := ParseShape(s.String()); got != s || err != nil {
			t.Errorf("%v is read as %v, %v", s, got, err)
		}
	}
	if _, err := ParseShape("star"); !errors.Is(err, ErrBadPartition) {
		t.Errorf("a star is read: %v", err)
	}
}
