package failover

import (
	"time"

	"fracture/clock"
)

// WedgedAfter is for how long a loop may not come round though something waits for it, before its node is silent.
const WedgedAfter = 60 * time.Millisecond

// Pulse judges, for whoever beats for a node, whether the loop that steps the node's machine still comes round. Beats are sent from
// beside the loop, so that its load does not make them late; a loop that hangs would be missed by nobody, were it not for this.
//
// It counts from when it first finds the loop at fault, and while it is asked itself: where the whole process stood still, the loop
// did so no longer than the one that beats.
type Pulse struct {
	rounds uint64        // the loop's, when it was last asked
	since  clock.Instant // from when on the loop has owed its next round
	asked  clock.Instant
}

// Stands reports at now that the loop stands still. Rounds counts what it does: an even number while it sleeps, an odd one inside a
// round. Waits says that something is there for it.
func (p *Pulse) Stands(now clock.Instant, rounds uint64, waits bool) bool {
	owes := rounds == p.rounds && (waits || rounds%2 == 1)
	if !owes || now.Sub(p.asked) > WedgedAfter/2 {
		p.since = now
	}
	p.rounds, p.asked = rounds, now
	return now.Sub(p.since) > WedgedAfter
}
