package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// Config is what a core is told at its making. Zero fields take the defaults given with them.
type Config struct {
	ID       NodeID
	Weight   uint64                          // see WeightOf
	Zone     uint32                          // 0 where the node has none
	Clock    uint64                          // names the clock that instants are of: who shares it is told times as they are; 0: nobody does
	Function func(name string) work.Function // finds a function; nil where it is unknown

	SilenceFloor   time.Duration // no peer is taken for dead sooner after its last beat; 4.5 ms
	SilenceCeiling time.Duration // nor later, whatever its rhythm; 250 ms
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
	// BugSharedEpoch lets a standby of the splitter place under its leader's own epochs.
	BugSharedEpoch
	// BugFirstVote takes the first answer for the majority's.
	BugFirstVote
	// BugBesideOwner places the standby's copy on the owner.
	BugBesideOwner
	// BugEarlyRetire ends a stream before the store has everything.
	BugEarlyRetire
	// BugLateCopy holds a copy that comes after its owner's death as if the owner lived.
	BugLateCopy
	// BugBlindBeats is planted beside the machine: beats go on although the loop that steps it stands still.
	BugBlindBeats
	// BugWaitsAgain has a leader wait anew each time that it is late, also where it has not led since it last waited.
	BugWaitsAgain
	// BugOldDate goes by the first word of when frame 0 was due, however long it has waited to be read.
	BugOldDate
	// BugReviseBeforeCopy answers that a stream's function is told something else before the standbys have it.
	BugReviseBeforeCopy
)

func (cfg Config) withDefaults() Config {
	fill := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	fill(&cfg.SilenceFloor, 4500*time.Microsecond)
	fill(&cfg.SilenceCeiling, 250*time.Millisecond)
	fill(&cfg.OverdueFloor, 20*time.Millisecond)
	fill(&cfg.OverdueCeiling, 500*time.Millisecond)
	fill(&cfg.SubmitTimeout, 250*time.Millisecond)
	fill(&cfg.Linger, 250*time.Millisecond)
	if cfg.MaxTasks == 0 {
		cfg.MaxTasks = 8192
	}
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = 64
	}
	return cfg
}

// Core is one node's share of the decisions. Between two Steps it holds: the roster with a lease on each peer, the tasks
// it owns or stands by for, and the streams whose splitter it is or stands by for.
type Core struct {
	cfg      Config
	now      clock.Instant
	out      []Effect
	peers    peers
	tasks    taskTable
	streams  []*stream // in the order in which they came
	terms    termTable // the highest term seen of each stream, against deposed splitters
	watchers []watcher // the sinks, and what they subscribed to
	paces    []pace    // how long each function takes
	draining bool
	drained  bool

	born         clock.Instant // of the first Step
	heardAt      clock.Instant // see heard
	stalledAt    clock.Instant // see listened
	cutUntil     clock.Instant // see judgeSilence
	cutSince     clock.Instant // see judgeSilence
	missedNews   clock.Instant // when this node last stood still for long, was cut off or lost messages
	away         bool          // see comeBack
	trust        trust         // in this node itself
	hurriedUntil clock.Instant // see hurry
	yieldedAt    clock.Instant // when this node last wanted to hand over what it leads, for it loses messages
	wanted       clock.Instant // the last answer of Wake
	steady       clock.Instant // until then a leader that stalled splits nothing
	loop         []Message     // what this node says to itself, handled before Step returns
	scratch      []byte        // inputs split in this Step
	candidate    []candidate   // reused by candidates
}

type watcher struct {
	sink   NodeID
	stream work.StreamID // 0: all
}

// New makes the machine of one node. It holds nothing and knows nobody until it is told.
func New(cfg Config) *Core {
	cfg = cfg.withDefaults()
	return &Core{
		cfg:    cfg,
		peers:  peers{at: make(map[NodeID]int)},
		tasks:  taskTable{at: make(map[work.TaskID]int32), next: clock.Never, max: cfg.MaxTasks},
		wanted: clock.Never,
	}
}

// Step tells the machine what happened at now and appends what is to be done to out. Where a clock goes back, time stands still
// for the machine until the clock has caught up. It allocates nothing once its tables have grown to the load.
func (c *Core) Step(now clock.Instant, ev Event, out []Effect) []Effect {
	now = max(now, c.now)
	if c.born == 0 {
		c.born = now
	}
	c.excuseOwnStall(now)
	c.now, c.out, c.scratch = now, out, c.scratch[:0]
	switch ev.Kind {
	case Tick:
		c.listened(ev.At, ev.Stalled)
	case Joined:
		c.join(ev.Member)
	case Left:
		c.leave(ev.Peer)
	case LinkUp:
		c.linkUp(ev.Peer)
	case LinkDown:
		c.linkDown(ev.Peer)
	case Beat:
		c.beat(ev)
	case Received:
		c.receive(ev.Peer, &ev.Message)
	case Computed:
		c.computed(&ev.Message)
	case Lags:
		c.lags(&ev.Message)
	case Saved:
		c.saved(ev.Message.Task.Stream)
	case Drain:
		c.drain()
	case Missed:
		c.missed(ev.Peer)
	case Detected, Recovered: // for sinks
	}
	c.passTime()
	for i := 0; i < len(c.loop); i++ { // what is handled may append more
		m := c.loop[i]
		c.receive(c.cfg.ID, &m)
	}
	c.loop = c.loop[:0]
	c.reportDrained()
	out, c.out = c.out, nil
	return out
}

