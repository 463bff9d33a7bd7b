package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// write presses the key of each letter.
func (s *stage) write(text string) {
	s.t.Helper()
	for _, r := range text {
		key := string(r)
		if r == ' ' {
			key = "space"
		}
		s.press(key)
	}
}

// layouts are a screen of each.
func layouts() [][2]int { return [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} }

func TestFuzzy_prefersWhatFollowsAndWhatBeginsAWord(t *testing.T) {
	for _, c := range []struct{ pattern, better, worse string }{
		{"kill", "kill", "keep it all"},
		{"st", "store", "reset it"},
		{"sd", "store down", "suspended"},
		{"ell", "hello", "energy lull"},
	} {
		better, ok := fuzzy(c.pattern, c.better)
		worse, also := fuzzy(c.pattern, c.worse)
		if !ok || !also || better <= worse {
			t.Errorf("%q fits %q by %d (%v) and %q by %d (%v), want the first more", c.pattern, c.better, better, ok, c.worse, worse, also)
		}
	}
	for _, c := range [][2]string{{"lik", "kill"}, {"killl", "kill"}, {"x", ""}} {
		if _, ok := fuzzy(c[0], c[1]); ok {
			t.Errorf("%q fits %q, though its letters are not there in this order", c[0], c[1])
		}
	}
	if _, ok := fuzzy("", "anything"); !ok {
		t.Error("nothing does not fit anything")
	}
}

func TestMatches_areFewAndTheBestComesFirst(t *testing.T) {
	for sought, want := range map[string][]string{
		"heal": {"heal", "record"}, "scr": {"scroll"}, "picked node": {"kill", "freeze", "revive", "cut"}, "pick": {"pick"}, "zz": nil,
	} {
		var got []string
		for _, a := range matches(actions(), sought) {
			got = append(got, a.name)
		}
		if len(got) < len(want) || len(got) > len(actions())/2 || !slices.Equal(got[:min(len(want), 1)], want[:min(len(want), 1)]) {
			t.Errorf("%q finds %q, want %q and little else", sought, got, want)
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("%q finds %q, and not %s", sought, got, name)
			}
		}
	}
}

func TestCommand_findsAnActionByItsNameAndRunsIt(t *testing.T) {
	for _, size := range layouts() {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("2", ":")
		s.write("kil")
		checkSize(t, "while a name is written", s.View().Content, size[0], size[1])
		if got := s.row(size[1] - 1); !strings.Contains(got, ":kil_") || !strings.Contains(got, "enter runs it, esc closes") {
			t.Errorf("%v: the last row is %q, want what is written and how it goes on", size, got)
		}
		if got := s.text(); !strings.Contains(got, "▸x     kill") {
			t.Errorf("%v: the first that fits is not chosen:\n%s", size, got)
		}
		s.press("enter")
		if want := []string{"kill n2"}; s.state.help || !slices.Equal(s.fake.calls, want) {
			t.Errorf("%v: the deeds were %q, want %q; the list is shown: %v", size, s.fake.calls, want, s.state.help)
		}
		s.press(":", "esc", "o")
		if !s.state.owners || s.state.help {
			t.Errorf("%v: after esc keys are not what they were", size)
		}
	}
}

func TestCommand_takesTheRestOfTheLine(t *testing.T) {
	for _, c := range []struct {
		line, picked string
		deeds        []string
		says         string
	}{
		{"pick n3", "n3", nil, ""},
		{"pick 4", "n4", nil, ""},
		{"pi 5", "n5", nil, ""},
		{"pick n9", "n1", nil, "there is no node n9"},
		{"pick 0", "n1", nil, "there is no node 0"},
		{"kill n2", "n2", []string{"kill n2"}, "killed n2"},
		{"freeze  4 ", "n4", []string{"freeze n4"}, "froze n4"},
		{"slow n3", "n3", []string{"inject slow --times 10 --node n3 --for 10s"}, "tasks of n3 take ten times as long"},
		{"heal n2", "n1", nil, "heal is a line of its own: leave n2 out"},
		{"scroll down", "n1", nil, "scroll takes one of pgup pgdown"},
		{"scroll pgdown", "n1", nil, ""},
		{"S", "n1", []string{"guard hedge 2"}, ""},
	} {
		s := newStage(t, 120, 36, Options{})
		s.play(300 * time.Millisecond)
		s.press(":")
		s.write(c.line)
		s.press("enter")
		if s.state.picked != c.picked || !slices.Equal(s.fake.calls, c.deeds) || !strings.Contains(s.row(35), c.says) || s.state.help {
			t.Errorf("%q picks %s and orders %q, and the last row is %q; want %s, %q and %q",
				c.line, s.state.picked, s.fake.calls, s.row(35), c.picked, c.deeds, c.says)
		}
	}
}

func TestCommand_aClickTakesTheRestOfTheLineToo(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(300 * time.Millisecond)
	s.press(":")
	s.write("kill n3")
	s.clickOn("x     kill: kill the picked node")
	if want := []string{"kill n3"}; !slices.Equal(s.fake.calls, want) || s.state.help {
		t.Errorf("the deeds were %q, want %q; the list is shown: %v", s.fake.calls, want, s.state.help)
	}
}

