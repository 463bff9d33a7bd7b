package tui

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// clickOn clicks the first place where a text stands, and carries out what that asks for.
func (s *stage) clickOn(text string) tea.Cmd {
	s.t.Helper()
	for y, row := range strings.Split(s.text(), "\n") {
		if at := strings.Index(row, text); at >= 0 {
			_, cmd := s.Update(tea.MouseClickMsg{X: utf8.RuneCountInString(row[:at]), Y: y, Button: tea.MouseLeft})
			for len(s.deeds) > 0 {
				s.Update((<-s.deeds).perform(s.t.Context(), s.fake))
			}
			s.play(300 * time.Millisecond)
			return cmd
		}
	}
	s.t.Fatalf("%q is not on the screen:\n%s", text, s.text())
	return nil
}

func TestClick_onALitKeyIsTheKey(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("3")
		s.clickOn("x kill n3")
		s.play(messageFor)
		s.clickOn("r revive n3")
		s.play(messageFor)
		s.clickOn("p freeze")
		s.play(messageFor)
		s.clickOn("p thaw")
		if want := []string{"kill n3", "revive n3", "freeze n3", "thaw n3"}; !slices.Equal(s.fake.calls, want) {
			t.Errorf("%v: the deeds were %q, want %q", size, s.fake.calls, want)
		}
		s.play(messageFor)
		if strings.Contains(s.text(), "o tint") {
			s.clickOn("o tint")
		} else {
			s.clickOn("o owners")
		}
		s.clickOn("? help")
		if !s.state.owners || !s.state.help {
			t.Errorf("%v: owners are shown: %v, help: %v; want both", size, s.state.owners, s.state.help)
		}
		if cmd := s.clickOn("q quit"); cmd == nil {
			t.Errorf("%v: a click on quit does nothing", size)
		}
	}
}

func TestClick_onALineOfHelpRunsItAndClosesHelp(t *testing.T) {
	for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("2", "?")
		s.clickOn("fracture")
		if !s.state.help {
			t.Errorf("%v: a click beside help closed it", size)
		}
		s.clickOn("x     kill")
		if want := []string{"kill n2"}; s.state.help || !slices.Equal(s.fake.calls, want) {
			t.Errorf("%v: the deeds were %q, want %q; help is shown: %v", size, s.fake.calls, want, s.state.help)
		}
		s.press("?")
		if strings.Contains(s.text(), "show these keys") {
			s.clickOn("show these keys")
		} else {
			s.clickOn("?     help")
		}
		if s.state.help {
			t.Errorf("%v: a click on the line of help leaves it open", size)
		}
	}
}

func TestClick_ofAnotherButtonDoesNothing(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(300 * time.Millisecond)
	for x := range 120 {
		for _, button := range []tea.MouseButton{tea.MouseMiddle, tea.MouseRight} {
			if _, cmd := s.Update(tea.MouseClickMsg{X: x, Y: 35, Button: button}); cmd != nil || len(s.deeds) > 0 {
				t.Fatalf("%v at column %d does something", button, x)
			}
		}
	}
}
