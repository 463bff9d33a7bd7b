package meter

import (
	"context"
	"runtime"
	"testing"
	"time"

	"fracture/clock"
)

func TestLateness_knowsItsWorst(t *testing.T) {
	h := newLateness()
	at := func(d time.Duration) clock.Instant { return start.Add(d) }
	h.Note(at(0), at(100*time.Microsecond))
	h.Note(at(10*ms), at(15*ms))
	h.Note(at(20*ms), at(23*ms))
	if got := h.Worst(at(16*ms), at(30*ms)); got != 3*ms {
		t.Errorf("Worst = %v, want 3ms", got)
	}
	if got := h.Worst(at(14*ms), at(30*ms)); got != 5*ms {
		t.Errorf("Worst = %v, want 5ms: it was asleep then", got)
	}
	if got := h.Worst(at(0), at(9*ms)); got != 0 {
		t.Errorf("Worst = %v, want 0: a tenth of a millisecond is no hiccup", got)
	}
	if got := h.Spread(); got.Max < 5 || got.Max > 5.01 {
		t.Errorf("Spread = %+v, want a maximum of 5 ms", got)
	}
}

func TestWatch_looksAtTheMeterAndAtEveryCoreUntilToldToStop(t *testing.T) {
	w := NewWatch()
	procs := runtime.GOMAXPROCS(0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	wakings := func(l *Lateness) int64 {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.all.TotalCount()
	}
	enough := func() bool {
		return wakings(&w.Hiccups.Lateness) >= 20 && (wakings(&w.Stalls.Lateness) >= 20 || w.Stalls.Blind() != nil)
	}
	for patience := time.After(10 * time.Second); !enough(); {
		select {
		case <-time.After(hiccupPeriod):
		case <-patience:
			t.Fatalf("it woke %d and %d times", wakings(&w.Hiccups.Lateness), wakings(&w.Stalls.Lateness))
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if now := runtime.GOMAXPROCS(0); now != procs {
		t.Errorf("%d Ps after Run has returned, %d before", now, procs)
	}
	n := wakings(&w.Hiccups.Lateness) + wakings(&w.Stalls.Lateness)
	<-time.After(5 * stallPeriod)
	if more := wakings(&w.Hiccups.Lateness) + wakings(&w.Stalls.Lateness); more != n {
		t.Errorf("it woke %d times more after Run had returned", more-n)
	}
}

func TestWatch_tellsWhatWasSeenOrWhyNot(t *testing.T) {
	w := NewWatch()
	w.Hiccups.Note(start, start.Add(3*ms))
	w.Stalls.Note(start, start.Add(7*ms))
	var r Report
	if w.Tell(&r); r.Hiccups.Max < 3 || r.Stalls == nil || r.Stalls.Max < 7 || r.Unwatched != "" {
		t.Errorf("the report has %v, %v, %q; want 3 ms of the meter and 7 of the machine", r.Hiccups, r.Stalls, r.Unwatched)
	}
	w.Stalls.giveUp(context.DeadlineExceeded)
	r = Report{}
	if w.Tell(&r); r.Stalls != nil || r.Unwatched != context.DeadlineExceeded.Error() {
		t.Errorf("the report has %v, %q; want no figure where nothing was watched, and the reason", r.Stalls, r.Unwatched)
	}
}

func TestTrial_doesNotCountWhereTheMachineStoodStill(t *testing.T) {
	sound := sampleTrials()[0]
	for _, c := range []struct {
		stall time.Duration
		slow  float64
		want  string
	}{{0, 0, ""}, {StallLimit, SlowLimit, ""}, {StallLimit + 1, 1, stalled}, {0, SlowLimit + 0.1, stalled}} {
		trial := sound
		if trial.Stall, trial.Slow = c.stall, c.slow; trial.Uncounted() != c.want {
			t.Errorf("a stall of %v, %v times as slow: Uncounted = %q, want %q", c.stall, c.slow, trial.Uncounted(), c.want)
		}
	}
}

func TestRows_tellTakeoversOfAStallingMachineApart(t *testing.T) {
	trials := sampleTrials()[:2]
	for i := range trials {
		trials[i].Began, trials[i].Ended = start, start.Add(30*time.Second)
	}
	trials[0].Needless, trials[1].Needless, trials[1].Stall = 1, 5, 2*StallLimit
	row := Rows(trials)[0]
	if row.Needless != 2 || row.NeedlessWithThem == nil || *row.NeedlessWithThem != 6 {
		t.Errorf("needless %v/min, with the trial in which the machine stalled %v; want 2 and 6", row.Needless, row.NeedlessWithThem)
	}
}

func TestSpeed_findsTheSlowestSpell(t *testing.T) {
	var s Speed
	at := start
	do := func(n int, took time.Duration) {
		for range n {
			s.Note(at, took)
			at = at.Add(2 * ms)
		}
	}
	do(100, 25*time.Microsecond)
	slow := at
	do(10, 75*time.Microsecond)
	healed := at
	do(100, 25*time.Microsecond)
	do(1, 900*time.Microsecond) // an interrupt
	do(100, 25*time.Microsecond)
	if got := s.Slowest(start, slow.Add(-slowSpell)); got != 1 {
		t.Errorf("before it was slow it was %v times as slow as usual, want 1", got)
	}
	if got := s.Slowest(start, healed); got != 3 {
		t.Errorf("at its slowest it was %v times as slow as usual, want 3", got)
	}
	if got := s.Slowest(healed, at); got <= 1 || got >= SlowLimit {
		t.Errorf("with one long piece among ten it was %v times as slow, want that to tell little", got)
	}
	if got := new(Speed).Slowest(start, at); got != 0 {
		t.Errorf("a watch that saw nothing says %v, want 0", got)
	}
}

func TestSpeed_forgetsTheOldest(t *testing.T) {
	var s Speed
	for i := range 3 * piecesKept {
		s.Note(start.Add(time.Duration(i)*ms), time.Microsecond)
	}
	if len(s.took) != piecesKept {
		t.Errorf("%d pieces are kept, want %d", len(s.took), piecesKept)
	}
}
