package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"fracture/chaos/meter"
)

// Scenarios on clusters of their own.

// scenarioFile writes a scenario into the house.
func (h *house) scenarioFile(name, text string) string {
	h.t.Helper()
	file := filepath.Join(h.runtime, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = os.Remove(file) })
	return file
}

// quick are flags that keep a run short.
var quick = []string{"--calm=1s", "--window=300ms", "--grace=3s", "--load=idle", "--nodes=3", "--controls=0", "--json"}

// played runs a scenario and reads its report. A verdict may say that the machine gave too little to judge.
func (h *house) played(file string, codes ...int) (report meter.Report, p *process) {
	h.t.Helper()
	p = h.start(append([]string{"run", file}, quick...)...)
	if code := p.end(); !slices.Contains(codes, code) {
		h.t.Fatalf("exits with %d, want one of %v:\n%s", code, codes, p.said())
	}
	if err := json.Unmarshal([]byte(p.out.String()), &report); err != nil {
		h.t.Fatalf("%v in %s", err, p.said())
	}
	return report, p
}

func TestE2E_aScenarioStrikesWhomItSaysAndReadsEachFault(t *testing.T) {
	h := newHouse(t)
	report, _ := h.played(h.scenarioFile("s.yaml", `
title: many things at once
question: Does anything get lost?
budgets: [lost == 0, duplicates == 0]
repeat: 2
faults:
  - {fault: fail, terms: every(7)panic, node: all, at: 200ms, for: 500ms}
  - {fault: freeze, role: owner, pick: one, at: 300ms, for: 100ms}
  - {fault: loss, share: 10%, node: n1, at: 1s, for: 300ms}
  - {fault: noop, at: 1s}
nemesis:
  faults: [{fault: reset, node: n2}, {fault: cut, store: true, for: 200ms}]
  every: 500ms
  times: 3
`), exitHeld, exitThin)
	n := map[string]int{}
	for _, row := range append(report.Rows, report.Controls...) {
		n[fmt.Sprintf("%s %s", row.Component, row.Fault)] += row.N
	}
	if n["node fail"] != 2 || n["owner freeze"] != 2 || n["node loss"] != 2 || n["node noop"] != 2 || n["node reset"]+n["store cut"] != 6 {
		t.Errorf("the report counts %v, want each twice, and six of the nemesis's", n)
	}
	if report.Totals.Lost+report.Totals.Duplicates > 0 {
		t.Errorf("%+v, want none lost or delivered twice", report.Totals)
	}
	h.wantNothingLeft()
}

func TestE2E_trialsOfAScenarioAreMeasuredAndThenTheRestIsPlayed(t *testing.T) {
	h := newHouse(t)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	report, p := h.played(h.scenarioFile("s.yaml", `
title: both
steady-state-hypothesis:
  title: it answers
  probes: [{type: probe, name: it answers, tolerance: 200, provider: {type: http, url: "`+server.URL+`"}}]
budgets: ["downtime.p99 <= 1m"]
trials:
  - {component: owner, fault: kill, trials: 1}
  - {component: link, fault: loss, trials: 2, for: 200ms}
  - {component: gossip, fault: noop, trials: 1}
faults:
  - {fault: slow, with: {times: 2}, node: n1, at: 100ms, for: 200ms}
`), exitHeld, exitThin, exitBroken) // a machine with too much to do may lose results
	n := map[string]bool{}
	for _, row := range report.Rows {
		n[fmt.Sprintf("%s %s", row.Component, row.Fault)] = row.N > 0
	}
	if len(report.Rows) != 4 || !n["owner kill"] || !n["link loss"] || !n["gossip noop"] || !n["node slow"] || asked.Load() != 2 {
		t.Errorf("the rows are %v, and the steady state was asked for %d times; want those of three trials and a fault, and before and after:\n%s", n, asked.Load(), p.said())
	}
	h.wantNothingLeft()
}

