package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// What a person sees and does: the screen, a second one, and tmux with a pane for each node.

// labIn starts a lab in the terminal's shell and waits until its five nodes draw.
func (s *terminal) labIn(more ...string) {
	s.h.t.Helper()
	s.run(labArgs(more...)...)
	s.await(`5 alive`, `frame \d+`)
}

// run runs the house's program in the terminal's shell, which prints its exit code.
func (s *terminal) run(args ...string) {
	s.h.t.Helper()
	s.press(strings.Join(append([]string{s.h.binary}, args...), " ")+`; echo "exit:$?"`, "Enter")
}

// awaitFrames waits until a frame is shown, and then one that is n later.
func (s *terminal) awaitFrames(n int) {
	s.h.t.Helper()
	s.await(`frame \d+`)
	first := s.frame()
	await(s.h.t, fmt.Sprintf("%d frames after %d", n, first), func() bool { return s.frame() >= first+n }, s.shown)
}

// quit ends what runs in the terminal's shell by its key, and checks that it ends well.
func (s *terminal) quit() {
	s.h.t.Helper()
	s.press("q")
	if now := s.await(`exit:\d+`); !strings.Contains(now, "exit:0") {
		s.h.t.Errorf("q does not end with 0:\n%s", now)
	}
}

// wantDrawn checks that a screen shows a picture.
func wantDrawn(t *testing.T, screen string) {
	t.Helper()
	if n := strings.Count(screen, "▀") + strings.Count(screen, "▄"); n < 500 {
		t.Errorf("%d half blocks, want a picture:\n%s", n, screen)
	}
}

