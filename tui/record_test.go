package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/render"
)

func TestRecord_isSaidInTheHeaderByAWordAndASign(t *testing.T) {
	for _, c := range []struct {
		opts Options
		sign string
	}{{Options{}, "● recording"}, {Options{ASCII: true, Depth: render.ASCII}, "* recording"}} {
		for _, size := range [][2]int{{160, 45}, {120, 36}, {80, 24}, {60, 18}} {
			s := newStage(t, size[0], size[1], c.opts)
			s.play(100 * time.Millisecond)
			header := func() string { line, _, _ := strings.Cut(s.text(), "\n"); return line }
			if strings.Contains(header(), "recording") {
				t.Errorf("at %v the header says that it records before it does: %s", size, header())
			}
			s.press("R")
			s.play(3500 * time.Millisecond)
			if got := header(); !strings.Contains(got, c.sign+" 3 s, 0 faults") {
				t.Errorf("at %v the header is %q, want %q and for how long", size, got, c.sign)
			}
			s.press("R")
			s.play(time.Second)
			if got := header(); strings.Contains(got, "recording") {
				t.Errorf("at %v the header says that it records when it does not any more: %s", size, got)
			}
			checkSize(t, "after a recording", s.View().Content, size[0], size[1])
		}
	}
}

func TestRecord_theLogTellsHowToReplayInFull(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.press("R", "R")
	s.play(100 * time.Millisecond)
	var log strings.Builder // its column, with the rows joined
	for line := range strings.Lines(s.text()) {
		cells := []rune(strings.TrimRight(line, "\n"))
		log.WriteString(strings.TrimRight(string(cells[min(len(cells), 120-1-50):]), " "))
	}
	if want := "fracture run ~/.local/state/fracture/recorded-20261127-151633.yaml"; !strings.Contains(log.String(), want) {
		t.Errorf("the log does not tell %q in full:\n%s", want, s.text())
	}
}

func TestKill_asksBeforeItBreaksTheLastOne(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.press("1", "x", "2", "x", "3", "x", "4", "x", "5")
	s.play(messageFor + time.Second)
	kills := func() int { return len(s.fake.calls) }
	before := kills()
	footer := func() string { lines := strings.Split(s.text(), "\n"); return lines[len(lines)-1] }
	const asks = "kill n5? x again does it: no node would be left"

	s.press("x")
	if !strings.Contains(footer(), asks) || kills() != before {
		t.Fatalf("the footer is %q, want %q, and nothing done", footer(), asks)
	}
	s.press("o", "x") // another key is a no
	if !strings.Contains(footer(), asks) || kills() != before {
		t.Errorf("after another key the footer is %q, want the question again", footer())
	}
	s.play(questionFor + time.Second)
	s.press("x") // and so is waiting
	if !strings.Contains(footer(), asks) || kills() != before {
		t.Errorf("after a while the footer is %q, want the question again", footer())
	}
	s.press("4", "5", "x", "x")
	if !slices.Equal(s.fake.calls[before:], []string{"kill n5"}) {
		t.Errorf("x twice does %q, want the kill", s.fake.calls[before:])
	}
}
