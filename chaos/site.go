package chaos

import "fmt"

// Site is a kind of place where something can go wrong.
type Site uint8

// The sites. Each has its doors: the packages whose faults.go lets faults in there.
const (
	// Process: a node's process.
	Process Site = iota + 1
	// Link: the stream of messages from one node to another.
	Link
	// Beat: the packets that tell one node that another is alive.
	Beat
	// Store: the store, as one node's client of it sees it.
	Store
	// Work: a node's calculators.
	Work
	// Gossip: the packets and calls by which a node tells that it, and others, exist.
	Gossip
	// Loop: the loop by which a node decides, and the clock that it decides by.
	Loop
	// Resource: the processors and the memory that a node's process has.
	Resource
)

// Sites lists every site by value.
var Sites = []Site{Process, Link, Beat, Store, Work, Gossip, Loop, Resource}

// String names the site as rules and reports do.
func (s Site) String() string {
	switch s {
	case Process:
		return "process"
	case Link:
		return "link"
	case Beat:
		return "beat"
	case Store:
		return "store"
	case Work:
		return "work"
	case Gossip:
		return "gossip"
	case Loop:
		return "loop"
	case Resource:
		return "resource"
	}
	return fmt.Sprintf("site(%d)", uint8(s))
}

// Doors are the packages, by their path in the module, whose faults.go lets faults in at this site.
func (s Site) Doors() []string {
	switch s {
	case Process:
		return []string{"chaos/sim", "lab"}
	case Link, Beat:
		return []string{"chaos/sim", "cluster/wire"}
	case Store:
		return []string{"cluster/store"}
	case Work, Loop:
		return []string{"chaos/sim", "cluster"}
	case Gossip, Resource:
		return []string{"cluster"}
	}
	return nil
}

// Admits reports whether a fault of kind k can happen at the site.
func (s Site) Admits(k Kind) bool {
	switch k {
	case Kill, Restart, Freeze, Thaw:
		return s == Process || s == Store
	case Reset, Bandwidth, Slicer, LimitData, SlowClose:
		return s == Link
	case Corrupt, Blackhole:
		return s == Link || s == Beat
	case Loss, Cut:
		return s == Link || s == Beat || s == Store || s == Gossip
	case Delay:
		return s == Link || s == Beat || s == Store
	case Duplicate, Reorder:
		return s == Link || s == Beat
	case Deny:
		return s == Store
	case Slow, Wrong, Fail:
		return s == Work
	case Wedge, Skew, Jump, Strobe:
		return s == Loop
	case Stress, Ballast, GC:
		return s == Resource
	}
	return false
}

// Spot is one place of a site: a process, or the way from one node to another.
type Spot struct {
	Site Site
	From uint32 // the node, by its number or id: the sender (Link, Beat), or the one concerned
	To   uint32 // the receiver (Link, Beat); else 0
}
