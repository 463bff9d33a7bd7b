package failover

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/clock"
)

const (
	leaseFloor   = 8 * time.Millisecond
	leaseCeiling = 250 * time.Millisecond
)

// beating is a lease on a peer that has beaten every interval, n times, and the instant of the last beat.
func beating(interval time.Duration, n int) (Lease, clock.Instant) {
	var l Lease
	now := clock.Instant(time.Second)
	l.Grant(now, leaseFloor, leaseCeiling)
	for range n {
		now = now.Add(interval)
		l.Renew(now, interval)
	}
	return l, now
}

func TestLease_judgesSilenceAgainstTheRhythm(t *testing.T) {
	for _, c := range []struct {
		name     string
		interval time.Duration
		silence  time.Duration
		want     Verdict
	}{
		{"the next beat", 3 * time.Millisecond, 3 * time.Millisecond, Alive},
		{"two missed beats", 3 * time.Millisecond, 9 * time.Millisecond, Alive},
		{"more than twice the learned gap and a beat", 3 * time.Millisecond, 16 * time.Millisecond, Dead},
		{"the floor bears what a fast rhythm would not", time.Millisecond, 8 * time.Millisecond, Alive},
		{"beyond the floor", time.Millisecond, 8*time.Millisecond + 1, Dead},
		{"the ceiling ends what a slow rhythm would bear", 200 * time.Millisecond, 250*time.Millisecond + 1, Dead},
	} {
		l, last := beating(c.interval, 100)
		if got := l.Judge(last.Add(c.silence)); got != c.want {
			t.Errorf("%s: Judge after %v of silence, at a beat every %v = %v, want %v", c.name, c.silence, c.interval, got, c.want)
		}
	}
}

func TestLease_learnsTheRhythm(t *testing.T) {
	const interval = 3 * time.Millisecond
	l, now := beating(interval, 1000)
	steady := l.Lapse().Sub(now)

	now = now.Add(10 * time.Millisecond) // the peer hiccups once
	l.Renew(now, interval)
	if got, want := l.Lapse().Sub(now), 23*time.Millisecond; got != want {
		t.Errorf("after a gap of 10 ms the lease bears %v of silence, want %v: twice the gap and a beat", got, want)
	}
	for range 700 { // some two seconds
		now = now.Add(interval)
		l.Renew(now, interval)
	}
	if got, most := l.Lapse().Sub(now), steady+(23*time.Millisecond-steady)*55/100; got > most {
		t.Errorf("two seconds after the hiccup the lease still bears %v, want the half forgotten: at most %v", got, most)
	}
	for range 7000 {
		now = now.Add(interval)
		l.Renew(now, interval)
	}
	if got := l.Lapse().Sub(now); got > steady+time.Millisecond {
		t.Errorf("twenty seconds after the hiccup the lease bears %v, want about %v again", got, steady)
	}
}

func TestLease_learnsNoMoreThanTwiceOfASilenceThatItDidNotBear(t *testing.T) {
	const interval = 2 * time.Millisecond
	l, now := beating(interval, 1000)
	now = now.Add(300 * time.Millisecond) // the peer was frozen
	l.Renew(now, interval)
	if got, most := l.Lapse().Sub(now), 2*leaseFloor+interval; got > most {
		t.Errorf("after a freeze the lease bears %v of silence, want at most %v: the next one is to be noticed, too", got, most)
	}
	stalls := 0
	for ; l.Judge(now.Add(50*time.Millisecond)) == Dead; stalls++ { // the peer stalls again and again
		now = now.Add(50 * time.Millisecond)
		l.Renew(now, interval)
	}
	if stalls > 3 {
		t.Errorf("%d stalls of 50 ms were taken for deaths, want three at most: that is the peer's rhythm", stalls)
	}
}

func TestLease_bearsTheCeilingUntilTheFirstBeat(t *testing.T) {
	l, granted := beating(3*time.Millisecond, 0)
	if got := l.Judge(granted.Add(leaseCeiling)); got != Alive {
		t.Errorf("Judge a lease without a beat, at the ceiling = %v, want Alive", got)
	}
	if got := l.Judge(granted.Add(leaseCeiling + 1)); got != Dead {
		t.Errorf("Judge a lease without a beat, beyond the ceiling = %v, want Dead", got)
	}
}

