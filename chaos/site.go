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
)

// Sites lists every site by value.
var Sites = []Site{Process, Link, Beat}

// String names the site as rules and reports do.
func (s Site) String() string {
	switch s {
	case Process:
		return "process"
	case Link:
		return "link"
	case Beat:
		return "beat"
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
	}
	return nil
}

// Admits reports whether a fault of kind k can happen at the site.
func (s Site) Admits(k Kind) bool {
	switch k {
	case Kill, Restart, Freeze, Thaw:
		return s == Process
	case Reset:
		return s == Link
	case Loss, Delay, Duplicate, Reorder, Cut:
		return s == Link || s == Beat
	}
	return false
}

// Spot is one place of a site: a process, or the way from one node to another.
type Spot struct {
	Site Site
	From uint32 // the node, by its number or id: the one concerned (Process), or the sender (Link, Beat)
	To   uint32 // the receiver (Link, Beat); 0 for Process
}
