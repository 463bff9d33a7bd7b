package failover

import (
	"math/bits"
	"time"
)

// spread learns how long something takes, as quantiles: it counts cases by their length, four classes to each doubling
// from 16 µs to a second, so that a quantile is at most a quarter too long. When it has counted many it halves all counts, so
// what was long ago fades.
type spread struct {
	count [spreadClasses]uint16
	total int
}

const (
	spreadClasses = 64
	spreadUnit    = 16 * time.Microsecond // the upper end of the first class
	spreadMany    = 2048                  // cases at which the counts are halved
	spreadFew     = 20                    // cases below which nothing is known
)

// observe takes in one case.
func (s *spread) observe(d time.Duration) {
	s.count[classOf(d)]++
	if s.total++; s.total < spreadMany {
		return
	}
	s.total = 0
	for i := range s.count {
		s.count[i] /= 2
		s.total += int(s.count[i])
	}
}

// known reports whether enough cases were seen for a quantile to mean something.
func (s *spread) known() bool { return s.total >= spreadFew }

// quantile is a length that perMille of a thousand cases do not exceed.
func (s *spread) quantile(perMille int) time.Duration {
	left := (s.total*perMille + 999) / 1000
	for i, n := range s.count {
		if left -= int(n); left <= 0 {
			return upperEnd(i)
		}
	}
	return upperEnd(spreadClasses - 1)
}

// classOf is the class of a length: the doublings of the unit below it, and which quarter of the next one it lies in.
func classOf(d time.Duration) int {
	units := uint64(max(d-1, 0) / (spreadUnit / 4)) // in quarters of the unit
	if units < 4 {
		return 0
	}
	doublings := bits.Len64(units) - 3
	return min(1+4*doublings+int(units>>doublings)-4, spreadClasses-1)
}

// upperEnd is the longest length of a class.
func upperEnd(class int) time.Duration {
	if class == 0 {
		return spreadUnit
	}
	doublings, quarter := (class-1)/4, (class-1)%4
	return time.Duration(quarter+5) * (spreadUnit / 4) << doublings
}
