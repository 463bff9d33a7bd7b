// Package telemetry is the event stream: everything that happens in the cluster, as the screen, the plain lines and the
// reports see it.
//
// A node says two kinds of thing. An [Event] is something that happened: a line of the trace and, where a person should
// read it, a sentence. A [Status] is how the node is, told a few times a second. Both travel as JSON beside the results
// and are lossy: a watcher that is slow misses some and is told how many.
package telemetry

import (
	"fmt"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

// Event is one thing that happened at a node.
type Event struct {
	failover.Trace
	Text  string `json:",omitempty"` // a sentence for people, where the trace does not say it
	Order uint64 `json:",omitempty"` // the order of faults that is confirmed (fault) or over (heal)

	// Of a stream that is guarded otherwise from now on (guard).
	Strategy string `json:",omitempty"` // as work.Strategy spells it
	Factor   int    `json:",omitempty"` // copies of each task
}

// Status is how a node is.
type Status struct {
	Name        string
	ID          failover.NodeID
	Incarnation uint64
	PID         int
	Zone        string   `json:",omitempty"`
	Gossip      string   // host:port of membership
	HTTP        string   `json:",omitempty"` // host:port of the front door
	Leads       []uint64 // streams whose splitter this node owns
	Follows     []uint64 // streams whose splitter it stands by for
	Owns        int      // tiles of the streams' last frames that it runs
	StandsBy    int      // tiles of the streams' last frames that it holds a copy of
	OwnedOf     uint64   // the stream that OwnedTiles speaks of: of those that it holds tasks of, the one of the lowest id
	OwnedTiles  []uint32 // the tiles of that stream that it runs
	CopiedTiles []uint32 // the tiles of that stream that it holds a copy of
	Streams     []Stream `json:",omitempty"` // what is promised of those that it leads: at most MaxStreams, those without end first
	BeatGap     float64  // ms: longest time between two of its own rounds of beats since the last status
	RSS         int64    // bytes
	Ballast     int64    `json:",omitempty"` // of the RSS, bytes that the node was told to fill
	CPU         float64  // cores in use since the last status
	Goroutines  int
	Uptime      float64 // s
	Draining    bool    `json:",omitempty"` // it hands over, and will be gone
	StoreAway   float64 `json:",omitempty"` // s: for how long the store has not answered it; 0 where it answered last
	Scheduler   string  // classes in force, such as "beats fifo 1, workers other nice 10"

	// Counters since the node started.
	Executed  uint64 // tasks run
	Messages  uint64 // sent to other processes
	Bytes     uint64 // of them, before encryption
	Takeovers uint64 // promotions of this node
	Fenced    uint64 // results and placements refused for their epoch
	Repeated  uint64 // results that had already come
	Dropped   uint64 // given up at a bound
	Faulted   uint64 // messages, beats, gossip and tasks that an ordered fault had
	Strangers uint64 // unauthenticated peers and beats refused
	Malformed uint64 // messages of peers that could not be read
	Untold    uint64 // news of its own that found no room on their way to a sink
	Unstored  uint64 // results that were not written to the store because too many waited
	Refused   uint64 // requests that its front door refused
}

// Disobey is the verb of a node that does not obey an order; the text says why.
const Disobey = "disobey"

// MaxStreams bounds the streams that one status describes.
const MaxStreams = 16

// Stream is what a stream promises, as the node that leads it tells.
type Stream struct {
	ID       uint64
	Function string
	Tiles    uint32
	Period   time.Duration // between two frames, in ns
	Frames   uint64        `json:",omitempty"` // how many there are; 0: without end
	Strategy string
	Factor   int // copies of each task
}

// Guard says how the stream is guarded, as people read it: "active, 2 copies".
func (s Stream) Guard() string {
	if s.Factor == 1 {
		return s.Strategy + ", 1 copy"
	}
	return fmt.Sprintf("%s, %d copies", s.Strategy, s.Factor)
}

// StreamOf describes a stream.
func StreamOf(s *work.Stream) Stream {
	return Stream{
		ID: uint64(s.ID), Function: s.Function, Tiles: s.Tiles, Period: s.Period, Frames: s.Frames,
		Strategy: s.Strategy.String(), Factor: int(s.Factor),
	}
}
