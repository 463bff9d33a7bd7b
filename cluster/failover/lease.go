package failover

import (
	"time"

	"fracture/clock"
)

// Verdict is what a lease says of a peer.
type Verdict uint8

// The verdicts.
const (
	// Alive: the peer's last beat is no older than its rhythm explains.
	Alive Verdict = iota + 1
	// Dead: it is older.
	Dead
)

// Lease is what a node knows of a peer being alive. It is renewed by beats and lapses by silence; how long a silence it
// bears is learned from the peer's own rhythm: twice the longest gap of late and a beat, between a floor and a ceiling.
type Lease struct {
	last     clock.Instant // the newest beat
	interval time.Duration // between two beats, as the peer says
	gaps     rhythm
	floor    time.Duration
	ceiling  time.Duration
}

// Grant starts the lease anew at now. Until beats teach it better it bears the ceiling's silence.
func (l *Lease) Grant(now clock.Instant, floor, ceiling time.Duration) {
	*l = Lease{last: now, floor: floor, ceiling: ceiling, gaps: rhythm{peak: ceiling}}
}

// Renew takes in a beat that arrived at now from a peer that beats every interval. A silence that the lease did not bear
// teaches it to bear about twice as much and no more: a peer that stalls again and again is believed after a few times, and
// one that was frozen once for a second is missed as soon the next time as any other.
func (l *Lease) Renew(now clock.Instant, interval time.Duration) {
	if l.interval == 0 {
		l.gaps = rhythm{peak: 2 * interval} // the first beat: forget the grace, believe what the peer says
	}
	l.gaps.observe(min(max(0, now.Sub(l.last)), l.bears()), l.ceiling)
	l.last, l.interval = max(l.last, now), interval
}

// Excuse counts the silence from an instant on anew, without learning from it: the judge itself was not running, and the
// beats that came meanwhile still wait to be read.
func (l *Lease) Excuse(from clock.Instant) { l.last = max(l.last, from) }

// Lapse is the instant at which the lease ends if no beat comes: twice the longest gap of late and one beat more. Gaps on
// a busy machine are heavy-tailed, so a margin that does not grow with them would be passed by each new record.
func (l *Lease) Lapse() clock.Instant { return l.last.Add(l.bears()) }

// bears is for how long a silence the lease holds.
func (l *Lease) bears() time.Duration {
	return min(max(2*l.gaps.peak+l.interval, l.floor), l.ceiling)
}

// Judge says whether the lease still holds at now.
func (l *Lease) Judge(now clock.Instant) Verdict {
	if now > l.Lapse() {
		return Dead
	}
	return Alive
}

// Quiet reports whether the peer has been silent at now for longer than it was between two beats of late: no verdict, but
// what of many peers at once says something of the judge.
func (l *Lease) Quiet(now clock.Instant) bool { return now.Sub(l.last) > l.gaps.peak }
