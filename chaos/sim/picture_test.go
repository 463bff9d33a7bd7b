package sim

import (
	"bytes"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/work"
)

func TestPicture_calmWorldsHaveOneDeathAndNothingElse(t *testing.T) {
	w := New(Config{})
	led, followed, judged := 0, 0, 0
	for seed := uint64(calmPlace); seed < 60*calmEach; seed += calmEach * uint64(besides) {
		leader := ""
		w.cfg.Trace = func(line []byte) {
			if died := bytes.Fields(line); string(died[2]) == "dies" {
				if string(died[1]) == leader {
					led++
				} else {
					followed++
				}
			}
			for i := range w.cfg.Nodes {
				if r := &w.streams[0].roles[i]; w.processes[i].up && r.leads && r.holds(w.processes[i].id) {
					leader = w.processes[i].name
				}
			}
		}
		out := w.Run(seed)
		if out.Violation != nil {
			t.Fatalf("seed %d: %v", seed, out.Violation)
		}
		if w.beside != nothing {
			t.Fatalf("seed %d: something happens beside the death", seed)
		}
		for k, n := range out.Faults {
			if want := map[int]int{int(chaos.Kill): 1}[k]; n != want {
				t.Errorf("seed %d: %d × %v in a calm world, want %d", seed, n, chaos.Kind(k), want)
			}
		}
		for _, k := range Troubles {
			if k != Skew && out.Troubles[k] != 0 {
				t.Errorf("seed %d: %v in a calm world", seed, k)
			}
		}
		if w.streams[0].spec.Frames != 0 || w.streams[0].copies() < 2 {
			t.Errorf("seed %d: a stream of %d frames with %d copies", seed, w.streams[0].spec.Frames, w.streams[0].copies())
		}
		judged += len(out.Lates)
	}
	if led == 0 || followed == 0 || judged == 0 {
		t.Errorf("%d leaders died and %d others, %d results were judged: want some of each", led, followed, judged)
	}
}

// A result that nobody took over comes with the splitter's patience, and is seen.
func TestPicture_seesAResultThatComesLate(t *testing.T) {
	w := New(Config{Strategy: work.Standby})
	w.reset(calmPlace)
	w.populate()
	w.plan()
	s := &w.streams[0]
	frame := uint64(w.fells.Sub(0)/s.spec.Period) + 3
	due, i := s.since.Add(s.spec.Period*time.Duration(frame)), s.index(work.TaskID{Frame: frame})
	w.now = due.Add(lateTakeover)
	picture{}.delivered(w, s, i)
	if w.out.Violation != nil {
		t.Errorf("a result that comes in time is blamed: %v", w.out.Violation)
	}
	w.now++
	picture{}.delivered(w, s, i)
	if w.out.Violation == nil {
		t.Errorf("a result that comes %v after its frame was due passes", w.now.Sub(due))
	}
}

func TestPicture_boundsAreDerived(t *testing.T) {
	if lateUsual != 37100*time.Microsecond || lateTakeover != 65200*time.Microsecond || lateBeside != 2065200*time.Microsecond {
		t.Errorf("bounds of %v and %v; docs/SIM.md quotes others", lateUsual, lateTakeover)
	}
}

// In a world in which everything goes wrong a stream without end goes on when all has healed.
func TestPicture_endlessStreamsGoOnAfterTheHealing(t *testing.T) {
	w, tasks := New(Config{}), 0
	for seed := uint64(1); seed < 30*endlessEach; seed += endlessEach {
		out := w.Run(seed)
		if out.Violation != nil {
			t.Fatalf("seed %d: %v\nreplay: %s", seed, out.Violation, replay(seed, ""))
		}
		if !w.streams[0].excused() {
			tasks += w.streams[0].last - w.streams[0].first
		}
	}
	if tasks == 0 {
		t.Error("no result of a stream without end had to come")
	}
}
