package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/work"
)

// TestMain makes this test binary a worker where a peer under test starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == workerWord {
		_, _ = io.WriteString(os.Stderr, serve(os.Args[2], os.Args[3:]).Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// read lets frames arrive half a period after they are due, but for those that late holds back until an instant of the
// test, and returns what the fault at 3 s reads.
func read(t *testing.T, late func(due time.Duration) (arrives time.Duration, ok bool)) meter.Reading {
	t.Helper()
	const at = 3 * time.Second
	r := &runner{peer: peer{name: "scripted"}, rec: meter.NewRecorder(10 * time.Second), start: 1, horizon: 2 * time.Second}
	r.rec.Open(meter.Schedule{Stream: stream, Name: "scripted", Start: r.start, Period: period, Tiles: 1})
	for due := time.Duration(0); due < 6*time.Second; due += period {
		arrives, ok := late(due)
		if !ok {
			continue
		}
		r.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: stream, Frame: uint64(due / period)}, At: r.start.Add(max(arrives, due+period/2))})
	}
	span := meter.Span{At: r.start.Add(at), Window: time.Second, Grace: time.Second}
	return r.rec.Read(span, r.rec.Calm(span.At.Add(-2*time.Second), span.At))
}

func TestReading_isTheStandstillFromWhatWasDueToWhatCame(t *testing.T) {
	got := read(t, func(due time.Duration) (time.Duration, bool) {
		if due >= 3*time.Second && due < 3040*time.Millisecond {
			return 3040 * time.Millisecond, true
		}
		return 0, true
	})
	// Due at the fault, calm 1 ms, all there after 40 ms.
	if want := 39 * time.Millisecond; got.Downtime != want || got.Lost != 0 {
		t.Errorf("Downtime = %v, Lost = %d; want %v, 0", got.Downtime, got.Lost, want)
	}
	if want := 39 * time.Millisecond; got.Gap != want {
		t.Errorf("Gap = %v, want %v: from 1 ms before the fault to 40 ms after it, less the period", got.Gap, want)
	}
}

func TestReading_countsWhatNeverCameToTheHorizon(t *testing.T) {
	got := read(t, func(due time.Duration) (time.Duration, bool) { return 0, due != 3500*time.Millisecond })
	if want := 1499 * time.Millisecond; got.Downtime != want || got.Lost != 1 {
		t.Errorf("Downtime = %v, Lost = %d; want %v, 1", got.Downtime, got.Lost, want)
	}
}

func TestRunner_knowsWhatIsOutstanding(t *testing.T) {
	r := &runner{rec: meter.NewRecorder(10 * time.Second), start: 1000}
	r.rec.Open(meter.Schedule{Stream: stream, Start: r.start, Period: period, Tiles: 1})
	for frame := range uint64(100) {
		if frame != 7 {
			r.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: stream, Frame: frame}, At: r.start.Add(time.Duration(frame) * period)})
		}
	}
	due := func(frame int) clock.Instant { return r.start.Add(time.Duration(frame) * period) }
	for _, c := range []struct{ from, to, want int }{{-50, 7, 0}, {0, 8, 1}, {7, 8, 1}, {8, 100, 0}, {0, 102, 3}} {
		if got := r.outstanding(due(c.from), due(c.to)); got != c.want {
			t.Errorf("outstanding among frames %d to %d = %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

func TestOffer_asksForEveryFrameWhateverTheAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked []uint64
	start := clock.Now()
	err := offer(ctx, start, func(frame uint64) {
		if due := start.Add(time.Duration(frame) * period); clock.Now() < due {
			t.Errorf("frame %d was asked for %v before it was due", frame, due.Sub(clock.Now()))
		}
		if asked = append(asked, frame); frame == 20 {
			cancel()
		}
	})
	if err != nil || len(asked) != 21 {
		t.Errorf("offer = %v after %d frames, want nil after 21", err, len(asked))
	}
}

func TestCaller_triesUntilItSucceedsOrIsOutOfPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := map[uint64]int{}
		var done []uint64
		c := newCaller(t.Context(), &caller{attempt: time.Second, patience: time.Minute, done: func(frame uint64) { done = append(done, frame) },
			try: func(_ context.Context, frame uint64) error {
				if tries[frame]++; frame == 2 || tries[frame] < 4 {
					return errNotYet
				}
				return nil
			}})
		c.ask(1)
		synctest.Wait()
		time.Sleep(time.Second)
		c.ask(2)
		time.Sleep(2 * time.Minute)
		c.close()
		if len(done) != 1 || done[0] != 1 || tries[1] != 4 {
			t.Errorf("done %v after %d tries of frame 1, want [1] after 4", done, tries[1])
		}
		if tries[2] < 1000 {
			t.Errorf("frame 2 was tried %d times in a minute, want until its patience ended", tries[2])
		}
	})
}

func TestParse_refusesWhatMakesNoSense(t *testing.T) {
	for args, want := range map[string]string{
		"--peer nobody":  "one of fracture, beanstalkd",
		"--fault flood":  "kill or freeze",
		"--trials 0":     "--trials",
		"--calm 1ms":     "--calm",
		"--trials 5 now": `"now" is no flag`,
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parse(%s) = %v, want an error that says %q", args, err, want)
		}
	}
	o, err := parse([]string{"--peer", "beanstalkd,fracture", "--fault", "freeze"}, io.Discard)
	if err != nil || len(o.peers) != 2 || o.wants(meter.Kill) || !o.wants(meter.Freeze) {
		t.Errorf("parse = %+v, %v; want two peers, frozen", o, err)
	}
}

