package failover

import (
	"time"

	"fracture/clock"
)

// Member is a process as gossip knows it.
type Member struct {
	ID     NodeID
	Weight uint64 // hash of the name: a node keeps its place in the ranking when it is started again
	Zone   uint32 // 0 where the node has none
	Sink   bool   // receives results and is never given work
}

// EventKind says what happened.
type EventKind uint8

// The events a shell reports.
const (
	// Tick: time has passed; nothing else.
	Tick EventKind = iota + 1
	// Joined: gossip tells of Member. Telling it again changes nothing.
	Joined
	// Left: gossip says that Peer is gone.
	Left
	// LinkUp: a link to Peer stands.
	LinkUp
	// LinkDown: the link to Peer was reset or closed.
	LinkDown
	// Beat: a beat of Peer arrived; Interval is its rhythm, Heard whether it hears ours, Leaving whether it drains.
	Beat
	// Received: Message came from Peer.
	Received
	// Computed: a task that an Execute effect started has ended; Message is that of the effect, with the output as Payload,
	// Failed and Ran.
	Computed
	// Lags: a worker has been running a task that an Execute effect started for as long as Message.Ran, FirstLag or more, and
	// has not done it; Message is otherwise that of the effect.
	Lags
	// Saved: everything of stream Message.Task.Stream is in the store.
	Saved
	// Drain: this node is to leave: hand over, finish, be given nothing new.
	Drain
	// Missed: messages of Peer, or ours to it, were lost on the way. The link makes them good, but late.
	Missed
	// Detected, of a sink: the Core of the node that it lives on takes Peer for failed.
	Detected
	// Recovered, of a sink: that Core takes Peer for alive again.
	Recovered
)

// Event is something that happened to a node. Which fields mean something depends on Kind.
type Event struct {
	Kind     EventKind
	At       clock.Instant // Beat: when it arrived; Tick: until when beats were heard; 0 means now
	Stalled  clock.Instant // Tick: when whoever hears the beats was last late itself; 0 where At is 0, or it never was
	Peer     NodeID
	Heard    bool
	Leaving  bool
	Interval time.Duration
	Member   Member
	Message  Message
}

// Signal says what made a takeover happen.
type Signal uint8

// The signals; whichever comes first wins.
const (
	// Reset: the link to the owner broke.
	Reset Signal = iota + 1
	// Silence: the owner's beats stopped for longer than its learned rhythm allows.
	Silence
	// Overdue: the task took longer than its function's learned time.
	Overdue
	// Gone: gossip says that the node is no longer a member.
	Gone
	// Handover: the owner asked for it.
	Handover
)

// Signals lists every signal by value.
var Signals = []Signal{Reset, Silence, Overdue, Gone, Handover}

// String names the signal as the reports do.
func (s Signal) String() string {
	switch s {
	case Reset:
		return "reset"
	case Silence:
		return "silence"
	case Overdue:
		return "overdue"
	case Gone:
		return "gone"
	case Handover:
		return "handover"
	}
	return "-"
}

// EffectKind says what a shell is to do, or what it is told.
type EffectKind uint8

// The effects. Those up to Forward ask for a deed; those from Guard on tell what was decided.
const (
	// Send: give Message to Peer's link; a message that cannot be sent is dropped, the machine makes up for it.
	Send EffectKind = iota + 1
	// Execute: run the task of Message (a Place or Copy, with its Payload as input); report Computed.
	Execute
	// Cancel: the task of Message, under that very epoch, is not wanted any more: if no worker has begun it, none needs to.
	Cancel
	// Keep: Message is the first result of its task at a holder of the stream: the store writer's to keep.
	Keep
	// Forward: Message is for a sink on this very node.
	Forward
	// Lead: this node now leads Message.Stream under Epoch.Term; the Holders after it stand by. Peer led before, if any.
	Lead
	// Follow: this node holds Message.Stream but Peer leads it; or, where Holders are empty, it holds it no longer.
	Follow
	// Guard: this node, which leads the stream, guards it from now on as Message.Stream says.
	Guard
	// Detect: Peer is taken for failed, by Signal.
	Detect
	// Recover: Peer is alive (again).
	Recover
	// Promote: this node took over the task (or, where Task.Tile is SplitterTile, the stream) from Peer, by Signal.
	Promote
	// Hedge: this node runs its copy of the task beside Peer, who takes longer than most.
	Hedge
	// Mask: Peer's answer to the task was another than that of most holders.
	Mask
	// Stop: the stream ends here because Peer failed, by Signal, as its strategy is.
	Stop
	// Replace: the splitter placed a task anew under a higher try, by Signal.
	Replace
	// Refuse: a message under a lower epoch than is known was refused.
	Refuse
	// Repeat: a result that had already come was dropped.
	Repeat
	// Drop: something was given up because a bound was reached: a task beyond the table, a frame beyond the window.
	Drop
	// Drained: nothing is held any more; the node may leave.
	Drained
	// Deliver: a sink has the first valid result of a task.
	Deliver
)

// SplitterTile stands for "the splitter role itself" in the Task.Tile of a Promote effect.
const SplitterTile = ^uint32(0)

// Effect is something to be carried out or told. Which fields mean something depends on Kind.
type Effect struct {
	Kind    EffectKind
	Signal  Signal
	Peer    NodeID
	Message Message
}

// Verb is the effect's word in the trace: one of the ten of the path, or, for what lies beside the path, one of its own.
func (e Effect) Verb() string {
	switch e.Kind {
	case Send:
		return e.Message.Kind.verb()
	case Execute:
		return "execute"
	case Cancel:
		return "cancel"
	case Keep:
		return "store"
	case Forward, Deliver:
		return "deliver"
	case Lead:
		return "lead"
	case Follow:
		return "follow"
	case Guard:
		return "guard"
	case Detect:
		return "detect"
	case Recover:
		return "recover"
	case Promote:
		return "promote"
	case Hedge:
		return "hedge"
	case Mask:
		return "mask"
	case Stop:
		return "stop"
	case Replace:
		return "replace"
	case Refuse:
		return "refuse"
	case Repeat:
		return "repeat"
	case Drop:
		return "drop"
	case Drained:
		return "drained"
	}
	return "?"
}

// verb is the word of a message in the trace: which step of the path sending it is.
func (k MessageKind) verb() string {
	switch k {
	case Submit:
		return "request"
	case Accepted, Refused:
		return "answer"
	case Hold:
		return "copy"
	case Held:
		return "held"
	case Mark:
		return "mark"
	case Place:
		return "place"
	case Copy:
		return "copy"
	case Done:
		return "done"
	case Result:
		return "result"
	case Fence:
		return "fence"
	case Yield:
		return "yield"
	case Retire:
		return "retire"
	case Subscribe, Unsubscribe:
		return "watch"
	case Change:
		return "change"
	case Changed:
		return "answer"
	case Decline:
		return "decline"
	case Lag:
		return "lag"
	case Revise:
		return "revise"
	case Revised:
		return "answer"
	}
	return "?"
}
