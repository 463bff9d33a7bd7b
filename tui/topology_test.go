package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"fracture/clock"
)

// three is a state of three nodes: n1 runs tiles 0, 1 and 2, of which n2 holds two and n3 one, n2 runs tile 3, which n1 holds.
func three() *state {
	s := &state{opts: Options{}.withDefaults(), now: fakeStart}
	nodes := make([]Node, 3)
	for i := range nodes {
		nodes[i].Name, nodes[i].State, nodes[i].OwnedOf = fmt.Sprintf("n%d", i+1), Alive, 1
	}
	nodes[0].OwnedTiles, nodes[0].CopiedTiles, nodes[0].Leads = []uint32{0, 1, 2}, []uint32{3}, []uint64{1}
	nodes[1].OwnedTiles, nodes[1].CopiedTiles, nodes[1].Follows = []uint32{3}, []uint32{0, 2}, []uint64{1}
	nodes[2].CopiedTiles = []uint32{1}
	s.setNodes(nodes)
	return s
}

// topologyOf is what the panel of a size says.
func topologyOf(s *state, w, h int) []string {
	var rows []string
	for _, row := range drawTopology(s, newTheme(0, true), w, h) {
		rows = append(rows, strings.TrimRight(plainText(row), " "))
	}
	return rows
}