func TestReport_saysWhereATrialEndedBeforeTheWorkWasBack(t *testing.T) {
	r := newReport(options{})
	p := peer{name: "slow", victim: "worker", faults: []terms{{fault: meter.Kill, signal: "a sign", window: time.Second, grace: time.Second}}}
	calm := []meter.Calm{{N: 1000, P999: 5 * time.Millisecond}}
	trial := func(downtime time.Duration, lost int) meter.Trial {
		return meter.Trial{Component: "worker", Fault: meter.Kill, Held: "it", Rate: 500, Calm: calm, Reading: meter.Reading{Downtime: downtime, Lost: lost}}
	}
	r.add(t.Context(), p, []meter.Trial{
		{Component: meter.None, Fault: meter.Noop, Rate: 500, Calm: calm, Reading: meter.Reading{Downtime: time.Millisecond}},
		trial(1500*time.Microsecond, 0), trial(1990*time.Millisecond, 3),
	})
	r.absent("gone", errors.New("not\ninstalled"))
	var text strings.Builder
	r.writeMarkdown(&text)
	for _, want := range []string{
		"| slow | worker, kill | 2 | 1.5 | > 1990 | > 1990 | > 1990 | 0 | 0 | 3 | 5.0 | 1.0 | 0 | a sign |",
		"- gone could not be measured: not installed",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
}

func TestBeanstalkd_isMeasured(t *testing.T) {
	if packages := lacking(beanstalkd().programs); len(packages) > 0 {
		t.Skipf("apt-get install %s", strings.Join(packages, " "))
	}
	base := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", base)
	o := options{trials: 1, controls: 1, calm: time.Second, faults: []meter.Kind{meter.Kill}, seed: 1}
	trials, err := measure(t.Context(), beanstalkd(), o, func(meter.Trial, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	var kept []meter.Trial
	for i, trial := range trials {
		if i+1 == len(trials) || trials[i+1].Fault != trial.Fault || !trial.Stalled() { // else the machine spoilt it, and it was made again
			kept = append(kept, trial)
		}
	}
	trials = kept
	if len(trials) != 2 || trials[0].Fault != meter.Noop || trials[1].Fault != meter.Kill {
		t.Fatalf("measured %d trials, want a control and a kill", len(trials))
	}
	killed := trials[1]
	if !strings.HasPrefix(killed.Victim, "worker-") || killed.Held == "" || killed.After < killed.Before {
		t.Errorf("killed %q (%s) from %d to %d, want a worker that held its role", killed.Victim, killed.Held, killed.Before, killed.After)
	}
	if killed.RSS < workerBytes*9/10 {
		t.Errorf("the worker held %d bytes resident, want about %d", killed.RSS, workerBytes)
	}
	if killed.Reading.Lost > 0 || len(killed.Reading.Streams) != 1 || killed.Reading.Streams[0].Due < 400 {
		t.Errorf("read %+v, want 500 results looked at and none lost: the other worker gets them", killed.Reading)
	}
	left, _ := filepath.Glob(filepath.Join(base, "fracture", "*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOurs_readsTheReportOfARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fracture")
	report, err := json.Marshal(meter.Report{Rows: []meter.Row{{Component: meter.Owner, Fault: meter.Kill, N: 3, Counted: 3}},
		Controls: []meter.Row{{Fault: meter.Noop, N: 1, Counted: 1}}, Versions: meter.Versions{Fracture: "v0"}})
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\ncase \"$*\" in *--help*) exit 0 ;; esac\ncat <<'END'\n" + string(report) + "\nEND\nexit 1\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	o := options{trials: 3, calm: time.Second, faults: []meter.Kind{meter.Kill, meter.Freeze}, fracture: path}
	reports, err := measureOurs(t.Context(), o, io.Discard)
	if len(reports) != 1 || err == nil || !strings.Contains(err.Error(), "knows no --fault freeze") {
		t.Fatalf("measureOurs = %d reports, %v; want the kills, and that it cannot freeze", len(reports), err)
	}
	r := newReport(o)
	r.addOurs(reports, err)
	if len(r.Rows) != 1 || r.Rows[0].Figures.N != 3 || r.Rows[0].Noop == nil || len(r.Absent) != 1 {
		t.Errorf("rows %+v, absent %+v; want one row with its floor, and one absence", r.Rows, r.Absent)
	}
}

func TestStand_leavesNothingBehind(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", base)
	s, err := openStand()
	if err != nil {
		t.Fatal(err)
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start("sleeper", sleep, "60"); err != nil {
		t.Fatal(err)
	}
	child, err := s.lab.Child("sleeper")
	if err != nil || !child.Alive() {
		t.Fatalf("the sleeper is %+v, %v; want it alive", child, err)
	}
	if _, _, err := s.lab.Freeze("sleeper"); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if child.Alive() {
		t.Error("the sleeper is alive, want it ended with its stand, frozen or not")
	}
	if left, _ := filepath.Glob(filepath.Join(base, "fracture", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
