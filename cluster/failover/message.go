package failover

import (
	"time"
	"unicode/utf8"

	"fracture/clock"
	"fracture/work"
)

// MessageKind says what a [Message] asks or tells.
type MessageKind uint8

// The messages between nodes, and between a sink and nodes.
const (
	// Submit asks the receiver to lead Stream, first due when it arrives: from a sink to a node. Task.Frame is the
	// first frame wanted and Epoch.Term the highest term the sink knows, both zero for a new stream; Have is toLead, or
	// toLeadOn where the stream was taken on before, or toDate.
	Submit MessageKind = iota + 1
	// Accepted answers Submit: the leader and at least one standby (where the strategy has any) hold the stream.
	Accepted
	// Refused answers Submit: Reason, Have and Need say why. Epoch.Term is that of the reign it ended, if there was one.
	Refused
	// Hold gives a standby of the splitter its copy of Stream; Holders are the splitter's, Task.Frame the first frame
	// that is not complete, or 0 of a request, which is not over before it is stored,
	// Epoch.Try the count of the changes of its holders, and Have is 1 where the submit was accepted. Payload are the
	// runs of frames that are complete, see appendRuns; they are taken of a stream without end alone.
	Hold
	// Held acknowledges Hold, or asks whether a copy is still wanted. Have is 1 where who asks knows that the submit was accepted.
	// Revision is the newest that its sender has, Task.Frame its first frame; Stream holds it where the receiver may not have it.
	Held
	// Mark tells the splitter's standbys that every task of Task.Frame has been placed. Need counts the frames from the oldest
	// that is not complete to this one.
	Mark
	// Place gives a task to its owner.
	Place
	// Copy gives the same task to a standby.
	Copy
	// Done tells the standbys that the result is on its way: the copy may go.
	Done
	// Result carries the output of a task: from its owner to the splitter's holders, and from these to the sinks. Have is 1
	// where its sender, whom no sink has reached, asks the receiver to pass it on, and 2 where that was done.
	Result
	// Fence tells a deposed splitter the term that deposed it; with Have, that its sender hears the splitter of that term.
	Fence
	// Yield hands the stream to the next holder: its splitter drains, which Reason says; or loses messages; or has refused the
	// stream, with the Reason NotCopied, of which the receiver was accepted as the leader before.
	Yield
	// Retire ends a stream at its holders: every frame is delivered and stored, or its sink wants no more of it. Or it lets one holder
	// go that is not needed; with the Reason NotCopied, one that has not acknowledged its copy. Or it says that its sender has no copy.
	Retire
	// Subscribe asks for the results of Task.Stream, or of every stream where it is 0.
	Subscribe
	// Unsubscribe ends a Subscribe.
	Unsubscribe
	// Change asks the leader of a stream that runs to guard it from now on with Stream's strategy and factor.
	Change
	// Changed answers Change: Reason is 0, or Reason, Have and Need say why the stream goes on as it was. Task.Frame is the
	// first that is placed after it.
	Changed
	// Lag tells the leader of a stream that a task has been run for as long as Ran, and is not done.
	Lag
	// Decline tells the leader of a stream that a placement under an older term, of Holders, was refused: its sender does not run it.
	Decline
	// Revise asks the leader of a stream that runs to have its function told Stream's Params from now on, as revision
	// Stream.Revision. Where the leader has that one or a higher one, it asks which.
	Revise
	// Revised answers Revise, and tells every sink that watches the stream: each of Holders has Stream's newest Params, which are
	// those of its frames from Task.Frame on. With the Reason BadStream the function does not take what was asked for, which
	// Stream is.
	Revised
)

// Reason says why a submit was refused, or a copy is not wanted.
type Reason uint8

// The reasons.
const (
	// TooFewNodes: the strategy's factor needs more live nodes than there are; Have and Need count them.
	TooFewNodes Reason = iota + 1
	// TooManyStreams: the node leads as many streams as its bound allows; Have and Need count them.
	TooManyStreams
	// Draining: the node is leaving; ask another.
	Draining
	// BadStream: the stream's own values make no sense (no tiles, a period of zero, a factor out of range).
	BadStream
	// NotCopied: no standby acknowledged in time; nothing has been started.
	NotCopied
	// Stopped: a stream that had been taken on has ended with the first fault, as its strategy is. Holders name the node that
	// failed, where it is known; Have is the Signal.
	Stopped
	// NoStream: what is to be changed does not run.
	NoStream
	// Overtaken: another has had the stream's function told something else meanwhile, which holds. Ask again if need be.
	Overtaken
)

// String names the reason in words.
func (r Reason) String() string {
	switch r {
	case TooFewNodes:
		return "too few live nodes for the factor"
	case TooManyStreams:
		return "too many streams on this node"
	case Draining:
		return "the node is draining"
	case BadStream:
		return "the stream's values make no sense"
	case NotCopied:
		return "no standby acknowledged the copy"
	case Stopped:
		return "stopped by a fault"
	case NoStream:
		return "no such stream is running"
	case Overtaken:
		return "another has changed it meanwhile"
	}
	return "no reason"
}

// Message is what one machine says to another. It is flat, so that a Step that sends allocates nothing; which fields
// mean something depends on Kind. Payload and Stream are valid until the Step after the one that handed them out: who
// keeps a message copies them.
type Message struct {
	Kind      MessageKind
	Reason    Reason
	Failed    bool          // Result: the function answered with an error, whose text is Payload
	Strategy  work.Strategy // Place, Copy: when a holder runs its copy; Result: how it was
	Function  string        // Place, Copy: which function to run
	Task      work.TaskID
	Epoch     Epoch
	Holders   Holders       // who runs and stands by (Place, Copy, Result), or who leads and stands by (Hold, Mark)
	Splitters Holders       // Place, Copy: where the result goes
	Revision  work.Revision // Place, Copy, Result, Mark: of the params that the task, or frame, was split from; Held: see there
	Have      uint32
	Need      uint32        // Place, Copy, Result: how many copies the strategy asks for; others: see their kind
	Ran       time.Duration // Result: how long the function took; Lag: so far; Submit, Hold, Mark: how long ago frame 0 was due. Never negative
	Began     clock.Instant // Submit, Hold, Mark: when frame 0 was due, for whoever shares the clock
	Clock     uint64        // Submit, Hold, Mark: which clock; 0 where nobody is known to share it
	Stream    *work.Stream  // Submit, Hold, Change, Changed, Held, Revise, Revised
	Payload   []byte        // Place, Copy: the function's input; Result: its output; Hold: see there
}

// Bounds of what one machine may say to another.
const (
	MaxPayloadBytes = 4 << 20  // Message.Payload
	MaxParamsBytes  = 64 << 10 // Stream.Params
	MaxNameBytes    = 255      // a function's name
)

// Fits reports whether m is within the bounds: what is not can be sent to nobody.
func (m *Message) Fits() bool {
	if m.Kind == 0 || len(m.Payload) > MaxPayloadBytes || m.Ran < 0 || !isName(m.Function) {
		return false
	}
	s := m.Stream
	return s == nil || (len(s.Params) <= MaxParamsBytes && isName(s.Function) && s.Period >= 0)
}

func isName(s string) bool { return len(s) <= MaxNameBytes && utf8.ValidString(s) }
