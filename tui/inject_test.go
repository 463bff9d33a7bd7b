package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInject_keysOrderFaultsAtThePickedNode(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	footer := func(want string) {
		t.Helper()
		if got := s.row(44); !strings.Contains(got, want) {
			t.Errorf("the footer is %q, want %q", got, want)
		}
	}
	s.press("3", "l")
	footer("all that n3 says is 20 ms late, for 10 s")
	s.press("e")
	footer("each seventh task of n3 fails, for 10 s")
	s.press("d")
	footer("tasks of n3 take ten times as long, for 10 s")
	s.press("s")
	footer("the store is down, for 10 s")
	s.press("n")
	footer("cut n3 off from whom? n everybody, 1-9 that node")
	s.press("5")
	footer("n3 is cut off from n5, for 10 s")
	s.press("n", "n")
	footer("n3 is cut off, for 10 s")
	s.press("n", "o")
	if s.state.parting != "" || !s.state.owners {
		t.Errorf("another key than asked for: %q is to be cut off, owners are shown: %v; want nobody, and that the key does what it does", s.state.parting, s.state.owners)
	}
	s.press("4", "n", "4") // from itself: the digit picks
	want := []string{
		"inject delay --share 100% --by 20ms --node n3 --for 10s",
		`inject fail --terms every(7)return("failed by key") --node n3 --for 10s`,
		"inject slow --times 10 --node n3 --for 10s",
		"inject kill --store --for 10s",
		"inject cut --both --peer n5 --node n3 --for 10s",
		"inject cut --both --node n3 --for 10s",
	}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("asked for was\n%s\nwant\n%s", strings.Join(s.fake.calls, "\n"), strings.Join(want, "\n"))
	}
}

func TestInject_undoEndsIt(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	s.press("2", "d", "s", "u", "u")
	want := []string{
		"inject slow --times 10 --node n2 --for 10s", "inject kill --store --for 10s",
		"heal kill --store --for 10s", "heal slow --times 10 --node n2 --for 10s",
	}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("asked for was %q, want %q", s.fake.calls, want)
	}
	s.press("d")
	s.fake.deny = errors.New("it is over")
	s.press("u")
	if got := s.row(44); !strings.Contains(got, "undo slow n2: it is over") || len(s.state.undos) != 0 {
		t.Errorf("the footer is %q, and what can be taken back %v; want why not, and nothing", got, s.state.undos)
	}
	s.press("d")
	if len(s.state.undos) != 0 {
		t.Errorf("what was refused can be taken back: %v", s.state.undos)
	}
}

func TestMonkey_isLooseUntilItIsToldOrAllIsHealed(t *testing.T) {
	s := newStage(t, 160, 45, Options{})
	s.play(300 * time.Millisecond)
	s.press("m")
	if got := s.row(44); !strings.Contains(got, "the monkey is loose: every 3 s something breaks") || !s.state.loose {
		t.Errorf("the footer is %q, want that the monkey is loose", got)
	}
	s.play(messageFor + time.Second)
	if got := s.row(44); !strings.Contains(got, "m stop monkey") {
		t.Errorf("the footer is %q, want the key that ends it", got)
	}
	s.press("m", "m", "H", "m")
	want := []string{"monkey true", "monkey false", "monkey true", "heal", "monkey true"}
	if !slices.Equal(s.fake.calls, want) {
		t.Errorf("asked for was %q, want %q", s.fake.calls, want)
	}
}
