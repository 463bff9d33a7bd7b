package sim

import (
	"testing"

	"fracture/work"
)

// A cluster that is given more than it can carry, for a while and with no other fault, is late; it must not answer that
// by doing everything twice, for then it stays late.
func TestWorld_doesNotAddToAnOverload(t *testing.T) {
	w := New(Config{Faultless: true, Slowness: 12, Strategy: work.Standby}) // some 150 % of what five workers can do
	runs, tasks := 0, 0
	for seed := range uint64(20) {
		out := w.Run(seed)
		if out.Violation != nil {
			t.Fatalf("seed %d: %v", seed, out.Violation)
		}
		runs, tasks = runs+out.Runs, tasks+out.Tasks
	}
	if tasks == 0 || runs < tasks {
		t.Fatalf("%d of %d tasks were run: the test shows nothing", runs, tasks)
	}
	if more := float64(runs)/float64(tasks) - 1; more > 0.15 {
		t.Errorf("%d tasks were run %d times: %.0f %% more than needed", tasks, runs, 100*more)
	}
}
