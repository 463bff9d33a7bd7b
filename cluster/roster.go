package cluster

import (
	"slices"
	"sync"

	"fracture/cluster/failover"
)

// roster keeps what gossip tells of each member, and passes news of it to the inbox. A name belongs to its newest
// incarnation: when a node was started again, its predecessor has left, whether or not gossip has found out. Only while
// the link to the predecessor still stands does the newcomer wait: it may be one that is about to learn that its name is
// taken, and a node that works is not to suffer from that.
type roster struct {
	self Member
	in   *inbox

	mu      sync.Mutex        // guards all below
	list    []Member          // in the order in which they joined
	waiting []Member          // newcomers whose names are borne by members that are linked
	linked  []failover.NodeID // those with a link
	gone    []Member          // the last that were dismissed, oldest first: what is told of them still bears their names
}

// maxGone bounds the members remembered after they have gone.
const maxGone = 64

func newRoster(self Member, in *inbox) *roster { return &roster{self: self, in: in} }

// joined: gossip tells of a member. What bears this process's own name is a predecessor, or will not be for long.
func (r *roster) joined(m Member) {
	if m.Name == r.self.Name {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.list, func(known Member) bool { return known.Name == m.Name })
	switch {
	case i < 0:
		r.admit(m)
	case r.list[i].Incarnation >= m.Incarnation:
	case slices.Contains(r.linked, r.list[i].ID()):
		r.waiting = append(r.waiting, m)
	default:
		r.dismiss(i)
		r.admit(m)
	}
}

// left: gossip tells that a member has gone.
func (r *roster) left(m Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(known Member) bool { return known.ID() == m.ID() }
	if slices.ContainsFunc(r.waiting, same) {
		r.waiting = slices.DeleteFunc(r.waiting, same)
		r.in.put(failover.Event{Kind: failover.Left, Peer: m.ID()}) // it may have linked itself meanwhile
	}
	if i := slices.IndexFunc(r.list, same); i >= 0 {
		r.dismiss(i)
		r.letIn(m.Name)
	}
}

// up and down tell whether a link to a member stands.
func (r *roster) up(id failover.NodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.linked = append(r.linked, id)
}

func (r *roster) down(id failover.NodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.linked = slices.DeleteFunc(r.linked, func(linked failover.NodeID) bool { return linked == id })
	i := slices.IndexFunc(r.list, func(known Member) bool { return known.ID() == id })
	if i < 0 || !slices.ContainsFunc(r.waiting, func(m Member) bool { return m.Name == r.list[i].Name }) {
		return
	}
	name := r.list[i].Name
	r.dismiss(i)
	r.letIn(name)
}

// admit, dismiss and letIn change the list and tell it; the caller holds mu.
func (r *roster) admit(m Member) {
	r.list = append(r.list, m)
	r.in.put(failover.Event{Kind: failover.Joined, Peer: m.ID(), Member: m.member()})
}

func (r *roster) dismiss(i int) {
	id := r.list[i].ID()
	if len(r.gone) >= maxGone {
		r.gone = slices.Delete(r.gone, 0, 1)
	}
	r.gone = append(r.gone, r.list[i])
	r.list = slices.Delete(r.list, i, i+1)
	r.in.put(failover.Event{Kind: failover.Left, Peer: id})
}

// letIn admits the newest that waits for a name.
func (r *roster) letIn(name string) {
	newest := -1
	for i, m := range r.waiting {
		if m.Name == name && (newest < 0 || m.Incarnation > r.waiting[newest].Incarnation) {
			newest = i
		}
	}
	if newest < 0 {
		return
	}
	m := r.waiting[newest]
	r.waiting = slices.DeleteFunc(r.waiting, func(w Member) bool { return w.Name == name })
	r.admit(m)
}

// members is a copy of the list.
func (r *roster) members() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
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

// named finds the member that bears a name.
func (r *roster) named(name string) (Member, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.list {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// name spells an id for people: the member's name, or the id where the member is long gone.
func (r *roster) name(id failover.NodeID) string {
	if id == r.self.ID() {
		return r.self.Name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, members := range [][]Member{r.list, r.gone} {
		for _, m := range members {
			if m.ID() == id {
				return m.Name
			}
		}
	}
	return unknownName(id)
}