func TestCommand_completesTheChosenName(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(300 * time.Millisecond)
	s.press(":")
	s.write("pi")
	s.press("tab")
	s.write("n2")
	if got := s.row(35); !strings.Contains(got, ":pick n2_") {
		t.Errorf("the last row is %q, want the whole name and what followed", got)
	}
	s.press("enter")
	if s.state.picked != "n2" {
		t.Errorf("%s is picked, want n2", s.state.picked)
	}
	s.press(":")
	s.write("zzzz")
	s.press("enter", "tab", "up", "down")
	if got := s.text(); !strings.Contains(got, "nothing is called zzzz") || !s.state.help {
		t.Errorf("what no action is called closes the list, or is not said:\n%s", got)
	}
	s.press("backspace", "backspace", "backspace", "backspace", "enter")
	if s.state.help {
		t.Error("an empty line does not close the list")
	}
}

func TestCommand_ofACommandThatEndsTheProgramEndsIt(t *testing.T) {
	s := newStage(t, 80, 24, Options{})
	s.press(":")
	s.write("quit")
	if cmd := s.model.press("enter"); cmd == nil {
		t.Error("quit does nothing")
	}
}

func TestCommand_onAScreenWithoutRoomSaysSo(t *testing.T) {
	s := newStage(t, 40, 10, Options{})
	s.play(100 * time.Millisecond)
	s.press(":")
	if got := s.row(9); !strings.Contains(got, "no room to write in") || s.state.help {
		t.Errorf("the last row is %q, want why nothing opens", got)
	}
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.press(":")
	s.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
	s.press("o")
	if !s.state.owners {
		t.Error("a key is taken for a letter that nobody sees")
	}
}

func TestHelp_isFilteredByWhatIsWrittenAndRunsTheChosenLine(t *testing.T) {
	for _, size := range layouts() {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("2", "?", "enter")
		if !s.state.help || len(s.fake.calls) > 0 {
			t.Errorf("%v: enter runs something though nothing is chosen: %q", size, s.fake.calls)
		}
		if got := s.text(); !strings.Contains(got, "/ filters, enter runs, ? closes") {
			t.Errorf("%v: help does not say how to go on:\n%s", size, got)
		}
		s.press("/")
		s.write("heal")
		if got := s.text(); !strings.Contains(got, "▸H     heal ") || strings.Contains(got, "leave the screen") {
			t.Errorf("%v: the lines that do not hold it are still there:\n%s", size, got)
		}
		s.press("esc")
		if !s.state.help || !strings.Contains(s.text(), "q     ") {
			t.Errorf("%v: esc does not show all lines again", size)
		}
		s.press("down", "down", "up", "enter")
		if want := []string{"kill n2"}; s.state.help || !slices.Equal(s.fake.calls, want) {
			t.Errorf("%v: the deeds were %q, want %q; help is shown: %v", size, s.fake.calls, want, s.state.help)
		}
		s.press("?", "up", "down", "enter") // the last one, and then the first
		if got := len(s.fake.calls); got != 2 {
			t.Errorf("%v: behind the last line does not come the first: %q", size, s.fake.calls)
		}
		s.press("?", "x", "?")
		if got := len(s.fake.calls); got != 3 || s.state.help {
			t.Errorf("%v: keys do not do in help what they do elsewhere: %q", size, s.fake.calls)
		}
	}
}

func TestHelp_scrollsWhereNotEvenColumnsHoldAllOfIt(t *testing.T) {
	look := newTheme(0, false)
	var many []*action
	for i := range 100 {
		many = append(many, &action{name: "n", keys: []string{"k"}, label: string(rune('A' + i%26)), help: "something", brief: "some"})
	}
	for at := -1; at < len(many); at++ {
		l := listing{look: look, found: many, at: at}
		rows := l.rows(58, 10, false)
		marks := 0
		for _, r := range rows {
			marks += strings.Count(r.text, look.glyphs.pick)
		}
		if len(rows) > 10 || marks != min(at+1, 1) {
			t.Fatalf("with line %d chosen there are %d rows and %d marks", at, len(rows), marks)
		}
	}
}

// FuzzFinder writes what it is given behind a colon or a slash, and runs what is found.
func FuzzFinder(f *testing.F) {
	for _, line := range []string{"", "kill n2", "pick 3", "scroll pgdown", "  ", "zz\x00\xff", "héé 漢", "quit", strings.Repeat("k", 100)} {
		f.Add(line, true)
		f.Add(line, false)
	}
	f.Fuzz(func(t *testing.T, line string, command bool) {
		s := newStage(t, 60, 18, Options{})
		s.fake = newFake(3)
		s.Update(frame{News{Now: fakeStart, Nodes: []Node{{State: Alive}, {State: Dead}}}})
		if command {
			s.hit(":")
		} else {
			s.hit("?")
			s.hit("/")
		}
		for _, r := range line {
			s.hit(string(r))
			checkSize(t, "while a line is written", s.View().Content, 60, 18)
			if n := len([]rune(s.state.find.text)); n > maxSought {
				t.Fatalf("%d characters were taken, want %d at most", n, maxSought)
			}
		}
		for _, key := range []string{"down", "up", "backspace", "tab", "enter"} {
			s.hit(key)
			checkSize(t, "after "+key, s.View().Content, 60, 18)
		}
	})
}
