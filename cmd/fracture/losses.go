package main

import (
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// What the nodes say of each other's end, and what of it is news of a fault.

// lost is what befell a node of which only others tell.
const lost = "lost"

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
