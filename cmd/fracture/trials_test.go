package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

// stage is an arena in virtual time. Its nodes n1…n5 own five of 25 tiles each; n1 leads. What the victim of a kill owned
// comes hold late after the kill, and its peers say that they took over.
type stage struct {
	now    clock.Instant
	next   uint64 // frame not yet delivered
	dead   string
	killed clock.Instant
	frozen [2]clock.Instant
	hold   time.Duration
	told   []failover.Trace
	kills  []string
	broken bool // revived nodes never come back
}

const stageStart = clock.Instant(1e12)

var stageFlow = meter.Schedule{Stream: 1, Name: "tiles", Start: stageStart, Period: 5 * time.Millisecond, Tiles: 25}

func (s *stage) Now() clock.Instant { return s.now }

func (s *stage) Wait(ctx context.Context, until clock.Instant) error {
	s.now = max(s.now, until)
	return ctx.Err()
}

func (s *stage) Pump(rec *meter.Recorder, log *meter.Log) {
	for due := s.due(); due.Add(100*time.Millisecond) < s.now; due = s.due() {
		for tile := range stageFlow.Tiles {
			arrived := due.Add(time.Millisecond)
			if arrived > s.frozen[0] && arrived < s.frozen[1] {
				arrived = s.frozen[1]
			}
			if back := s.killed.Add(s.hold); s.owner(tile) == s.dead && arrived > s.killed && arrived < back {
				arrived = back
			}
			rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: 1, Frame: s.next, Tile: tile}, At: arrived})
		}
		s.next++
	}
	for _, t := range s.told {
		log.Observe(t)
	}
	s.told = nil
}

func (s *stage) due() clock.Instant {
	return stageStart.Add(time.Duration(s.next) * stageFlow.Period)
}

func (s *stage) owner(tile uint32) string { return fmt.Sprint("n", tile%5+1) }

func (s *stage) Statuses() []telemetry.Status {
	var up []telemetry.Status
	for i := range uint32(5) {
		st := telemetry.Status{Name: fmt.Sprint("n", i+1), Owns: 5, StandsBy: 5, RSS: 20 << 20,
			OwnedTiles: []uint32{i, i + 5, i + 10, i + 15, i + 20}}
		switch i {
		case 0:
			st.Leads = []uint64{1}
		case 1:
			st.Follows = []uint64{1}
		}
		if st.Name != s.dead || s.now > s.killed.Add(3*time.Second) && !s.broken {
			up = append(up, st)
		}
	}
	return up
}

func (s *stage) Kill(name string) (before, after clock.Instant, err error) {
	s.dead, s.killed = name, s.now
	s.kills = append(s.kills, name)
	s.told = append(s.told,
		failover.Trace{At: s.now.Add(time.Millisecond), Node: "nx", Verb: "detect", Peer: name, Signal: failover.Reset},
		failover.Trace{At: s.now.Add(2 * time.Millisecond), Node: "nx", Verb: "promote", Peer: name, Signal: failover.Reset},
		// Somebody takes over from an innocent node, once a kill.
		failover.Trace{At: s.now.Add(2 * time.Millisecond), Node: "nx", Verb: "promote", Peer: "n9", Signal: failover.Silence})
	return s.now, s.now.Add(50 * time.Microsecond), nil
}

func (s *stage) Freeze(_ []string, length time.Duration) (before, after, thawed clock.Instant, err error) {
	s.frozen = [2]clock.Instant{s.now, s.now.Add(length)}
	s.now = s.frozen[1]
	return s.frozen[0], s.frozen[0].Add(100 * time.Microsecond), s.frozen[1], nil
}

func (s *stage) Revive(context.Context, string) error { return nil }

func runStage(ctx context.Context, s *stage, p plan) (*runner, []meter.Trial, error) {
	s.now = stageStart
	rec := meter.NewRecorder(p.calm + p.window + p.grace + 5*time.Second)
	rec.Open(stageFlow)
	r := newRunner(p, s, rec, meter.NewHiccups(), func(int, int, meter.Trial) {})
	trials, err := r.run(ctx)
	return r, trials, err
}

