package main

import (
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/control"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
)

func TestFeed_theControlAPIHasEachIncidentWithClassAndRole(t *testing.T) {
	s := newScene()
	s.child = func(string) (tui.NodeState, bool) { return tui.Alive, true } // or else the silence of the nodes would end all incidents
	server := control.New(control.Config{MaxEvents: 8}, newSceneLab(s, &injector{}, control.Limits{}))
	s.broker.openTo(server)
	s.news(status("n1", func(s *telemetry.Status) { s.Owns = 3 }))
	s.news(status("n2", func(s *telemetry.Status) { s.Leads = []uint64{1} }))

	began := clock.Now()
	schedule := meter.Schedule{Stream: pictureStream, Name: "picture", Period: 10 * time.Millisecond, Tiles: 1, Start: began}
	s.rec.Open(schedule)
	s.schedules[pictureStream] = schedule
	fault := began.Add(time.Second)
	end := fault.Add(sceneWindow + sceneGrace)
	for k := uint64(0); ; k++ {
		due := began.Add(time.Duration(k) * 10 * time.Millisecond)
		if due > end {
			break
		}
		s.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: k}, At: due.Add(time.Millisecond)})
	}
	s.fault("n1", killed, fault)
	s.fault("n2", frozen, fault)
	s.follow(fault.Add(lookEvery))
	if all := server.Incidents(); len(all) != 2 || !all[0].Open || !all[1].Open {
		t.Fatalf("the incidents are %+v, want two that are open", all)
	}
	s.follow(end)
	s.follow(end.Add(lookEvery)) // to be told of again is to be told of once
	for i, want := range []control.Incident{{Node: "n1", Fault: "kill", Role: "owner"}, {Node: "n2", Fault: "freeze", Role: "splitter"}} {
		got := server.Incidents()[i]
		if got.Number != uint64(i+1) || got.Node != want.Node || got.Fault != want.Fault || got.Role != want.Role || got.Open || got.Untold != "" {
			t.Errorf("incident %d is %+v, want %+v, over, with its downtime", i+1, got, want)
		}
	}

	s.takeover(failover.Trace{At: end, Node: "n2", Peer: "n3", Signal: failover.Overdue})
	s.sumUp(end)
	s.sumUp(end.Add(2 * time.Minute)) // the screen has forgotten the takeover by then
	if got, ok := s.broker.totals(); !ok || got.Needless != 1 || got.Results == 0 {
		t.Errorf("the totals are %+v, %v; want one needless takeover, and results", got, ok)
	}
}
