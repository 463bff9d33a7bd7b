package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fracture/cluster/failover"
	"fracture/telemetry"
)

// What goes wrong inside a node's process, on real ones.

// heardEvents are the events that a lab's nodes tell of.
type heardEvents struct {
	mu   sync.Mutex // guards list
	list []telemetry.Event
}

func (h *heardEvents) news(n telemetry.News) {
	if n.Event != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.list = append(h.list, *n.Event)
	}
}

// count counts those of a verb about a node, by a signal.
func (h *heardEvents) count(verb, peer string, signal failover.Signal) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.list {
		if e.Verb == verb && e.Peer == peer && e.Signal == signal {
			n++
		}
	}
	return n
}

// A wedged node is missed by the others though its process runs and its links stand, and greeted when it goes on.
func TestE2E_aWedgedNodeIsMissedBySilence(t *testing.T) {
	h := newHouse(t)
	lab := h.startLab(3, "--fps", "10", "--probe", "50ms")
	pid := h.nodes(lab)["n2"]
	t.Setenv("XDG_RUNTIME_DIR", h.runtime)
	var heard heardEvents
	joinLab(t, heard.news)
	missed, took := 0, 0
	for try := 0; try < 20 && (missed < 2 || took == 0); try++ { // nothing is taken over where nothing was in its hands then
		detected, promoted := heard.count("detect", "n2", failover.Silence), heard.count("promote", "n2", failover.Silence)
		h.start("inject", "wedge", "--node", "n2", "--for", "1s").wantExit(exitHeld)
		missed, took = heard.count("detect", "n2", failover.Silence)-detected, heard.count("promote", "n2", failover.Silence)-promoted
	}
	if missed < 2 || took == 0 {
		t.Errorf("of n2, wedged for a second, %d miss beats in the end, and take %d tasks over; want that both others do", missed, took)
	}
	if n := heard.count("detect", "n2", failover.Reset); n > 0 {
		t.Errorf("links to n2 broke %d times, want that they stand", n)
	}

	recovered := heard.count("recover", "n2", 0)
	detected := heard.count("detect", "n2", failover.Silence)
	p := h.start("inject", "wedge", "--node", "n2", "--for", "1m", "--json")
	await(t, "n2 is missed", func() bool { return heard.count("detect", "n2", failover.Silence) > detected }, p.said)
	if err := stopped(pid); err == nil {
		t.Error("n2 is stopped, and not wedged")
	}
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	if got := fmt.Sprint(said(t, p.out.String())); got != "[n2 fault n2 heal]" {
		t.Errorf("n2 says %s, want that the fault stood and is healed", got)
	}
	await(t, "n2 is greeted", func() bool { return heard.count("recover", "n2", 0) > recovered }, nil)
}

// ofProcess reads a number behind a name in /proc/PID/status.
func ofProcess(t *testing.T, pid int, name string) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatalf("%s in %q: %v", name, line, err)
			}
		}
	}
	return kib
}

// ticksOf is the processor time of a process so far, in ticks of the kernel's clock, as proc_pid_stat(5) has it.
func ticksOf(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var user, system int
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return user + system
}

// Memory and processors of one node are taken, of that process alone, and given back.
func TestE2E_aNodesResourcesAreTakenAndGivenBack(t *testing.T) {
	h := newHouse(t)
	nodes := h.nodes(h.startLab(3, "--fps", "10", "--probe", "50ms"))
	const taken = 64 << 10 // KiB
	before, other := ofProcess(t, nodes["n2"], "VmRSS"), ofProcess(t, nodes["n3"], "VmRSS")
	p := h.start("inject", "ballast", "--bytes", "64MiB", "--node", "n2", "--for", "1m")
	await(t, "n2 holds it", func() bool { return ofProcess(t, nodes["n2"], "VmRSS") > before+taken*3/4 }, p.said)
	if now := ofProcess(t, nodes["n3"], "VmRSS"); now > other+taken/2 {
		t.Errorf("n3 has grown from %d to %d KiB", other, now)
	}
	h.start("inject", "ballast", "--bytes", "1GiB", "--node", "n2").wantRefusal(exitEnvironment, "at a node together")
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	await(t, "n2 has given it back", func() bool { return ofProcess(t, nodes["n2"], "VmRSS") < before+taken/2 }, nil)

	p = h.start("inject", "stress", "--cores", "2", "--node", "n2", "--for", "1m")
	n2, n3 := ticksOf(t, nodes["n2"]), ticksOf(t, nodes["n3"])
	await(t, "n2 burns a second of processor time, and twice what n3 takes", func() bool {
		burnt := ticksOf(t, nodes["n2"]) - n2
		return burnt > 100 && burnt > 2*(ticksOf(t, nodes["n3"])-n3)
	}, p.said)
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
}

// What goes wrong with the clock and the collector is obeyed and healed, also where the clock jumps to and fro.
func TestE2E_aNodesClockIsWrongAndRightAgain(t *testing.T) {
	h := newHouse(t)
	h.startLab(3, "--fps", "10", "--probe", "50ms")
	for _, line := range []string{"skew --by -50ms", "jump --by 200ms", "strobe --by 50ms --period 10ms", "gc"} {
		p := h.start(append(append([]string{"inject"}, strings.Fields(line)...), "--node", "n2", "--for", "300ms", "--json")...)
		if code := p.end(); code != exitHeld {
			t.Fatalf("inject %s exits with %d, want 0:\n%s", line, code, p.said())
		}
		if got := fmt.Sprint(said(t, p.out.String())); got != "[n2 fault n2 heal]" {
			t.Errorf("%s: n2 says %s, want that the fault stood and is healed", line, got)
		}
	}
}
