package failover

import (
	"math"

	"fracture/clock"
	"fracture/work"
)

// Rendezvous placement (highest random weight, Thaler and Ravishankar 1998): every node computes the same ranking of
// the members for a tile from hashes alone. When a node goes, only its tiles move, and each moves to the node that was
// second for it: its standby.

// hash64 mixes x into seed (the finaliser of splitmix64, Steele et al. 2014).
func hash64(seed, x uint64) uint64 {
	z := seed ^ x*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// WeightOf is a node's weight in placement, from its name.
func WeightOf(name string) uint64 { return hash64(hashString(name), 0) }

// candidate is a node in the running for a place.
type candidate struct {
	id      NodeID
	weight  uint64
	zone    uint32
	suspect bool
	given   [MaxFactor]int // how many of a frame's tasks it was given in each rank
}

// candidates gathers who may be given work of a strategy at now, this node among them unless it drains. Reschedule asks
// gossip alone; the others ask the leases.
func (c *Core) candidates(now clock.Instant, strategy work.Strategy) []candidate {
	list := c.candidate[:0]
	if !c.draining {
		list = append(list, candidate{id: c.cfg.ID, weight: c.cfg.Weight, zone: c.cfg.Zone, suspect: c.trust.suspect > now})
	}
	for i := range c.peers.list {
		p := &c.peers.list[i]
		byGossip := strategy == work.Reschedule || c.cfg.Bug == BugPlaceOnDead
		if p.serves() || (byGossip && p.linked && !p.Sink && !p.leaving) {
			list = append(list, candidate{id: p.ID, weight: p.Weight, zone: p.Zone, suspect: p.trust.suspect > now})
		}
	}
	c.candidate = list
	trustMost(list)
	return list
}

// trustMost trusts all where most are suspect: then the few left could not do the work of all, and it is not the many that are
// what is wrong.
func trustMost(list []candidate) {
	n := 0
	for i := range list {
		if list[i].suspect {
			n++
		}
	}
	for i := range list {
		list[i].suspect = list[i].suspect && 2*n <= len(list)
	}
}

// anyNumber is for who does not mind how many places of a rank one candidate gets.
const anyNumber = math.MaxInt

// choose fills holders from rank `from` on up to n, each time with the heaviest candidate for key that holds nothing yet:
// rather one that was given fewer than most places of the rank, rather one in a zone of its own than that, and rather one
// that is not suspect than either. It returns fewer where there are fewer.
//
// The bound is that of consistent hashing with bounded loads (Mirrokni et al. 2018): by weight alone one of five nodes may
// get three of eight tiles, one after the other, while another has none. When a node goes some tiles more move then.
func choose(list []candidate, key uint64, holders Holders, from, n, most int) Holders {
	for rank := from; rank < n; rank++ {
		best, bestScore := -1, score{}
		for i := range list {
			if holders.Rank(list[i].id) >= 0 {
				continue
			}
			s := score{
				trusted: !list[i].suspect, apart: !zoneTaken(list, holders, list[i].zone), room: list[i].given[rank] < most,
				weight: hash64(key, list[i].weight),
			}
			if best < 0 || bestScore.below(s) {
				best, bestScore = i, s
			}
		}
		if best < 0 {
			break
		}
		holders[rank] = list[best].id
		list[best].given[rank]++
	}
	return holders
}

// score orders candidates: trusted before suspect, a zone of its own before a shared one, room before none, then by weight.
type score struct {
	trusted, apart, room bool
	weight               uint64
}

func (s score) below(t score) bool {
	if s.trusted != t.trusted {
		return t.trusted
	}
	if s.apart != t.apart {
		return t.apart
	}
	if s.room != t.room {
		return t.room
	}
	return s.weight < t.weight
}

// zoneTaken reports whether a holder stands in zone; nodes without a zone never share one.
func zoneTaken(list []candidate, holders Holders, zone uint32) bool {
	if zone == 0 {
		return false
	}
	for i := range list {
		if list[i].zone == zone && holders.Rank(list[i].id) >= 0 {
			return true
		}
	}
	return false
}

// tileKey seeds the ranking for a tile. The frame is left out: a tile stays with its node from frame to frame.
func tileKey(stream work.StreamID, tile uint32) uint64 {
	return hash64(hash64(0x7469_6c65, uint64(stream)), uint64(tile))
}

// splitterKey seeds the ranking for the role of a stream's splitter.
func splitterKey(stream work.StreamID) uint64 { return hash64(0x7370_6c69, uint64(stream)) }
