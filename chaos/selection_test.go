package chaos

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var fiveNodes = []Candidate{
	{Name: "n1", Zone: "z1", Roles: []Role{Splitter, Owner}, Tiles: []uint32{0, 5}},
	{Name: "n2", Zone: "z2", Roles: []Role{Owner, Standby}, Tiles: []uint32{1, 7}},
	{Name: "n3", Zone: "z1", Roles: []Role{Owner, Door}, Tiles: []uint32{2}},
	{Name: "n4", Zone: "z2", Roles: []Role{Standby}},
	{Name: "n5", Roles: []Role{Owner}, Tiles: []uint32{3, 4, 6}},
}

func pick(t *testing.T, text string) Pick {
	t.Helper()
	p, err := ParsePick(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSelection_meansThoseThatSatisfyAllThatItNames(t *testing.T) {
	for _, c := range []struct {
		s    Selection
		want string
	}{
		{Selection{}, "n1 n2 n3 n4 n5"},
		{Selection{Names: []string{"n4", "n2"}}, "n2 n4"},
		{Selection{Roles: []Role{Splitter, Door}}, "n1 n3"},
		{Selection{Zones: []string{"z2"}}, "n2 n4"},
		{Selection{Zones: []string{"z2"}, Roles: []Role{Owner}}, "n2"},
		{Selection{Tiles: []uint32{7}}, "n2"},
		{Selection{Tiles: []uint32{7, 6}, Roles: []Role{Owner}}, "n2 n5"},
	} {
		got, err := c.s.From(fiveNodes, 1)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%v = %q, %v, want %q", c.s, got, err, c.want)
		}
	}
}

func TestSelection_refusesWhoIsNotThere(t *testing.T) {
	for _, s := range []Selection{
		{Names: []string{"n1", "n9"}}, {Zones: []string{"z9"}}, {Tiles: []uint32{99}}, {Roles: []Role{Door}, Zones: []string{"z2"}},
	} {
		got, err := s.From(fiveNodes, 1)
		if !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "n1, n2, n3, n4, n5") {
			t.Errorf("%v = %q, %v, want %v and who there is", s, got, err, ErrNobody)
		}
	}
	if _, err := (Selection{}).From(nil, 1); !errors.Is(err, ErrNobody) {
		t.Errorf("of nobody: %v, want %v", err, ErrNobody)
	}
}

func TestPick_isAsManyAsItSays(t *testing.T) {
	for text, want := range map[string][2]int{ // least and most of five
		"all": {5, 5}, "one": {1, 1}, "3": {3, 3}, "9": {5, 5}, "50%": {3, 3}, "60%": {3, 3}, "1%": {1, 1}, "100%": {5, 5},
		"random-max-10%": {1, 1}, "random-max-60%": {1, 3}, "random-max-100%": {1, 5},
	} {
		seen := map[int]bool{}
		for seed := range uint64(200) {
			luck := Draw(seed, Spot{}, 1, 0)
			got, err := Selection{Pick: pick(t, text)}.From(fiveNodes, luck)
			if err != nil || len(got) < want[0] || len(got) > want[1] {
				t.Fatalf("%s of seed %d = %q, %v, want %d to %d nodes", text, seed, got, err, want[0], want[1])
			}
			if same := slices.Clone(got); len(slices.Compact(same)) != len(got) || !slices.IsSorted(got) {
				t.Fatalf("%s = %q, want each once, in order", text, got)
			}
			seen[len(got)] = true
		}
		if len(seen) != want[1]-want[0]+1 {
			t.Errorf("%s: of 200 lucks the numbers %v, want each from %d to %d", text, seen, want[0], want[1])
		}
	}
}

func TestPick_drawsTheSameWithTheSameLuckAndEachNodeSometimes(t *testing.T) {
	s, seen := Selection{Pick: pick(t, "2")}, map[string]int{}
	for seed := range uint64(500) {
		luck := Draw(seed, Spot{}, 1, 0)
		a, _ := s.From(fiveNodes, luck)
		b, _ := s.From(fiveNodes, luck)
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d chose %q, then %q", seed, a, b)
		}
		for _, name := range a {
			seen[name]++
		}
	}
	for _, c := range fiveNodes {
		if n := seen[c.Name]; n < 140 || n > 260 { // of 200 expected
			t.Errorf("%s was chosen %d times of 500, want some 200", c.Name, n)
		}
	}
}

func FuzzParsePick(f *testing.F) {
	for _, text := range []string{"one", "all", "3", "50%", "random-max-33.5%", "random-max-", "-1", "0%", "101%", "NaN%", "1e400%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePick(text)
		if err != nil {
			if !errors.Is(err, ErrBadPick) {
				t.Errorf("%q: %v, want %v", text, err, ErrBadPick)
			}
			return
		}
		if again, err := ParsePick(p.String()); err != nil || again != p && p.Mode != PickShare && p.Mode != PickUpTo {
			t.Errorf("%q is %+v; its spelling %q is read as %+v, %v", text, p, p.String(), again, err)
		}
		if n := p.of(7, 1); n < 1 || n > 7 {
			t.Errorf("%q of seven is %d", text, n)
		}
	})
}
