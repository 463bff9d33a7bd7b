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
	lying  [2]clock.Instant
	hold   time.Duration
	told   []failover.Trace
	kills  []string
	broken bool // revived nodes never come back

	asked          int // at the front doors
	strikes, ended []strike
	strength       uint64 // how much each fault strikes at every node
	onStrike       func()
	watch          meter.Watch
	stalls         int // so many of the first strikes meet a machine that stands still
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
		if s.frozen[1] == clock.Never && due.Add(time.Millisecond) > s.frozen[0] {
			break // when it comes is not known yet
		}
		for tile := range stageFlow.Tiles {
			arrived := due.Add(time.Millisecond)
			if arrived > s.frozen[0] && arrived < s.frozen[1] {
				arrived = s.frozen[1]
			}
			if back := s.killed.Add(s.hold); s.owner(tile) == s.dead && arrived > s.killed && arrived < back {
				arrived = back
			}
			rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: 1, Frame: s.next, Tile: tile}, At: arrived,
				Wrong: arrived >= s.lying[0] && arrived < s.lying[1]})
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
		st := telemetry.Status{Name: fmt.Sprint("n", i+1), Owns: 5, StandsBy: 5, RSS: 20 << 20, Faulted: uint64(len(s.strikes)) * s.strength,
			OwnedTiles: []uint32{i, i + 5, i + 10, i + 15, i + 20}}
		if i > 0 { // n2 stands by for n1, n3 for n2 …
			st.CopiedTiles = []uint32{i - 1, i + 4}
		}
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

func (s *stage) Strike(_ context.Context, f strike) (before, after clock.Instant, err error) {
	s.strikes = append(s.strikes, f)
	if s.onStrike != nil {
		s.onStrike()
	}
	before, after = s.now, s.now.Add(50*time.Microsecond)
	switch f.fault {
	case meter.Kill:
		s.kill(f.nodes[0])
	case meter.Wrong:
		s.lying = [2]clock.Instant{s.now, clock.Never}
	case meter.Noop:
	default:
		s.frozen = [2]clock.Instant{s.now, clock.Never}
	}
	return before, after, nil
}

func (s *stage) End(_ context.Context, f strike) (clock.Instant, error) {
	if f.fault == meter.Wrong {
		s.lying[1] = s.now
	} else {
		s.frozen[1] = s.now
	}
	s.ended = append(s.ended, f)
	return s.now, nil
}

func (s *stage) Meet(until clock.Instant) { s.now = max(s.now, until) }

func (s *stage) Stands(c meter.Component) string {
	if c == meter.Store {
		return "a store"
	}
	return ""
}

func (s *stage) AskDoors(*meter.Recorder) { s.asked++ }

func (s *stage) Served(node string) int {
	return map[string]int{"n2": 1, "n4": 2}[node]
}

func (s *stage) kill(name string) {
	s.dead, s.killed = name, s.now
	s.kills = append(s.kills, name)
	s.told = append(s.told,
		failover.Trace{At: s.now.Add(time.Millisecond), Node: "nx", Verb: "detect", Peer: name, Signal: failover.Reset},
		failover.Trace{At: s.now.Add(2 * time.Millisecond), Node: "nx", Verb: "promote", Peer: name, Signal: failover.Reset},
		// Somebody takes over from an innocent node, once a kill.
		failover.Trace{At: s.now.Add(2 * time.Millisecond), Node: "nx", Verb: "promote", Peer: "n9", Signal: failover.Silence})
}

func (s *stage) Revive(context.Context, strike) error { return nil }

// watched is the watch of a stage, which sees the machine stall as often as the stage says.
func (s *stage) watched() meter.Watch {
	s.watch = meter.NewWatch()
	return s.watch
}

func runStage(ctx context.Context, s *stage, p plan) (*runner, []meter.Trial, error) {
	s.now = stageStart
	rec := meter.NewRecorder(p.calm + p.window + p.grace + 5*time.Second)
	rec.Open(stageFlow)
	r := newRunner(p, s, rec, s.watched(), func(int, int, meter.Trial) {})
	trials, err := r.run(ctx)
	return r, trials, err
}