func TestE2E_aScenarioBreaksNoMoreThanItMay(t *testing.T) {
	h := newHouse(t)
	failures := func(text string, more ...string) (list []string) {
		t.Helper()
		report, _ := h.each(append(append([]string{"run", h.scenarioFile("s.yaml", text)}, quick...), more...)...)
		for _, trial := range report.Trials {
			list = append(list, trial.Uncounted)
		}
		return list
	}
	const last = "title: all\nfaults: [{fault: freeze, node: all, at: 200ms, for: 50ms}]\n"
	if got := failures(last); len(got) != 1 || !strings.Contains(got[0], "no node would be left; say yes-break-it") {
		t.Errorf("a fault that leaves no node has failed by %q, want that it says so", got)
	}
	if got := failures(last + "yes-break-it: true\n"); len(got) != 1 || strings.Contains(got[0], "yes-break-it") {
		t.Errorf("a scenario that may break the last one has failed by %q", got)
	}
	if got := failures(last+"yes-break-it: true\n", "--yes-break-it=false"); len(got) != 1 || !strings.Contains(got[0], "yes-break-it") {
		t.Errorf("against the flag a fault has failed by %q, want the limit", got)
	}
	const two = `
title: two at once
max-nodes: 1
faults:
  - {fault: freeze, node: n1, at: 200ms, for: 1s}
  - {fault: cut, node: n2, at: 500ms, for: 100ms}
  - {fault: loss, share: 10%, node: n3, at: 600ms, for: 100ms}
`
	const refused = "2 nodes would be broken at once, and --max-nodes allows 1"
	if got := failures(two); len(got) != 3 || strings.Contains(got[0]+got[2], refused) || !strings.Contains(got[1], refused) {
		t.Errorf("the faults have failed by %q, want the second by the limit, and the run to go on", got)
	}
	h.wantNothingLeft()
}

func TestE2E_anExperimentOfChaosToolkitIsPlayedAsItIs(t *testing.T) {
	h := newHouse(t)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 2 { // before, and in the method
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	probe := fmt.Sprintf(`{"type": "probe", "name": "it answers", "tolerance": 200, "provider": {"type": "http", "url": %q}}`, server.URL)
	report, p := h.played(h.scenarioFile("e.json", `{
  "title": "an experiment", "description": "as it is",
  "configuration": {"who": "n2"},
  "steady-state-hypothesis": {"title": "it answers", "probes": [`+probe+`]},
  "method": [
    {"type": "action", "name": "freeze", "pauses": {"after": 0.2},
     "provider": {"type": "process", "path": "fracture", "arguments": ["inject", "freeze", "--node", "${who}", "--for", "200ms"]}},
    {"type": "probe", "name": "hello", "provider": {"type": "process", "path": "echo", "arguments": "hello"}},
    `+strings.Replace(probe, "it answers", "it answers still", 1)+`
  ],
  "rollbacks": [{"type": "action", "name": "heal", "provider": {"type": "process", "path": "fracture", "arguments": ["heal"]}}]
}`), exitBroken)
	if asked.Load() != 3 {
		t.Errorf("the server was asked %d times, want 3", asked.Load())
	}
	if len(report.Rows) != 1 || report.Rows[0].Fault != "freeze" || !strings.Contains(strings.Join(report.Why, "; "), "the steady state did not hold after the method: it answers") {
		t.Errorf("rows %+v, why %q; want one of freeze, and the steady state that did not hold:\n%s", report.Rows, report.Why, p.said())
	}
	h.wantNothingLeft()
}

func TestE2E_anInterruptedScenarioHealsAndReports(t *testing.T) {
	h := newHouse(t)
	p := h.start(append([]string{"run", h.scenarioFile("s.yaml", `
title: long
faults:
  - {fault: noop, at: 0s}
  - {fault: freeze, node: n1, at: 100ms, for: 10m}
`)}, quick...)...)
	frozen := func() bool {
		return slices.ContainsFunc(h.childrenOf(p.cmd.Process.Pid), func(pid int) bool { return stopped(pid) == nil })
	}
	await(t, "a node is frozen and the first fault is read", func() bool { return strings.Contains(p.errs.String(), "noop") && frozen() }, p.said)
	p.signal(syscall.SIGINT)
	p.wantExit(exitInterrupted)
	if !strings.Contains(p.out.String(), `"verdict":"interrupted"`) {
		t.Errorf("no report of what was measured:\n%s", p.said())
	}
	h.wantNothingLeft()
}

func TestE2E_aScenarioIsWatchedWhileItIsPlayed(t *testing.T) {
	h := newHouse(t)
	s := h.openTerminal()
	file := h.scenarioFile("s.yaml", `
title: one kill
faults:
  - {fault: kill, node: n2, at: 500ms, for: 2s}
`)
	s.run(append([]string{"run", file, "--live"}, quick[:len(quick)-1]...)...)
	s.await(`3 alive`, `frame \d+`)
	s.await(`n2 +dead`)
	s.await(`n2 +alive`)
	s.await(`verdict: `, `exit:[014]`)
	h.wantNothingLeft()

	h.start("run", file, "--live").wantRefusal(exitEnvironment, "--live: ")
}
