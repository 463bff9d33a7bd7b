package main

import (
	"reflect"
	"strings"
	"testing"

	"fracture/chaos"
	"fracture/clock"
	"fracture/tui"
)

// What `fracture inject` asks for is shown with the links that suffer it.
func TestShown_namesTheLinksThatSufferAFault(t *testing.T) {
	for _, c := range []struct {
		asked string
		want  tui.Fault
	}{
		{"cut --node n1 --peer n2 --both", tui.Fault{What: "cut", Nodes: []string{"n1"}, Peer: "n2", Ways: []tui.Way{
			{From: "n1", To: "n2", State: tui.Shut}, {From: "n2", To: "n1", State: tui.Shut}}}},
		{"delay --node n1 --share 100% --by 20ms", tui.Fault{What: "delay", Nodes: []string{"n1"}, Ways: []tui.Way{{From: "n1", State: tui.Slowed}}}},
		{"loss --node n1 --share 20% --inward", tui.Fault{What: "loss", Nodes: []string{"n1"}, Ways: []tui.Way{{To: "n1", State: tui.Harmed}}}},
		{"slow --node n1 --times 10", tui.Fault{What: "slow", Nodes: []string{"n1"}}},
		{"kill --store --node n1", tui.Fault{What: "store kill", Nodes: []string{"n1"}}},
		{"down --node n1", tui.Fault{What: "down", Nodes: []string{"n1"}, Ways: []tui.Way{{From: "n1", State: tui.Shut}, {To: "n1", State: tui.Shut}}}},
		{"kill --node n1", tui.Fault{What: "kill", Nodes: []string{"n1"}}},
	} {
		h, err := parseHarm(strings.Fields(c.asked))
		if err != nil {
			t.Fatal(err)
		}
		f := &standingFault{harm: h, nodes: []string{"n1"}, stand: map[string][]chaos.Standing{"n1": h.stand}, until: clock.Instant(7)}
		c.want.Until = 7
		i := &injector{stands: []*standingFault{f}}
		if got := i.shown().List[0]; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s is shown as %+v, want %+v", c.asked, got, c.want)
		}
	}
}

func TestShown_isBounded(t *testing.T) {
	i := &injector{}
	for range tui.MaxFaults + 3 {
		i.stands = append(i.stands, &standingFault{nodes: []string{"n1"}})
	}
	if got := i.shown(); len(got.List) != tui.MaxFaults || got.More != 3 {
		t.Errorf("%d faults are listed and %d more counted, want %d and 3", len(got.List), got.More, tui.MaxFaults)
	}
}
