package failover

import "fracture/clock"

// peer is another process as this node sees it.
type peer struct {
	Member
	link    bool   // a link stands
	linked  bool   // one has stood before: only then does its absence say that the peer failed
	hears   bool   // its beats say that it hears ours
	leaving bool   // its beats say that it drains
	failed  Signal // why it is taken for failed; 0 while it is not
	trust   trust
	unheard clock.Instant // when it was last known not to hear this node, or taken for failed: what it does it may not have told
	lossy   clock.Instant // until then messages between it and this node are taken to be lost now and then
	lease   Lease
}

// peers is the roster: every member that gossip told of, in the order it told.
type peers struct {
	list []peer
	at   map[NodeID]int // index in list

	departed [maxDeparted]NodeID // the last that were removed, in a ring
	next     int                 // where the next goes
}

// maxDeparted bounds how many former members are remembered: what they held may still name them.
const maxDeparted = 64

func (ps *peers) find(id NodeID) *peer {
	if i, ok := ps.at[id]; ok {
		return &ps.list[i]
	}
	return nil
}

// add returns the peer of that id, made if it was not known.
func (ps *peers) add(m Member) (p *peer, fresh bool) {
	if p := ps.find(m.ID); p != nil {
		return p, false
	}
	ps.at[m.ID] = len(ps.list)
	ps.list = append(ps.list, peer{Member: m, hears: true})
	return &ps.list[len(ps.list)-1], true
}

// remove forgets a peer; the order of the others stays, so that what follows does not depend on who left.
func (ps *peers) remove(id NodeID) {
	i, ok := ps.at[id]
	if !ok {
		return
	}
	ps.departed[ps.next] = id
	ps.next = (ps.next + 1) % maxDeparted
	ps.list = append(ps.list[:i], ps.list[i+1:]...)
	delete(ps.at, id)
	for ; i < len(ps.list); i++ {
		ps.at[ps.list[i].ID] = i
	}
}

// wasThere reports whether id was a member of late and is none any more.
func (ps *peers) wasThere(id NodeID) bool {
	for _, departed := range ps.departed {
		if departed == id {
			return true
		}
	}
	return false
}

// serves reports whether p can be given work now: it is linked, it lives, it hears us and it stays.
func (p *peer) serves() bool {
	return !p.Sink && p.link && p.failed == 0 && p.hears && !p.leaving
}

// expected reports whether p can be given work, or can be soon.
func (p *peer) expected() bool {
	soon := !p.linked || p.link && (p.failed == 0 || p.failed == Silence)
	return !p.Sink && !p.leaving && soon
}

// lost reports whether p was there and is not any more. A peer that has not linked yet is not lost.
func (p *peer) lost() bool { return p.failed != 0 || (p.linked && !p.link) }
