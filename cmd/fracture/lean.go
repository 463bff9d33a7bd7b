package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapGoal is up to where a node lets its heap grow before it collects. The kernel frees a dead node's memory before it closes
// its sockets, so a large node is slow to be missed; but each collection stops the node until all its threads have stopped,
// and on a busy machine a worker that has stepped back for others takes milliseconds to get that far.
const heapGoal = 11 << 20

// How far the collector may be set, in percent of what lives, and how often that is looked at. A limit on memory instead has
// a node that holds more than the limit do little but collect, just when it has too much to do.
const (
	leastGC, mostGC = 60, 400
	lookAtHeap      = time.Second
)

// stayLean sets the collector by what lives, so that little is collected rarely and much is not collected all the time.
func stayLean(ctx context.Context) error {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(lookAtHeap)
	defer tick.Stop()
	for now := 100; ; {
		metrics.Read(live)
		// Setting it stops the node once more, so a change that is small is not worth it.
		if want := gcPercent(live[0].Value.Uint64()); want > now+now/4 || want < now-now/4 {
			debug.SetGCPercent(want)
			now = want
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// gcPercent is what lets a heap, of which so many bytes live, grow to heapGoal.
func gcPercent(live uint64) int {
	if live == 0 {
		return 100 // nothing was collected yet
	}
	return int(min(max(heapGoal*100/live, 100+leastGC), 100+mostGC)) - 100
}
