package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
	"fracture/lab"
	"fracture/telemetry"
	"fracture/work"
)

// theater is an arena of real processes that a test breaks.
type theater struct {
	*labArena
	t   *testing.T
	rec *meter.Recorder
	log *meter.Log
}

// openTheater opens an arena of three nodes, a store and a second receiver, with a trickle of load.
func openTheater(t *testing.T) *theater {
	t.Helper()
	h := newHouse(t)
	needProgram(t, "redis-server", "redis-server")
	t.Setenv("XDG_RUNTIME_DIR", h.runtime)
	t.Setenv(storeEnv, "")
	load, err := parseLoad("idle")
	if err != nil {
		t.Fatal(err)
	}
	o := runOptions{strategy: work.Standby, load: load, probe: 20 * time.Millisecond, program: h.binary,
		args: nodeArgs{beatClass: beatClasses[0]}}
	o.plan = plan{seed: 1, nodes: 3, standbys: true, tiles: runTiles, series: []series{
		{component: meter.Store, fault: meter.Kill, n: 1}, {component: meter.Sink, fault: meter.Kill, n: 1},
	}}
	a, err := newLabArena(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.run(ctx) })
	t.Cleanup(func() {
		end()
		if err := group.Wait(); err != nil {
			t.Errorf("the arena ended with %v", err)
		}
		h.wantNothingLeft()
	})
	th := &theater{labArena: a, t: t, rec: meter.NewRecorder(10 * time.Second), log: meter.NewLog()}
	if err := a.open(ctx, th.rec); err != nil {
		t.Fatal(err)
	}
	return th
}

// do lets a fault begin, looks at it with seen until it answers nil, and ends it.
func (th *theater) do(s strike, seen func() error) {
	th.t.Helper()
	s.last = e2eTimeout
	th.confirmed(fmt.Sprintf("%s %s begins", s.component, s.fault), func() error {
		_, _, err := th.Strike(th.t.Context(), s)
		return err
	})
	th.await(fmt.Sprintf("%s %s is in force", s.component, s.fault), seen)
	th.confirmed(fmt.Sprintf("%s %s ends", s.component, s.fault), func() error {
		_, err := th.End(th.t.Context(), s)
		return err
	})
}

// confirmed does a deed, again where a node that is busy did not say in time that it obeys.
func (th *theater) confirmed(what string, deed func() error) {
	th.t.Helper()
	th.await(what, func() error {
		err := deed()
		if err != nil && !errors.Is(err, errUnconfirmed) {
			th.t.Fatalf("%s: %v", what, err)
		}
		return err
	})
}

// await asks until ok answers nil.
func (th *theater) await(what string, ok func() error) {
	th.t.Helper()
	err := errors.New("not asked yet")
	await(th.t, what, func() bool {
		th.Pump(th.rec, th.log)
		err = ok()
		return err == nil
	}, func() string { return err.Error() })
}

// status is the newest word of a node.
func (th *theater) status(name string) (telemetry.Status, error) {
	for _, s := range th.Statuses() {
		if s.Name == name {
			return s, nil
		}
	}
	return telemetry.Status{}, fmt.Errorf("%s says nothing", name)
}

// struck answers with what tells whether faults have had something at each of the nodes since then.
func (th *theater) struck(nodes ...string) func() error {
	before := map[string]uint64{}
	for _, name := range nodes {
		s, err := th.status(name)
		if err != nil {
			th.t.Fatal(err)
		}
		before[name] = s.Faulted
	}
	return func() error {
		for _, name := range nodes {
			s, err := th.status(name)
			if err != nil {
				return err
			}
			if s.Faulted == before[name] {
				return fmt.Errorf("faults at %s had nothing yet", name)
			}
		}
		return nil
	}
}

// wantPeace fails where a fault at the nodes has anything more: of two words of a node, told one after the other after the
// fault was over, both say the same.
func (th *theater) wantPeace(what string, nodes ...string) {
	th.t.Helper()
	for _, name := range nodes {
		var words []telemetry.Status
		th.await("three more words of "+name, func() error {
			s, err := th.status(name)
			if err == nil && (len(words) == 0 || words[len(words)-1].Uptime != s.Uptime) {
				words = append(words, s)
			}
			if len(words) < 4 {
				return fmt.Errorf("%d words", len(words))
			}
			return nil
		})
		if first, last := words[1].Faulted, words[3].Faulted; first != last {
			th.t.Errorf("%s: a fault at %s had %d more after it was over", what, name, last-first)
		}
	}
}

// stopped tells whether a process is stopped, as the kernel sees it.
func stopped(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return err
	}
	if _, after, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(after, "T") {
		return fmt.Errorf("process %d is %.1q, want stopped", pid, after)
	}
	return nil
}

