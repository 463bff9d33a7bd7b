package sim

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// seedCount is how many seeds the test of all promises runs; `make sim` runs many more.
var seedCount = flag.Uint64("seeds", 300, "seeds that TestWorld_keepsEveryPromise runs")

// replay is the command that shows what happened in a seed.
func replay(seed uint64, bug string) string {
	if bug != "" {
		bug = " --bug " + bug
	}
	return fmt.Sprintf("go run ./cmd/fracture sim --seed %d%s --trace", seed, bug)
}

func TestWorld_keepsEveryPromise(t *testing.T) {
	const workers = 2
	var total [workers]Outcome
	var takeovers [workers][failover.Handover + 1]int
	var group sync.WaitGroup
	for i := range uint64(workers) {
		group.Go(func() {
			w := New(Config{})
			for seed := i; seed < *seedCount; seed += workers {
				out := w.Run(seed)
				if out.Violation != nil {
					t.Errorf("seed %d: %v\nreplay: %s", seed, out.Violation, replay(seed, ""))
					return
				}
				sum := &total[i]
				sum.Delivered += out.Delivered
				sum.Accepted += out.Accepted
				sum.Orphaned += out.Orphaned
				sum.Views += out.Views
				for k, n := range out.Faults {
					sum.Faults[k] += n
				}
				for k, n := range out.Troubles {
					sum.Troubles[k] += n
				}
				for _, took := range out.Takeovers {
					takeovers[i][took.Signal]++
				}
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	// A run in which nothing happens keeps every promise, too.
	for _, k := range Kinds() {
		if total[0].Faults[k]+total[1].Faults[k] == 0 {
			t.Errorf("no %v struck in %d seeds", k, *seedCount)
		}
	}
	for _, k := range Troubles {
		if total[0].Troubles[k]+total[1].Troubles[k] == 0 {
			t.Errorf("no %v in %d seeds", k, *seedCount)
		}
	}
	for _, s := range []failover.Signal{failover.Reset, failover.Silence, failover.Overdue} {
		if takeovers[0][s]+takeovers[1][s] == 0 {
			t.Errorf("no takeover by %v in %d seeds", s, *seedCount)
		}
	}
	if total[0].Views+total[1].Views < int(*seedCount)/4 {
		t.Errorf("%d views held in %d seeds, want at least one in four", total[0].Views+total[1].Views, *seedCount)
	}
	accepted, orphaned := total[0].Accepted+total[1].Accepted, total[0].Orphaned+total[1].Orphaned
	if orphaned*20 > accepted {
		t.Errorf("%d of %d acknowledged streams are excused, want at most 1 in 20", orphaned, accepted)
	}
}

func TestWorld_seesEachPlantedBug(t *testing.T) {
	for _, bug := range Bugs {
		t.Run(bug.Name, func(t *testing.T) {
			t.Parallel()
			w := New(Config{Bug: bug.Bug})
			for seed := range uint64(20_000) {
				if v := w.Run(seed).Violation; v != nil {
					t.Logf("seed %d: %v\nreplay: %s", seed, v, replay(seed, bug.Name))
					return
				}
			}
			t.Error("20000 seeds do not see it")
		})
	}
}

func TestWorld_replaysASeedToTheByte(t *testing.T) {
	record := func(w *World, seed uint64) (lines []string, out Outcome) {
		w.cfg.Trace = func(line []byte) { lines = append(lines, string(line)) }
		out = w.Run(seed)
		return lines, out
	}
	used := New(Config{})
	for seed := range uint64(10) {
		used.Run(seed + 100) // memory that was used must not show
		first, out := record(used, seed)
		second, again := record(New(Config{}), seed)
		if out.Hash != again.Hash || out.Events != again.Events || out.Virtual != again.Virtual {
			t.Errorf("seed %d: hash %x after %d happenings, then %x after %d",
				seed, out.Hash, out.Events, again.Hash, again.Events)
		}
		if !slices.Equal(first, second) {
			t.Errorf("seed %d: two runs have different traces of %d and %d lines", seed, len(first), len(second))
		}
		if silent := New(Config{}).Run(seed); silent.Hash != out.Hash {
			t.Errorf("seed %d: hash %x unheard, %x when the trace is told", seed, silent.Hash, out.Hash)
		}
	}
}

func TestWorld_seedsDiffer(t *testing.T) {
	w, seen := New(Config{}), map[uint64]uint64{}
	for seed := range uint64(50) {
		hash := w.Run(seed).Hash
		if other, ok := seen[hash]; ok {
			t.Errorf("seeds %d and %d are the same run", other, seed)
		}
		seen[hash] = seed
	}
}

func TestWorld_runsWithFewAndManyNodes(t *testing.T) {
	for _, nodes := range []int{MinNodes, MaxNodes} {
		w := New(Config{Nodes: nodes})
		for seed := range uint64(20) {
			if out := w.Run(seed); out.Violation != nil || out.Delivered == 0 {
				t.Errorf("%d nodes, seed %d: %d results, %v", nodes, seed, out.Delivered, out.Violation)
			}
		}
	}
}

func TestQueue_popsInOrderOfTimeThenOfArrival(t *testing.T) {
	var q queue
	const n = 1000
	for i := range uint64(n) {
		at := clock.Instant(chaos.Draw(1, chaos.Spot{}, 1, i).Below(100))
		q.push(entry{at: at, arg: uint32(i)})
		if i%3 == 0 {
			q.pop()
		}
	}
	last := q.pop()
	for q.len() > 0 {
		e := q.pop()
		if e.before(&last) {
			t.Fatalf("%v comes after %v", e, last)
		}
		last = e
	}
}

func TestParcels_ownWhatTheyHold(t *testing.T) {
	var ps parcels
	payload := []byte("result")
	a := ps.keep(&failover.Message{Payload: payload})
	b := ps.again(a)
	copy(payload, "broken")
	ps.drop(a)
	c := ps.keep(&failover.Message{Payload: []byte("others")})
	if got := string(ps.at(b).message.Payload); got != "result" {
		t.Errorf("the copy of a parcel holds %q, want %q", got, "result")
	}
	if c != a {
		t.Errorf("a parcel that was dropped is not used again: %d, then %d", a, c)
	}
}

func TestRules_makeSense(t *testing.T) {
	seen := map[uint32]bool{}
	for _, r := range ruleTable(nil) {
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		if seen[r.ID] {
			t.Errorf("two rules are numbered %d", r.ID)
		}
		seen[r.ID] = true
	}
}

// The bounds of a takeover rest on the core's ceiling and the network's times; docs/SIM.md quotes them.
func TestTakeover_boundsAreDerived(t *testing.T) {
	if resetHigh != 3*time.Millisecond {
		t.Errorf("resetHigh = %v", resetHigh)
	}
	if afterSilence < silenceCeiling || afterSilence > silenceCeiling+100*time.Millisecond {
		t.Errorf("afterSilence = %v with a ceiling of %v", afterSilence, silenceCeiling)
	}
}

func ExampleWorld_Run() {
	out := New(Config{Strategy: work.Standby}).Run(1)
	fmt.Println(out.Violation == nil, out.Delivered == out.Tasks)
	// Output: true true
}

// BenchmarkRun is one seed an operation.
func BenchmarkRun(b *testing.B) {
	w := New(Config{})
	b.ReportAllocs()
	events := 0
	for seed := range uint64(b.N) {
		events += w.Run(seed).Events
	}
	b.ReportMetric(float64(events)/float64(b.N), "events/op")
}