// passTime does what the clock alone demands.
func (c *Core) passTime() {
	c.judgeSilence()
	c.comeBack()
	if c.steadied() {
		for i := len(c.streams) - 1; i >= 0; i-- { // downward: tending a stream may give it up
			switch s := c.streams[i]; {
			case s.leading():
				c.tend(s)
				c.retireIfOver(s) // its last frames may have been answered before they were placed here
			case c.now >= s.shareAt():
				c.share(s)
			case c.now >= s.askAt:
				c.askWhetherHeld(s)
			}
		}
	}
	if c.now >= c.tasks.next {
		c.sweepTasks()
	}
}

// Wake is the instant at which the machine next wants a Tick, if nothing happens before.
func (c *Core) Wake() clock.Instant {
	wake := c.tasks.next
	for i := range c.peers.list {
		p := &c.peers.list[i]
		if p.link && !p.Sink && p.failed == 0 {
			lapse := p.lease.Lapse() + 1
			if lapse <= c.now {
				lapse = c.now.Add(listenAgain) // past, and not judged: beats have not been heard since
			}
			wake = min(wake, lapse)
		}
	}
	for _, s := range c.streams {
		wake = min(wake, max(s.wake(), c.steady, c.cutUntil))
	}
	c.wanted = wake
	return wake
}

// emit appends an effect.
func (c *Core) emit(e Effect) { c.out = append(c.out, e) }

// send gives a message to a peer's link, or to this node itself.
func (c *Core) send(to NodeID, m Message) {
	switch {
	case to == 0:
	case to != c.cfg.ID:
		c.emit(Effect{Kind: Send, Peer: to, Message: m})
	case m.Kind == Accepted || m.Kind == Refused || m.Kind == Changed || m.Kind == Revised: // the sink that asked lives on this node
		c.emit(Effect{Kind: Forward, Peer: to, Message: m})
	default:
		c.loop = append(c.loop, m)
	}
}

// maxFrame is beyond what any stream reaches: 34 years at a thousand frames a second. Below it frames can be added and
// compared safely. When one is due is another matter: frame × period fits an Instant for 292 years of a stream, which no
// stream lives, and wraps for a frame that only a liar says.
const maxFrame = 1 << 40

// receive handles a message of a peer, or of this node itself.
func (c *Core) receive(from NodeID, m *Message) {
	if m.Task.Frame > maxFrame {
		return // no peer of sound mind says so
	}
	switch m.Kind {
	case Submit:
		c.submitted(from, m)
	case Hold:
		c.hold(from, m)
	case Held:
		c.heldBy(from, m)
	case Mark:
		c.mark(from, m)
	case Place, Copy:
		c.place(from, m)
	case Done:
		c.done(m)
	case Result:
		if m.Have > 0 { // its sender has taken it, and asks for no more than that it be forwarded
			c.passOn(m)
			return
		}
		c.result(from, m)
	case Fence:
		c.fenced(m)
	case Yield:
		c.yielded(from, m)
	case Retire:
		c.retired(from, m)
	case Subscribe:
		c.subscribe(from, m.Task.Stream)
	case Unsubscribe:
		c.unsubscribe(from, m.Task.Stream)
	case Change:
		c.change(from, m)
	case Lag:
		c.lagging(from, m)
	case Decline:
		c.declined(from, m)
	case Revise:
		c.revise(from, m)
	case Accepted, Refused, Changed, Revised: // for sinks
	}
}

// lostHolder reports whether a holder is known to have failed. This node itself never has.
func (c *Core) lostHolder(id NodeID) (Signal, bool) {
	if id == c.cfg.ID {
		return 0, false
	}
	p := c.peers.find(id)
	switch {
	case p == nil:
		return Gone, c.peers.wasThere(id)
	case p.failed != 0:
		return p.failed, true
	case p.lost():
		return Reset, true
	}
	return 0, false
}

// Holdings visits the tasks that this node holds or held within Linger, in no particular order, and says of each whether
// this node owned it or stood by.
func (c *Core) Holdings(visit func(id work.TaskID, function string, owner bool)) {
	for i := range c.tasks.list {
		h := &c.tasks.list[i]
		promoted := int(h.epoch.Rank) == h.rank && !h.strategy.Everyone() && !h.hedged
		visit(h.id, h.function, h.rank == 0 || promoted)
	}
}

// Streams visits the streams whose splitter this node is or stands by for.
func (c *Core) Streams(visit func(id work.StreamID, leads bool)) {
	for _, s := range c.streams {
		visit(s.spec.ID, s.leading())
	}
}
