package tui

import (
	"errors"
	"os"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

func TestSuspend_isRefusedWhereNothingCouldBringTheScreenBack(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	for _, orphan := range []bool{true, false} {
		s.orphaned = func() bool { return orphan }
		_, cmd := s.Update(tea.KeyPressMsg{Code: 'z', Mod: tea.ModCtrl})
		if refused := cmd == nil; refused != orphan {
			t.Errorf("orphaned %v: refused %v", orphan, refused)
		}
		if orphan && !strings.Contains(s.text(), "no shell with job control") {
			t.Errorf("the screen does not say why:\n%s", s.text())
		}
	}
}

func TestIsOrphaned_looksForAShellOfTheSameSession(t *testing.T) {
	for _, c := range []struct {
		name string
		all  map[int]kin
		want bool
	}{
		{"a shell", map[int]kin{9: {5, 9, 5}, 5: {1, 5, 5}, 1: {0, 1, 1}}, false},
		{"make below a shell", map[int]kin{9: {8, 8, 5}, 8: {5, 8, 5}, 5: {1, 5, 5}, 1: {0, 1, 1}}, false},
		{"the first in a pane", map[int]kin{9: {5, 9, 9}, 5: {1, 5, 5}, 1: {0, 1, 1}}, true},
		{"make, the first in a pane", map[int]kin{9: {8, 8, 8}, 8: {5, 8, 8}, 5: {1, 5, 5}, 1: {0, 1, 1}}, true},
		{"the first of a container", map[int]kin{9: {0, 9, 9}}, true},
		{"a parent nobody sees", map[int]kin{9: {5, 9, 5}}, true},
		{"nothing is told", nil, true},
	} {
		got := isOrphaned(9, func(pid int) (kin, error) {
			if k, ok := c.all[pid]; ok {
				return k, nil
			}
			return kin{}, errors.New("no such process")
		})
		if got != c.want {
			t.Errorf("%s: orphaned %v, want %v", c.name, got, c.want)
		}
	}
}

func TestKinOf_saysWhatTheSystemCallsSay(t *testing.T) {
	got, err := kinOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	session, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	if want := (kin{os.Getppid(), unix.Getpgrp(), session}); got != want {
		t.Errorf("kin of this process %+v, want %+v", got, want)
	}
	if got, err := parseKin("7 (a) b (c) S 3 4 5 0"); err != nil || got != (kin{3, 4, 5}) {
		t.Errorf("of a name with parentheses: %+v, %v", got, err)
	}
	for _, line := range []string{"", "7 (x", "7 (x) S 1", "7 (x) S a b c"} {
		if _, err := parseKin(line); !errors.Is(err, errNoStat) {
			t.Errorf("%q: %v, want %v", line, err, errNoStat)
		}
	}
}
