package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"fracture/render"
)

func TestActions_haveNamesLabelsAndHelpAndShareNoKey(t *testing.T) {
	keys, names := map[string]*action{}, map[string]bool{}
	for _, a := range actions() {
		if a.name == "" || a.label == "" || a.help == "" || a.brief == "" || a.do == nil || len(a.keys) == 0 {
			t.Errorf("action %q lacks its name, keys, label, help, help in brief or deed", a.name)
		}
		if cells(a.brief) > maxBrief {
			t.Errorf("the help in brief of %s, %q, has %d cells, want %d at most", a.name, a.brief, cells(a.brief), maxBrief)
		}
		if names[a.name] {
			t.Errorf("two actions are called %s", a.name)
		}
		names[a.name] = true
		for _, k := range a.keys {
			if other := keys[k]; other != nil && !(other.only && a.only && !slices.ContainsFunc(a.of, func(p pane) bool { return slices.Contains(other.of, p) })) {
				t.Errorf("key %q does both %s and %s", k, other.name, a.name)
			}
			keys[k] = &a
		}
	}
}

func TestHelp_namesEveryActionInEveryLayout(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.press("?")
		text := s.text()
		for _, a := range actions() {
			shown := strings.Join(strings.Fields(a.help)[:2], " ")
			if !strings.Contains(text, a.label+" ") || !strings.Contains(text, shown) && !strings.Contains(text, a.brief) {
				t.Errorf("at %v help lacks %s:\n%s", size, a.name, text)
			}
		}
		at := s.place(paneHelp)
		for _, row := range helpRows(&s.state, s.look, s.table, at.w, at.h) {
			if strings.Contains(row.text, s.look.glyphs.ellipsis) {
				t.Errorf("at %v a line of help is cut: %q", size, plainText(row.text))
			}
		}
	}
}

func TestFooter_namesItsTargetAndWhatItIs(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	footer := func() string {
		lines := strings.Split(s.text(), "\n")
		return lines[35]
	}
	for _, c := range []struct {
		keys []string
		want string
	}{
		{nil, "x kill n1, splitter and owner of 5 tiles   p freeze n1"},
		{[]string{"3"}, "x kill n3, owner of 4 tiles   p freeze n3"},
		{[]string{"p"}, "froze n3"},
		{[]string{"p"}, "thawed n3"},
		{[]string{"x"}, "killed n3   r revive n3"},
		{[]string{"r"}, "started n3   x kill n3"},
		{[]string{"]", "]", "]"}, "x kill n1"},
		{[]string{"["}, "x kill n5"},
		{[]string{"o"}, "o colours"},
		{[]string{"c"}, "palette " + render.PaletteNames[1]},
		{[]string{"space"}, "space go on"},
		{[]string{"esc"}, "space hold"},
		{[]string{"9"}, "x kill n5"},
		{nil, "S hedge"},
		{[]string{"S"}, "picture: hedge, 2"},
		{[]string{"S"}, "picture: active, 2"},
		{[]string{"S"}, "picture: vote, 3"},
		{[]string{"S"}, "picture: failfast, 1"},
	} {
		s.press(c.keys...)
		s.play(fakePeriod)
		if got := footer(); !strings.Contains(got, c.want) {
			t.Errorf("after %v the footer is %q, want %q in it", c.keys, got, c.want)
		}
	}
	want := []string{"freeze n3", "thaw n3", "kill n3", "revive n3", "guard hedge 2", "guard active 2", "guard vote 3", "guard failfast 1"}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("the deeds were %q, want %q", s.fake.calls, want)
	}
}

func TestFooter_namesSixKeysInTheFirstSecond(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(100 * time.Millisecond)
		lines := strings.Split(s.text(), "\n")
		checkSize(t, "in the first second", s.View().Content, size[0], size[1])
		n := 0
		for _, a := range actions() {
			if strings.Contains("  "+lines[size[1]-1], " "+a.label+" ") {
				n++
			}
		}
		if n < 6 {
			t.Errorf("at %v the footer names %d keys, want 6: %s", size, n, lines[size[1]-1])
		}
	}
}

func TestKill_onAForeignClusterSaysWhyNot(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.model.press("x")
	s.Update((<-s.deeds).perform(t.Context(), nil))
	if got := s.text(); !strings.Contains(got, "kill n1: not this lab's node") {
		t.Errorf("want the reason in the footer:\n%s", got)
	}
	s.fake.deny = errors.New("no such process")
	s.press("p")
	if got := s.text(); !strings.Contains(got, "freeze n1: no such process") {
		t.Errorf("want the control's reason in the footer:\n%s", got)
	}
	s.play(messageFor + fakePeriod)
	if got := s.text(); strings.Contains(got, "no such process") {
		t.Error("the answer stays for longer than it should")
	}
}

