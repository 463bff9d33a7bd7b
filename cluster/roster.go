package cluster

import (
	"sync"

	"fracture/cluster/failover"
)

// roster keeps what gossip tells of each member, and passes news of it to the inbox. A name belongs to its newest
// incarnation: when a node was started again, its predecessor has left, whether or not gossip has found out.
type roster struct {
	self Member
	in   *inbox

	mu   sync.Mutex // guards list
	list []Member   // in the order in which they joined
}

func newRoster(self Member, in *inbox) *roster { return &roster{self: self, in: in} }

func (r *roster) joined(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, known := range r.list {
		if known.Name != m.Name {
			continue
		}
		if known.Incarnation >= m.Incarnation {
			return
		}
		r.list = append(r.list[:i], r.list[i+1:]...)
		r.in.put(failover.Event{Kind: failover.Left, Peer: known.ID()})
		break
	}
	r.list = append(r.list, m)
	r.in.put(failover.Event{Kind: failover.Joined, Peer: m.ID(), Member: m.member()})
}

func (r *roster) left(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, known := range r.list {
		if known.Name == m.Name && known.Incarnation == m.Incarnation {
			r.list = append(r.list[:i], r.list[i+1:]...)
			r.in.put(failover.Event{Kind: failover.Left, Peer: m.ID()})
			return
		}
	}
}

// members is a copy of the list.
func (r *roster) members() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Member(nil), r.list...)
}

func (r *roster) find(id failover.NodeID) (Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.list {
		if m.ID() == id {
			return m, true
		}
	}
	return Member{}, false
}

// name spells an id for people: the member's name, or the id where the member is gone.
func (r *roster) name(id failover.NodeID) string {
	if id == r.self.ID() {
		return r.self.Name
	}
	if m, ok := r.find(id); ok {
		return m.Name
	}
	return unknownName(id)
}
