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
	keys, names := map[string]string{}, map[string]bool{}
	for _, a := range actions() {
		if a.name == "" || a.label == "" || a.help == "" || a.do == nil || len(a.keys) == 0 {
			t.Errorf("action %q lacks its name, keys, label, help or deed", a.name)
		}
		if names[a.name] {
			t.Errorf("two actions are called %s", a.name)
		}
		names[a.name] = true
		for _, k := range a.keys {
			if other := keys[k]; other != "" {
				t.Errorf("key %q does both %s and %s", k, other, a.name)
			}
			keys[k] = a.name
		}
	}
}

func TestHelp_namesEveryActionInEveryLayout(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.press("?")
		text := s.text()
		for _, a := range actions() {
			shown := strings.Fields(a.help)[:2]
			if !strings.Contains(text, a.label+" ") || !strings.Contains(text, strings.Join(shown, " ")) {
				t.Errorf("at %v help lacks %s:\n%s", size, a.name, text)
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
		{[]string{"down", "down", "down"}, "x kill n1"},
		{[]string{"up"}, "x kill n5"},
		{[]string{"o"}, "o colours"},
		{[]string{"c"}, "palette " + render.PaletteNames[1]},
		{[]string{"space"}, "space go on"},
		{[]string{"esc"}, "space hold"},
		{[]string{"9"}, "x kill n5"},
	} {
		s.press(c.keys...)
		s.play(fakePeriod)
		if got := footer(); !strings.Contains(got, c.want) {
			t.Errorf("after %v the footer is %q, want %q in it", c.keys, got, c.want)
		}
	}
	want := []string{"freeze n3", "thaw n3", "kill n3", "revive n3"}
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
		want := 6
		if size[0] < 78 {
			want = 5
		}
		if n < want {
			t.Errorf("at %v the footer names %d keys, want %d: %s", size, n, want, lines[size[1]-1])
		}
	}
}

func TestKill_onAForeignClusterSaysWhyNot(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.model.press("x")
	s.Update((<-s.deeds).perform(t.Context(), nil))
	if got := s.text(); !strings.Contains(got, "kill n1: not a node of this lab") {
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
	var keys []string
	for _, a := range actions() {
		if a.name != "quit" && a.name != "suspend" {
			keys = append(keys, a.keys...)
		}
	}
	sizes := [][2]int{{80, 24}, {60, 18}, {160, 45}, {10, 3}}
	for i := range 400 {
		s.press(keys[i*i*7%len(keys)])
		if i%10 == 0 {
			size := sizes[i/10%len(sizes)]
			s.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			s.play(fakePeriod)
		}
		checkSize(t, "after "+keys[i*i*7%len(keys)], s.View().Content, s.lay.w, s.lay.h)
	}
}
