package main

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
)

// objects are those that a lab has written so far; a line that is not whole yet is none.
func (p *process) objects() (all []map[string]any) {
	p.t.Helper()
	lines := strings.Split(p.out.String(), "\n")
	for _, line := range lines[:len(lines)-1] {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			p.t.Fatalf("%v in %q, want an object a line", err, line)
		}
		all = append(all, o)
	}
	return all
}

// awaitObject waits for an object with these fields among others.
func (p *process) awaitObject(want map[string]any) {
	p.t.Helper()
	text, _ := json.Marshal(want) // strings and numbers always encode
	await(p.t, "an object with "+string(text), func() bool {
		for _, o := range p.objects() {
			fits := true
			for key, value := range want {
				fits = fits && o[key] == value
			}
			if fits {
				return true
			}
		}
		return false
	}, p.said)
}

func TestE2E_aLabTellsProgramsWhatHappens(t *testing.T) {
	h := newHouse(t)
	lab := h.start(labArgs("--json", "--nodes", "3", "--fps", "10", "--probe", "50ms")...)
	lab.awaitObject(map[string]any{"kind": "summary", "alive": 3.0, "dead": 0.0})
	h.start("inject", "kill", "--node", "n3", "--for", "5s").wantExit(exitHeld)
	lab.awaitObject(map[string]any{"kind": "node", "node": "n3", "state": "dead"})
	lab.awaitObject(map[string]any{"kind": "incident", "node": "n3", "what": "killed"})
	lab.endBy(syscall.SIGINT)
	lab.objects()
	h.wantNothingLeft()
}
