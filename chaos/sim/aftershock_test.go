package sim

import (
	"bytes"
	"testing"
	"time"
)

// The second fault comes while the first is being made good, at every distance up to 100 ms, as seeds go by.
func TestAftershock_sweepsTheRecovery(t *testing.T) {
	const nearest, farthest = 10, 990 // of the places of the sweep that this test looks at, in turn
	for _, place := range []uint64{nearest, farthest} {
		struck := 0
		for turn := uint64(0); turn < 200 && struck == 0; turn++ {
			w := New(Config{})
			promoted := map[time.Duration]bool{} // when something was promoted, to the microsecond of the trace
			want := time.Duration(place) * aftershockStep
			var first time.Duration
			w.cfg.Trace = func(line []byte) {
				at := time.Duration(w.now).Truncate(time.Microsecond)
				if bytes.Contains(line, []byte(" promote ")) {
					promoted[at] = true
				}
				if first == 0 && w.out.Troubles[SecondKill]+w.out.Troubles[SecondFreeze] > 0 {
					first = time.Duration(w.now)
				}
			}
			w.Run(turn*aftershockSteps + place)
			if first == 0 || w.out.Troubles[SecondKill]+w.out.Troubles[SecondFreeze] > 1 {
				continue // none, or one whose forerunner found its victim gone
			}
			if promoted[(first - want).Truncate(time.Microsecond)] {
				struck++
			}
		}
		if struck == 0 {
			t.Errorf("no second fault %v after a promotion", time.Duration(place)*aftershockStep)
		}
	}
}

func TestAftershock_leavesEnoughNodesAlive(t *testing.T) {
	w := New(Config{Nodes: MinNodes})
	for seed := range uint64(60) {
		w.cfg.Trace = func([]byte) {
			live := 0
			for i := range w.cfg.Nodes {
				if w.processes[i].up || w.processes[i].incarnation == 0 || w.processes[i].leaving {
					live++
				}
			}
			if live < fewest && w.now > 10*1e6 {
				t.Errorf("seed %d: %d nodes are left at %v", seed, live, w.now)
			}
		}
		w.Run(seed)
	}
}
