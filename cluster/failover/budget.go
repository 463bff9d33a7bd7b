package failover

import (
	"time"

	"fracture/clock"
)

// budget bounds how often a task is run again because it took long. Who has too much to do is late with everything, and
// running everything twice makes it later still: a collapse that outlasts its cause (metastable failure, Bronson et al.
// 2021). So a second run is paid for by ten that were done in time, as with hedged requests (Dean and Barroso, The Tail
// at Scale, 2013) and the retry throttling of gRPC. A budget that is empty fills slowly by itself, so that a lost task is
// not lost for good. The zero value is full.
type budget struct {
	spent  int // in tenths of a second run
	filled clock.Instant
}

const (
	budgetPrice  = 10                     // of a second run: one tenth of it is earned by each task done in time
	budgetEach   = 100 * time.Millisecond // a second run is earned by waiting so long
	promoteBurst = 32                     // second runs from a full budget, at a standby
	replaceBurst = 256                    // at a leader, who may have taken over without having seen what was done before
)

// earn takes note of a task done in time.
func (b *budget) earn() { b.spent = max(b.spent-1, 0) }

// spend reports whether a task may be run again at now, and pays for it. A full budget pays for burst of them.
func (b *budget) spend(now clock.Instant, burst int) bool {
	if waited := now.Sub(b.filled) / budgetEach; waited > 0 {
		b.spent = max(b.spent-budgetPrice*int(min(waited, time.Duration(burst))), 0)
		b.filled = now
	}
	if b.spent+budgetPrice > budgetPrice*burst {
		return false
	}
	b.spent += budgetPrice
	return true
}
