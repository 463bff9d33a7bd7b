package failover

import (
	"testing"
	"time"

	"fracture/clock"
)

// asks has a pulse asked so many times, each interval, and says after how many the loop was found to stand still; 0 if never.
func asks(p *Pulse, now *clock.Instant, times int, rounds func(i int) uint64, waits bool) (found int) {
	const interval = 1500 * time.Microsecond
	for i := range times {
		*now = now.Add(interval)
		if p.Stands(*now, rounds(i), waits) && found == 0 {
			found = i + 1
		}
	}
	return found
}

func TestPulse_findsALoopThatStandsStill(t *testing.T) {
	still := func(n uint64) func(int) uint64 { return func(int) uint64 { return n } }
	turning := func(i int) uint64 { return uint64(2 * i) }
	for _, tt := range []struct {
		name   string
		rounds func(int) uint64
		waits  bool
		found  int
	}{
		{"asleep, and nothing to do", still(8), false, 0},
		{"at work", turning, true, 0},
		{"called, and not coming", still(8), true, 15}, // the first time says nothing yet; then 20 ms, and what is left of an interval
		{"not coming back from a round", still(7), false, 15},
	} {
		now := clock.Instant(1e9)
		var p Pulse
		if found := asks(&p, &now, 100, tt.rounds, tt.waits); found != tt.found {
			t.Errorf("a loop that is %s is found to stand still at asking %d, want %d", tt.name, found, tt.found)
		}
	}
}

func TestPulse_excusesALoopThatStoodStillWithItsProcess(t *testing.T) {
	var p Pulse
	now := clock.Instant(1e9)
	same := func(int) uint64 { return 8 }
	asks(&p, &now, 5, same, true)
	now = now.Add(time.Second)
	if found := asks(&p, &now, 10, same, true); found != 0 {
		t.Errorf("after a freeze of a second the loop is found to stand still at asking %d, want time to come round", found)
	}
}

func TestPulse_learnsHowLongLoopsWaitForACore(t *testing.T) {
	var p Pulse
	now := clock.Instant(1e9)
	rounds := uint64(8)
	wait := func(asked int) int { // for so many askings the loop does not come, and then it does
		found := asks(&p, &now, asked, func(int) uint64 { return rounds }, true)
		rounds += 2
		asks(&p, &now, 1, func(int) uint64 { return rounds }, true)
		return found
	}
	if found := wait(21); found == 0 {
		t.Error("a first wait of 31 ms is borne, want 20")
	}
	if found := wait(21); found != 0 {
		t.Errorf("a second wait of 31 ms is not borne, but found at asking %d", found)
	}
	if p.Bears() > 70*time.Millisecond {
		t.Errorf("after two waits of 31 ms it bears %v, want some twice as much", p.Bears())
	}
	for range 100 {
		wait(5 * int(time.Second/(1500*time.Microsecond)))
	}
	if p.Bears() != pulseCeiling {
		t.Errorf("after waits of 5 s it bears %v, want %v", p.Bears(), pulseCeiling)
	}
	asks(&p, &now, 10_000, func(i int) uint64 { return rounds + uint64(2*i) }, true)
	if p.Bears() != pulseFloor {
		t.Errorf("after 15 s of a loop that always came it bears %v, want %v", p.Bears(), pulseFloor)
	}
}
