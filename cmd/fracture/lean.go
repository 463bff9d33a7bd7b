package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A node stays lean: the kernel frees a dead node's memory before it closes its sockets, so a large one is slow to be missed.
// But each collection stops the node until all its threads have stopped, and on a busy machine a worker that has stepped back
// for others takes milliseconds to get that far.
const (
	heapGoal = 7 << 20  // up to here the heap grows before it is collected
	memory   = 14 << 20 // beyond, the runtime gives back to the system what it does not use
)

// How far the collector may be set, in percent of what lives, and how often that is looked at. A node that holds much, because
// it has too much to do, would with a fixed limit do little but collect.
const (
	leastGC, mostGC = 60, 400
	lookAtHeap      = time.Second
)

// stayLean sets the collector by what lives, so that little is collected rarely and much is not collected all the time.
func stayLean(ctx context.Context) error {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(lookAtHeap)
	defer tick.Stop()
	for was := uint64(0); ; {
		metrics.Read(live)
		// Setting it stops the node once more, so a change that is small is not worth it.
		if now := live[0].Value.Uint64(); now > was+was/3 || now < was-was/3 {
			percent, limit := collector(now)
			debug.SetGCPercent(percent)
			debug.SetMemoryLimit(limit)
			was = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// collector is how far a heap of which so many bytes live may grow, in percent of them: to heapGoal; and how much memory the
// runtime may have before it collects whatever else: far more than lives.
func collector(live uint64) (percent int, limit int64) {
	if live == 0 {
		return 100, memory // nothing was collected yet
	}
	return int(min(max(heapGoal*100/live, 100+leastGC), 100+mostGC)) - 100, max(memory, 3*int64(live))
}
