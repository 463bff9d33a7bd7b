package chaos

import (
	"errors"
	"fmt"
	"time"
)

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
	// Delay makes a share of the messages late; on a link those behind them wait. At a store it is the replies.
	Delay
	// Duplicate makes a share of the messages arrive twice.
	Duplicate
	// Reorder makes a share of the messages late and lets those behind them pass.
	Reorder
	// Cut loses every message one way and none the other; what is sent to a store never comes there.
	Cut
	// Deny answers a share of the writes with an error, as a store does that has become read-only or is full.
	Deny
	// Slow makes every task of a node's calculators take several times as long.
	Slow
	// Wrong spoils a share of a node's answers: one bit of each is not what was computed.
	Wrong
	// Fail has a node's tasks fail, panic, wait or answer wrong, as Terms say.
	Fail
)

// Kinds lists every kind by value.
var Kinds = []Kind{Kill, Restart, Freeze, Thaw, Reset, Loss, Delay, Duplicate, Reorder, Cut, Deny, Slow, Wrong, Fail}

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
	case Restart, Thaw, Reset, Loss, Delay, Duplicate, Reorder, Cut, Deny, Slow, Wrong, Fail:
		return 0
	}
	return 0
}

// ErrBadFault: the fault's values make no sense together; the text says which and what is allowed.
var ErrBadFault = errors.New("bad fault")

// Fault is one thing that goes wrong.
type Fault struct {
	Kind  Kind          `json:"kind"`
	Share float64       `json:"share,omitempty"` // Loss, Delay, Duplicate, Reorder, Deny, Wrong: the share of the messages concerned, above 0 and up to 1
	By    time.Duration `json:"by_ns,omitempty"` // Delay, Duplicate, Reorder: how late a message, or its second copy, is at most
	Times float64       `json:"times,omitempty"` // Slow: how many times as long a task takes, above 1 and up to MaxTimes
	Terms string        `json:"terms,omitempty"` // Fail: what becomes of which task; see Terms
}

// MaxTimes bounds how slow a fault makes a task.
const MaxTimes = 1000

// Check tells whether the fault's values make sense. Its error wraps [ErrBadFault].
func (f Fault) Check() error {
	switch f.Kind {
	case Kill, Restart, Freeze, Thaw, Reset, Cut:
		return nil
	case Fail:
		if _, err := ParseTerms(f.Terms); err != nil {
			return fmt.Errorf("%w: %v: %w", ErrBadFault, f.Kind, err)
		}
		return nil
	case Slow:
		if !(f.Times > 1 && f.Times <= MaxTimes) {
			return fmt.Errorf("%w: %v by %v times: it must be above 1 and at most %d", ErrBadFault, f.Kind, f.Times, MaxTimes)
		}
		return nil
	case Loss, Delay, Duplicate, Reorder, Deny, Wrong:
		if !(f.Share > 0 && f.Share <= 1) {
			return fmt.Errorf("%w: %v with a share of %v: it must be above 0 and at most 1", ErrBadFault, f.Kind, f.Share)
		}
		if f.Kind != Loss && f.Kind != Deny && f.Kind != Wrong && f.By <= 0 {
			return fmt.Errorf("%w: %v by %v: it must be above 0", ErrBadFault, f.Kind, f.By)
		}
		return nil
	}
	return fmt.Errorf("%w: %v is not one of %v", ErrBadFault, f.Kind, Kinds)
}

// Fate is what becomes of one message. The zero Fate leaves it alone.
type Fate struct {
	Lost   bool          // it never arrives
	Late   time.Duration // it arrives so much later than it would have
	Passed bool          // those behind it do not wait for it
	Twice  bool          // it arrives a second time,
	Again  time.Duration // so much later than the first
	Denied bool          // it is answered with an error
}

// Touch decides with luck what the fault does to one message.
func (f Fault) Touch(luck Luck) Fate {
	if f.Kind == Cut {
		return Fate{Lost: true}
	}
	if !luck.Hits(f.Share) {
		return Fate{}
	}
	by := luck.Next().Within(Span{Max: f.By})
	switch f.Kind {
	case Loss:
		return Fate{Lost: true}
	case Delay:
		return Fate{Late: by}
	case Duplicate:
		return Fate{Twice: true, Again: by}
	case Reorder:
		return Fate{Late: by, Passed: true}
	case Deny:
		return Fate{Denied: true}
	case Kill, Restart, Freeze, Thaw, Reset, Cut, Slow, Wrong, Fail:
	}
	return Fate{}
}

// Stretch is how much longer than usual a task takes under the fault: nothing, unless it is Slow.
func (f Fault) Stretch(usual time.Duration) time.Duration {
	if f.Kind != Slow {
		return 0
	}
	return time.Duration(float64(usual) * (f.Times - 1))
}

// Spoil flips one bit of an answer where luck has it, and reports whether it did: nothing, unless the fault is Wrong.
func (f Fault) Spoil(luck Luck, answer []byte) bool {
	if f.Kind != Wrong || len(answer) == 0 || !luck.Hits(f.Share) {
		return false
	}
	bit := luck.Next().Below(8 * uint64(len(answer)))
	answer[bit/8] ^= 1 << (bit % 8)
	return true
}

// And joins the fates of two faults that touch the same message.
func (a Fate) And(b Fate) Fate {
	return Fate{
		Lost:   a.Lost || b.Lost,
		Late:   a.Late + b.Late,
		Passed: a.Passed || b.Passed,
		Twice:  a.Twice || b.Twice,
		Again:  a.Again + b.Again,
		Denied: a.Denied || b.Denied,
	}
}
