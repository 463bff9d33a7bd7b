package chaos

import "time"

// Bounds of what goes wrong inside a node's process.
const (
	MinPeriod  = time.Millisecond // of a Strobe
	MaxCores   = 64               // of a Stress
	MaxBallast = 1 << 30          // bytes, of all that stand at a node together
	MaxGarbage = 10e9             // bytes a second of a GC
)

// slewing is how much slower than time a clock that has jumped goes back.
const slewing = 10

// checkInside checks a fault of a node's loop, its clock or its resources.
func (f Fault) checkInside(wrong func(string, ...any) error) error {
	timed := f.Kind == Skew || f.Kind == Jump || f.Kind == Strobe
	switch {
	case timed && (f.By == 0 || f.By.Abs() > MaxLate):
		return wrong("by %v: it must be up to %v ahead or behind, and not 0", f.By, MaxLate)
	case !timed && f.By != 0:
		return wrong("by %v: that means nothing to it", f.By)
	case f.Kind == Strobe && (f.Period < MinPeriod || f.Period > MaxLate):
		return wrong("each %v: it must be %v to %v", f.Period, MinPeriod, MaxLate)
	case f.Kind == Stress && (f.Cores < 1 || f.Cores > MaxCores):
		return wrong("of %d cores: it must be 1 to %d", f.Cores, MaxCores)
	case f.Kind == Ballast && (f.Bytes < 1 || f.Bytes > MaxBallast):
		return wrong("of %d bytes: it must be 1 to %d", f.Bytes, uint64(MaxBallast))
	case f.Kind == GC && f.Rate != 0 && (f.Rate < MinRate || f.Rate > MaxGarbage):
		return wrong("for %d bytes of garbage a second: it must be %d to %d, or 0", f.Rate, MinRate, uint64(MaxGarbage))
	}
	return nil
}

// Shift is how far off a clock is for which the fault has stood so long, and after what time more it will jump, which is 0 where
// it will not. A clock that goes back after a jump does so in all the time between.
func (f Fault) Shift(stood time.Duration) (by, jumps time.Duration) {
	switch f.Kind {
	case Skew:
		return f.By, 0
	case Jump:
		if back := stood / slewing; f.By > 0 {
			return max(f.By-back, 0), 0
		} else {
			return min(f.By+back, 0), 0
		}
	case Strobe:
		if jumps = f.Period - stood%f.Period; stood/f.Period%2 == 0 {
			by = f.By
		}
		return by, jumps
	default:
		return 0, 0
	}
}
