package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// How streams are guarded, changed while they run: by the verb and by the screen's key, on real processes.

// guardedStream is one of the objects that `fracture guard --json` prints.
type guardedStream struct {
	Stream, Name, Strategy string
	Copies                 int
	Leader                 holder
	Standbys               []holder
	Refused                string
	Have, Need             int
}

// guard runs the verb and answers with the streams that it prints.
func (h *house) guard(code int, args ...string) []guardedStream {
	h.t.Helper()
	p := h.start(append([]string{"guard", "--json"}, args...)...)
	if got := p.end(); got != code {
		h.t.Fatalf("guard %q exits with %d, want %d:\n%s", args, got, code, p.said())
	}
	var whole struct{ Streams []guardedStream }
	if err := json.Unmarshal([]byte(p.out.String()), &whole); err != nil {
		h.t.Fatalf("%v in %q, want a JSON object", err, p.out.String())
	}
	return whole.Streams
}

// pictureLeader is the node that leads the picture; runs is false where none does, for under failfast a machine so busy that
// a node falls silent has stopped it.
func (h *house) pictureLeader() (name string, runs bool) {
	h.t.Helper()
	for _, s := range h.guard(exitHeld) {
		if s.Name == "picture" {
			return s.Leader.Node, true
		}
	}
	return "", false
}

func TestE2E_aStreamIsGuardedOtherwiseWhileItRuns(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms")

	before := "standby, 2"
	change := func(strategy, now, after string) {
		t.Helper()
		p := h.start("guard", strategy)
		code := p.end()
		want := fmt.Sprintf("picture: %s (was %s)\nprobe: %s (was %s)\n", now, before, now, before)
		if code != exitHeld || p.out.String() != want {
			t.Fatalf("guard %s exits with %d and says %q, want %d and %q:\n%s", strategy, code, p.out.String(), exitHeld, want, p.errs.String())
		}
		lab.awaitLine(`(?m)^event .* guard: guards stream 1 by ` + now)
		lab.awaitLine(`(?m)^stream .* strategy ` + strategy + ` ×`)
		before = after
	}
	change("active", "active, 2 copies", "active, 2")
	change("vote", "vote, 3 copies", "vote, 3")
	lab.awaitGoingOn("after two changes")

	refused := h.guard(exitBroken, "standby", "--factor", "4")
	if len(refused) != 2 || refused[0].Have != 3 || refused[0].Need != 4 || refused[0].Strategy != "vote" ||
		refused[0].Refused != "standby needs 4 nodes, one for each copy, and there are 3" {
		t.Errorf("four copies on three nodes: %+v, want both figures, and that all is as it was", refused)
	}
	if got := h.guard(exitEnvironment, "standby", "--stream", "99"); len(got) != 0 {
		t.Errorf("a stream that does not run: %+v, want none", got)
	}

	change("failfast", "failfast, 1 copy", "failfast, 1")
	if victim, runs := h.pictureLeader(); runs {
		h.killNode(lab, victim)
	}
	lab.awaitLine(`(?m)^stream .* strategy failfast ×1; stopped: n\d failed \(\w+\)`)
	lab.awaitLine(`(?m)^event .* stop: .*stream 1.*: n\d failed \(\w+\)`)
	if victim, runs := h.pictureLeader(); runs {
		t.Errorf("%s leads the picture, want that it has stopped", victim)
	}
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_theScreenChangesTheStrategyAndStartsAgainWhatFailFastStopped(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	s.labIn("--strategy", "active")
	s.await(`strategy active ×2`, `S vote`)
	s.press("S")
	s.await(`picture: vote, 3 copies \(was active, 2\)`, `strategy vote ×3`)
	s.press("S")
	s.await(`strategy failfast ×1|failfast stopped`)
	if leader, runs := h.pictureLeader(); runs {
		s.press(strings.TrimPrefix(leader, "n"), "x")
		s.await(leader + ` +dead`)
	}
	s.await(`failfast stopped: n\d failed \(\w+\)`, `S starts it again`, `S start again`)
	last := s.frame()
	s.press("S")
	s.await(`strategy expendable ×1`)
	await(t, "frames after the stream was started again", func() bool { return s.frame() > last+10 }, s.shown)
	s.quit()
	h.wantNothingLeft()
}

// A screen on somebody else's cluster may change how its streams are guarded.
func TestE2E_anAttachedScreenChangesTheStrategy(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(5)
	s := h.openTerminal()
	s.run("attach")
	s.await(`5 alive`, `strategy standby ×2`, `S hedge`)
	s.press("S")
	s.await(`picture: hedge, 2 copies \(was standby, 2\)`, `strategy hedge ×2`)
	lab.awaitLine(`(?m)^stream .* strategy hedge ×2`)
	s.quit()
}

func TestE2E_aZoneMayDie(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(4, "--zones", "2")
	var streams []guardedStream
	await(t, "the picture and the probes, each with a standby in the other zone", func() bool { // for a moment two may lead
		streams = h.guard(exitHeld)
		return len(streams) == 2 && !slices.ContainsFunc(streams, func(s guardedStream) bool {
			return len(s.Standbys) != 1 || s.Leader.Zone == "" || s.Standbys[0].Zone == "" || s.Standbys[0].Zone == s.Leader.Zone
		})
	}, func() string { return fmt.Sprintf("%+v", streams) })
	for i := 1; i <= 4; i++ {
		if zoneOf(i, 2) == streams[0].Leader.Zone {
			h.killNode(lab, nodeName(i))
		}
	}
	lab.awaitLine(`(?m)^summary .* 2 alive, 0 unwell, 2 dead;`)
	before := lab.summaries()
	await(t, "frames without a whole zone", func() bool {
		all := lab.summaries()
		return len(all) > len(before)+1 && all[len(all)-1].frame > before[len(before)-1].frame+10
	}, lab.said)
	log, err := os.ReadFile(filepath.Join(h.dirs()[0], "logs", streams[0].Standbys[0].Node+".log"))
	if err != nil || !strings.Contains(string(log), "takes the splitter over from "+streams[0].Leader.Node) {
		t.Errorf("the standby in the other zone did not take the splitter over, %v:\n%s", err, log)
	}
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}
