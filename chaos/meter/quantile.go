package meter

import (
	"math"
	"slices"
	"time"
)

// Spread sums durations up. Percentiles are exact, by nearest rank: the p-th of n sorted values is the one at place
// ⌈n·p⌉, counted from 1, so that each is a value that was measured. Below n = 100 the p99 is therefore the maximum.
type Spread struct {
	P50 float64 `json:"p50"` // ms, as all
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// SpreadOf sums values up, sorting them. No values give zeros.
func SpreadOf(values []time.Duration) Spread {
	slices.Sort(values)
	return Spread{
		P50: Millis(nearestRank(values, 500)),
		P90: Millis(nearestRank(values, 900)),
		P99: Millis(nearestRank(values, 990)),
		Max: Millis(nearestRank(values, 1000)),
	}
}

// Millis is d in milliseconds, rounded to a microsecond.
func Millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// nearestRank is the value at the given per mille of sorted values.
func nearestRank(sorted []time.Duration, perMille int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max((len(sorted)*perMille+999)/1000, 1)-1]
}
