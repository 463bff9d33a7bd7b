package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// logOf is the text of the log's panel.
func (s *stage) logOf() string {
	a := s.place(paneLog)
	rows := strings.Split(s.text(), "\n")[a.y : a.y+a.h]
	for i, row := range rows {
		cells := []rune(row)
		rows[i] = strings.TrimRight(string(cells[min(a.x, len(cells)):]), " ")
	}
	return strings.Join(rows, "\n")
}

func TestLog_showsWhatHoldsAText(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	s.press("3", "x")
	s.play(messageFor + time.Second)
	s.press("/", "K", "i", "x", "backspace", "l", "l")
	if got := s.row(44); !strings.Contains(got, "show of the log what holds: Kill_   enter keeps it, esc shows all") {
		t.Errorf("the footer is %q, want what is written", got)
	}
	s.press("enter")
	if got := s.logOf(); strings.Count(got, "\n") != s.place(paneLog).h-1 || !strings.Contains(got, "n3 killed by hand") || strings.Contains(got, "joined") ||
		!strings.Contains(got, "with Kill") {
		t.Errorf("the log is\n%s\nwant the kill alone", got)
	}
	if len(s.fake.calls) != 1 {
		t.Errorf("while a text was written %q was asked for, want the first kill alone", s.fake.calls)
	}
	s.press("/", "q", "space", "q")
	if got := s.logOf(); !strings.Contains(got, "no line holds q q") {
		t.Errorf("the log is\n%s\nwant that no line holds it", got)
	}
	s.press("esc")
	if got := s.logOf(); !strings.Contains(got, "joined") || s.state.typing {
		t.Errorf("the log is\n%s\nwant all of it", got)
	}
	s.press("/", strings.Repeat("x", 3)) // no key of ours
	for range 2 * maxFilter {
		s.press("é")
	}
	if got := []rune(s.state.filter); len(got) != maxFilter {
		t.Errorf("%d characters are taken, want %d", len(got), maxFilter)
	}
	s.press("esc")
}

func TestLog_scrollsAndStaysThere(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	say := func(n int) {
		s.fake.mu.Lock()
		s.fake.news.Events = append(s.fake.news.Events, eventOf(s.fake.lastAt, "n1", "lead", fmt.Sprintf("line %d.", n)))
		s.fake.mu.Unlock()
		s.play(300 * time.Millisecond)
	}
	for n := range 30 {
		say(n)
	}
	if got := s.logOf(); !strings.Contains(got, "line 29.") {
		t.Fatalf("the log is\n%s\nwant its newest line", got)
	}
	s.press("pgup")
	got := s.logOf()
	if strings.Contains(got, "line 29.") || !strings.Contains(got, " newer, pgdown") {
		t.Errorf("the log is\n%s\nwant older lines, and how many are newer", got)
	}
	rows := func(text string) string { _, rest, _ := strings.Cut(text, "\n"); return rest }
	say(30)
	if now := s.logOf(); rows(now) != rows(got) {
		t.Errorf("after another line the log is\n%s\nwant what was looked at:\n%s", now, got)
	}
	for range 20 {
		s.press("pgup")
	}
	if got := s.logOf(); !strings.Contains(got, "n1 joined") {
		t.Errorf("the log is\n%s\nwant its oldest line", got)
	}
	for range 20 {
		s.press("pgdown")
	}
	if got := s.logOf(); !strings.Contains(got, "line 30.") || strings.Contains(got, "newer") {
		t.Errorf("the log is\n%s\nwant its newest line", got)
	}
	a := s.place(paneLog)
	s.Update(tea.MouseWheelMsg{X: a.x, Y: a.y, Button: tea.MouseWheelUp})
	s.Update(tea.MouseWheelMsg{X: 1, Y: 1, Button: tea.MouseWheelUp})
	if s.state.back != 3 {
		t.Errorf("a turn of the wheel over the log, and one elsewhere, scroll by %d lines, want 3", s.state.back)
	}
	s.Update(tea.MouseWheelMsg{X: a.x, Y: a.y, Button: tea.MouseWheelDown})
	if s.state.back != 0 {
		t.Errorf("a turn on leaves %d lines unseen, want none", s.state.back)
	}
}
