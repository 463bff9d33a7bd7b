package main

import (
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
)

// traced is what a node tells of another.
func traced(at clock.Instant, node, verb, peer string, signal failover.Signal) telemetry.News {
	return telemetry.News{Event: &telemetry.Event{Trace: failover.Trace{At: at, Node: node, Verb: verb, Peer: peer, Signal: signal}}}
}

func TestScene_aNodeThatLeavesIsNoFault(t *testing.T) {
	for name, say := range map[string]func(*scene, clock.Instant){
		"its status says so": func(s *scene, _ clock.Instant) {
			s.news(status("n6", func(s *telemetry.Status) { s.Draining = true }))
		},
		"it said that it holds nothing": func(s *scene, at clock.Instant) { s.news(traced(at, "n6", "drained", "", 0)) },
	} {
		s := newScene()
		now := clock.Now()
		for _, node := range []string{"n1", "n2", "n6"} {
			s.news(status(node, nil))
		}
		say(s, now)
		s.news(traced(now, "n6", "detect", "n1", failover.Reset)) // whose links end with it
		s.news(traced(now, "n1", "detect", "n6", failover.Gone))
		s.news(traced(now, "n2", "detect", "n6", failover.Gone))
		s.follow(now)
		if len(s.incidents) > 0 {
			t.Errorf("%s: %d incidents, the first of %+v; want none", name, len(s.incidents), s.incidents[0].Incident)
		}
		left := 0
		for _, e := range s.broker.Collect(now).Events {
			if e.Node == "n6" && e.Text == "left" {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%s: the log says %d times that n6 left, want once", name, left)
		}
		s.hear(now, telemetry.Status{Name: "n1", Incarnation: 1})
		if nodes := s.nodes(now.Add(goneAfter + time.Second)); len(nodes) != 3 || nodes[2].State != tui.Leaving {
			t.Errorf("%s: soon after, the nodes are %+v, want n6 on its way", name, nodes)
		}
		if nodes := s.nodes(now.Add(forgetAfter + 2*time.Second)); len(nodes) != 2 {
			t.Errorf("%s: at last %d nodes are listed, want n6 forgotten", name, len(nodes))
		}
		s.news(status("n6", func(s *telemetry.Status) { s.Incarnation = 2 })) // started again
		s.news(traced(now, "n1", "detect", "n6", failover.Reset))
		if s.follow(now); len(s.incidents) != 1 {
			t.Errorf("%s: %d incidents when it dies in its next life, want one", name, len(s.incidents))
		}
	}
}
