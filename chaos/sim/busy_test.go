package sim

import "testing"

// nthBeside is the n-th seed of the calm worlds of a kind.
func nthBeside(kind beside, n uint64) uint64 {
	return calmPlace + calmEach*(uint64(besides)*n+uint64(kind))
}

// On a machine on which all loops come round late, again and again, each result comes a few rounds late and no more.
func TestBusy_loopsThatAreLateEachTimeKeepThePicture(t *testing.T) {
	w := New(Config{})
	for n := range uint64(24) {
		out := w.Run(nthBeside(loopsLate, n))
		if out.Violation != nil {
			t.Errorf("%v\nreplay: %s", out.Violation, replay(out.Seed, ""))
		}
		if out.Troubles[Busy] != w.cfg.Nodes || w.streams[0].delivered == 0 {
			t.Errorf("seed %d: %d loops are late, and %d results must come: the test shows nothing",
				out.Seed, out.Troubles[Busy], w.streams[0].delivered)
		}
	}
}

// After processes have stood still for seconds, what is due comes in time again.
func TestBusy_whoStoodStillForSecondsGoesOnInTime(t *testing.T) {
	w := New(Config{})
	whole := 0
	for n := range uint64(24) {
		out := w.Run(nthBeside(hostHangs, n))
		if out.Violation != nil {
			t.Errorf("%v\nreplay: %s", out.Violation, replay(out.Seed, ""))
		}
		if out.Troubles[Hang] == len(w.hangs)*len(w.processes) {
			whole++
		}
		for i := range w.processes {
			if w.processes[i].frozen {
				t.Errorf("seed %d: %s stands still at the end", out.Seed, w.processes[i].name)
			}
		}
	}
	if whole == 0 || whole == 24 {
		t.Errorf("of 24 hosts %d hang as a whole each time, want some", whole)
	}
}
