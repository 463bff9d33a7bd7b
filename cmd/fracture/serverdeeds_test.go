package main

import (
	"errors"
	"strings"
	"testing"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// Where there is no redis-server, what would need one says so, before anything is started.
func TestServer_saysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	f := labFlags{redis: ownRedis}
	if _, err := f.ownServer(); !errors.Is(err, errNoServer) || !strings.Contains(err.Error(), "--redis own") {
		t.Errorf("a lab with a server of its own: %v, want that none is installed", err)
	}
	if _, err := newLabArena(t.Context(), runOptions{server: true}); !errors.Is(err, errNoServer) {
		t.Errorf("a scenario that breaks the server: %v, want that none is installed", err)
	}
	if got := checkStore(t.Context(), ownRedis); got.Level != levelFail || !strings.Contains(got.Fix, "redis-server") {
		t.Errorf("the doctor finds %+v, want that it fails and says what to install", got)
	}
}

func TestServer_isStartedForTheScenariosThatBreakIt(t *testing.T) {
	for faults, want := range map[string]bool{
		"faults: [{fault: stop, role: server}]":                                                                        true,
		"faults: [{fault: full_disk}]":                                                                                 true,
		"faults: [{fault: flush}, {fault: restart, role: server, empty: true}]":                                        false, // an embedded one can have these
		"faults: [{fault: kill, role: store}, {fault: kill, node: n1, at: 20s}]":                                       false,
		"nemesis: {every: 1s, times: 1, faults: [{weight: 1, fault: flush}, {fault: kill, role: server}]}":             true,
		"nemesis: {every: 1s, times: 1, faults: [{weight: 1, fault: flush}, {fault: deny, role: store, share: 100%}]}": false,
	} {
		e, err := scenario.Parse("s.yaml", []byte("title: t\n"+faults+"\n"), scenarioOptions(usualRun(), noneGiven))
		if err != nil {
			t.Fatal(err)
		}
		if got := breaksServer(e); got != want {
			t.Errorf("%s: a server is started: %v, want %v", faults, got, want)
		}
	}
}

func TestServer_isNotTheStoreAsNodesSeeItInAReport(t *testing.T) {
	for line, want := range map[string]meter.Component{"stop --role server": serverRole, "flush": serverRole, "kill --role store": meter.Store, "kill --node n1": "node"} {
		h, err := parseHarm(strings.Fields(line))
		if got := componentOf(h); err != nil || got != want {
			t.Errorf("%s strikes %q, %v; want %q", line, got, err, want)
		}
	}
}
