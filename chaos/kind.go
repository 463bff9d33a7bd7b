package chaos

import "fmt"

// Kind says what goes wrong, or is made good.
type Kind uint8

// The kinds of fault.
const (
	// Kill ends a process at once, as SIGKILL does: its links break, its beats stop.
	Kill Kind = iota + 1
	// Restart starts a killed process again, under a new incarnation. It heals a Kill.
	Restart
	// Freeze halts a process, as SIGSTOP does: its links stand, its beats stop, and what reaches it waits.
	Freeze
	// Thaw lets a frozen process go on. It heals a Freeze.
	Thaw
	// Reset breaks a link while both its ends live. Messages under way are lost; the link is made anew.
	Reset
	// Loss loses a share of the messages; at a store, of its replies to what it has done.
	Loss
	// Delay makes a share of the messages late, by By give or take Jitter; on a link those behind them wait. At a store it is
	// the replies.
	Delay
	// Duplicate makes a share of the messages arrive twice.
	Duplicate
	// Reorder makes a share of the messages late and lets those behind them pass.
	Reorder
	// Cut loses every message one way and none the other; what is sent to a store never comes there.
	Cut
	// Deny answers a share of the writes with an error, that of a Refusal.
	Deny
	// Slow makes every task of a node's calculators take several times as long.
	Slow
	// Wrong spoils a share of a node's answers: one bit of each is not what was computed.
	Wrong
	// Fail has a node's tasks fail, panic, wait or answer wrong, as Terms say.
	Fail
	// Corrupt flips one bit of a share of what is written to a link, below its encryption, which breaks the link; or of a share
	// of the beats, which are refused.
	Corrupt
	// Bandwidth lets Rate bytes a second pass on a link; what waits is late, and where too much waits, messages are dropped.
	Bandwidth
	// Slicer lets a link's bytes pass in pieces of Size, give or take Vary, and waits By between them.
	Slicer
	// LimitData closes a link when Bytes have passed on it.
	LimitData
	// SlowClose has the end of a link come By late to who did not end it.
	SlowClose
	// Blackhole lets nothing pass. A link's bytes wait until it is over, or until Timeout, when the link closes; beats are lost.
	Blackhole
	// Wedge stops the loop by which a node decides; its sockets, its links and its other threads stay as they are.
	Wedge
	// Skew has the clock by which a node decides show By more than it is, or less where By is below 0.
	Skew
	// Jump has that clock jump by By, and go back a tenth as fast as time passes.
	Jump
	// Strobe has it jump by By and back again, one or the other each Period.
	Strobe
	// Stress has threads of a node's process burn the time of so many Cores.
	Stress
	// Ballast has a node's process hold Bytes of memory.
	Ballast
	// GC has a node's heap collected again and again: for the garbage of Rate bytes a second, or, at a Rate of 0, without a pause.
	GC
)

// LastKind is the kind of the highest value, for who counts by kind.
const LastKind = GC

// Kinds lists every kind by value.
var Kinds = []Kind{
	Kill, Restart, Freeze, Thaw, Reset, Loss, Delay, Duplicate, Reorder, Cut, Deny, Slow, Wrong, Fail,
	Corrupt, Bandwidth, Slicer, LimitData, SlowClose, Blackhole,
	Wedge, Skew, Jump, Strobe, Stress, Ballast, GC,
}

// String names the kind as rules and reports do.
func (k Kind) String() string {
	switch k {
	case Kill:
		return "kill"
	case Restart:
		return "restart"
	case Freeze:
		return "freeze"
	case Thaw:
		return "thaw"
	case Reset:
		return "reset"
	case Loss:
		return "loss"
	case Delay:
		return "delay"
	case Duplicate:
		return "duplicate"
	case Reorder:
		return "reorder"
	case Cut:
		return "cut"
	case Deny:
		return "deny"
	case Slow:
		return "slow"
	case Wrong:
		return "wrong"
	case Fail:
		return "fail"
	case Corrupt:
		return "corrupt"
	case Bandwidth:
		return "bandwidth"
	case Slicer:
		return "slicer"
	case LimitData:
		return "limit_data"
	case SlowClose:
		return "slow_close"
	case Blackhole:
		return "blackhole"
	case Wedge:
		return "wedge"
	case Skew:
		return "skew"
	case Jump:
		return "jump"
	case Strobe:
		return "strobe"
	case Stress:
		return "stress"
	case Ballast:
		return "ballast"
	case GC:
		return "gc"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// HealedBy is the kind that makes k good: Restart for Kill, Thaw for Freeze, and 0 for what ends by itself.
func (k Kind) HealedBy() Kind {
	switch k {
	case Kill:
		return Restart
	case Freeze:
		return Thaw
	case Restart, Thaw, Reset, Loss, Delay, Duplicate, Reorder, Cut, Deny, Slow, Wrong, Fail,
		Corrupt, Bandwidth, Slicer, LimitData, SlowClose, Blackhole,
		Wedge, Skew, Jump, Strobe, Stress, Ballast, GC:
		return 0
	}
	return 0
}

// OfBytes reports whether the kind strikes a link's connection, below its messages and their encryption.
func (k Kind) OfBytes() bool {
	switch k {
	case Corrupt, Bandwidth, Slicer, LimitData, SlowClose, Blackhole, Reset:
		return true
	case Kill, Restart, Freeze, Thaw, Loss, Delay, Duplicate, Reorder, Cut, Deny, Slow, Wrong, Fail,
		Wedge, Skew, Jump, Strobe, Stress, Ballast, GC:
	}
	return false
}