func TestGuard_skipsWhatTheLivingNodesCannotGive(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.press("1", "x", "2", "x", "3", "x")
	s.play(time.Second)
	s.press("S", "S", "S") // hedge, active, and not vote
	if want := "guard failfast 1"; s.fake.calls[len(s.fake.calls)-1] != want {
		t.Errorf("with two nodes alive the deeds were %q, want %q to be the last", s.fake.calls, want)
	}
	if got := s.text(); !strings.Contains(got, "strategy failfast ×1") {
		t.Errorf("the header does not say what holds now:\n%s", got)
	}
	s.fake.deny = errors.New("expendable: too few")
	s.press("S")
	if got := s.text(); !strings.Contains(got, "guard by expendable: expendable: too few") || !strings.Contains(got, "strategy failfast ×1") {
		t.Errorf("want the refusal in the footer, and the header as it was:\n%s", got)
	}
}

func TestGuard_waitsForTheChangeBefore(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.model.press("S")
	if got := s.text(); !strings.Contains(got, "guard: it is not known yet") {
		t.Errorf("want the reason in the footer:\n%s", got)
	}
	s.play(100 * time.Millisecond)
	s.model.press("S")
	s.model.press("S")
	if got := s.text(); len(s.deeds) != 1 || !strings.Contains(got, "the change before is not done yet") {
		t.Errorf("%d changes are asked for at once, want one, and the reason in the footer:\n%s", len(s.deeds), got)
	}
}

func TestScreen_saysThatThePictureHasStoppedAndHowItGoesOn(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(100 * time.Millisecond)
		s.Update(frame{News{Now: s.state.now, Stream: &Stream{
			Tiles: 24, Period: fakePeriod, Strategy: "failfast", Factor: 1, Stopped: "n3 failed (reset)",
		}}})
		checkSize(t, "stopped", s.View().Content, size[0], size[1])
		if got := s.text(); !strings.Contains(got, "stopped: n3 failed (reset); S starts it again") {
			t.Errorf("at %v the screen does not say that the picture has stopped:\n%s", size, got)
		}
		s.press("S")
		if got := s.text(); strings.Contains(got, "stopped:") || s.fake.calls[0] != "guard expendable 1" {
			t.Errorf("at %v after %q the screen is:\n%s", size, s.fake.calls, got)
		}
	}
}

func TestNodes_showTheirZonesWhereThereAreAny(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(100 * time.Millisecond)
	if strings.Contains(s.text(), "zone") {
		t.Error("there is a column of zones, and no zone")
	}
	nodes := slices.Clone(s.state.nodes)
	for i := range nodes {
		nodes[i].Zone = []string{"z1", "z2"}[i%2]
	}
	s.Update(frame{News{Now: s.state.now, Nodes: nodes}})
	s.arrange(160, 45)
	for _, want := range []string{"role     zone", "worker   z1", "standby  z2"} {
		if got := s.text(); !strings.Contains(got, want) {
			t.Errorf("%q is not on the screen:\n%s", want, got)
		}
	}
}

func TestKill_withoutANodeAndWithTooManyDeedsIsRefused(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.press("x")
	if got := s.text(); !strings.Contains(got, "kill: there is no node to pick yet") {
		t.Errorf("want the refusal in the footer:\n%s", got)
	}
	s.play(100 * time.Millisecond)
	for range maxDeeds + 1 {
		s.model.press("x")
	}
	if got := s.text(); !strings.Contains(got, "refused, 16 deeds wait already") {
		t.Errorf("want the refusal in the footer:\n%s", got)
	}
}

func TestKeys_anySequenceLeavesAScreenOfTheRightSize(t *testing.T) {
	s := newStage(t, 80, 24, Options{Depth: render.Colors16})
	s.play(100 * time.Millisecond)
	keys := []string{"enter", "backspace"} // while a text is written
	for _, a := range actions() {
		if a.name != "quit" && a.name != "suspend" {
			keys = append(keys, a.keys...)
		}
	}
	sizes := [][2]int{{80, 24}, {60, 18}, {160, 45}, {10, 3}}
	for i := range 400 {
		s.hit(keys[(i*i*7+i)%len(keys)])
		if i%10 == 0 {
			size := sizes[i/10%len(sizes)]
			s.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			s.play(fakePeriod)
		}
		checkSize(t, "after "+keys[(i*i*7+i)%len(keys)], s.View().Content, s.lay.w, s.lay.h)
	}
}

