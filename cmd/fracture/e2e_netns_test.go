package main

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"fracture/chaos/meter"
	"fracture/control"
	"fracture/netns"
)

// A lab in which each node has a network interface of its own. Where this process may have none, what is tested is that the error
// says so.

// namespaceOf is the network namespace of a process; empty where it is gone.
func namespaceOf(pid int) string {
	link, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)) // empty with an error
	return link
}

// inhabited lists the network namespaces that some process is in, or that are kept by a mount.
func inhabited(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net") // the pattern is good
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil {
			there[name] = true
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`net:\[\d+\]`).FindAllString(string(mounts), -1) {
		there[name] = true
	}
	return there
}

// interfaces names those of this host.
func interfaces(t *testing.T) (names []string) {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		names = append(names, i.Name)
	}
	return names
}

// routed reports whether a process has a way to anywhere but itself.
func routed(pid int) bool {
	table, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/route", pid)) // one that is gone has none
	return strings.Count(string(table), "\n") > 1
}

// awaitRouted waits until a process has a way, or has none.
func awaitRouted(t *testing.T, pid int, want bool) {
	t.Helper()
	await(t, fmt.Sprintf("that process %d has a route: %v", pid, want), func() bool { return routed(pid) == want }, nil)
}

// startApart starts a lab in a network of its own; where that cannot be, it wants the error and answers nil.
func (h *house) startApart(nodes int, more ...string) *process {
	h.t.Helper()
	lab := h.start(append([]string{"lab", "--netns", "--plain", "--nodes", fmt.Sprint(nodes), "--fps", "10", "--probe", "50ms"}, more...)...)
	if netns.Possible() != nil {
		lab.wantRefusal(exitEnvironment, "--netns", "without --netns")
		h.wantNothingLeft()
		return nil
	}
	lab.awaitAlive(nodes)
	return lab
}

