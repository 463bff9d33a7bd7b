package tui

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"fracture/clock"
)

// Bounds of [Faults].
const (
	// MaxFaults is how many faults are told of; more are counted.
	MaxFaults = 64
	// MaxWays is how many ways one fault tells of: those between 32 nodes that are parted in halves.
	MaxWays = 512
)

// Faults are those that stand, as far as the process knows that shows them: it has begun them.
type Faults struct {
	List []Fault // the oldest first, at most [MaxFaults]
	More int     // how many stand besides
}

// Fault is one that stands.
type Fault struct {
	What  string        // as `fracture inject` calls it, in a few words: "cut", "store kill"
	Nodes []string      // who suffers it
	Peer  string        // at the other end of the links that do; empty: every other node, or it is at no link
	Until clock.Instant // when it is over; [clock.Never]: that is not known yet
	Ways  []Way         // the links that suffer it, at most [MaxWays]; none: it is at no link
}

// Way is a link from one node to another.
type Way struct {
	From, To string // by name; empty: every other
	State    WayState
}

// WayState says how a link fares, the worse the higher.
type WayState uint8

// The states of a link.
const (
	// Sound: nothing is known to be wrong.
	Sound WayState = iota
	// Harmed: some of what is sent is lost, spoiled, or comes twice.
	Harmed
	// Slowed: what is sent comes late.
	Slowed
	// Shut: nothing passes.
	Shut
)

// String is the state's word on the screen; empty for [Sound].
func (w WayState) String() string {
	switch w {
	case Harmed:
		return "harmed"
	case Slowed:
		return "late"
	case Shut:
		return "cut"
	case Sound:
	}
	return ""
}

// mood is the style of a link's sign.
func (w WayState) mood() style {
	if w == Shut {
		return danger
	}
	return caution
}

// Faults replaces what stands. It is not changed after it is handed over.
func (b *Broker) Faults(f *Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Faults = f
}

// absorbFaults takes in what stands.
func (m *model) absorbFaults(f *Faults) {
	if f != nil && !reflect.DeepEqual(f, m.state.faults) {
		m.state.faults = f
		m.refresh(paneTopology)
	}
}

// standing counts the faults that stand, as far as they are known.
func (s *state) standing() (n int, known bool) {
	if s.faults == nil {
		return 0, false
	}
	return len(s.faults.List) + s.faults.More, true
}

// faultNote says how many faults stand.
func (s *state) faultNote() (string, style) {
	switch n, known := s.standing(); {
	case !known:
		return "faults are not told here", faint
	case n == 0:
		return "no fault stands", good
	case n == 1:
		return "1 fault stands", caution
	default:
		return fmt.Sprintf("%d faults stand", n), caution
	}
}

// momentFault is a fault that stands at a moment.
type momentFault struct {
	What  string   `json:"what"`
	Nodes []string `json:"nodes"`
	Peer  string   `json:"peer,omitempty"`
	Left  float64  `json:"left_s,omitempty"` // none where that is not known
}

// momentFaults are those that stand now, as they are kept.
func (s *state) momentFaults() (list []momentFault) {
	if s.faults == nil {
		return nil
	}
	for _, f := range s.faults.List {
		kept := momentFault{What: f.What, Nodes: f.Nodes, Peer: f.Peer}
		if f.Until != clock.Never {
			kept.Left = max(f.Until.Sub(s.now), 0).Seconds()
		}
		list = append(list, kept)
	}
	return list
}

// remarks say what stands and for how long, a line a fault, and then who leads which stream.
func (s *state) remarks() (said []remark) {
	if s.faults != nil {
		for i := range s.faults.List {
			said = append(said, remark{caution, s.faultText(&s.faults.List[i])})
		}
		if n := s.faults.More; n > 0 {
			said = append(said, remark{caution, fmt.Sprintf("and %d more", n)})
		}
	}
	return append(said, s.leaders()...)
}

// faultText says of a fault what it is, whom it befalls, and for how long yet.
func (s *state) faultText(f *Fault) string {
	whom := strings.Join(f.Nodes, ", ")
	switch {
	case len(f.Nodes) > 1 && len(f.Nodes) >= len(s.nodes):
		whom = "all nodes"
	case f.Peer != "":
		whom += " and " + f.Peer
	}
	left := ""
	if f.Until != clock.Never {
		left = fmt.Sprintf(", %.0f s left", math.Ceil(max(f.Until.Sub(s.now), 0).Seconds()))
	}
	return f.What + " at " + whom + left
}

// leaders say of each stream who leads it, and who would.
func (s *state) leaders() (said []remark) {
	var ids []uint64
	for i := range s.nodes {
		if n := &s.nodes[i]; n.State != Dead {
			ids = append(append(ids, n.Leads...), n.Follows...)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		said = append(said, remark{faint, s.leader(id)})
	}
	return said
}

// leader says who leads a stream, and who would. Of two who say that they do the one that lives is right.
func (s *state) leader(id uint64) string {
	leads, guard := "nobody", ""
	var follow []string
	for i := range s.nodes {
		n := &s.nodes[i]
		switch {
		case n.State == Dead:
		case slices.Contains(n.Leads, id) && (leads == "nobody" || n.State == Alive):
			leads = n.Name
			for _, stream := range n.Streams {
				if stream.ID == id {
					guard = fmt.Sprintf("; %s ×%d", stream.Strategy, stream.Factor)
				}
			}
		case slices.Contains(n.Follows, id):
			follow = append(follow, n.Name)
		}
	}
	text := fmt.Sprintf("stream %x: %s leads", id, leads)
	if len(follow) > 0 {
		text += ", after it " + strings.Join(follow, ", ")
	}
	return text + guard
}
