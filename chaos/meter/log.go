package meter

import (
	"slices"

	"fracture/clock"
	"fracture/cluster/failover"
)

// LogBound is how many lines the [Log] of a run remembers.
const LogBound = 1 << 16

// Log remembers what nodes told of detections and takeovers, and which faults were in force, so that one can be laid
// over the other. One goroutine owns it.
type Log struct {
	bound   int
	lines   []failover.Trace // the newest bound; line i lies at i mod bound
	count   int              // lines ever kept
	faults  []inForce
	dropped uint64 // lines lost on the way here, as the feed tells
}

// inForce is a victim and while it was one.
type inForce struct {
	node     string
	from, to clock.Instant
}

// NewLog makes an empty log.
func NewLog() *Log { return NewLogOf(LogBound) }

// NewLogOf makes an empty log that remembers so many lines, at least one.
func NewLogOf(bound int) *Log { return &Log{bound: max(bound, 1)} }

// Observe keeps the lines that a timeline or a count of takeovers needs, and ignores the others.
func (l *Log) Observe(t failover.Trace) {
	switch t.Verb {
	case "detect", "promote", "result":
	default:
		return
	}
	if len(l.lines) < l.bound {
		l.lines = append(l.lines, t)
	} else {
		l.lines[l.count%l.bound] = t
	}
	l.count++
}

// Missed adds to the count of lines that were lost before they came here. A report that rests on a log with losses says
// so.
func (l *Log) Missed(n uint64) { l.dropped += n }

// Dropped counts the lines that were lost on the way or forgotten.
func (l *Log) Dropped() uint64 { return l.dropped + uint64(max(l.count-l.bound, 0)) }

// Lines lists what is remembered, in the order in which it came.
func (l *Log) Lines() []failover.Trace {
	at := l.count % l.bound
	if l.count <= l.bound {
		at = 0
	}
	return slices.Concat(l.lines[at:], l.lines[:at])
}

// Fault says that node was the victim of a fault from one instant to another; the end is when its effects are over, not
// when it was healed.
func (l *Log) Fault(node string, from, to clock.Instant) {
	l.faults = append(l.faults, inForce{node, from, to})
}

// Needless counts the promotions in [from, to) that deposed a node which was not the victim of any fault then. Each
// task taken over counts. A promotion that the owner asked for by handing over is not a takeover.
func (l *Log) Needless(from, to clock.Instant) int {
	n := 0
	for _, t := range l.lines {
		if t.Verb == "promote" && t.At >= from && t.At < to && t.Signal != failover.Handover && !l.victim(t.Peer, t.At) {
			n++
		}
	}
	return n
}

func (l *Log) victim(node string, at clock.Instant) bool {
	for _, f := range l.faults {
		if f.node == node && at >= f.from && at < f.to {
			return true
		}
	}
	return false
}
