// Package sim runs a whole cluster in virtual time, from a seed.
//
// A [World] holds nodes, each driven by a real failover.Core, a sink driven by a real failover.Sink, the links and beats
// between them, a gossip that knows who exists, workers that take their time, and a store. A heap of happenings moves
// its clock. What goes wrong, and every delay, is luck drawn from the seed, so the same seed is the same run to the last
// byte of its trace, and two runs with different seeds have nothing in common.
//
// While it runs, checkers are shown every event and every effect, and hold them against the promises of the protocol:
// each lives in a file of its own. The first broken promise ends the run as a [Violation].
//
// The package computes no fractal, encodes no message and opens no socket: docs/SIM.md lists what is simulated and what
// is not.
package sim

import (
	"fmt"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// Config says which world to run. Zero fields take the defaults given with them.
type Config struct {
	Nodes     int               // nodes besides the sink, from MinNodes to MaxNodes; 5
	Slowness  float64           // how much longer than usual a task takes; 1
	Faultless bool              // nothing goes wrong
	Strategy  work.Strategy     // guards every stream; 0: drawn for each, and changed while it runs
	Bug       failover.Bug      // a mistake planted in the protocol; none
	Trace     func(line []byte) // told each line of the trace, without a newline; valid during the call
	skew      skewKind
}

// MinNodes and MaxNodes bound the nodes of a world.
const (
	MinNodes = 3
	MaxNodes = 15
)

// Bugs are the mistakes that can be planted in the protocol, and what they are called.
var Bugs = []struct {
	Name string
	Bug  failover.Bug
}{
	{"no-fencing", failover.BugNoFencing},
	{"ack-before-copy", failover.BugAckBeforeCopy},
	{"no-epoch-bump", failover.BugNoEpochBump},
	{"lost-promotion", failover.BugLostPromotion},
	{"place-on-dead", failover.BugPlaceOnDead},
	{"shared-epoch", failover.BugSharedEpoch},
	{"first-vote", failover.BugFirstVote},
	{"beside-owner", failover.BugBesideOwner},
	{"early-retire", failover.BugEarlyRetire},
	{"late-copy", failover.BugLateCopy},
	{"blind-beats", failover.BugBlindBeats},
	{"waits-again", failover.BugWaitsAgain},
	{"old-date", failover.BugOldDate},
	{"revise-before-copy", failover.BugReviseBeforeCopy},
}

// Outcome is what became of one seed.
type Outcome struct {
	Seed      uint64
	Hash      uint64        // FNV-1a over the lines of the trace
	Virtual   time.Duration // how long the world ran by its own clock
	Events    int           // what happened in it
	Violation *Violation    // the first broken promise; nil where all were kept

	Streams   int // streams and requests submitted
	Accepted  int // of these, acknowledged
	Orphaned  int // of these, all holders were dead at once: the promise was void
	Tasks     int // tasks of all streams
	Runs      int // tasks begun by workers, some of them more than once
	Delivered int // results delivered
	Repeated  int // further copies that the sink dropped
	Excused   Excused
	Needless  int // takeovers from a node that lived
	Unsent    int // messages given to a link that did not stand
	Views     int // other views of a stream of which the sink was told that they hold

	Faults    [chaos.LastKind + 1]int // faults that struck, by kind; for those of single messages, the windows
	Troubles  [Hang + 1]int           // and what went wrong beside them
	Takeovers []Takeover              // from nodes that were dead or frozen; valid until the next Run
	Lates     []Lateness              // of the results of a calm world; valid until the next Run
}

// Excused says why results that are not delivered need not be: of whole streams, each by the first reason that holds.
type Excused struct {
	Refused  int // the cluster could not take the stream, or its strategy stopped it at a fault
	Orphaned int // all holders were dead at once
	Single   int // a message was lost where the strategy keeps one copy
}

// Takeover is one promotion after a fault.
type Takeover struct {
	Signal failover.Signal
	After  time.Duration // since the owner stopped, or since the copy came where that was later
}

// The phases of a run.
const (
	assembly = 10 * time.Millisecond  // the first fault comes no sooner
	chaosFor = 650 * time.Millisecond // from the beginning to the healing of all faults, at least;
	chaosTo  = 950 * time.Millisecond // and at most
	settling = 40 * time.Millisecond  // from then to the end, to see what comes twice
	lingers  = 10 * time.Second       // the same for one seed in lingerEach, to see that all is forgotten
	// patience is how long after the healing everything must have been delivered: a leader places a task anew when it has
	// been overdue, at most 500 ms, for a factor of 3 and once more, doubled three times, which is 16 s; one of strategy
	// reschedule, which waits for gossip, after 25 s.
	patience = 45 * time.Second
	// lingerEach is how seldom a run lasts that long: beats cost time.
	lingerEach = 64
	// maxEvents bounds what may happen in a run: one of five nodes has about 20,000, one of fifteen that lingers a million.
	maxEvents = 2_000_000
)

// World is a cluster in virtual time. Its memory is used again from run to run.
type World struct {
	cfg       Config
	seed      uint64
	now       clock.Instant
	heals     clock.Instant // when all faults are over
	fells     clock.Instant // when the node of a calm world dies
	calm      bool          // one node dies
	beside    beside        // and what else happens
	stall     time.Duration // how long its host stalls
	revived   clock.Instant // when its node starts again
	calms     clock.Instant // when the machine of a calm world has no longer too much to do
	hangs     []hang        // when its processes stand still
	second    clock.Instant // when a standby dies
	third     clock.Instant // and its leader
	settled   clock.Instant // when everything was delivered; Never before
	queue     queue
	parcels   parcels
	processes []process // the nodes, then the sink
	ends      [][]end   // ends[a][b]: a's end of its link to b
	lives     []life    // every incarnation that ever was
	byID      map[failover.NodeID]int32
	conns     uint32
	rules     []chaos.Rule
	clocks    []skewed // by clockOf, which counts from 1
	standing  []standing
	parts     []partition // that stand
	shelf     shelf
	shocks    int // aftershocks that may still come
	streams   []stream
	effects   []failover.Effect
	fn        function
	liar      int // the process whose answers to a vote are wrong; none is none
	checks    checks
	trace     trace
	out       Outcome
}

// New makes a world. Config's Nodes outside of its range is brought into it.
func New(cfg Config) *World {
	if cfg.Nodes == 0 {
		cfg.Nodes = 5
	}
	if cfg.Slowness == 0 {
		cfg.Slowness = 1
	}
	cfg.Nodes = min(max(cfg.Nodes, MinNodes), MaxNodes)
	w := &World{cfg: cfg, byID: make(map[failover.NodeID]int32)}
	w.processes = make([]process, cfg.Nodes+1)
	w.ends = make([][]end, cfg.Nodes+1)
	for i := range w.ends {
		w.ends[i] = make([]end, cfg.Nodes+1)
	}
	w.trace.name = w.nameOf
	return w
}

// Run runs one seed from beginning to end.
func (w *World) Run(seed uint64) Outcome {
	defer func() {
		if r := recover(); r != nil { // a machine broke an invariant of its own: say which run to look at
			panic(fmt.Sprintf("seed %d at %.3f ms: %v", seed, float64(w.now)/1e6, r))
		}
	}()
	w.reset(seed)
	w.populate()
	w.plan()
	for w.out.Violation == nil && w.queue.len() > 0 {
		e := w.queue.pop()
		w.now = e.at
		if w.over() {
			break
		}
		if w.out.Events++; w.out.Events > maxEvents {
			w.violate("storm", "%d things have happened: the world does not come to rest", maxEvents)
			break
		}
		w.happen(e)
	}
	if w.out.Violation == nil {
		w.checkEnd()
	}
	w.excuse()
	w.out.Virtual, w.out.Hash = time.Duration(w.now), w.trace.hash
	return w.out
}

// over reports whether nothing more is to be seen: all was delivered, and stayed so for a while, or time is up.
func (w *World) over() bool {
	if w.now >= w.heals.Add(patience) {
		return true
	}
	if w.settled == clock.Never {
		if w.now > w.heals && w.allSettled() {
			w.settled = w.now
		}
		return false
	}
	return w.now >= w.settled.Add(w.settling())
}

func (w *World) settling() time.Duration {
	if w.seed%lingerEach == 0 {
		return lingers
	}
	return settling
}

func (w *World) reset(seed uint64) {
	w.seed, w.now, w.settled, w.conns = seed, 0, clock.Never, 0
	w.queue.reset()
	w.parcels.reset()
	w.lives = w.lives[:0]
	clear(w.byID)
	for i := range w.ends {
		clear(w.ends[i])
	}
	w.standing = w.standing[:0]
	w.streams = w.streams[:0]
	w.checks.reset()
	w.trace.reset(w.cfg.Trace)
	w.out = Outcome{Seed: seed, Takeovers: w.out.Takeovers[:0], Lates: w.out.Lates[:0]}
	w.planPhases()
}

// happening is a kind of entry on the heap.
type happening uint8

const (
	ticks      happening = iota + 1 // a's timer
	beats                           // a sends its beats
	beaten                          // a beat of b reaches a; arg holds its flags
	arrives                         // a parcel reaches a
	dials                           // a and b make a link
	linked                          // a's end of its link to b stands; arg is the connection
	severed                         // a's end of its link to b is gone; arg is the connection
	gossips                         // a hears how b is; arg 1: and is told so even if it knew
	computes                        // a's worker ends its task
	lags                            // a is told that its worker has run its arg-th task for long
	stores                          // a's write of a result, in a parcel, is done
	saves                           // a is told that the store has everything of a stream
	starts                          // a starts
	drains                          // a is asked to leave
	goes                            // a, which was, goes with what it holds
	strikes                         // rule a strikes for the arg-th time; the spot is in slot
	passes                          // the strike in slot is over
	parts                           // the arg-th partition begins
	joins                           // it is over
	shocks                          // a is struck while it recovers from a fault; arg is the trouble
	soothes                         // that is healed
	spoils                          // trouble arg befalls the store for the slot-th time
	fells                           // the node of a calm world dies; arg counts the deaths before
	stalls                          // its host stalls
	resumes                         // and runs again; the processes that stood still are bits of slot
	stops                           // the loop of a waits for a core for the arg-th time
	comesRound                      // and comes round
	hangs                           // a stands still
	reports                         // a is told of the end of a task, which is in a parcel
	retires                         // the sink ends the stream that has no end
	submits                         // stream slot is submitted at the sink
	changes                         // stream slot is to be guarded otherwise
	audits                          // a takeover's bound has passed; see takeover.go
	swings                          // the clock that the strike in slot concerns jumps once more
	revises                         // the stream of frames is to show another view
)

// happen makes one thing happen.
func (w *World) happen(e entry) {
	switch e.kind {
	case ticks, beats, beaten, arrives, linked, severed, gossips, computes, reports, lags, stores, saves, drains, goes:
		w.happenAt(&w.processes[e.a], e)
	case dials:
		w.dial(int(e.a), int(e.b))
	case starts:
		w.start(&w.processes[e.a])
	case strikes:
		w.strike(e)
	case passes:
		w.pass(e)
	case parts:
		w.part(int(e.arg))
	case joins:
		w.join(int(e.arg))
	case shocks:
		w.shock(&w.processes[e.a], e)
	case soothes:
		w.soothe(&w.processes[e.a], e)
	case spoils:
		w.spoil(e)
	case fells:
		w.fell(e.arg)
	case stalls:
		w.stallHost()
	case resumes:
		w.resume(e.slot)
	case stops:
		w.wait(&w.processes[e.a], e)
	case comesRound:
		w.comeRound(&w.processes[e.a], e)
	case hangs:
		w.standStill(&w.processes[e.a])
	case retires:
		w.retire()
	case submits:
		w.submit(int(e.slot))
	case changes:
		w.change(int(e.slot))
	case swings:
		w.swing(e)
	case revises:
		w.revise()
	case audits:
		w.checks.takeover.audit(w, int(e.slot))
	}
}