func TestKeys_offerNothingThatCannotBeDoneToANodeOfOthers(t *testing.T) {
	s := newStage(t, 80, 24, Options{})
	s.play(100 * time.Millisecond)
	nodes := slices.Clone(s.state.nodes)
	nodes[0].Foreign = true
	s.Update(frame{News{Now: s.state.now, Nodes: nodes}})
	for _, offer := range []string{"x kill", "p freeze", "x kills"} {
		if strings.Contains(s.text(), offer) {
			t.Errorf("the screen offers %q:\n%s", offer, s.text())
		}
	}
	for key, want := range map[string]string{"x": "kill", "p": "freeze", "r": "revive"} {
		s.press(key)
		if got := s.row(23); !strings.HasPrefix(got, " "+want+" n1: not this lab's node  ") {
			t.Errorf("%s answers %q, want the whole reason", key, got)
		}
	}
	s.press("2")
	if got := s.row(23); !strings.Contains(got, "x kill n2") || len(s.fake.calls) > 0 {
		t.Errorf("the footer of our node is %q, and %v was ordered", got, s.fake.calls)
	}
}

func TestRevive_ofANodeThatRunsSaysSoAtOnce(t *testing.T) {
	s := newStage(t, 80, 24, Options{})
	s.play(100 * time.Millisecond)
	s.press("3", "r")
	if got := s.row(23); !strings.Contains(got, "n3 runs") {
		t.Errorf("the footer is %q, want that n3 runs", got)
	}
	s.press("p")
	s.play(fakePeriod)
	s.press("r")
	if got := s.row(23); !strings.Contains(got, "n3 is frozen: p thaws it") || slices.Contains(s.fake.calls, "revive n3") {
		t.Errorf("the footer is %q after %v, want how to go on with a frozen node", got, s.fake.calls)
	}
}

func TestHeal_isOfferedWhileSomethingIsBrokenAndEndsAllOfIt(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	if got := s.row(35); strings.Contains(got, "H heal all") {
		t.Errorf("while nothing is broken the footer is %q", got)
	}
	s.press("2", "x", "4", "p")
	s.play(fakePeriod)
	if got := s.row(35); !strings.Contains(got, "H heal all") {
		t.Errorf("with a dead and a frozen node the footer is %q, want that H heals all", got)
	}
	s.press("H")
	s.play(fakePeriod)
	if got := s.row(35); !strings.Contains(got, "healed: all") {
		t.Errorf("after H the footer is %q, want what was healed", got)
	}
	s.play(300 * time.Millisecond) // until the nodes tell of themselves again
	if got := s.row(35); strings.Contains(got, "H heal all") {
		t.Errorf("once all are alive the footer is %q", got)
	}
	if want := []string{"kill n2", "freeze n4", "heal"}; !slices.Equal(s.fake.calls, want) {
		t.Errorf("the deeds were %q, want %q", s.fake.calls, want)
	}
	s.fake.deny = errors.New("n2: no such process")
	s.press("H")
	s.play(fakePeriod)
	if got := s.row(35); !strings.Contains(got, "heal: n2: no such process") {
		t.Errorf("a refused H answers %q, want why", got)
	}
}

func TestFull_isThePictureUntilThePanelsAreAskedFor(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{Depth: render.TrueColor})
		s.play(300 * time.Millisecond)
		before := s.place(panePicture)
		for _, back := range []string{"f", "esc"} {
			s.press("3", "f")
			s.play(fakePeriod)
			if a := s.place(panePicture); a.w <= before.w || strings.Contains(s.text(), "failover") {
				t.Errorf("%v: after f the picture has %d columns, before %d:\n%s", size, a.w, before.w, s.text())
			}
			if got := s.row(size[1] - 1); !strings.Contains(got, "x kill n3") || !strings.Contains(got, "f panels") {
				t.Errorf("%v: the footer is %q, want that nodes can be broken, and how to go back", size, got)
			}
			s.press("?", "?", "2", "x") // what else there is goes on
			s.play(fakePeriod)
			checkSize(t, "full", s.View().Content, size[0], size[1])
			s.press(back)
			s.play(fakePeriod)
			if a := s.place(panePicture); a != before || !strings.Contains(s.text(), "failover") {
				t.Errorf("%v: after %s the picture is at %v, want %v:\n%s", size, back, a, before, s.text())
			}
		}
	}
}
