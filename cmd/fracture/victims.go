package main

import (
	"fmt"
	"slices"
	"strings"

	"fracture/chaos/meter"
	"fracture/telemetry"
	"fracture/work"
)

// Who is broken, and who is to blame.

// blamed are the nodes from which a takeover is not needless while the fault is in force. Silent gossip, a store or a
// receiver are no reason to take anything over.
func (s strike) blamed() []string {
	switch s.component {
	case meter.Gossip, meter.Store, meter.Sink, meter.None:
		return nil
	default:
	}
	if s.fault == meter.Noop {
		return nil
	}
	return s.nodes
}

// pick chooses a victim among the live holders of the trial's role, and says what it held.
func (r *runner) pick(t *meter.Trial) (s strike, onVictim func(work.TaskID) bool) {
	s = strike{component: t.Component, fault: t.Fault}
	nothing := func(work.TaskID) bool { return false }
	switch t.Component {
	case meter.None:
		return s, nil
	case meter.All:
		s.nodes = r.names()
		return s, nil
	case meter.Gossip:
		s.nodes = r.names()
		t.Victim, t.Held = string(t.Component), fmt.Sprintf("of %d nodes", len(s.nodes))
		return s, nothing
	case meter.Store, meter.Sink:
		t.Victim, t.Held = string(t.Component), r.arena.Stands(t.Component)
		if t.Held == "" {
			t.Failed = fmt.Sprintf("there is no %s that could be broken", t.Component)
		}
		return s, nothing
	case meter.Link:
		return s, r.pickLink(t, &s)
	case meter.Owner, meter.Standby, meter.Splitter, meter.Door:
	}
	var holders []telemetry.Status
	for _, status := range r.arena.Statuses() {
		if r.held(status, t.Component) != "" {
			holders = append(holders, status)
		}
	}
	if len(holders) == 0 {
		t.Failed = fmt.Sprintf("no node is a live %s", t.Component)
		return s, nil
	}
	victim := holders[r.rng.IntN(len(holders))]
	s.nodes = []string{victim.Name}
	t.Victim, t.Held, t.RSS = victim.Name, r.held(victim, t.Component), victim.RSS
	return s, r.ownedBy(victim)
}

// pickLink chooses two nodes that share work: of some tile the one is the owner, the other its standby.
func (r *runner) pickLink(t *meter.Trial, s *strike) (onVictim func(work.TaskID) bool) {
	type pair struct {
		owner, standby telemetry.Status
		tiles          int
	}
	var pairs []pair
	statuses := r.arena.Statuses()
	for _, a := range statuses {
		for _, b := range statuses {
			shared := 0
			for _, tile := range a.OwnedTiles {
				if a.Name != b.Name && slices.Contains(b.CopiedTiles, tile) {
					shared++
				}
			}
			if shared > 0 {
				pairs = append(pairs, pair{a, b, shared})
			}
		}
	}
	if len(pairs) == 0 {
		t.Failed = "no two nodes share work"
		return nil
	}
	p := pairs[r.rng.IntN(len(pairs))]
	s.nodes = []string{p.owner.Name, p.standby.Name}
	t.Victim, t.Held = p.owner.Name+"-"+p.standby.Name, fmt.Sprintf("owner and standby of %d", p.tiles)
	return r.ownedBy(p.owner)
}

// ownedBy tells which tasks a node was to run: a status names the tiles of one stream; an outstanding task of another may
// well be the node's.
func (r *runner) ownedBy(node telemetry.Status) func(work.TaskID) bool {
	return func(task work.TaskID) bool {
		return task.Stream != r.tiles || slices.Contains(node.OwnedTiles, task.Tile)
	}
}

// held says in words what a node holds, empty where that does not include the role. What it holds as a door, the client
// that asks there knows, and not the node.
func (r *runner) held(s telemetry.Status, role meter.Component) string {
	if role != meter.Door {
		return holds(s, role)
	}
	switch n := r.arena.Served(s.Name); n {
	case 0:
		return ""
	case 1:
		return "door of 1 connection"
	default:
		return fmt.Sprintf("door of %d connections", n)
	}
}

// holds says in words what a node holds, empty where that does not include the role.
func holds(s telemetry.Status, role meter.Component) string {
	held := map[meter.Component]int{meter.Owner: s.Owns, meter.Standby: s.StandsBy, meter.Splitter: len(s.Leads)}
	if held[role] == 0 {
		return ""
	}
	var words []string
	for _, what := range []meter.Component{meter.Splitter, meter.Owner, meter.Standby} {
		if n := held[what]; n > 0 {
			words = append(words, fmt.Sprintf("%s of %d", what, n))
		}
	}
	return strings.Join(words, ", ")
}
