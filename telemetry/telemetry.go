// Package telemetry is the event stream: everything that happens in the cluster, as the screen, the plain lines and the
// reports see it.
//
// A node says two kinds of thing. An [Event] is something that happened: a line of the trace and, where a person should
// read it, a sentence. A [Status] is how the node is, told a few times a second. Both travel as JSON beside the results
// and are lossy: a watcher that is slow misses some and is told how many.
package telemetry

import "fracture/cluster/failover"

// Event is one thing that happened at a node.
type Event struct {
	failover.Trace
	Text string `json:",omitempty"` // a sentence for people, where the trace does not say it
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
	OwnedTiles  []uint32 // those tiles of the first stream
	BeatGap     float64  // ms: longest silence of its peers' beats, as it heard them, since the last status
	RSS         int64    // bytes
	CPU         float64  // cores in use since the last status
	Goroutines  int
	Uptime      float64 // s
	Draining    bool    `json:",omitempty"`
	Scheduler   string  // scheduling class of the workers in force, e.g. "other nice 10"

	// Counters since the node started.
	Executed  uint64 // tasks run
	Takeovers uint64 // promotions of this node
	Fenced    uint64 // results and placements refused for their epoch
	Repeated  uint64 // results that had already come
	Dropped   uint64 // given up at a bound
	Strangers uint64 // unauthenticated peers and beats refused
}
