package meter

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fracture/clock"
)

// Speed is how long a piece of work took that is always the same, done again and again by threads that nothing of the
// machine's own comes before. It is how one sees that a core of a virtual machine is lent out in slices too short to
// make anybody late: all that it runs takes several times as long.
type Speed struct {
	mu    sync.Mutex // guards all below
	took  []piece    // the newest piecesKept; a ring
	count int        // pieces ever done
}

type piece struct {
	at   clock.Instant
	took time.Duration
}

const (
	piecesKept = 1 << 14
	// slowSpell is over how long slowness is averaged, and fewestPieces how many pieces that rests on. A single one is at the
	// mercy of an interrupt, so none counts for more than longestPiece times the usual.
	slowSpell    = 20 * time.Millisecond
	fewestPieces = 8
	longestPiece = 5
	pieceTime    = 25 * time.Microsecond // about; a piece of work in two milliseconds is a hundredth of a core
)

// Note records that a piece begun at an instant took so long.
func (s *Speed) Note(at clock.Instant, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.took) < piecesKept {
		s.took = append(s.took, piece{at, took})
	} else {
		s.took[s.count%piecesKept] = piece{at, took}
	}
	s.count++
}

// Slowest is how many times as long as usual, which is the median of late, the same work took in the slowest
// slowSpell that began in [from, to); 0 where too little is known.
func (s *Speed) Slowest(from, to clock.Instant) (times float64) {
	s.mu.Lock()
	all := slices.Clone(s.took)
	s.mu.Unlock()
	if len(all) == 0 {
		return 0
	}
	slices.SortFunc(all, func(a, b piece) int { return int(a.took - b.took) })
	usual := all[len(all)/2].took
	for i := range all {
		all[i].took = min(all[i].took, longestPiece*usual)
	}
	slices.SortFunc(all, func(a, b piece) int { return int(a.at - b.at) })
	end, sum := 0, time.Duration(0)
	for begin := range all {
		for ; end < len(all) && all[end].at < all[begin].at.Add(slowSpell); end++ {
			sum += all[end].took
		}
		if n := end - begin; n >= fewestPieces && all[begin].at >= from && all[begin].at < to {
			times = max(times, float64(sum)/float64(n)/float64(max(usual, 1)))
		}
		sum -= all[begin].took
	}
	return times
}

// grind does the piece: so many rounds of arithmetic that wait for each other.
func grind(rounds int) (x uint64) {
	x = uint64(rounds) | 1
	for range rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// roundsFor finds how many rounds take so long, when nothing is in the way: the best of some tries.
func roundsFor(want time.Duration) int {
	const tries, rounds = 50, 4096
	best := time.Hour
	for range tries {
		began := clock.Now()
		sum.Add(grind(rounds))
		best = min(best, max(clock.Now().Sub(began), 1))
	}
	return max(int(int64(rounds)*int64(want)/int64(best)), 1)
}

// sum keeps the compiler from leaving the work out.
var sum atomic.Uint64
