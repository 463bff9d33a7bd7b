package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUndo_takesBackWhatWasDoneLastFirst(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	s.press("u")
	if got := s.row(44); !strings.Contains(got, "undo: nothing was broken here that stands") {
		t.Errorf("before anything was done the footer is %q", got)
	}
	s.press("3", "x", "2", "p", "S")
	s.play(messageFor + time.Second)
	if got := s.row(44); !strings.Contains(got, "u undo the change of strategy") {
		t.Errorf("the footer is %q, want what would be taken back", got)
	}
	s.press("u", "u")
	s.play(messageFor + time.Second)
	if got := s.row(44); !strings.Contains(got, "u undo kill n3") {
		t.Errorf("the footer is %q, want what would be taken back next", got)
	}
	s.press("u")
	if got := s.row(44); !strings.Contains(got, "took back: kill n3") || strings.Contains(got, "u undo") {
		t.Errorf("the footer is %q, want what was taken back, and nothing more to take", got)
	}
	want := []string{"kill n3", "freeze n2", "guard hedge 2", "guard standby 2", "thaw n2", "revive n3"}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("the deeds were %q, want %q", s.fake.calls, want)
	}
	if s.state.opts.Strategy != "standby" {
		t.Errorf("the header tells of %s, want standby", s.state.opts.Strategy)
	}
}

func TestUndo_forgetsWhatWasMendedAndWhatWasRefused(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	s.press("3", "x")
	s.play(300 * time.Millisecond)
	s.press("r", "2", "p")
	s.play(300 * time.Millisecond)
	s.press("p", "4", "x", "5", "p", "H")
	s.fake.deny = errors.New("no such process")
	s.press("1", "x")
	if len(s.state.undos) != 0 {
		t.Errorf("what was mended or refused can be taken back: %v", s.state.undos)
	}
	s.fake.deny = nil
	s.press("1", "p")
	s.fake.deny = errors.New("no such process")
	s.press("u")
	if got := s.state.undos; len(got) != 1 || got[0].String() != "freeze n1" {
		t.Errorf("after an attempt that failed what can be taken back is %v, want the freeze", got)
	}
	s.fake.deny = nil
	s.state.did(done{verb: "kill", node: "n1"})
	if got := s.state.undos; len(got) != 1 || got[0].String() != "kill n1" {
		t.Errorf("of a node that was frozen and then killed %v can be taken back, want the kill alone", got)
	}
	for i := range maxUndos + 3 {
		s.press("1", "p")
		s.state.did(done{verb: "kill", node: fmt.Sprint("n", 9+i)})
	}
	if n := len(s.state.undos); n != maxUndos {
		t.Errorf("%d deeds can be taken back, want %d", n, maxUndos)
	}
}
