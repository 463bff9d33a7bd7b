package failover

import (
	"time"

	"fracture/clock"
)

// The bounds of how long a loop may owe a round before its node falls silent. What stands for longer than the floor has its tasks
// taken for overdue anyway; the ceiling is that of a peer's silence.
const (
	pulseFloor   = 20 * time.Millisecond
	pulseCeiling = 250 * time.Millisecond
	// pulseGap is by how much whoever asks must be late to have stood still as well.
	pulseGap = 10 * time.Millisecond
)

// Pulse judges, for whoever beats for a node, whether the loop that steps the node's machine still comes round. Beats are sent from
// beside the loop, so that its load does not make them late; without this nobody would miss a loop that hangs.
//
// A loop owes a round from when it is first found at fault. How long is borne is learned as a [Lease] learns a peer's rhythm, for on
// a busy machine loops wait for a core: twice the longest of late, between a floor and a ceiling.
type Pulse struct {
	Every time.Duration // it is asked for

	rounds uint64        // the loop's, when it was last asked for
	since  clock.Instant // from when on the loop has owed its next round; asked, where it does not
	asked  clock.Instant
	stood  rhythm
}

// Stands reports at now that the loop stands still. Rounds counts what it does: an even number while it sleeps, an odd one inside a
// round. Waits says that something is there for it. It is to be asked before each beat.
func (p *Pulse) Stands(now clock.Instant, rounds uint64, waits bool) bool {
	switch owes := rounds == p.rounds && (waits || rounds%2 == 1); {
	case now.Sub(p.asked) > p.Every+pulseGap: // the process stood still, and not its loop alone
		p.since = now
	case !owes:
		p.stood.observe(min(now.Sub(p.since), p.Bears()), pulseCeiling)
		p.since = now
	}
	p.rounds, p.asked = rounds, now
	return now.Sub(p.since) > p.Bears()
}

// Bears is for how long the loop may owe a round.
func (p *Pulse) Bears() time.Duration { return min(max(2*p.stood.peak, pulseFloor), pulseCeiling) }
