package main

import "testing"

func TestCollector_letsTheHeapGrowToItsGoalAndNeverCollectsAllTheTime(t *testing.T) {
	for _, c := range []struct {
		live    uint64
		percent int
		limit   int64
	}{
		{0, 100, memory},
		{heapGoal / 4, 300, memory},
		{heapGoal / 2, 100, memory},
		{heapGoal, leastGC, 3 * heapGoal},
		{2 * heapGoal, leastGC, 6 * heapGoal}, // the percentage is at its least, the limit goes on with what lives
		{1, mostGC, memory},
	} {
		if percent, limit := collector(c.live); percent != c.percent || limit != c.limit {
			t.Errorf("with %d B alive the collector is set to %d %% and %d B, want %d and %d", c.live, percent, limit, c.percent, c.limit)
		}
	}
}
