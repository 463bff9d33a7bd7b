package wire

import (
	"slices"
	"testing"
	"time"
)

// report adds the median and the 99th percentile of what was taken to a benchmark.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) float64 {
		return float64(took[int(q*float64(len(took)-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
}

func childMain() bool { return false }
