package chaos

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrBadFault: the fault's values make no sense together; the text says which and what is allowed.
var ErrBadFault = errors.New("bad fault")

// Fault is one thing that goes wrong. Behind each field stand the kinds that it is for; for others it must be left zero.
type Fault struct {
	Kind         Kind          `json:"kind"`
	Share        float64       `json:"share,omitempty"`        // Loss, Delay, Duplicate, Reorder, Deny, Wrong, Corrupt: the share of the messages concerned, above 0 and up to 1
	Every        uint64        `json:"every,omitempty"`        // the same but Wrong: it concerns the last of each so many messages; 0: all
	Burst        uint64        `json:"burst,omitempty"`        // with Every: the last so many; 0: one
	By           time.Duration `json:"by_ns,omitempty"`        // Delay, Duplicate, Reorder, SlowClose: how late a message, its second copy, or the end is; Slicer: the pause; Skew, Jump, Strobe: how far off the clock is
	Jitter       time.Duration `json:"jitter_ns,omitempty"`    // Delay, Duplicate, Reorder: how far it is from By
	Distribution Distribution  `json:"distribution,omitempty"` // with Jitter: in what way
	Times        float64       `json:"times,omitempty"`        // Slow: how many times as long a task takes, above 1 and up to MaxTimes
	Terms        string        `json:"terms,omitempty"`        // Fail: what becomes of which task; see Terms
	Rate         uint64        `json:"rate,omitempty"`         // Bandwidth: bytes a second, from MinRate; GC: of garbage, the same
	Size         uint64        `json:"size,omitempty"`         // Slicer: bytes of a piece on average
	Vary         uint64        `json:"vary,omitempty"`         // Slicer: by how many of them a piece is larger or smaller, below Size
	Bytes        uint64        `json:"bytes,omitempty"`        // LimitData, Ballast
	Timeout      time.Duration `json:"timeout_ns,omitempty"`   // Reset, Blackhole: how long a link stands; of a Reset 0: it breaks at once, and once; of a Blackhole 0: it stands
	Refusal      Refusal       `json:"refusal,omitempty"`      // Deny: for what reason
	Writes       bool          `json:"writes,omitempty"`       // Delay at a store: of writes alone, as a slow disk has it
	Period       time.Duration `json:"period_ns,omitempty"`    // Strobe: between two jumps
	Cores        uint64        `json:"cores,omitempty"`        // Stress: how many threads burn
}

// Once reports whether the fault strikes when it comes, and stands no longer.
func (f Fault) Once() bool { return f.Kind == Reset && f.Timeout == 0 }

// Bounds of faults.
const (
	MaxTimes = 1000    // how slow a fault makes a task
	MinRate  = 100     // bytes a second of a Bandwidth
	MaxBytes = 1 << 40 // of a Rate, a Size, a limit
	maxEvery = maxModifier
)

// Check tells whether the fault's values make sense. Its error wraps [ErrBadFault].
func (f Fault) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %v %s", ErrBadFault, f.Kind, fmt.Sprintf(format, args...))
	}
	if text := f.needless(); text != "" {
		return wrong("%s means nothing to it", text)
	}
	switch f.Kind {
	case Kill, Restart, Freeze, Thaw, Cut:
		return nil
	case Reset, Blackhole:
		if f.Timeout < 0 || f.Timeout > MaxTimeout {
			return wrong("after %v: it must be 0 to %v", f.Timeout, MaxTimeout)
		}
		return nil
	case Fail:
		if _, err := ParseTerms(f.Terms); err != nil {
			return fmt.Errorf("%w: %v: %w", ErrBadFault, f.Kind, err)
		}
		return nil
	case Slow:
		if !(f.Times > 1 && f.Times <= MaxTimes) {
			return wrong("by %v times: it must be above 1 and at most %d", f.Times, MaxTimes)
		}
		return nil
	case Loss, Delay, Duplicate, Reorder, Deny, Wrong, Corrupt:
		return f.checkTouch(wrong)
	case Bandwidth:
		if f.Rate < MinRate || f.Rate > MaxBytes {
			return wrong("of %d bytes a second: it must be %d to %d", f.Rate, MinRate, uint64(MaxBytes))
		}
		return nil
	case Slicer:
		switch {
		case f.Size < 1 || f.Size > MaxBytes:
			return wrong("into pieces of %d bytes: it must be 1 to %d", f.Size, uint64(MaxBytes))
		case f.Vary >= f.Size:
			return wrong("into pieces of %d bytes that vary by %d: it must be less", f.Size, f.Vary)
		case f.By < 0 || f.By > MaxLate:
			return wrong("with a pause of %v: it must be 0 to %v", f.By, MaxLate)
		}
		return nil
	case LimitData:
		if f.Bytes < 1 || f.Bytes > MaxBytes {
			return wrong("after %d bytes: it must be 1 to %d", f.Bytes, uint64(MaxBytes))
		}
		return nil
	case SlowClose:
		if f.By <= 0 || f.By > MaxLate {
			return wrong("by %v: it must be above 0 and at most %v", f.By, MaxLate)
		}
		return nil
	case Wedge, Skew, Jump, Strobe, Stress, Ballast, GC:
		return f.checkInside(wrong)
	}
	return fmt.Errorf("%w: %v is not one of %v", ErrBadFault, f.Kind, Kinds)
}