func TestTopology_saysWhoStandsByWhomAndWhichLinksAreIll(t *testing.T) {
	s := three()
	s.faults = &Faults{List: []Fault{
		{What: "slow", Nodes: []string{"n2"}, Until: fakeStart.Add(1500 * time.Millisecond)},
		{What: "cut", Nodes: []string{"n1"}, Peer: "n2", Until: clock.Never, Ways: []Way{{"n1", "n2", Shut}}},
		{What: "delay", Nodes: []string{"n1", "n2", "n3"}, Until: fakeStart, Ways: []Way{{"", "n3", Slowed}, {"n1", "", Harmed}}},
	}, More: 7}
	want := []string{
		"topology ---------------- 10 faults stand",
		"       copied at n1  n2  n3",
		">1 * n1 splitter  3#  2x  1~",
		" 2 * n2 standby   1   1#  -~",
		" 3 * n3 worker    -   -   -",
		"# runs  2 copied  x cut  ~ late  % harmed",
		"slow at n2, 2 s left",
		"cut at n1 and n2",
		"delay at all nodes, 0 s left",
		"and 7 more",
		"stream 1: n1 leads, after it n2",
		"",
	}
	if got := topologyOf(s, 41, 12); !slices.Equal(got, want) {
		t.Errorf("the panel is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	want = []string{
		"topology --- 10 faults stand",
		">1 * n1 3# n2 2x n3 1~",
		" 2 * n2 1# n1 1 n3 0~",
		" 3 * n3 0",
	}
	if got := topologyOf(s, 28, 4); !slices.Equal(got, want) {
		t.Errorf("the list is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := topologyOf(s, 90, 6)[2]; got != ">1 * n1 splitter  3#  2x  1~    cut at n1 and n2" {
		t.Errorf("where there is room beside the matrix, it says %q", got)
	}
	if got := topologyOf(s, 41, 8); got[6] != "slow at n2, 2 s left" || got[7] != "and 4 more" {
		t.Errorf("where there is no room for all it ends with %q", got[6:])
	}
	s.faults = &Faults{}
	if got := topologyOf(s, 41, 6)[0]; !strings.HasSuffix(got, "- no fault stands") {
		t.Errorf("without a fault the title is %q", got)
	}
	s.faults = nil
	if got := topologyOf(s, 41, 6)[0]; !strings.HasSuffix(got, "- faults are not told here") {
		t.Errorf("where faults are not known the title is %q", got)
	}
}

func TestTopology_believesWhoLives(t *testing.T) {
	s := three()
	s.nodes[0].State = Frozen // and n3 has taken over
	s.nodes[2].OwnedTiles, s.nodes[2].CopiedTiles, s.nodes[2].Leads = []uint32{0, 1, 2}, nil, []uint64{1}
	s.nodes[1].OwnedOf = 0 // and holds nothing any more
	s.nodes[1].OwnedTiles, s.nodes[1].CopiedTiles = nil, nil
	net := s.bonds()
	if net[0][0].tiles != 0 || net[2][2].tiles != 3 {
		t.Errorf("a frozen node runs %d tiles, and who took over from it %d; want 0 and 3", net[0][0].tiles, net[2][2].tiles)
	}
	if got := s.leader(1); got != "stream 1: n3 leads, after it n2" {
		t.Errorf("of two who lead: %q", got)
	}
	s.nodes[0].State, s.nodes[2].State = Dead, Dead
	if got := s.leader(1); got != "stream 1: nobody leads, after it n2" {
		t.Errorf("while nobody leads: %q", got)
	}
	if net := s.bonds(); net[2][2].tiles != 0 {
		t.Error("a dead node runs tiles")
	}
}

func TestTopology_isReadableForManyNodes(t *testing.T) {
	for _, c := range []struct {
		nodes, w, h int
		matrix      bool
		shown       int
	}{
		{3, 32, 6, true, 3}, {5, 32, 6, false, 5}, {5, 40, 9, true, 5}, {7, 40, 9, true, 7}, {8, 40, 9, false, 8}, {12, 50, 16, true, 12},
		{12, 92, 15, true, 12}, {12, 84, 15, true, 12}, {12, 32, 6, false, 5}, {12, 78, 22, true, 12}, {40, 78, 22, false, 21}, {100, 60, 18, false, 17},
	} {
		s := &state{opts: Options{}.withDefaults(), now: fakeStart}
		f := newFake(c.nodes)
		s.setNodes(f.listed())
		p := s.plan(digitsOf(s.bonds()), c.w, c.h)
		if p.matrix != c.matrix || p.shown != c.shown {
			t.Errorf("%d nodes in %d×%d: a matrix: %v, want %v; %d are shown, want %d", c.nodes, c.w, c.h, p.matrix, c.matrix, p.shown, c.shown)
		}
		rows := drawTopology(s, newTheme(0, false), c.w, c.h)
		for _, row := range rows {
			if n := utf8.RuneCountInString(plainText(row)); n != c.w {
				t.Errorf("%d nodes in %d×%d: a row has %d cells: %q", c.nodes, c.w, c.h, n, plainText(row))
			}
		}
		if len(rows) != c.h {
			t.Errorf("%d nodes in %d×%d: %d rows", c.nodes, c.w, c.h, len(rows))
		}
	}
}

func TestTopology_turnsToTheNodesThatAreNotShown(t *testing.T) {
	s := newStage(t, 60, 18, Options{})
	s.fake = newFake(12)
	s.play(100 * time.Millisecond)
	s.press("f6")
	shown := func() string {
		a := s.place(paneTopology)
		var names []string
		for _, row := range strings.Split(s.text(), "\n")[a.y+1 : a.y+a.h] {
			names = append(names, strings.Fields(string([]rune(row)[a.x+2:]))[1])
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct{ key, want string }{
		{"f6", "n1 n2 n3 n4 n5"}, {"down", "n2 n3 n4 n5 n6"}, {"pgdown", "n6 n7 n8 n9 n10"}, {"pgdown", "n8 n9 n10 n11 n12"},
		{"down", "n8 n9 n10 n11 n12"}, {"up", "n7 n8 n9 n10 n11"}, {"pgup", "n3 n4 n5 n6 n7"},
	} {
		s.press(c.key)
		if got := shown(); got != c.want {
			t.Errorf("after %s the topology shows %s, want %s", c.key, got, c.want)
		}
	}
	a := s.place(paneTopology)
	s.Update(tea.MouseWheelMsg{X: a.x, Y: a.y, Button: tea.MouseWheelUp})
	if got := shown(); got != "n1 n2 n3 n4 n5" {
		t.Errorf("after a turn of the wheel the topology shows %s", got)
	}
	s.Update(tea.MouseClickMsg{X: a.x + 5, Y: a.y + 3, Button: tea.MouseLeft})
	if s.state.picked != "n3" {
		t.Errorf("a click on the third line picks %s", s.state.picked)
	}
}

func TestTopology_takesThePlaceOfTheFailoverWhereThereIsNoRoom(t *testing.T) {
	for _, c := range []struct {
		w, h int
		own  bool
	}{{160, 45, true}, {150, 40, true}, {150, 39, false}, {120, 36, false}, {80, 24, false}, {60, 18, false}} {
		s := newStage(t, c.w, c.h, Options{})
		s.play(300 * time.Millisecond)
		before := s.place(paneFailure)
		if has := s.place(paneTopology).h > 0; has != c.own {
			t.Errorf("%d×%d: the topology has room: %v, want %v", c.w, c.h, has, c.own)
		}
		s.press("f6")
		if c.own {
			if s.place(paneFailure) != before {
				t.Errorf("%d×%d: the failover moved", c.w, c.h)
			}
			continue
		}
		if s.place(paneTopology) != before || s.place(paneFailure).h != 0 {
			t.Errorf("%d×%d: the topology is at %+v, want %+v", c.w, c.h, s.place(paneTopology), before)
		}
		s.press("tab")
		if s.place(paneFailure) != before {
			t.Errorf("%d×%d: the failover does not come back", c.w, c.h)
		}
	}
}

func TestTopology_isDrawnAnewOnlyWhenFaultsChange(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	stands := func() *Faults {
		return &Faults{List: []Fault{{What: "cut", Nodes: []string{"n1"}, Ways: []Way{{"n1", "", Shut}}}}}
	}
	s.Update(frame{News{Now: s.state.now, Faults: stands()}})
	s.View()
	s.Update(frame{News{Now: s.state.now, Faults: stands()}})
	if s.changed {
		t.Error("the same faults made a pane dirty")
	}
	s.Update(frame{News{Now: s.state.now, Faults: &Faults{}}})
	if !s.dirty[paneTopology] {
		t.Error("the topology does not show that nothing stands any more")
	}
}
