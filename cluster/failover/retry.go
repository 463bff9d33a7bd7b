package failover

import (
	"time"

	"fracture/clock"
)

// retry says when to say something again that has had no answer: what was said or answered may be lost, and what is said so may be
// said twice. It is soon, for most answers come within a millisecond, and twice as long each time after.
type retry struct {
	at   clock.Instant
	wait time.Duration
}

const firstRetry = 8 * time.Millisecond

// begin: it was said for the first time.
func (r *retry) begin(now clock.Instant) { r.wait, r.at = firstRetry, now.Add(firstRetry) }

// next: it was said again.
func (r *retry) next(now clock.Instant) {
	r.wait *= 2
	r.at = now.Add(r.wait)
}
