package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

func TestMouse_isTheTerminalsUntilItIsTakenAgain(t *testing.T) {
	for _, size := range layouts() {
		s := newStage(t, size[0], size[1], Options{})
		s.play(300 * time.Millisecond)
		s.press("M")
		if got := s.row(size[1] - 1); s.View().MouseMode != tea.MouseModeNone || !strings.Contains(got, "the mouse is the terminal's") {
			t.Errorf("%v: after M the mode is %v and the last row %q", size, s.View().MouseMode, got)
		}
		s.play(messageFor + fakePeriod)
		if got := s.row(size[1] - 1); !strings.Contains(got, "M take the mouse") && !strings.Contains(got, "M mouse") {
			t.Errorf("%v: the last row is %q, want how to take the mouse again", size, got)
		}
		s.press("M")
		s.play(messageFor + fakePeriod)
		if got := s.row(size[1] - 1); s.View().MouseMode != tea.MouseModeCellMotion || strings.Contains(got, "mouse") {
			t.Errorf("%v: after M again the mode is %v and the last row %q", size, s.View().MouseMode, got)
		}
	}
	s := newStage(t, 80, 24, Options{NoMouse: true})
	if s.View().MouseMode != tea.MouseModeNone {
		t.Error("--no-mouse takes the mouse")
	}
	if s.press("M"); s.View().MouseMode != tea.MouseModeCellMotion {
		t.Error("M does not take the mouse that was left to the terminal from the beginning")
	}
}

// On a real terminal, whose reports the program switches off and on.
func TestRun_leavesTheMouseToTheTerminalByKey(t *testing.T) {
	const on, off = "\x1b[?1002h", "\x1b[?1002l"
	term := newTerminal(t, 80, 24)
	done := term.run(t.Context(), newFake(5), nil)
	term.await("5 alive")
	term.await(on)
	if strings.Contains(term.text(), off) {
		t.Error("the mouse is left to the terminal before anybody asks for it")
	}
	term.enter("M")
	term.await(off)
	term.await("the mouse is the terminal's")
	term.enter("M")
	term.await("clicks are keys again")
	if text := term.text(); strings.LastIndex(text, on) < strings.Index(text, off) {
		t.Error("the mouse is not taken again")
	}
	term.enter("q")
	if err := term.wait(done); err != nil {
		t.Errorf("Run = %v, want nil after q", err)
	}
}
