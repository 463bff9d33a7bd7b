package chaos

import (
	"fmt"
	"time"

	"fracture/clock"
)

// Span is a range of durations, both ends included.
type Span struct{ Min, Max time.Duration }

// Rule says when a fault strikes: at which share of a site's spots, after which waits, for how long, how often.
type Rule struct {
	ID    uint32 // tells the rule's draws from those of other rules; unique within a run
	Site  Site
	Fault Fault
	Odds  float64 // the share of the site's spots that the rule concerns, 0 to 1
	Wait  Span    // from the beginning of the run to the first strike, then from the end of one to the next
	Last  Span    // how long a strike stands before it is healed
	Times int     // how often it strikes one spot at most; 0 means without end
}

// Check tells whether the rule's values make sense. Its error wraps [ErrBadFault].
func (r Rule) Check() error {
	switch {
	case !r.Site.Admits(r.Fault.Kind):
		return fmt.Errorf("%w: rule %d: %v cannot happen at %v", ErrBadFault, r.ID, r.Fault.Kind, r.Site)
	case !(r.Odds >= 0 && r.Odds <= 1):
		return fmt.Errorf("%w: rule %d: odds of %v: they must be from 0 to 1", ErrBadFault, r.ID, r.Odds)
	case r.Wait.Min < 0 || r.Wait.Max < r.Wait.Min || r.Last.Min < 0 || r.Last.Max < r.Last.Min:
		return fmt.Errorf("%w: rule %d: a span ends before it begins", ErrBadFault, r.ID)
	case r.Times == 0 && r.Wait.Max+r.Last.Max == 0:
		return fmt.Errorf("%w: rule %d: strikes without end, one at the instant of the other", ErrBadFault, r.ID)
	}
	return r.Fault.Check()
}

// Strike is one happening of a rule at one spot. The fault stands from At up to Until, which is not included.
type Strike struct{ At, Until clock.Instant }

// Strike says when the rule strikes spot for the nth time, counted from 0, if the time before was over at from; false
// means never. The same arguments have the same answer, whatever else happens.
func (r Rule) Strike(seed uint64, spot Spot, nth uint64, from clock.Instant) (Strike, bool) {
	if spot.Site != r.Site || r.Times > 0 && nth >= uint64(r.Times) {
		return Strike{}, false
	}
	// The spot's first draw decides whether the rule concerns it at all, each later one a strike.
	if !Draw(seed, spot, r.ID, 0).Hits(r.Odds) {
		return Strike{}, false
	}
	luck := Draw(seed, spot, r.ID, nth+1)
	at := from.Add(luck.Within(r.Wait))
	return Strike{At: at, Until: at.Add(luck.Next().Within(r.Last))}, true
}