func TestE2E_anInterfaceIsTakenDownAndTheWorkIsTakenOver(t *testing.T) {
	h := newHouse(t)
	lab := h.startApart(5)
	if lab == nil {
		return
	}
	pids := h.nodes(lab)
	apart := map[string]bool{namespaceOf(os.Getpid()): true, namespaceOf(lab.cmd.Process.Pid): true}
	for _, pid := range pids {
		apart[namespaceOf(pid)] = true
	}
	if len(apart) != 7 {
		t.Fatalf("this host, the lab and five nodes are in the networks %v, want seven", slices.Collect(maps.Keys(apart)))
	}
	o := h.outside()
	lost, heir := -1, ""
	for try := 0; try < 8 && (lost != 0 || heir == ""); try++ { // a machine that is busy with other things loses some by itself
		heir, lost = h.takesDown(lab, o, pids["n3"])
	}
	if lost != 0 || heir == "" {
		t.Errorf("each time that an interface was down nobody took over, or something was lost: in the end %q did, and %d were", heir, lost)
	}
	if twice := regexp.MustCompile(`duplicates [1-9]`).FindString(lab.out.String()); twice != "" {
		t.Errorf("the lab says %q, want that nothing is delivered twice", twice)
	}
	if now := h.nodes(lab); !maps.Equal(now, pids) {
		t.Errorf("the nodes are %v, and were %v: want the same", now, pids)
	}
	h.reachesFromTheHost()
	lab.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

// takesDown has the interface of n3 taken down, sees that it is missed and that it is back, and answers with who took over from it
// and with how many results were lost meanwhile. Nobody takes over where nothing was in its hands at that moment.
func (h *house) takesDown(lab *process, o *outsider, pid int) (heir string, lost int) {
	h.t.Helper()
	before := lab.nextSummary()
	missed := func() (list []control.Incident) {
		all, _ := o.client.Incidents(h.t.Context()) // asked again
		for _, i := range all {
			if i.Node == "n3" && i.Fault == down && i.Signal != "" {
				list = append(list, i)
			}
		}
		return list
	}
	had, back := len(missed()), strings.Count(lab.out.String(), "recover: hears n3")
	p := h.start("inject", "down", "--node", "n3", "--for", "2s", "--json")
	awaitRouted(h.t, pid, false)
	p.wantExit(exitHeld)
	if got := fmt.Sprint(said(h.t, p.out.String())); got != "[n3 fault n3 heal]" {
		h.t.Errorf("the injector says %s, want that n3 was taken down and healed", got)
	}
	awaitRouted(h.t, pid, true)
	await(h.t, "the incident", func() bool { return len(missed()) > had }, lab.said)
	await(h.t, "n3 heard again", func() bool { return strings.Count(lab.out.String(), "recover: hears n3") > back }, lab.said)
	o.awaitState("n3", "alive")
	for range 3 { // what was due meanwhile is lost by then, or has come
		lab.nextSummary()
	}
	if now := missed(); now[len(now)-1].Tasks > 0 {
		heir = now[len(now)-1].Heir
	}
	return heir, lab.nextSummary().lost - before.lost
}

// nextSummary is the next of the lab's.
func (p *process) nextSummary() summary {
	p.t.Helper()
	had := len(p.summaries())
	await(p.t, "another summary", func() bool { return len(p.summaries()) > had }, p.said)
	return p.summaries()[had]
}

// reachesFromTheHost checks that the verbs reach a lab with a network of its own.
func (h *house) reachesFromTheHost() {
	h.t.Helper()
	cut := h.start("inject", "cut", "--node", "n2", "--for", "100ms", "--json")
	cut.wantExit(exitHeld)
	if got := fmt.Sprint(said(h.t, cut.out.String())); got != "[n2 fault n2 heal]" {
		h.t.Errorf("the injector says %s, want that n2 was cut off and healed", got)
	}
	watch := h.start("attach", "--plain", "--duration", "10s")
	watch.awaitLine(`summary .* 5 alive`)
	watch.endBy(syscall.SIGINT)
	heal := h.start("heal")
	heal.wantExit(exitHeld)
	if got := heal.out.String(); got != "nothing stands\n" {
		h.t.Errorf("heal says %q, want that nothing stands", got)
	}
}

func TestE2E_anInterfaceIsDownUntilEachWhoTookItDownHasHealed(t *testing.T) {
	h := newHouse(t)
	lab := h.startApart(3)
	if lab == nil {
		return
	}
	o := h.outside()
	took := func(for_ string) string {
		f, err := o.client.Inject(t.Context(), down, map[string]any{"node": "n2", "for": for_}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f.ID
	}
	pid := h.nodes(lab)["n2"]
	first, second := took("1h"), took("1h")
	awaitRouted(t, pid, false)
	for i, id := range []string{first, second} {
		if err := o.client.Heal(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if up := routed(pid); up != (i == 1) {
			t.Errorf("after %d of two are healed the node has a route: %v", i+1, up)
		}
	}

	third := took("1h") // and a node that is started again has a new one
	if _, err := o.client.Inject(t.Context(), "replace", map[string]any{"node": "n2"}, 0); err != nil {
		t.Fatal(err)
	}
	await(t, "another n2", func() bool { now := h.nodes(lab)["n2"]; return now != 0 && now != pid }, nil)
	awaitRouted(t, h.nodes(lab)["n2"], true)
	if err := o.client.Heal(t.Context(), third); err != nil {
		t.Error(err)
	}
	lab.awaitAlive(3)
	lab.endBy(syscall.SIGTERM)
	h.wantNothingLeft()
}

func TestE2E_noNetworkOutlivesAKilledLab(t *testing.T) {
	h := newHouse(t)
	before := interfaces(t)
	lab := h.startApart(3)
	if lab == nil {
		return
	}
	var networks []string
	for _, pid := range h.running() {
		networks = append(networks, namespaceOf(pid))
	}
	if now := interfaces(t); !slices.Equal(now, before) {
		t.Errorf("beside the lab this host has the interfaces %v, and had %v", now, before)
	}
	lab.signal(syscall.SIGKILL)
	lab.wantExit(-1)
	h.awaitNobody()
	h.wantNothingLeft()
	there := inhabited(t)
	for _, name := range networks {
		if there[name] {
			t.Errorf("%s outlived its lab", name)
		}
	}
	if now := interfaces(t); !slices.Equal(now, before) {
		t.Errorf("after the lab this host has the interfaces %v, and had %v", now, before)
	}
}

func TestE2E_withoutTheRightNoNetworkIsMade(t *testing.T) {
	h := newHouse(t)
	var lab *process
	started, ended := make(chan struct{}), make(chan struct{})
	defer close(ended)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends, without its right, and not before what it has started
		// Who may not give the right away is not root, and has none.
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0)
		lab = h.start("lab", "--netns", "--plain")
		close(started)
		<-ended
	}()
	<-started
	lab.wantRefusal(exitEnvironment, "--netns: making a network namespace", "without --netns")
	h.wantNothingLeft()

	h.start("lab", "--netns", "--gossip", "127.0.0.1:7946").wantRefusal(exitUsage, "--gossip with --netns", "10.77.0.2")
	h.start("lab", "--netns", "--http", "127.0.0.1:7035").wantRefusal(exitUsage, "--http with --netns", "10.77.0.2:7035")
	h.start("lab", "--netns", "--redis", "redis://127.0.0.1:6379").wantRefusal(exitUsage, "--netns", "unix://")

	plain := h.startLab(2, "--fps", "10", "--probe", "50ms")
	h.start("inject", "down", "--node", "n2", "--for", "1s").wantRefusal(exitEnvironment, "no network interface of its own", "--netns")
	plain.endBy(syscall.SIGINT)
	h.wantNothingLeft()
}

func TestE2E_aScenarioTakesAnInterfaceDown(t *testing.T) {
	h := newHouse(t)
	const text = `
title: link down
question: Is anything delivered twice when an interface goes down?
nodes: 3
budgets: [duplicates == 0]
faults: [{fault: down, node: n2, at: 200ms, for: 1s}]
`
	h.start("run", h.scenarioFile("without.yaml", text)).wantRefusal(exitUsage, "netns: true", "--netns")
	h.start("run", "--netns").wantRefusal(exitUsage, "--netns", "scenarios")
	with := h.scenarioFile("with.yaml", text+fmt.Sprintf(`netns: true
steady-state-hypothesis:
  title: what the scenario runs is on the host
  probes:
    - {type: probe, name: its network, tolerance: {type: regex, pattern: %q, target: stdout}, provider: {type: process, path: readlink, arguments: [/proc/self/ns/net]}}
`, regexp.QuoteMeta(namespaceOf(os.Getpid()))))
	if netns.Possible() != nil {
		h.start("run", with).wantRefusal(exitEnvironment, "--netns", "without --netns")
		return
	}
	whole, err := os.ReadFile(with)
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe") // gives its text once
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		written <- os.WriteFile(pipe, append(whole, "    - {type: probe, name: all is told once, tolerance: true, provider: {type: process, path: 'true'}}\n"...), 0)
	}()
	report, p := h.played(pipe, exitHeld, exitThin)
	if err := <-written; err != nil {
		t.Error(err)
	}
	if n := strings.Count(p.said(), "warning: "); n != 1 {
		t.Errorf("the one warning is printed %d times:\n%s", n, p.said())
	}
	if !slices.ContainsFunc(report.Rows, func(r meter.Row) bool { return string(r.Fault) == down && r.N == 1 }) {
		t.Errorf("the report has the rows %+v, want one with one fault that is %s:\n%s", report.Rows, down, p.said())
	}
	h.wantNothingLeft()
}
