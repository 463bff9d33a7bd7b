package main

import "testing"

func TestCollector_letsTheHeapGrowToItsGoalAndNeverCollectsAllTheTime(t *testing.T) {
	for _, c := range []struct {
		live, beside uint64
		percent      int
	}{
		{0, 0, 100},
		{heapGoal / 4, 0, 300},
		{heapGoal / 2, 0, 100},
		{heapGoal / 4, heapGoal / 4, 150}, // stacks and globals count as if they lived
		{heapGoal, 0, leastGC},
		{2 * heapGoal, heapGoal, leastGC},
		{1, 0, mostGC},
	} {
		if percent := collector(c.live, c.beside); percent != c.percent {
			t.Errorf("with %d B alive and %d beside the collector is set to %d %%, want %d", c.live, c.beside, percent, c.percent)
		}
	}
}
