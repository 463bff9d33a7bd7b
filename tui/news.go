package tui

import (
	"math"
	"sync"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
	"fracture/work/fractal"
)

// News is everything that happened between two frames of the screen: one value a frame, however much happened.
type News struct {
	Now    clock.Instant // when this batch was closed
	Tiles  []Tile        // the newest of each tile that arrived
	Nodes  []Node        // every node the cluster has or had; nil where nothing is new
	Events []telemetry.Event
	Missed uint64 // events dropped at a bound since the last batch

	Latency  *Latency  // nil where nothing is new
	Incident *Incident // the newest incident; nil where nothing is new
	Totals   *Totals   // nil where nothing is new
	Stream   *Stream   // what the picture's stream promises; nil where nothing is new
	Sight    *Sight    // what it computes; nil where nothing is new

	Recording *Recording // what is recorded now; nil where nothing is new
	Faults    *Faults    // what stands; nil where nothing is new
}

// Recording is a scenario that is being recorded. The zero value is none.
type Recording struct {
	Since  clock.Instant
	Faults int // noted by now
}

// Stream is what the stream of the picture promises.
type Stream struct {
	Tiles    int
	Period   time.Duration // a tile is stale after four
	Strategy string        // how its tasks are guarded
	Factor   int           // copies of each task
	Stopped  string        // the fault that has ended it, as its strategy is; empty while it runs
}

// Sight is what the picture's stream computes.
type Sight struct {
	Params   fractal.Params
	Revision work.Revision // of its tiles
}

// Tile is one tile of the stream's picture, as it arrived at the sink.
type Tile struct {
	Index    uint32
	Frame    uint64
	Owner    string // name of the node that computed it
	Arrived  clock.Instant
	Revision work.Revision // of what it was computed from

	TakenOver bool // its owner failed, and who stood by computed it

	// Numbers is the result, decoded from bytes that nobody changes any more: it reads them when it is drawn.
	Numbers fractal.Tile
}

// NodeState says how a node is, as the screen's process sees it.
type NodeState uint8

// The states of a node.
const (
	// Starting: the process runs, and has told nothing yet.
	Starting NodeState = iota
	// Alive: it was heard of lately.
	Alive
	// Late: its news are older than they should be.
	Late
	// Frozen: it was stopped and can be thawed.
	Frozen
	// Leaving: it drains and will be gone.
	Leaving
	// Dead: its process ended, or gossip says that it is gone.
	Dead
)

// String is the state's word on the screen.
func (s NodeState) String() string {
	switch s {
	case Starting:
		return "starting"
	case Alive:
		return "alive"
	case Late:
		return "late"
	case Frozen:
		return "frozen"
	case Leaving:
		return "leaving"
	case Dead:
		return "dead"
	}
	return "?"
}

// Node is what a node last told, and how it is.
type Node struct {
	telemetry.Status
	State   NodeState
	Foreign bool // someone else started it: nothing can be done to it from here
}

// Bucket counts downtimes up to a bound, and above the bound of the bucket before it.
type Bucket struct {
	UpTo  float64 // ms, inclusive; the last one is +Inf
	Count uint64
}

// Latency is how long the work stood still, over all incidents so far, in milliseconds at the sink.
type Latency struct {
	N                        int
	Untold                   int // incidents besides them whose downtime cannot be told
	Last, P50, P90, P99, Max float64
	Buckets                  []Bucket // ascending
	Classes                  []Class  // of fault
}

// Class is how long the work stood still for faults of one class, in milliseconds at the sink.
type Class struct {
	Name               string // "kill", "freeze", "cut"
	N                  int
	P50, P90, P99, Max float64
}

// Incident is one fault and what came of it.
type Incident struct {
	At       clock.Instant
	Node     string          // what failed
	What     string          // in one word: "killed", "frozen", "gone"
	Signal   failover.Signal // what made the others notice
	Noticed  float64         // ms from the failure to the first notice of it; 0 where that is not known
	Heir     string          // the node that took over first; empty while none has, and where nothing was in the failed one's hands
	Taken    float64         // ms from the failure to that takeover; 0 where that is not known
	Tasks    int             // how many tasks were taken over
	Downtime float64         // ms at the sink
	Untold   string          // why the downtime cannot be told; empty where it can
	Open     bool            // not over yet: Downtime still grows

	// Sent and Delivered are ms from the failure until the first result of what was taken over was sent, and until one came to the
	// sink; 0 where that was not seen.
	Sent, Delivered float64
}

