package main

import "testing"

func TestGCPercent_letsTheHeapGrowToItsGoalAndNeverCollectsAllTheTime(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 100},
		{heapGoal / 4, 300},
		{heapGoal / 2, 100},
		{heapGoal, leastGC},
		{10 * heapGoal, leastGC},
		{1, mostGC},
	} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("with %d B alive the collector is set to %d %%, want %d", c.live, got, c.want)
		}
	}
}
