package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapGoal is up to where a node's heap grows before it is collected. A node stays lean: the kernel frees a dead node's memory
// before it closes its sockets, so a large one is slow to be missed. But each collection stops the node until all its threads
// have stopped, and on a busy machine a worker that has stepped back for others takes milliseconds to get that far.
//
// There is no limit on the memory as a whole: what the runtime holds beside the heap is not known beforehand, and a node that
// comes near its limit does little but collect, hundreds of times a second, and delays the others on its host.
const heapGoal = 6 << 20

// How far the collector may be set, in percent, and how often that is looked at.
const (
	leastGC, mostGC = 60, 400
	lookAtHeap      = time.Second
)

// stayLean sets the collector by what lives, so that little is collected rarely and much is not collected all the time.
func stayLean(ctx context.Context) error {
	scanned := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	tick := time.NewTicker(lookAtHeap)
	defer tick.Stop()
	for was := uint64(0); ; {
		metrics.Read(scanned)
		// Setting it stops the node once more, so a change that is small is not worth it.
		if live := scanned[0].Value.Uint64(); live > was+was/4 || live < was-was/4 {
			debug.SetGCPercent(collector(live, scanned[1].Value.Uint64()+scanned[2].Value.Uint64()))
			was = live
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// collector is how far a heap of which so many bytes live may grow, in percent as the runtime counts it: of what lives and of
// what is scanned beside it, stacks and globals (runtime/debug.SetGCPercent).
func collector(live, beside uint64) (percent int) {
	switch {
	case live == 0:
		return 100 // nothing was collected yet
	case live >= heapGoal:
		return leastGC
	}
	return int(min(max((heapGoal-live)*100/(live+beside), leastGC), mostGC))
}