func TestE2E_aFrozenNodeThawsAndTheScreenFollowsItsTerminal(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.labIn()

	s.press("2", "p")
	s.await(`2 \S n2 +frozen`, `p thaw n2`)
	s.awaitFrames(10) // without it
	s.press("p")
	s.await(`2 \S n2 +alive`)

	for _, size := range [][2]int{{90, 28}, {150, 45}} {
		s.do("resize-window", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
		// The footer ends the last row, but for a margin.
		end := size[0] - len("q quit")
		s.await(`\d alive`, `\d+ results/s|\d+ tiles? stale`, fmt.Sprintf(`\A(.*\n){%d}.{%d,%d}q quit\n\z`, size[1]-1, end-3, end))
	}
	s.awaitFrames(5)
	s.quit()
	h.wantNothingLeft()
}

func TestE2E_oneKeyHealsWhateverStands(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.labIn()
	s.press("3", "x")
	s.await(`3 \S n3 +dead`)
	s.press("2", "p")
	if now := s.await(`2 \S n2 +frozen|p again`); strings.Contains(now, "p again") { // the copies of n3's tasks may not be replaced yet
		s.press("p")
	}
	s.await(`2 \S n2 +frozen`, `H heal`)
	s.press("H")
	s.await(`healed: n2 thawed; n3 started again`, `2 \S n2 +alive`, `3 \S n3 +alive`)
	s.press("H")
	s.await(`nothing stands`)
	s.quit()
	h.wantNothingLeft()
}

func TestE2E_aSecondScreenShowsThePictureAndMayLeave(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5)
	s := h.openTerminal()
	s.run("attach")
	s.await(`5 alive`, `n1 +alive`, `n5 +alive`, `frame \d+`)
	s.awaitFrames(10)
	wantDrawn(t, s.shown())
	s.press("1", "x")
	s.await(`not this lab's node`)
	s.quit()
	if n := len(h.working()); n != 6 {
		t.Errorf("%d processes run after the second screen has left, want the lab and its five nodes", n)
	}
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_theLastNodeIsKilledWhenItIsAskedForTwice(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.run(labArgs("--nodes", "2", "--fps", "10", "--probe", "50ms")...)
	s.await(`2 alive`, `1 \S n1 +alive`, `2 \S n2 +alive`, `frame \d+`)
	s.press("1", "x")
	s.await(`killed n1|kill n1\? x again does it: `)
	if strings.Contains(s.shown(), "kill n1?") { // where n2 has not told yet what it has a copy of
		s.press("x")
	}
	s.await(`1 \S n1 +dead`)
	s.press("2", "x")
	s.await(`kill n2\? x again does it: no node would be left`, `2 \S n2 +(alive|late)`)
	s.press("x")
	s.await(`2 \S n2 +dead`)
	s.quit()
	h.wantNothingLeft()
}

// labInTmux starts `fracture lab --tmux` on a terminal where no tmux runs, and answers with it and with its tmux once that
// draws.
func (h *house) labInTmux(args ...string) (*process, *terminal) {
	h.t.Helper()
	tmux := needProgram(h.t, "tmux", "tmux")
	h.env = append(h.env, "TMUX_TMPDIR="+h.runtime)
	lab, _ := h.startOnTerminal("xterm-256color", labArgs(append([]string{"--tmux"}, args...)...)...)
	name := fmt.Sprintf("fracture-%d", lab.cmd.Process.Pid)
	s := &terminal{h: h, tmux: tmux, socket: filepath.Join(h.runtime, fmt.Sprintf("tmux-%d", os.Getuid()), name)}
	await(h.t, "the lab's tmux", func() bool { _, err := os.Stat(s.socket); return err == nil }, lab.said)
	return lab, s
}

// panes lists the titles of the panes.
func (s *terminal) panes() []string {
	return strings.Fields(s.do("list-panes", "-s", "-F", "#{pane_title}"))
}

func TestE2E_tmuxShowsEachNodeAndEndsWithTheLab(t *testing.T) {
	h := newHouse(t)
	secret := fmt.Sprintf("pw%d", os.Getpid())
	redis := h.startRedis("--requirepass", secret)
	// The URL reaches the lab as a flag, which is the user's choice, and nobody else's command line.
	lab, s := h.labInTmux("--redis", fmt.Sprintf("redis://:%s@%s", secret, redis.address()))
	s.await(`5 alive`, `\d+ results/s`)
	wantPanes := func() bool {
		titles := s.panes()
		return len(titles) == 6 && !slices.ContainsFunc([]string{"n1", "n2", "n3", "n4", "n5"}, func(n string) bool { return !slices.Contains(titles, n) })
	}
	await(t, "a pane for the screen and for each node", wantPanes, func() string { return fmt.Sprint(s.panes()) })
	for _, line := range commandLines(t) {
		if strings.Contains(line, secret) && !strings.HasPrefix(line, fmt.Sprintf("%d ", lab.cmd.Process.Pid)) {
			t.Errorf("the password is in the command line %q", line)
		}
	}
	panes := strings.Fields(s.do("list-panes", "-s", "-F", "#{pane_title}=#{pane_id}"))
	at := slices.IndexFunc(panes, func(p string) bool { return strings.HasPrefix(p, "n2=") })
	s.press("-t", strings.TrimPrefix(panes[at], "n2="), "C-c")
	s.await(`n2 +dead`)
	s.press("q")
	lab.wantExit(exitHeld)
	h.awaitNobody() // in the panes either
	if _, err := os.Stat(s.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket of the lab's tmux: %v, want none", err)
	}
	h.wantNothingLeft()
}

// commandLines are those of all processes that this user may see, each after its pid.
func commandLines(t *testing.T) []string {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	var lines []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && !strings.HasPrefix(string(text), "redis-server") { // its own flag, of the test's making
			lines = append(lines, filepath.Base(filepath.Dir(file))+" "+strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return lines
}

func TestE2E_tmuxIsRefusedWhereThereIsNoTerminal(t *testing.T) {
	h := newHouse(t)
	needProgram(t, "tmux", "tmux")
	h.start(labArgs("--tmux")...).wantRefusal(exitEnvironment, "--tmux needs a terminal")
	h.wantNothingLeft()
}

func TestE2E_tmuxHidesNoFailure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	h := newHouse(t)
	needProgram(t, "tmux", "tmux")
	h.env = append(h.env, "TMUX_TMPDIR="+h.runtime)
	lab, _ := h.startOnTerminal("xterm-256color", labArgs("--tmux", "--http", taken.Addr().String())...)
	lab.wantRefusal(exitEnvironment, "in use")
	h.wantNothingLeft()
}

func TestE2E_nothingLivesOnInATmuxThatNobodySees(t *testing.T) {
	h := newHouse(t)
	lab, s := h.labInTmux()
	s.await(`5 alive`)
	s.do("detach-client")
	lab.wantExit(exitHeld)
	h.awaitNobody() // in the panes either
	h.wantNothingLeft()
}