func TestE2E_everyFaultIsInForceAndThenGone(t *testing.T) {
	th := openTheater(t)
	nodes := []string{"n1", "n2", "n3"}
	for _, s := range []strike{
		{component: meter.Owner, fault: meter.Partition, nodes: []string{"n2"}},
		{component: meter.Owner, fault: meter.OneWay, nodes: []string{"n3"}},
		{component: meter.Standby, fault: meter.Slow, nodes: []string{"n1"}},
		{component: meter.Owner, fault: meter.Wrong, nodes: []string{"n2"}},
		{component: meter.Splitter, fault: meter.Loss, nodes: []string{"n2"}},
		{component: meter.Link, fault: meter.Partition, nodes: []string{"n1", "n2"}},
		{component: meter.Link, fault: meter.Loss, nodes: []string{"n2", "n1"}},
		{component: meter.Gossip, fault: meter.Partition, nodes: nodes},
	} {
		where := s.nodes
		if s.component == meter.Link {
			where = s.nodes[:1] // one end is told
		}
		th.do(s, th.struck(where...))
		th.wantPeace(fmt.Sprintf("%s %s", s.component, s.fault), where...)
	}

	before := th.Now()
	th.do(strike{component: meter.Link, fault: meter.Reset, nodes: []string{"n1", "n3"}}, func() error {
		for _, peer := range []string{"n1", "n3"} {
			if th.log.Timeline(th.rec, peer, before, before, th.Now()).Noticed != 0 {
				return nil
			}
		}
		return errors.New("neither end was missed")
	})

	for component, pid := range th.pids() {
		s := strike{component: component, fault: meter.Freeze, nodes: []string{"n2"}}
		th.do(s, func() error { return stopped(pid) })
		th.await(fmt.Sprintf("%s goes on", component), func() error {
			if stopped(pid) == nil {
				return errors.New("it is stopped")
			}
			return nil
		})
	}
	for component, pid := range th.pids() {
		s := strike{component: component, fault: meter.Kill, nodes: []string{"n2"}}
		th.do(s, func() error {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
				return fmt.Errorf("process %d is there", pid)
			}
			return nil
		})
		if err := th.Revive(t.Context(), s); err != nil {
			t.Errorf("reviving the %s: %v", component, err)
		}
		if now := th.pids()[component]; now == pid {
			t.Errorf("the %s that was killed has its pid again", component)
		}
	}
	th.await("all is whole", func() error {
		if missing := newRunner(th.options.plan, th, th.rec, meter.NewWatch(), nil).missing(); missing != "" || th.Stands(meter.Store) == "" {
			return errors.New("missing: " + missing)
		}
		return nil
	})
}

// Who heals everything and who has a restart under way may both want the same node again.
func TestE2E_manyWhoStartADeadNodeDoNotWaitForEachOther(t *testing.T) {
	th := openTheater(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), startTime/2, errors.New("somebody waits for the end of what another has started"))
	defer cancel()
	for range 5 {
		if _, _, err := th.home.lab.Kill("n2"); err != nil {
			t.Fatal(err)
		}
		var all errgroup.Group
		for range 8 {
			all.Go(func() error {
				return errors.Join(th.home.lab.Ended(ctx, "n2"), reviveDead(ctx, th.home, "n2"))
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		if child, err := th.home.lab.Child("n2"); err != nil || child.State != lab.Running {
			t.Fatalf("n2 is %v, %v; want it running", child.State, err)
		}
	}
}

// pids are the processes of node n2, of the store and of the second receiver.
func (th *theater) pids() map[meter.Component]int {
	th.t.Helper()
	pids := map[meter.Component]int{}
	for _, c := range []meter.Component{meter.Owner, meter.Store, meter.Sink} {
		for _, v := range th.home.victims(strike{component: c, nodes: []string{"n2"}}) {
			child, err := v.lab.Child(v.name)
			if err != nil {
				th.t.Fatal(err)
			}
			pids[c] = child.PID
		}
	}
	return pids
}

func TestE2E_anInterruptedRunHealsAndReports(t *testing.T) {
	const fast = "--calm=1s --grace=300ms --load=idle --controls=0 --nodes=3"
	for name, c := range map[string]struct {
		args        []string
		when        string // what is on stderr when the signal comes
		least, most int    // trials that are reported
	}{
		"while the nodes start": {nil, `about`, 0, 0},
		"while a fault stands":  {[]string{"--fault", "freeze", "--for", "29s", "--window", "30s"}, "", 0, 0},
		"between two trials":    {[]string{"--window", "300ms", "--trials", "9"}, `2/9  owner kill`, 2, 8},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			out := filepath.Join(h.runtime, "run.json")
			p := h.start(append(append([]string{"run", "--json", "--out", out}, strings.Fields(fast)...), c.args...)...)
			await(t, "the moment of the signal", func() bool {
				if c.when != "" {
					return strings.Contains(p.errs.String(), c.when)
				}
				for _, pid := range h.childrenOf(p.cmd.Process.Pid) {
					if stopped(pid) == nil {
						return true
					}
				}
				return false
			}, p.said)
			p.signal(syscall.SIGINT)
			p.wantExit(exitInterrupted)
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			for what, text := range map[string][]byte{"what it prints": []byte(p.out.String()), "--out": file} {
				var report meter.Report
				if err := json.NewDecoder(bytes.NewReader(text)).Decode(&report); err != nil || report.Verdict != meter.Interrupted {
					t.Errorf("%s is %.200q, %v; want a report of an interrupted run", what, text, err)
				}
				n, again := 0, 0
				for _, row := range report.Rows {
					n, again = n+row.N, again+row.Stalled // which are made again
				}
				if n < c.least || n-again > c.most {
					t.Errorf("%s reports %d trials, want those until the interruption, %d to %d", what, n, c.least, c.most)
				}
			}
			h.wantNothingLeft()
		})
	}
}