// checkTouch checks a fault of single messages.
func (f Fault) checkTouch(wrong func(string, ...any) error) error {
	switch {
	case !(f.Share > 0 && f.Share <= 1):
		return wrong("with a share of %v: it must be above 0 and at most 1", f.Share)
	case f.Refusal > NoReplicas:
		return wrong("with %v: want one of %v", f.Refusal, Refusals)
	case f.Every > maxEvery:
		return wrong("of one in %d: at most %d", f.Every, maxEvery)
	case f.Burst > f.Every:
		return wrong("in bursts of %d in each %d: it must be no more", f.Burst, f.Every)
	case !f.late():
		return nil
	case f.By < 0 || f.Jitter < 0:
		return wrong("by %v with a jitter of %v: neither can be below 0", f.By, f.Jitter)
	case f.By+f.Jitter <= 0:
		return wrong("by %v: it must be above 0", f.By)
	case f.Distribution > Pareto:
		return wrong("with a jitter that is %v: want one of %v", f.Distribution, Distributions)
	case f.Distribution != Uniform && f.Jitter == 0:
		return wrong("with a jitter that is %v, and no jitter", f.Distribution)
	}
	return nil
}

// late reports whether the kind makes messages late, or their copies.
func (f Fault) late() bool { return f.Kind == Delay || f.Kind == Duplicate || f.Kind == Reorder }

// needless names a value that is given and means nothing to the kind. What older orders could say of any kind is let be.
func (f Fault) needless() string {
	of := func(kinds ...Kind) bool { return slices.Contains(kinds, f.Kind) }
	switch {
	case (f.Every > 0 || f.Burst > 0) && !of(Loss, Delay, Duplicate, Reorder, Deny, Corrupt):
		return "which of so many messages"
	case (f.Jitter != 0 || f.Distribution != Uniform) && !f.late():
		return "a jitter"
	case f.Rate > 0 && !of(Bandwidth, GC):
		return "a rate"
	case (f.Size > 0 || f.Vary > 0) && f.Kind != Slicer:
		return "the size of pieces"
	case f.Bytes > 0 && !of(LimitData, Ballast):
		return "a number of bytes"
	case f.Timeout != 0 && !of(Reset, Blackhole):
		return "a timeout"
	case f.Refusal != ReadOnly && f.Kind != Deny:
		return "the reason of a refusal"
	case f.Writes && f.Kind != Delay:
		return "a choice of writes"
	case f.Period != 0 && f.Kind != Strobe:
		return "a period"
	case f.Cores > 0 && f.Kind != Stress:
		return "a number of cores"
	}
	return ""
}

// Fate is what becomes of one message. The zero Fate leaves it alone.
type Fate struct {
	Lost    bool          // it never arrives
	Late    time.Duration // it arrives so much later than it would have
	Passed  bool          // those behind it do not wait for it
	Twice   bool          // it arrives a second time,
	Again   time.Duration // so much later than the first
	Denied  bool          // it is answered with an error,
	Refusal Refusal       // this one
	Spoiled bool          // one bit of it arrives as another,
	Bit     uint64        // that of this number, modulo how many it has
}

// Touch decides with luck what the fault does to one message, the nth of those that it could touch, counted from 0.
func (f Fault) Touch(nth uint64, luck Luck) Fate {
	if f.Kind == Cut || f.Kind == Blackhole {
		return Fate{Lost: true}
	}
	if !f.meant(nth) || !luck.Hits(f.Share) {
		return Fate{}
	}
	switch f.Kind {
	case Loss:
		return Fate{Lost: true}
	case Delay:
		return Fate{Late: f.lateness(luck.Next())}
	case Duplicate:
		return Fate{Twice: true, Again: f.lateness(luck.Next())}
	case Reorder:
		return Fate{Late: f.lateness(luck.Next()), Passed: true}
	case Deny:
		return Fate{Denied: true, Refusal: f.Refusal}
	case Corrupt:
		return Fate{Spoiled: true, Bit: uint64(luck.Next())}
	case Kill, Restart, Freeze, Thaw, Reset, Cut, Slow, Wrong, Fail, Bandwidth, Slicer, LimitData, SlowClose, Blackhole,
		Wedge, Skew, Jump, Strobe, Stress, Ballast, GC:
	}
	return Fate{}
}

// meant reports whether the nth message is one of those of each so many.
func (f Fault) meant(nth uint64) bool {
	return f.Every < 2 || nth%f.Every >= f.Every-max(f.Burst, 1)
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
	refusal := a.Refusal
	if !a.Denied {
		refusal = b.Refusal
	}
	return Fate{
		Refusal: refusal,
		Lost:    a.Lost || b.Lost,
		Late:    a.Late + b.Late,
		Passed:  a.Passed || b.Passed,
		Twice:   a.Twice || b.Twice,
		Again:   a.Again + b.Again,
		Denied:  a.Denied || b.Denied,

		Spoiled: a.Spoiled || b.Spoiled,
		Bit:     a.Bit ^ b.Bit,
	}
}