func stagePlan(seed uint64) plan {
	return plan{
		seed: seed, roles: []meter.Component{meter.Owner, meter.Splitter}, trials: 4, controls: 2, nodes: 5, standbys: true,
		calm: 10 * time.Second, window: time.Second, grace: time.Second, whole: 10 * time.Second, tiles: 1,
	}
}

func TestRunner_measuresWhatTheSinkSaw(t *testing.T) {
	s := &stage{hold: 8 * time.Millisecond}
	r, trials, err := runStage(t.Context(), s, stagePlan(7))
	if err != nil || len(trials) != 12 {
		t.Fatalf("run = %d trials, %v; want 12", len(trials), err)
	}
	rows := meter.Rows(trials)
	noop, freeze, owner, splitter := rows[0], rows[1], rows[2], rows[3]
	if noop.Counted != 2 || noop.Downtime.Max != 0 {
		t.Errorf("noop: %+v; want 2 counted, no downtime", noop)
	}
	if freeze.Counted != 2 || freeze.Downtime.Max > 20 || freeze.Error.Max > 5 {
		t.Errorf("freeze of 20 ms: downtime %+v, off by %+v; want 20 less a period and the calm at most", freeze.Downtime, freeze.Error)
	}
	if owner.Counted != 4 || owner.Downtime.Max > 8 || owner.Downtime.P50 < 2 || owner.Signals.Reset != 4 {
		t.Errorf("owner: %+v; want 4 counted, up to 8 ms, all by reset", owner)
	}
	if owner.Needless == 0 || noop.Needless != 0 {
		t.Errorf("needless %v and %v per minute; want some with kills, none without", owner.Needless, noop.Needless)
	}
	if splitter.Counted != 4 || !slices.Equal(s.kills[4:], []string{"n1", "n1", "n1", "n1"}) {
		t.Errorf("killed %v for the splitter, want n1 each time", s.kills[4:])
	}
	if total := r.rec.Totals(s.now.Add(-time.Second)); total.Lost+total.Duplicates+total.Wild != 0 {
		t.Errorf("Totals = %+v, want all delivered once", total)
	}
}

func TestRunner_repeatsItselfFromASeed(t *testing.T) {
	victims := func(seed uint64) []string {
		s := &stage{}
		if _, _, err := runStage(t.Context(), s, stagePlan(seed)); err != nil {
			t.Fatal(err)
		}
		return s.kills
	}
	if a, b := victims(3), victims(3); !slices.Equal(a, b) {
		t.Errorf("seed 3 killed %v, then %v", a, b)
	}
	if a, b := victims(3), victims(4); slices.Equal(a, b) {
		t.Errorf("seeds 3 and 4 both killed %v", a)
	}
}

func TestRunner_keepsWhatItHasWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &stage{now: stageStart}
	p := stagePlan(7)
	rec := meter.NewRecorder(20 * time.Second)
	rec.Open(stageFlow)
	r := newRunner(p, s, rec, meter.NewHiccups(), func(done, _ int, _ meter.Trial) {
		if done == 5 {
			cancel()
		}
	})
	trials, err := r.run(ctx)
	if !errors.Is(err, context.Canceled) || len(trials) != 5 {
		t.Errorf("run = %d trials, %v; want 5, %v", len(trials), err, context.Canceled)
	}
}

func TestRunner_saysWhatIsMissing(t *testing.T) {
	_, trials, err := runStage(t.Context(), &stage{broken: true}, stagePlan(7))
	if !errors.Is(err, errNotWhole) || len(trials) != 4 {
		t.Errorf("run = %d trials, %v; want the 4 controls, %v", len(trials), err, errNotWhole)
	}
}

func TestHolds_saysWhatTheVictimWas(t *testing.T) {
	s := telemetry.Status{Owns: 5, StandsBy: 4}
	if got := holds(s, meter.Owner); got != "owner of 5, standby of 4" {
		t.Errorf("holds = %q", got)
	}
	if got := holds(s, meter.Splitter); got != "" {
		t.Errorf("holds = %q, want nothing: it leads no stream", got)
	}
}
