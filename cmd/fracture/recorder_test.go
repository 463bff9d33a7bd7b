package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

// taping makes a recorder of five nodes, guarded as usual, that records.
func taping(t *testing.T) (*recorder, clock.Instant) {
	t.Helper()
	r := &recorder{cluster: scenario.Cluster{Nodes: 5, Zones: 2}, guard: func() telemetry.Stream { return telemetry.Stream{Strategy: "active", Factor: 3} }}
	if r.state().Since != 0 || !r.begin() || r.begin() {
		t.Fatal("a recording begins twice, or has begun before")
	}
	return r, r.state().Since
}

// asked is a fault in the words of inject, as an injector has it.
func asked(t *testing.T, id uint32, since clock.Instant, line string, nodes ...string) *standingFault {
	t.Helper()
	h, err := parseHarm(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	f := &standingFault{id: id, harm: h, nodes: nodes, since: since}
	if h.deed == nil {
		if f.stand, err = h.told(nodes, 7); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// replayed ends a recording and reads what a run of it would do.
func replayed(t *testing.T, r *recorder) (*scenario.Experiment, []string, string) {
	t.Helper()
	text, _, _, ok := r.end()
	if !ok {
		t.Fatal("nothing was recorded")
	}
	e, err := scenario.Parse("recorded.yaml", text, scenarioOptions(usualRun(), noneGiven))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var steps []string
	for _, s := range e.Plan() {
		steps = append(steps, fmt.Sprintf("%v %s", s.At, strings.Join(s.Arguments, " ")))
	}
	return e, steps, string(text)
}

func TestRecorder_whatKeysDidIsReplayed(t *testing.T) {
	r, began := taping(t)
	at := func(ms int) clock.Instant { return began.Add(time.Duration(ms) * time.Millisecond) }
	r.mended(at(50), "thaw", "n5")
	r.key(at(100), "kill", "n1", false)
	r.key(at(200), "freeze", "n2", false)
	r.mended(at(700), "thaw", "n2")
	r.mended(at(1600), "start", "n1")
	r.key(at(2000), "freeze", "n3", false)
	r.key(at(2500), "kill", "n3", true) // while it is frozen
	r.mended(at(3000), "start", "n3")
	r.remark(at(3200), "somebody else did something")
	e, got, text := replayed(t, r)
	want := []string{"100ms kill --node n1 --for 1.5s", "200ms freeze --node n2 --for 500ms", "2s freeze --node n3 --for 500ms", "2.5s kill --node n3 --for 500ms"}
	for i := range want {
		want[i] += " --yes-break-it" // the last one did
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q\nof\n%s", got, want, text)
	}
	if e.Fracture.Cluster != (scenario.Cluster{Nodes: 5, Zones: 2, Strategy: "active", Factor: 3}) || !e.Fracture.Limits.YesBreakIt {
		t.Errorf("cluster %+v, limits %+v of\n%s", e.Fracture.Cluster, e.Fracture.Limits, text)
	}
	for _, note := range []string{"# at 50ms: thaw of n5, which was broken before", "# at 3.2s: somebody else did"} {
		if !strings.Contains(text, note) {
			t.Errorf("no line begins with %q in\n%s", note, text)
		}
	}
	if _, _, _, ok := r.end(); ok {
		t.Error("a recording ends twice")
	}
}

func TestRecorder_howTheStreamsWereGuardedIsReplayed(t *testing.T) {
	r, began := taping(t)
	at := func(ms int) clock.Instant { return began.Add(time.Duration(ms) * time.Millisecond) }
	told := func(ms int, s work.Strategy, copies int) {
		e := &telemetry.Event{Trace: failover.Trace{At: at(ms), Node: "n1"}, Strategy: s.String(), Factor: copies}
		g, ok := guardTold(e)
		if !ok {
			t.Fatalf("%v of %d is not understood", s, copies)
		}
		r.guarded(e.At, g)
	}
	told(50, work.Active, 3) // as at the beginning
	r.key(at(100), "kill", "n1", false)
	r.guarded(at(500), guardOf(work.Vote, 4)) // by a key
	told(490, work.Vote, 4)                   // what is told of it
	told(450, work.Hedge, 2)                  // and of what was before
	r.mended(at(600), "start", "n1")
	told(1000, work.FailFast, 1) // by somebody else
	r.guarded(at(1500), guardOf(work.Expendable, 1))
	if r.state().Faults != 1 {
		t.Errorf("%d faults, want one: to guard otherwise is none", r.state().Faults)
	}
	e, got, text := replayed(t, r)
	want := []string{"100ms kill --node n1 --for 500ms", "500ms fracture guard vote --factor 4", "1s fracture guard failfast", "1.5s fracture guard expendable"}
	if !slices.Equal(got, want) || e.Fracture.Cluster.Factor != 3 || strings.Contains(text, "#") {
		t.Errorf("%q\nwant\n%q\nof\n%s", got, want, text)
	}
	for _, e := range []telemetry.Event{{}, {Strategy: "prayer", Factor: 2}, {Strategy: "vote", Factor: 2}, {Strategy: "vote", Factor: 300}, {Strategy: "vote", Factor: -1}} {
		if g, ok := guardTold(&e); ok {
			t.Errorf("%s of %d is %+v, want nothing", e.Strategy, e.Factor, g)
		}
	}
}

func TestRecorder_whatStandsAtTheEndEndsWithIt(t *testing.T) {
	r, began := taping(t)
	r.key(began, "kill", "n1", false)
	r.begun(asked(t, 1, began, "cut --node n2 --for 1h", "n2"))
	await(t, "some time has passed", func() bool { return clock.Now().Sub(began) > 100*time.Millisecond }, nil)
	e, got, _ := replayed(t, r)
	for _, s := range e.Plan() {
		if s.At != 0 || s.For < 100*time.Millisecond || s.For > time.Minute {
			t.Errorf("%q, want both from the beginning to the end", got)
		}
	}
	if len(got) != 2 {
		t.Errorf("%q, want two", got)
	}
}

func TestRecorder_whatScriptsDidIsReplayedAtThoseWhomItStruck(t *testing.T) {
	r, began := taping(t)
	at := func(ms int) clock.Instant { return began.Add(time.Duration(ms) * time.Millisecond) }
	r.begun(asked(t, 1, at(0), "restart --role owner --pick one", "n4"))
	r.begun(asked(t, 2, at(100), "loss --share every(7) --role owner --peer n3 --inward --seed 9", "n1", "n2"))
	r.begun(asked(t, 3, at(200), "freeze --role store --for 1h", "n1", "n2"))
	r.begun(asked(t, 4, at(300), "fail --terms 5%return(\"boom\")->1%sleep(50) --node all", "n1", "n2", "n3"))
	r.begun(asked(t, 5, at(400), "slow --times 10 --tile 7", "n5"))
	r.begun(asked(t, 6, at(500), "kill --signal TERM --node n1 --node n2 --for 10s", "n1", "n2"))
	r.begun(asked(t, 7, at(600), "revive --node n2", "n2"))
	r.begun(asked(t, 8, at(700), "reset --node n6", "n6")) // somebody else's
	r.begun(asked(t, 9, at(800), "cut --node n1 --peer n6", "n1"))
	r.begun(&standingFault{id: 10, since: at(900), nodes: []string{"n1"}, harm: harm{name: "latency", stand: []chaos.Standing{{}}}}) // of no words
	_, got, text := replayed(t, r)
	want := []string{"restart --node n4", "loss --node n1 --node n2 --inward --peer n3 --seed 9 --share every(7)", "freeze --node n1 --node n2 --store",
		`fail --node n1 --node n2 --node n3 --terms 5%return("boom")->1%sleep(50)`, "slow --node n5 --times 10", "kill --node n1 --signal TERM",
		"kill --node n2 --signal TERM --for 100ms"}
	if len(got) != len(want) {
		t.Fatalf("%q\nwant\n%q", got, want)
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], fmt.Sprintf("%v %s", time.Duration(min(i, 5)*100)*time.Millisecond, w)) {
			t.Errorf("%q, want %q of\n%s", got[i], w, text)
		}
	}
	for _, what := range []string{"reset at n6", "cut at n1", "latency at n1"} {
		if !strings.Contains(text, what+" cannot be replayed\n") {
			t.Errorf("no line says that %s cannot be replayed:\n%s", what, text)
		}
	}
}

func TestRecorder_aPartitionIsReplayedAsItWasDrawn(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	for _, shape := range []string{"--shape one", "--shape majority", "--shape minority-third", "--shape majorities-ring", "--shape bridge", "--groups n1,n3/n5"} {
		r, began := taping(t)
		f := asked(t, 1, began, "partition "+shape, slices.Clone(five)...)
		f.nodes = slices.DeleteFunc(f.nodes, func(n string) bool { return len(f.stand[n]) == 0 })
		r.begun(f)
		e, _, text := replayed(t, r)
		told := map[string][]string{} // by node: whom it cannot reach
		for _, s := range e.Plan() {
			h, err := parseHarm(s.Arguments)
			if err != nil {
				t.Fatal(err)
			}
			nodes := five
			if h.parted == (partFlags{}) {
				nodes = h.whom.Names
			}
			stand, err := h.told(nodes, 1)
			if err != nil {
				t.Fatal(err)
			}
			for n, list := range stand {
				for _, s := range list {
					told[n] = append(told[n], s.Site.String()+s.Peer)
				}
			}
		}
		for n, list := range f.stand {
			var want []string
			for _, s := range list {
				want = append(want, s.Site.String()+s.Peer)
			}
			if !sameNames(told[n], want) {
				t.Errorf("%s: %s is told %v, want %v, of\n%s", shape, n, told[n], want, text)
			}
		}
		if len(told) != len(f.stand) {
			t.Errorf("%s: told %v, want %d nodes", shape, told, len(f.stand))
		}
	}
}

func TestRecorder_writesWholeFilesOfTheirOwn(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("HOME", state)
	r, began := taping(t)
	for n := range 2 {
		r.begin()
		r.key(began, "kill", "n1", false)
		replay, faults, ok, err := r.save()
		if err != nil || !ok || faults != 1 || !strings.HasPrefix(replay, "fracture run ~/fracture/recorded-") {
			t.Errorf("save = %q, %d, %v, %v; want how to replay a fault", replay, faults, ok, err)
		}
		files, _ := filepath.Glob(filepath.Join(state, "fracture", "*")) // the pattern is good
		if len(files) != n+1 {
			t.Errorf("there are the files %v, want %d", files, n+1)
		}
	}
	if _, _, ok, err := r.save(); ok || err != nil {
		t.Errorf("what is not recorded is saved: %v, %v", ok, err)
	}
	if err := os.RemoveAll(filepath.Join(state, "fracture")); err != nil {
		t.Fatal(err)
	}
	r.file = filepath.Join(state, "fracture", "gone.yaml")
	r.begin()
	if _, _, ok, err := r.save(); !ok || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("save where no file can be = %v, %v; want that it says so", ok, err)
	}
}

