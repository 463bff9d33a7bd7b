package wire

import (
	"cmp"
	"slices"
	"time"

	"fracture/clock"
)

// Repair of what a link loses. The messages of a link are numbered from 1. A receiver to whom a number passes over others
// asks for these, and the sender, who keeps what it said last, says them again: negative acknowledgements, as in RFC 5740
// (NORM) and RFC 4585, which cost nothing while nothing is lost.
//
// TCP below loses nothing; faults of ours stand above it, as a network without TCP would. A message that is lost with none
// behind it is not missed, and what is asked for in vain is given up: whoever waits for it has an overdue task.

// Bounds of the repair.
const (
	repairTime   = 50 * time.Millisecond // what is older is of no use to anybody any more
	askAgain     = 3 * time.Millisecond  // from asking to asking again, then doubled
	maxMissing   = 256                   // numbers missed at once; and messages kept for a peer, of which older ones go first
	keptBytes    = 128 << 10             // of kept messages
	maxKeptBytes = keptBytes / 2         // of one, so that a tile's result is; larger ones are not kept
)

// gaps are the numbers that a receiver misses. It belongs to the link's receiver. The zero value has seen nothing.
type gaps struct {
	highest uint64 // number seen
	missing []gap  // oldest first
}

type gap struct {
	number       uint64
	since, again clock.Instant // noticed; to be asked for next
	pause        time.Duration
}

// came takes in that a number has come.
func (g *gaps) came(number uint64, now clock.Instant) {
	if number <= g.highest {
		if i, missed := slices.BinarySearchFunc(g.missing, number, func(m gap, n uint64) int { return cmp.Compare(m.number, n) }); missed {
			g.missing = slices.Delete(g.missing, i, i+1)
		}
		return
	}
	first := max(g.highest+1, number-min(number, maxMissing))
	for n := first; n < number; n++ {
		g.missing = append(g.missing, gap{number: n, since: now, again: now, pause: askAgain})
	}
	if over := len(g.missing) - maxMissing; over > 0 {
		g.missing = slices.Delete(g.missing, 0, over)
	}
	g.highest = number
}

// due lists the numbers to be asked for now, and gives up those that were missed for long.
func (g *gaps) due(now clock.Instant) (list []uint64) {
	g.missing = slices.DeleteFunc(g.missing, func(m gap) bool { return now.Sub(m.since) >= repairTime })
	for i := range g.missing {
		if m := &g.missing[i]; now >= m.again {
			list = append(list, m.number)
			m.again = now.Add(m.pause)
			m.pause *= 2
		}
	}
	return list
}

// kept is what was said last to a peer, encoded: the newest over the oldest, in a ring of bytes. The zero value is empty.
type kept struct {
	ring  []byte // keptBytes of them, made with the first message
	end   uint64 // how many bytes were ever put
	spans []span // that of message n at n mod maxMissing
}

type span struct {
	number uint64
	start  uint64 // how many bytes had been put before
	size   int
	said   clock.Instant
}

// put keeps a message.
func (k *kept) put(number uint64, encoded []byte, now clock.Instant) {
	if len(encoded) > maxKeptBytes {
		return
	}
	if k.ring == nil {
		k.ring, k.spans = make([]byte, keptBytes), make([]span, maxMissing)
	}
	n := copy(k.ring[k.end%keptBytes:], encoded)
	copy(k.ring, encoded[n:])
	k.spans[number%maxMissing] = span{number: number, start: k.end, size: len(encoded), said: now}
	k.end += uint64(len(encoded))
}

// appendTo appends a message to b, unless it is not there any more, or too old to be of use.
func (k *kept) appendTo(b []byte, number uint64, now clock.Instant) ([]byte, bool) {
	if k.ring == nil {
		return b, false
	}
	s := k.spans[number%maxMissing]
	if s.number != number || k.end-s.start > keptBytes || now.Sub(s.said) > repairTime {
		return b, false
	}
	at := s.start % keptBytes
	whole := min(s.size, int(keptBytes-at))
	b = append(b, k.ring[at:int(at)+whole]...)
	return append(b, k.ring[:s.size-whole]...), true
}
