package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Faults at a running lab, by the verb, on real processes.

// said is what the nodes have said to an injector, as node and verb.
func said(t *testing.T, out string) (list []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		var w word
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatalf("%v in %q, want a JSON object a line", err, line)
		}
		if w.Verb != "" { // else it says what begins
			list = append(list, w.Node+" "+w.Verb)
		}
	}
	slices.Sort(list)
	return slices.Compact(list) // on a slow machine a lease may be over before it is healed
}

func TestE2E_aFaultStandsAtEachNodeThatIsNamedAndIsHealed(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms")
	for nodes, want := range map[string][]string{
		"all": {"n1 fault", "n1 heal", "n2 fault", "n2 heal", "n3 fault", "n3 heal"},
		"n2":  {"n2 fault", "n2 heal"},
	} {
		p := h.start("inject", "fail", "--terms", "every(3)panic", "--node", nodes, "--for", "300ms", "--json")
		if code := p.end(); code != exitHeld {
			t.Fatalf("inject at %s exits with %d, want 0:\n%s", nodes, code, p.said())
		}
		if got := said(t, p.out.String()); !slices.Equal(got, want) {
			t.Errorf("the nodes say %q, want %q", got, want)
		}
	}

	p := h.start("inject", "cut", "--node", "n9")
	if code := p.end(); code != exitEnvironment || !strings.Contains(p.said(), "n9") {
		t.Errorf("inject at a node that is not there exits with %d, want 3 and its name:\n%s", code, p.said())
	}
}

func TestE2E_anInterruptedFaultIsHealed(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms")
	p := h.start("inject", "slow", "--times", "3", "--node", "n1", "--for", "1m", "--json")
	await(t, "n1 says that it stands", func() bool { return strings.Contains(p.out.String(), `"verb":"fault"`) }, p.said)
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	if got := said(t, p.out.String()); fmt.Sprint(got) != "[n1 fault n1 heal]" {
		t.Errorf("n1 says %q, want that the fault stood and is healed", got)
	}
}
