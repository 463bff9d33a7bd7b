package main

import (
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// What the nodes say of each other's end, and what of it is news of a fault.

// What befell a node: by who did it, and where only others tell.
const (
	killed = "killed"
	frozen = "frozen"
	lost   = "lost"
	silent = "silent"
)

// A node tells its status several times a second.
const (
	proofOfLife = 300 * time.Millisecond // what came so long after a node's end was noticed was not sent before it
	silentAfter = 700 * time.Millisecond // and a node that lives has told its status by then
)

// silence is a node whose beats stopped: it may be slow, or stopped.
type silence struct {
	incident
	takeovers []failover.Trace
}

// leaves notes that a node said that it leaves; the caller holds mu.
func (s *scene) leaves(name string) {
	if word, ok := s.statuses[name]; ok {
		word.leaving = true
		s.statuses[name] = word
	}
}

// ordinary reports whether a node's end is no fault: it left as it said, or who tells of it is on its own way out, loses
// all its links and takes that for the end of the others. The first word of one that left is told in the log. The caller
// holds mu.
func (s *scene) ordinary(f incident) bool {
	if f.What != lost {
		return false
	}
	if word := s.statuses[f.Node]; word.leaving {
		if !word.left {
			word.left = true
			s.statuses[f.Node] = word
			s.broker.Event(telemetry.Event{Trace: failover.Trace{At: f.noticed, Node: f.Node, Verb: "leave"}, Text: "left"})
		}
		return true
	}
	return s.statuses[f.teller].leaving
}

// spoke reports whether a node told of itself since others noticed its end: then it runs.
func (s *scene) spoke(node string, noticed clock.Instant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := s.statuses[node]
	return word.at > noticed.Add(proofOfLife) && word.status.Uptime > word.at.Sub(noticed).Seconds()
}

// blameLink turns the loss of a node that runs into that of a link to it: what was taken over was taken over needlessly.
func (s *scene) blameLink(i *incident) {
	i.runs = true
	i.Node, i.What = i.teller, "lost its link to "+i.of
	for range i.Tasks {
		s.waste(i.noticed)
	}
	s.broker.Event(telemetry.Event{Trace: failover.Trace{At: i.noticed, Node: i.Node, Verb: "link"}, Text: i.What + ", which runs"})
}

// roleOf is what a node was by its own last word.
func (s *scene) roleOf(node string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return roleOf(s.statuses[node].status)
}

// hush waits for what a node's silence means.
func (s *scene) hush(f incident) {
	if s.silences[f.Node] == nil {
		s.silences[f.Node] = &silence{incident: f}
	}
}

// unhush has an incident explain the silence of its node, where the node's peers were faster to tell than who caused it. What was
// taken over before somebody broke the node was taken over needlessly.
func (s *scene) unhush(i *incident) {
	q := s.silences[i.of]
	if q == nil {
		return
	}
	delete(s.silences, i.of)
	explains := func(at clock.Instant) bool { return i.guessed() || at >= i.At }
	if explains(q.noticed) {
		i.join(q.incident)
	}
	for _, t := range q.takeovers {
		if explains(t.At) {
			i.inherit(t)
		} else {
			s.waste(t.At)
		}
	}
}

// followSilences sees what became of nodes whose beats stopped: one that tells of itself again was only slow, and what was
// taken over from it was so needlessly; one that was taken over from and stays silent is an incident.
func (s *scene) followSilences(now clock.Instant) {
	for node, q := range s.silences {
		spoke := s.spoke(node, q.noticed)
		if !spoke && now.Sub(q.noticed) < silentAfter {
			continue
		}
		delete(s.silences, node)
		if spoke {
			for _, t := range q.takeovers {
				s.waste(t.At)
			}
			continue
		}
		if len(q.takeovers) > 0 {
			q.What = silent
			i := s.launch(q.incident)
			for _, t := range q.takeovers {
				i.inherit(t)
			}
		}
	}
}

// quiet reports whether a cluster that is not ours tells nothing: for the moment, when nobody knows whether it has failed or
// ended and nothing is judged, and for good. Of a lab's own nodes the lab knows more.
func (s *scene) quiet(now clock.Instant) (quiet, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil || s.heard == 0 {
		return false, false
	}
	return now.Sub(s.heard) > lateAfter, now.Sub(s.heard) > goneAfter
}
