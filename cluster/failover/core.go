package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// Config is what a core is told at its making. Zero fields take the defaults given with them.
type Config struct {
	ID       NodeID
	Weight   uint64 // see WeightOf
	Zone     uint32
	Function func(name string) work.Function // finds a function; nil answers mean that it is unknown

	SilenceFloor   time.Duration // no peer is taken for dead sooner after its last beat; 8 ms
	SilenceCeiling time.Duration // nor later, whatever its rhythm; 60 ms
	OverdueFloor   time.Duration // no task is taken for overdue sooner; 20 ms
	OverdueCeiling time.Duration // nor later; 500 ms
	SubmitTimeout  time.Duration // how long a standby has to acknowledge Hold; 250 ms
	Linger         time.Duration // how long an ended task is remembered, against late copies of it; 250 ms
	MaxTasks       int           // tasks held at once, beyond which they are refused and counted; 8192
	MaxStreams     int           // streams held at once; 64

	Bug Bug // tests only: a fault planted in the protocol itself
}

// Bug is a mistake that the simulator's tests plant in the protocol to show that its checkers see it.
type Bug uint8

// The planted bugs.
const (
	NoBug Bug = iota
	// BugNoFencing accepts results whatever their epoch.
	BugNoFencing
	// BugAckBeforeCopy acknowledges a submit before a standby holds it.
	BugAckBeforeCopy
	// BugNoEpochBump promotes without raising the epoch.
	BugNoEpochBump
	// BugLostPromotion takes a task over and forgets to run it.
	BugLostPromotion
	// BugPlaceOnDead places tasks without asking whether the node lives, and watches none of them.
	BugPlaceOnDead
)

// SinkConfig is what a sink's machine is told at its making.
type SinkConfig struct {
	ID       NodeID
	Window   uint64        // frames remembered behind the newest, a multiple of 64; results older are dropped; 256
	Resubmit time.Duration // how long a stream may be silent before it is submitted again to the next node; 300 ms
}

// Core is one node's share of the decisions.
type Core struct{ cfg Config }

// New makes the machine of one node. It holds nothing and knows nobody until it is told.
func New(cfg Config) *Core { return &Core{cfg: cfg} }

// Step tells the machine what happened at now and appends what is to be done to out. Instants never go back.
func (c *Core) Step(now clock.Instant, ev Event, out []Effect) []Effect { return out }

// Wake is the instant at which the machine next wants a Tick, if nothing happens before.
func (c *Core) Wake() clock.Instant { return clock.Never }
