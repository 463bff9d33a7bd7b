package chaos

import (
	"math"
	"testing"
	"time"
)

// spread draws the lateness of many messages under a fault, and gives their mean and their deviation.
func spread(f Fault) (mean, deviation time.Duration, all []time.Duration) {
	const n = 40_000
	var sum, squares float64
	for i := range uint64(n) {
		late := f.Touch(i, Draw(3, link, 1, i)).Late
		all = append(all, late)
		sum += float64(late)
		squares += float64(late) * float64(late)
	}
	sum /= n
	return time.Duration(sum), time.Duration(math.Sqrt(squares/n - sum*sum)), all
}

func TestDelay_isSpreadAroundItsMeanAsItsDistributionSays(t *testing.T) {
	const by, jitter = 200 * time.Millisecond, 20 * time.Millisecond
	for d, deviation := range map[Distribution]time.Duration{
		Uniform: time.Duration(float64(jitter) / math.Sqrt(3)), Normal: jitter, Pareto: jitter,
	} {
		f := Fault{Kind: Delay, Share: 1, By: by, Jitter: jitter, Distribution: d}
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		mean, got, all := spread(f)
		if off := (mean - by).Abs(); off > time.Millisecond {
			t.Errorf("%v: the mean is %v, want about %v", d, mean, by)
		}
		if off := (got - deviation).Abs(); off > deviation/5 { // a tail of index 3 has a wild one
			t.Errorf("%v: the deviation is %v, want about %v", d, got, deviation)
		}
		early, late := 0, 0 // by more than a jitter, and by more than four
		for _, l := range all {
			if l < by-jitter {
				early++
			}
			if l > by+4*jitter {
				late++
			}
		}
		switch d {
		case Uniform:
			if early+late > 0 {
				t.Errorf("%v: %d and %d lie beyond the jitter", d, early, late)
			}
		case Normal:
			if early < len(all)/10 || late > len(all)/1000 {
				t.Errorf("%v: %d of %d are more than a jitter early, and %d far too late", d, early, len(all), late)
			}
		case Pareto:
			if early > 0 || late < len(all)/500 {
				t.Errorf("%v: %d of %d are more than a jitter early, and %d in the tail", d, early, len(all), late)
			}
		}
	}
}

func TestDelay_withoutAJitterIsExact(t *testing.T) {
	if mean, deviation, _ := spread(Fault{Kind: Delay, Share: 1, By: 20 * time.Millisecond}); mean != 20*time.Millisecond || deviation > time.Microsecond {
		t.Errorf("a delay by 20ms is %v ± %v", mean, deviation)
	}
}

func TestDelay_isNeitherEarlyNorLaterThanAnyoneWaits(t *testing.T) {
	for _, luck := range []Luck{0, 1, math.MaxUint64, math.MaxUint64 / 2} {
		for _, d := range Distributions {
			f := Fault{Kind: Delay, Share: 1, By: time.Millisecond, Jitter: MaxLate, Distribution: d}
			if late := f.lateness(luck); late < 0 || late > MaxLate {
				t.Errorf("%v with luck %x: late by %v", d, uint64(luck), late)
			}
		}
	}
}
