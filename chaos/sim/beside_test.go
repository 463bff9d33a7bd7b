package sim

import (
	"bytes"
	"slices"
	"testing"

	"fracture/chaos"
)

// verbs lists what befalls the processes of a seed, in order.
func verbs(w *World, seed uint64) (list []string) {
	w.cfg.Trace = func(line []byte) {
		switch words := bytes.Fields(line); string(words[2]) {
		case "dies", "stall", chaos.Thaw.String():
			list = append(list, string(words[2]))
		case "start":
			if w.now > w.fells {
				list = append(list, string(words[2]))
			}
		}
	}
	if out := w.Run(seed); out.Violation != nil {
		return []string{out.Violation.Error()}
	}
	return list
}

func TestBeside_theHostStalls(t *testing.T) {
	w := New(Config{})
	whole, part := 0, 0
	for k := range uint64(24) {
		seed := calmPlace + calmEach*(uint64(besides)*k+uint64(hostStalls))
		list := verbs(w, seed)
		deaths, stalled := 0, 0
		for _, verb := range list {
			switch verb {
			case "dies":
				deaths++
			case "stall":
				stalled++
			case chaos.Thaw.String():
			default:
				t.Errorf("seed %d: %s", seed, verb)
			}
		}
		if deaths != 1 || w.out.Troubles[Stall] != 1 {
			t.Errorf("seed %d: %d die and the host stalls %d times, want once each: %v", seed, deaths, w.out.Troubles[Stall], list)
		}
		for i := range w.processes {
			if w.processes[i].frozen {
				t.Errorf("seed %d: %s stands still at the end", seed, w.processes[i].name)
			}
		}
		if stalled >= w.cfg.Nodes {
			whole++
		} else {
			part++
		}
	}
	if whole == 0 || part == 0 {
		t.Errorf("of 24 hosts %d stall as a whole and %d in part, want some of each", whole, part)
	}
}

func TestBeside_moreDie(t *testing.T) {
	w := New(Config{})
	for k := range uint64(24) {
		seed := calmPlace + calmEach*(uint64(besides)*k+uint64(moreDie))
		if list := verbs(w, seed); !slices.Equal(list, []string{"dies", "start", "dies", "dies"}) {
			t.Errorf("seed %d: %v, want a death, its end, and two more deaths", seed, list)
		}
	}
}
