package failover

import (
	"cmp"
	"fmt"

	"fracture/work"
)

// NodeID is a process's identity: a hash of its name and its incarnation, so that a node started again is another node
// with the same weight in placement. Zero is nobody.
type NodeID uint32

// Identify derives the id of the process that bears name in its given incarnation (FNV-1a, folded to 32 bits). Two
// members of one cluster must not share an id; the shell refuses the later one.
func Identify(name string, incarnation uint64) NodeID {
	h := hash64(hashString(name), incarnation)
	id := NodeID(h ^ h>>32)
	if id == 0 {
		id = 1
	}
	return id
}

// Term numbers the reigns over a stream. It is a ballot in the sense of Lamport's Paxos: a count, made unique by the
// splitter that reigns, so two splitters never share a term.
//
// Invariant: whoever takes over a stream chooses a term above every term it has seen of it.
type Term uint64

// next is the lowest term of node id above t.
func (t Term) next(id NodeID) Term { return (t>>32+1)<<32 | Term(id) }

// Count is the number of the reign: 1 for the first splitter, one more after each takeover.
func (t Term) Count() uint32 { return uint32(t >> 32) }

// Splitter is the node that reigns in this term.
func (t Term) Splitter() NodeID { return NodeID(t) }

// Epoch orders the owners of one task; the higher one fences the lower. It is ordered first by the reign of the splitter
// that placed the task, then by how often it was placed in that reign, then by who placed it, then by the rank of the
// holder that runs it: an owner has rank 0, its first standby rank 1.
//
// Invariant: for one task, no two nodes own the same epoch. The term belongs to one reign, try and placer to one placement
// in it, the rank to one holder of that placement.
type Epoch struct {
	Term Term
	By   NodeID // who placed it, where that is a standby of the splitter; 0: the splitter that reigns
	Try  uint16
	Rank uint8
}

// Compare orders epochs: negative where e is below f.
func (e Epoch) Compare(f Epoch) int {
	return cmp.Or(cmp.Compare(e.Term, f.Term), cmp.Compare(e.Try, f.Try), cmp.Compare(e.By, f.By), cmp.Compare(e.Rank, f.Rank))
}

// sameCall reports whether two epochs differ at most in who placed the task and who runs it: to a strategy that has every
// holder run its copy they ask for the same.
func (e Epoch) sameCall(f Epoch) bool { return e.Term == f.Term && e.Try == f.Try }

// Below reports whether f fences e.
func (e Epoch) Below(f Epoch) bool { return e.Compare(f) < 0 }

// String prints the epoch as reign.try.rank.
func (e Epoch) String() string { return fmt.Sprintf("%d.%d.%d", e.Term.Count(), e.Try, e.Rank) }

// MaxFactor is the largest number of copies of a task.
const MaxFactor = work.MaxFactor

// Holders are the nodes that hold one thing, by rank: the owner first, then its standbys, then zeros.
type Holders [MaxFactor]NodeID

// Owner is the holder of rank 0.
func (h Holders) Owner() NodeID { return h[0] }

// Rank is the place of id among the holders, or -1.
func (h Holders) Rank(id NodeID) int {
	for r, holder := range h {
		if holder == id && id != 0 {
			return r
		}
	}
	return -1
}

// Len counts the holders.
func (h Holders) Len() int {
	n := 0
	for n < len(h) && h[n] != 0 {
		n++
	}
	return n
}

// with returns the holders and id, where there is room; without returns them less id.
func (h Holders) with(id NodeID) Holders {
	if n := h.Len(); n < len(h) && h.Rank(id) < 0 {
		h[n] = id
	}
	return h
}

func (h Holders) without(id NodeID) Holders {
	if r := h.Rank(id); r >= 0 {
		copy(h[r:], h[r+1:])
		h[len(h)-1] = 0
	}
	return h
}
