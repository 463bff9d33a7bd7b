package main

import (
	"time"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/clock"
)

// strike is a fault that is to be done.
type strike struct {
	component meter.Component
	fault     meter.Kind
	nodes     []string      // whom it concerns, by name; of a link its two ends, the first being the one that is told
	last      time.Duration // how long it stands; 0 where it does not
}

// How hard a fault strikes.
const (
	slowTimes  = 10
	wrongShare = 1 // of the answers
	lossShare  = 0.2
)

// nodeOrder is what one node is to be told.
type nodeOrder struct {
	node  string
	stand []chaos.Standing
}

// orders says what the nodes are told of a strike, nothing where it is done without them. Of what stands between two, one
// is told, for both directions.
func (s strike) orders() []nodeOrder {
	if len(s.nodes) == 0 || len(s.standing("")) == 0 {
		return nil
	}
	if s.component == meter.Gossip {
		var all []nodeOrder
		for _, node := range s.nodes {
			all = append(all, nodeOrder{node, numbered([]chaos.Standing{{Site: chaos.Gossip, Fault: mouthFault(s.fault)}})})
		}
		return all
	}
	peer := ""
	if s.component == meter.Link {
		peer = s.nodes[1]
	}
	return []nodeOrder{{s.nodes[0], numbered(s.standing(peer))}}
}

// standing is what stands at a node, on its way to a peer or to all.
func (s strike) standing(peer string) []chaos.Standing {
	switch s.fault {
	case meter.Partition:
		stand := ways(chaos.Fault{Kind: chaos.Cut}, peer, false, true)
		if peer == "" {
			stand = append(stand, chaos.Standing{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}})
		}
		return stand
	case meter.OneWay:
		stand := ways(chaos.Fault{Kind: chaos.Cut}, peer, false)
		if peer == "" {
			stand = append(stand, chaos.Standing{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}})
		}
		return stand
	case meter.Loss:
		return ways(chaos.Fault{Kind: chaos.Loss, Share: lossShare}, peer, false, true)
	case meter.Slow:
		return []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Slow, Times: slowTimes}}}
	case meter.Wrong:
		return []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Wrong, Share: wrongShare}}}
	case meter.Reset:
		return []chaos.Standing{{Site: chaos.Link, Fault: chaos.Fault{Kind: chaos.Reset}, Peer: peer}}
	case meter.Kill, meter.Freeze, meter.Noop: // done to the process, or not at all
	}
	return nil
}

// ways are a fault on links and on beats, in the directions told.
func ways(f chaos.Fault, peer string, inward ...bool) []chaos.Standing {
	var stand []chaos.Standing
	for _, in := range inward {
		for _, site := range []chaos.Site{chaos.Link, chaos.Beat} {
			stand = append(stand, chaos.Standing{Site: site, Fault: f, Peer: peer, Inward: in})
		}
	}
	return stand
}

// mouthFault is what a fault on gossip does to what is said.
func mouthFault(fault meter.Kind) chaos.Fault {
	if fault == meter.Loss {
		return chaos.Fault{Kind: chaos.Loss, Share: lossShare}
	}
	return chaos.Fault{Kind: chaos.Cut}
}

// numbered gives each fault a rule number of its own, so that they draw apart.
func numbered(stand []chaos.Standing) []chaos.Standing {
	for i := range stand {
		stand[i].Rule = uint32(i + 1)
	}
	return stand
}

// given is an order that a node has been given and that may have to be renewed.
type given struct {
	node    string
	order   chaos.Order
	until   clock.Instant // when the fault is to be over at the latest
	renewed clock.Instant
}

// Times of orders.
const (
	leaseMargin  = 250 * time.Millisecond // a node heals by itself so long after it should have been told to
	renewEvery   = 500 * time.Millisecond
	confirmTime  = time.Second // an order that is not confirmed by then has failed
	strikeMoment = time.Second // the lease of an order that strikes once and stands no longer
)

// lease is for how long the order is to stand, seen from now.
func (g given) lease(now clock.Instant) chaos.Lease {
	return chaos.Lease(min(g.until.Sub(now), chaos.MaxLease))
}