// Totals are the sink's counters and rates.
type Totals struct {
	Results           float64 // delivered a second
	Frame             uint64  // newest frame of which a tile arrived
	Lateness          float64 // ms, median of the last results: arrival minus due; NaN where none was measured
	Lost              uint64  // results that never came, or came and were not measured
	Unmeasured        uint64  // results that came while too many waited to be measured: among those lost
	Duplicates        uint64  // results delivered twice; results that came twice and were dropped do not count
	NeedlessPerMinute float64 // takeovers from nodes that were alive
	Gone              bool    // no node of the cluster answers any more; the counters stand as they did before
}

// lateness is that of the results that come: there is none while none does.
func (t *Totals) lateness() float64 {
	if t.Results == 0 {
		return math.NaN()
	}
	return t.Lateness
}

// Feed tells what happened. The screen calls Collect once a frame, from one goroutine; it must not block. A [Broker] is
// a Feed.
type Feed interface {
	Collect(now clock.Instant) News
}

// Bounds of a [Broker]: how much may happen between two frames before news are dropped and counted.
const (
	// MaxEvents is how many events wait for a frame.
	MaxEvents = 512
	// MaxTiles is how many different tiles wait for a frame; of one tile only the newest waits.
	MaxTiles = 4096
)

// Broker stands between those who have news, who must never wait, and a screen that may be slow. It keeps the newest of
// everything that has a newest and a bounded number of what has not. The zero value is ready; all methods may be called
// from any goroutine.
type Broker struct {
	mu      sync.Mutex // guards what follows
	pending News
	at      map[uint32]int // where a tile's index stands in pending.Tiles
}

// Tile hands over a tile. Of two with the same index the higher frame is kept, of the same frame the first.
func (b *Broker) Tile(t Tile) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := b.at[t.Index]; ok {
		if t.Frame > b.pending.Tiles[i].Frame {
			b.pending.Tiles[i] = t
		}
		return
	}
	if len(b.pending.Tiles) >= MaxTiles {
		b.pending.Missed++
		return
	}
	if b.at == nil {
		b.at = make(map[uint32]int)
	}
	b.at[t.Index] = len(b.pending.Tiles)
	b.pending.Tiles = append(b.pending.Tiles, t)
}

// Event hands over an event; when [MaxEvents] wait, it is dropped and counted.
func (b *Broker) Event(e telemetry.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending.Events) >= MaxEvents {
		b.pending.Missed++
		return
	}
	b.pending.Events = append(b.pending.Events, e)
}

// Nodes replaces the list of nodes. The list is not changed after it is handed over.
func (b *Broker) Nodes(nodes []Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Nodes = nodes
}

// Latency replaces the figures of failover.
func (b *Broker) Latency(l Latency) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Latency = &l
}

// Incident replaces the newest incident.
func (b *Broker) Incident(i Incident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Incident = &i
}

// Totals replaces the sink's counters.
func (b *Broker) Totals(t Totals) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Totals = &t
}

// Stream replaces what the picture's stream promises.
func (b *Broker) Stream(s Stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Stream = &s
}

// Sight replaces what the picture's stream computes.
func (b *Broker) Sight(s Sight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Sight = &s
}

// Recording replaces what is recorded.
func (b *Broker) Recording(r Recording) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending.Recording = &r
}

// Collect hands out what came since the last call.
func (b *Broker) Collect(now clock.Instant) News {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.pending
	b.pending = News{}
	clear(b.at)
	n.Now = now
	return n
}

// stalePeriods is how many periods a tile may be old before it counts as stale; below, jitter would flicker.
const stalePeriods = 4

// staleAfter is the age from which a tile of a stream with this period is stale.
func staleAfter(period time.Duration) time.Duration { return stalePeriods * period }
