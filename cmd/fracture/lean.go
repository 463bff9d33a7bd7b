package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// heapGoal is up to where a node's heap grows before it is collected. A node stays lean: the kernel frees a dead node's memory
// before it closes its sockets, so a large one is slow to be missed.
//
// There is no limit on the memory as a whole: what the runtime holds beside the heap is not known beforehand, and a node that
// comes near its limit does little but collect, hundreds of times a second, and delays the others on its host.
const heapGoal = 6 << 20

// leastGrowth is how far a heap of which much lives may grow at least, in percent of that, so that it is not collected all
// the time.
const leastGrowth = 60

// runtimeGC is how the runtime's own collector is set, which is to come a little too late: where little lives it lets the heap
// grow to 4 MiB times that percentage, 8 MiB, and begins at seven tenths of the way there (heapMinimum and
// minTriggerRatioDistance in runtime/mgcpacer.go). Much more, and the runtime would keep the pages of a larger heap.
const runtimeGC = 200

// Times of the collection.
const (
	lookAtHeap  = 50 * time.Millisecond // at some MB/s little comes in between
	tasksMayEnd = 20 * time.Millisecond // a task that takes longer is not waited for
)

// stayLean collects a node's heap, and that between two tasks, which is for still to bring about: a collection stops the process
// twice, and waits each time until all its threads have stopped. A worker's has stepped back for others and takes milliseconds
// to get so far where cores are busy, and all the while no beat is sent.
func stayLean(ctx context.Context, still func(patience time.Duration, f func())) error {
	defer debug.SetGCPercent(debug.SetGCPercent(runtimeGC))
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(lookAtHeap)
	defer tick.Stop()
	for {
		metrics.Read(heap)
		if heap[0].Value.Uint64() >= heapLimit(heap[1].Value.Uint64()) {
			still(tasksMayEnd, runtime.GC)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// heapLimit is from how many bytes on a heap is collected of which so many lived the last time.
func heapLimit(live uint64) uint64 { return max(heapGoal, live+live/100*leastGrowth) }
