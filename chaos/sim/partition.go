package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
)

// Partitions, in the shapes of Jepsen's nemesis: who cannot reach whom, by link and by beat, both ways, until it heals.

// partition stands until it heals. It is the same in both directions: bit j of blind[i] says that nothing passes between
// processes i and j.
type partition struct {
	shape Trouble
	until clock.Instant
	blind [MaxNodes + 1]uint32
}

// When partitions come, and for how long: like the rules of faults.go, but of the world as a whole.
const (
	maxPartitions    = 2 // in one run
	partitionShapes  = uint64(Third) + 1
	partitionsInTurn = 1000 // tells this rule from those of the table where it is drawn who takes part
)

var (
	partitionWait = chaos.Span{Min: assembly, Max: 400 * time.Millisecond} // to the first, and from one to the next
	partitionLast = chaos.Span{Min: 20 * time.Millisecond, Max: 400 * time.Millisecond}
)

// planPartitions draws whether this run has partitions, and the first of them.
func (w *World) planPartitions() {
	w.parts = w.parts[:0]
	if !w.quiet() && !w.luck(luckSwarm, 0, 0, partitionsInTurn).Hits(0.5) {
		w.schedulePartition(0)
	}
}

// schedulePartition puts the nth partition on the heap, unless it comes after the healing of all.
func (w *World) schedulePartition(nth int) {
	at := w.now.Add(w.luck(luckPartition, nth, 0, 0).Within(partitionWait))
	if nth < maxPartitions && at < w.heals {
		w.queue.push(entry{at: at, kind: parts, arg: uint32(nth)})
	}
}

// part lets a partition begin.
func (w *World) part(nth int) {
	luck := w.luck(luckPartition, nth, 1, 0)
	p := partition{shape: Trouble(luck.Below(partitionShapes))}
	luck = luck.Next()
	p.until = min(w.now.Add(luck.Within(partitionLast)), w.heals)
	w.drawShape(&p, luck.Next())
	w.parts = append(w.parts, p)
	w.out.Troubles[p.shape]++
	w.tellPartition(&p, "part")
	w.queue.push(entry{at: p.until, kind: joins, arg: uint32(nth)})
}

// join heals the partitions that are over.
func (w *World) join(nth int) {
	kept := w.parts[:0]
	for _, p := range w.parts {
		if p.until > w.now {
			kept = append(kept, p)
			continue
		}
		w.tellPartition(&p, "heal")
	}
	w.parts = kept
	w.schedulePartition(nth + 1)
}

// tellPartition writes into the trace between which processes a partition stands.
func (w *World) tellPartition(p *partition, verb string) {
	for i := range w.processes {
		for j := range i {
			if p.between(i, j) {
				w.trace.fault(w.now, w.processes[j].name, w.processes[i].name, verb)
			}
		}
	}
}

// drawShape draws who is on which side.
func (w *World) drawShape(p *partition, luck chaos.Luck) {
	var order [MaxNodes]int
	n := w.cfg.Nodes
	luck = chaos.Shuffle(order[:n], luck)
	for i := range n {
		for j := range i {
			if p.shape.shape().Apart(n, i, j) {
				p.cut(order[i], order[j])
			}
		}
	}
	// The sink sees both sides, or stands where one node of either side stands.
	if side := luck.Below(3); side < 2 {
		beside := order[0]
		if side == 1 {
			beside = order[n-1]
		}
		for i := range n {
			if p.between(beside, i) {
				p.cut(n, i)
			}
		}
	}
}

// shape is that of a trouble that is a partition.
func (t Trouble) shape() chaos.Shape {
	switch t {
	case Halves:
		return chaos.Majority
	case Ring:
		return chaos.MajoritiesRing
	case Third:
		return chaos.MinorityThird
	default:
		return chaos.One
	}
}

func (p *partition) cut(i, j int) {
	p.blind[i] |= 1 << j
	p.blind[j] |= 1 << i
}

// between reports whether the partition stands between two processes.
func (p *partition) between(i, j int) bool { return p.blind[i]>>j&1 != 0 }
