// Package clock is the one place where fracture reads time.
//
// Every other package is told the time as an [Instant]; the shells of the program (a node's loop, a sink, the screen)
// call [Now] and hand the answer down. An Instant counts nanoseconds of the host's monotonic clock, so two processes of
// one host speak of the same axis, which is what lets a fault's injection and a result's arrival be compared.
//
// Wall-clock time decides nothing. [Stamp] reads it once per process, to number the process's incarnation.
package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Instant is a point on the host's CLOCK_MONOTONIC, in nanoseconds. Zero means "never" where a field may be unset.
type Instant int64

// Never is an instant that no clock reaches: the deadline of something that is not waited for.
const Never Instant = 1<<63 - 1

// origin ties the runtime's cheap monotonic reading to CLOCK_MONOTONIC, once: reading the raw clock is a system call,
// time.Since is not, and the two advance together.
var origin = anchor()

type pair struct {
	raw  Instant
	wall time.Time
}

// anchorTries is how often the two clocks are read at start. A thread that is preempted between the two readings would
// shift its process's axis against those of others; of some readings, the one that took least time was not.
const anchorTries = 16

func anchor() pair {
	best, narrowest := pair{}, time.Duration(1<<63-1)
	for range anchorTries {
		before := time.Now()
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			// The kernel has had CLOCK_MONOTONIC since 2.6; without it nothing here can be measured.
			panic("clock: reading CLOCK_MONOTONIC: " + err.Error())
		}
		if took := time.Since(before); took < narrowest {
			best, narrowest = pair{raw: Instant(ts.Nano()), wall: before.Add(took / 2)}, took
		}
	}
	return best
}

// Now reads the monotonic clock (about 40 ns).
func Now() Instant { return origin.raw.Add(time.Since(origin.wall)) }

// Add returns the instant d later (earlier where d is negative). Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Stamp is the wall clock in nanoseconds since 1970: a number that grows from one start of a process to the next.
func Stamp() uint64 { return uint64(time.Now().UnixNano()) }
