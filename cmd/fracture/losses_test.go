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
		if nodes := s.nodes(now.Add(goneAfter + time.Second)); len(nodes) != 3 || nodes[2].State != tui.Leaving || !nodes[2].Foreign {
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

// life has a node tell of itself at an instant, in a life that began long before.
func (s *scene) life(at clock.Instant, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hear(at, telemetry.Status{Name: node, Incarnation: 1, Uptime: 60})
}

// A link may break between two nodes that both run.
func TestScene_aLostNodeThatRunsIsABrokenLink(t *testing.T) {
	for _, runs := range []bool{true, false} {
		s := newScene()
		now := clock.Now()
		s.life(now, "n1")
		s.life(now, "n4")
		s.news(traced(now, "n1", "detect", "n4", failover.Reset))
		s.news(traced(now, "n1", "promote", "n4", failover.Reset))
		s.follow(now)
		if runs {
			s.life(now.Add(proofOfLife+time.Millisecond), "n4")
		}
		s.follow(now.Add(time.Second))
		s.news(traced(now, "n1", "promote", "n4", failover.Reset))
		s.follow(now.Add(sceneWindow + sceneGrace))
		got := *s.broker.Collect(now).Incident
		node, what, needless := "n4", lost, 0
		if runs {
			node, what, needless = "n1", "lost its link to n4", 2
		}
		if got.Node != node || got.What != what || got.Tasks != 2 || len(s.needless) != needless {
			t.Errorf("runs %v: the incident is %+v with %d needless takeovers, want %s %s with %d", runs, got, len(s.needless), node, what, needless)
		}
		if runs && len(s.downtimes)+s.untold != 0 {
			t.Error("a link that broke counts as the failure of a node")
		}
	}
}

// A node that someone stopped sends no beats: no link breaks.
func TestScene_aNodeThatStaysSilentIsAnIncident(t *testing.T) {
	for _, c := range []struct {
		spoke, taken        bool
		incidents, needless int
	}{{false, true, 1, 0}, {true, true, 0, 1}, {false, false, 0, 0}, {true, false, 0, 0}} {
		s := newScene()
		now := clock.Now()
		s.life(now, "n1")
		s.life(now, "n4")
		s.news(traced(now, "n1", "detect", "n4", failover.Silence))
		if c.taken {
			s.news(traced(now, "n1", "promote", "n4", failover.Silence))
		}
		s.follow(now)
		if len(s.incidents)+len(s.needless) > 0 {
			t.Errorf("%+v: judged before it could be known", c)
		}
		if c.spoke {
			s.life(now.Add(proofOfLife+time.Millisecond), "n4")
		}
		s.follow(now.Add(silentAfter))
		if len(s.incidents) != c.incidents || len(s.needless) != c.needless {
			t.Fatalf("%+v: %d incidents and %d needless takeovers", c, len(s.incidents), len(s.needless))
		}
		if c.incidents > 0 && (s.incidents[0].What != silent || s.incidents[0].Heir != "n1") {
			t.Errorf("%+v: the incident is %+v", c, s.incidents[0].Incident)
		}
	}
}

// The peers of a node may be faster to tell of its end than who caused it.
func TestScene_aFaultExplainsTheSilenceThatWasToldBeforeIt(t *testing.T) {
	for _, c := range []struct {
		late            time.Duration // the fault, after the silence was noticed
		tasks, needless int
		noticed         float64
	}{{-5 * time.Millisecond, 1, 0, 5}, {time.Millisecond, 0, 1, 0}} {
		s := newScene()
		now := clock.Now()
		s.life(now, "n1")
		s.life(now, "n4")
		s.news(traced(now, "n1", "detect", "n4", failover.Silence))
		s.news(traced(now, "n1", "promote", "n4", failover.Silence))
		s.follow(now)
		s.fault("n4", down, now.Add(c.late))
		s.follow(now.Add(lookEvery))
		s.follow(now.Add(silentAfter))
		if len(s.incidents) != 1 {
			t.Fatalf("the fault %v after the notice: %d incidents, want one", c.late, len(s.incidents))
		}
		got := s.incidents[0]
		if got.What != down || got.Tasks != c.tasks || len(s.needless) != c.needless || got.Noticed != c.noticed {
			t.Errorf("the fault %v after the notice: the incident is %+v with %d needless takeovers, want %s with %d tasks, noticed after %v ms, and %d",
				c.late, got.Incident, len(s.needless), down, c.tasks, c.noticed, c.needless)
		}
	}
}

// Who attaches to a lab sees it end: that is no fault of its nodes.
func TestScene_aClusterThatIsGoneHasNoFaults(t *testing.T) {
	s := newScene()
	now := clock.Now()
	s.life(now, "n1")
	s.life(now, "n2")
	s.totals.Lost = 3
	s.news(traced(now, "n1", "detect", "n2", failover.Reset))
	for after := lookEvery; after <= goneAfter+time.Second; after += lookEvery {
		s.follow(now.Add(after))
		s.sumUp(now.Add(after))
	}
	s.news(traced(now, "n2", "detect", "n1", failover.Reset))
	s.follow(now.Add(goneAfter + 2*time.Second))
	told := s.broker.Collect(now)
	if !told.Totals.Gone || told.Totals.Results != 0 || len(s.incidents)+len(s.downtimes)+s.untold != 0 {
		t.Errorf("%+v with %d incidents, want that the cluster is gone and nothing else", told.Totals, len(s.incidents))
	}
	s.life(now.Add(goneAfter+3*time.Second), "n1")
	s.sumUp(now.Add(goneAfter + 3*time.Second))
	if s.broker.Collect(now).Totals.Gone {
		t.Error("a cluster that answers again is called gone")
	}
}