func TestLease_excusesTheJudgesOwnStall(t *testing.T) {
	l, last := beating(3*time.Millisecond, 100)
	before := l.Lapse().Sub(last)
	woke := last.Add(time.Second)
	l.Excuse(woke)
	if got := l.Judge(woke); got != Alive {
		t.Errorf("Judge right after the judge itself slept = %v, want Alive", got)
	}
	l.Renew(last.Add(3*time.Millisecond), 3*time.Millisecond) // a beat that waited to be read all the while
	if got := l.Judge(woke.Add(before - time.Millisecond)); got != Alive {
		t.Errorf("an old beat, read late, shortened the excuse: %v", got)
	}
	if got := l.Judge(woke.Add(before + time.Millisecond)); got != Dead {
		t.Errorf("Judge %v after the stall = %v, want Dead: a stall is excused and teaches nothing", before+time.Millisecond, got)
	}
}

func TestLease_bearsNoLessThanTheFloorAndNoMoreThanTheCeiling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Lease
		now := clock.Instant(time.Second)
		l.Grant(now, leaseFloor, leaseCeiling)
		for range rapid.IntRange(0, 50).Draw(t, "beats") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "gap")))
			l.Renew(now, time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "interval")))
			if bears := l.Lapse().Sub(now); bears < leaseFloor || bears > leaseCeiling {
				t.Fatalf("the lease bears %v of silence, want %v to %v", bears, leaseFloor, leaseCeiling)
			}
		}
	})
}

func TestRhythm_remembersThePeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ceiling := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "ceiling"))
		var r rhythm
		for range rapid.IntRange(1, 100).Draw(t, "cases") {
			before := r.peak
			d := time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "took"))
			r.observe(d, ceiling)
			switch {
			case r.peak < min(d, ceiling):
				t.Fatalf("peak %v after a case of %v under a ceiling of %v", r.peak, d, ceiling)
			case r.peak > max(before, min(d, ceiling)):
				t.Fatalf("peak rose from %v to %v by a case of %v", before, r.peak, d)
			}
		}
	})
}

// A node that was frozen finds a second of its peers' beats unread when it runs again. None of them failed.
func TestCore_thatStalledMissesNobody(t *testing.T) {
	s := newStage(t, Config{})
	crew, _ := s.crew(3)
	s.run(time.Second)
	s.quiet()
	s.freeze(crew[0])
	s.run(time.Second)
	for _, other := range crew[1:] {
		if got := other.told["detect"]; got != 1 {
			t.Errorf("%s missed the frozen node %d times, want once", other.name, got)
		}
	}
	crew[0].waiting = nil // what its kernel could not hold
	s.thaw(crew[0])
	s.run(time.Second)
	if got := crew[0].told["detect"]; got != 0 {
		t.Errorf("the node that was frozen itself misses %d peers, want none: it did not listen", got)
	}
	for _, other := range crew[1:] {
		if got := other.told["recover"]; got != 1 {
			t.Errorf("%s took the thawed node for alive again %d times, want once", other.name, got)
		}
	}
}

func TestCore_detectsSilenceWithinTheLearnedRhythm(t *testing.T) {
	s := newStage(t, Config{})
	crew, _ := s.crew(3)
	s.run(time.Second)
	s.quiet()
	froze := s.now
	s.freeze(crew[2])
	s.until("n1 misses the frozen node", time.Second, func() bool { return crew[0].told["detect"] > 0 })
	if got, most := s.now.Sub(froze), 15*time.Millisecond; got > most {
		t.Errorf("silence was detected after %v, want at most %v at a beat every %v", got, most, stageBeats)
	}
	if e := crew[0].all(Detect)[0]; e.Signal != Silence || e.Peer != crew[2].id {
		t.Errorf("detected %v of %s, want silence of n3", e.Signal, s.names[e.Peer])
	}
}