func stagePlan(seed uint64) plan {
	return plan{
		seed: seed, controls: 2, nodes: 5, standbys: true,
		series: []series{{component: meter.Owner, fault: meter.Kill, n: 4}, {component: meter.Splitter, fault: meter.Kill, n: 4}},
		calm:   10 * time.Second, window: time.Second, grace: time.Second, whole: 10 * time.Second, tiles: 1,
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

func TestRunner_makesATrialAgainThatTheMachineSpoilt(t *testing.T) {
	for _, c := range []struct{ stalls, made, counted int }{
		{0, 4, 4}, {1, 5, 4}, {3, 7, 4}, {100, 8, 0},
	} {
		s := &stage{stalls: c.stalls}
		p := stagePlan(7)
		p.series, p.controls = p.series[:1], 0
		s.onStrike = func() {
			if len(s.strikes) <= s.stalls {
				s.watch.Stalls.Note(s.now.Add(5*time.Millisecond), s.now.Add(8*time.Millisecond))
			}
		}
		_, trials, err := runStage(t.Context(), s, p)
		if err != nil {
			t.Fatal(err)
		}
		row := meter.Rows(trials)[0]
		if row.N != c.made || row.Counted != c.counted || row.Stalled != c.made-c.counted || row.Needed != 4 {
			t.Errorf("%d stalls: %d trials, %d counted, %d stalled, %d needed; want %d, %d, the rest, 4 of the 4 that were asked for",
				c.stalls, row.N, row.Counted, row.Stalled, row.Needed, c.made, c.counted)
		}
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

func TestRunner_letsAFaultStandForItsTimeAndEndsIt(t *testing.T) {
	s := &stage{strength: 1}
	p := stagePlan(7)
	p.controls = 0
	p.series = []series{
		{meter.Owner, meter.Freeze, 2, 300 * time.Millisecond}, {meter.Link, meter.OneWay, 2, 500 * time.Millisecond},
		{meter.Gossip, meter.Partition, 1, time.Second}, {meter.Store, meter.Freeze, 1, time.Second}, {meter.Sink, meter.Kill, 1, 0},
	}
	_, trials, err := runStage(t.Context(), s, p)
	if err != nil || len(trials) != 7 {
		t.Fatalf("run = %d trials, %v; want 7", len(trials), err)
	}
	if len(s.strikes) != 6 || len(s.ended) != 6 {
		t.Fatalf("%d strikes, %d ended; want 6: there is no second receiver", len(s.strikes), len(s.ended))
	}
	if got := trials[0]; got.Length != 300*time.Millisecond || got.Reading.Longest > 300*time.Millisecond || got.Reading.Longest < 290*time.Millisecond {
		t.Errorf("a freeze of 300 ms stood for %v, and the work for %v", got.Length, got.Reading.Longest)
	}
	for _, f := range s.strikes[2:4] {
		if len(f.nodes) != 2 || f.nodes[0] >= f.nodes[1] {
			t.Errorf("a link between %v, want an owner and its standby", f.nodes)
		}
	}
	if got := trials[2]; got.Victim != s.strikes[2].nodes[0]+"-"+s.strikes[2].nodes[1] || got.Uncounted() != "" {
		t.Errorf("a link's trial is of %q, not counted for %q", got.Victim, got.Uncounted())
	}
	if n := len(s.strikes[4].nodes); n != 5 {
		t.Errorf("gossip is that of %d nodes, want all", n)
	}
	if got := trials[6]; got.Failed == "" || got.Uncounted() == "" {
		t.Error("a receiver that is not there was broken")
	}
}

func TestRunner_breaksADoorThatServes(t *testing.T) {
	s := &stage{hold: 8 * time.Millisecond}
	p := stagePlan(7)
	p.controls, p.series = 0, []series{{component: meter.Door, fault: meter.Kill, n: 4}, {component: meter.Door, fault: meter.Noop, n: 4}}
	_, trials, err := runStage(t.Context(), s, p)
	if err != nil || len(trials) != 8 {
		t.Fatalf("run = %d trials, %v; want 8", len(trials), err)
	}
	held := map[string]string{"n2": "door of 1 connection", "n4": "door of 2 connections"}
	for _, trial := range trials {
		if trial.Held == "" || trial.Held != held[trial.Victim] || trial.Uncounted() != "" || trial.RSS == 0 {
			t.Errorf("broken was %s, which held %q (%s); want a node that serves connections", trial.Victim, trial.Held, trial.Uncounted())
		}
	}
	if s.asked != 1 {
		t.Errorf("requests at the doors were begun %d times, want once, with the first trial of a door", s.asked)
	}
	if p.series = stagePlan(7).series[:1]; p.series[0].component != meter.Owner {
		t.Fatalf("the plan begins with %+v, want owners", p.series)
	}
	s = &stage{}
	if _, _, err := runStage(t.Context(), s, p); err != nil || s.asked != 0 {
		t.Errorf("requests at the doors were begun %d times, %v; want none where no door is broken", s.asked, err)
	}
}

func TestRunner_doesNotCountAFaultThatStrikesNothing(t *testing.T) {
	p := stagePlan(7)
	p.controls, p.series = 0, []series{{meter.Owner, meter.Loss, 1, time.Second}}
	for strength, want := range map[uint64]string{0: "the fault had nothing to strike", 3: ""} {
		_, trials, err := runStage(t.Context(), &stage{strength: strength}, p)
		if err != nil || len(trials) != 1 || trials[0].Uncounted() != want {
			t.Errorf("a fault that strikes %d: %+v, %v; want it not counted for %q", strength, trials, err, want)
		}
	}
}

func TestRunner_countsTheWrongResultsOfEachTrial(t *testing.T) {
	p := stagePlan(7)
	p.controls = 1
	p.series = []series{{meter.Owner, meter.Wrong, 2, 200 * time.Millisecond}, {meter.Owner, meter.Noop, 1, 0}}
	r, trials, err := runStage(t.Context(), &stage{strength: 1}, p)
	if err != nil || len(trials) != 5 {
		t.Fatalf("run = %d trials, %v; want 5", len(trials), err)
	}
	const each = 200 / 5 * 25 // what comes in 200 ms
	for i, want := range []uint64{0, 0, each, each, 0} {
		if got := trials[i].Wrong; got != want {
			t.Errorf("%s %s: %d wrong results, want %d", trials[i].Component, trials[i].Fault, got, want)
		}
	}
	if rows := meter.Rows(trials); rows[2].Wrong != 2*each || rows[2].Counted != 2 || r.rec.Totals(r.arena.Now()).Wrong != 2*each {
		t.Errorf("wrong in the row %d, in all %d; want %d, and both trials counted", rows[2].Wrong, r.rec.Totals(r.arena.Now()).Wrong, 2*each)
	}
}

func TestRunner_blamesTheVictimsOfAFaultAlone(t *testing.T) {
	for _, c := range []struct {
		s    strike
		want int
	}{
		{strike{component: meter.Owner, fault: meter.Slow, nodes: []string{"n1"}}, 1},
		{strike{component: meter.Owner, fault: meter.Wrong, nodes: []string{"n1"}}, 1},
		{strike{component: meter.Link, fault: meter.Loss, nodes: []string{"n1", "n2"}}, 2},
		{strike{component: meter.All, fault: meter.Freeze, nodes: []string{"n1", "n2"}}, 2},
		{strike{component: meter.Gossip, fault: meter.Partition, nodes: []string{"n1", "n2"}}, 0},
		{strike{component: meter.Owner, fault: meter.Noop, nodes: []string{"n1"}}, 0},
		{strike{component: meter.Store, fault: meter.Kill}, 0},
	} {
		if got := c.s.blamed(); len(got) != c.want {
			t.Errorf("%s %s: %v are blamed, want %d", c.s.component, c.s.fault, got, c.want)
		}
	}
}

func TestRunner_leavesNoFaultBehindWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &stage{}
	s.onStrike = cancel
	p := stagePlan(7)
	p.controls, p.series = 0, []series{{meter.Owner, meter.Partition, 3, time.Second}}
	_, trials, err := runStage(ctx, s, p)
	if !errors.Is(err, context.Canceled) || len(trials) != 0 {
		t.Errorf("run = %d trials, %v; want none, %v", len(trials), err, context.Canceled)
	}
	if len(s.strikes) != 1 || len(s.ended) != 1 {
		t.Errorf("%d strikes, %d ended; want the one that was in force ended", len(s.strikes), len(s.ended))
	}
}

func TestRunner_keepsWhatItHasWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &stage{now: stageStart}
	p := stagePlan(7)
	rec := meter.NewRecorder(20 * time.Second)
	rec.Open(stageFlow)
	r := newRunner(p, s, rec, s.watched(), func(done, _ int, _ meter.Trial) {
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