func TestShellWord_isReadByAShellAsItWas(t *testing.T) {
	for path, want := range map[string]string{"/a/b-1.yaml": "/a/b-1.yaml", "~/x y.yaml": "~/'x y.yaml'", "it's": `'it'\''s'`} {
		if got := shellWord(path); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestRecorder_writesWhatTheStoresOwnProcessSuffered(t *testing.T) {
	r, began := taping(t)
	last := uint32(0)
	begin := func(line string, at time.Duration) *standingFault {
		t.Helper()
		h, err := parseHarm(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		last++
		f := &standingFault{id: last, harm: h, nodes: []string{serverName}, since: began.Add(at)}
		r.begun(f)
		return f
	}
	begin("stop --role server --empty --for 2s", 100*time.Millisecond)
	begin("flush", 200*time.Millisecond)
	r.ended(begin("full_disk --for 1s", 300*time.Millisecond))
	text, faults, _, ok := r.end()
	if !ok || faults != 3 {
		t.Fatalf("%d faults are on the tape, want 3", faults)
	}
	e, err := scenario.Parse("s.yaml", text, scenarioOptions(usualRun(), noneGiven))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !breaksServer(e) || len(e.Fracture.Timeline) != 3 || strings.Count(string(text), "role: server") != 1 || !strings.Contains(string(text), "empty: true") {
		t.Errorf("want the three faults in the store's own words:\n%s", text)
	}
}
