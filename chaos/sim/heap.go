package sim

import "fracture/clock"

// entry is something that will happen. Which fields mean something depends on kind.
type entry struct {
	at   clock.Instant
	seq  uint32 // orders what happens at one instant: first come, first served
	kind happening
	a, b uint16 // processes, by their index in the world; b is the other one
	gen  uint32 // the incarnation of a for which this is meant
	arg  uint32
	slot int32
}

func (e *entry) before(f *entry) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

// queue is a binary heap of what will happen, the next on top.
type queue struct {
	heap []entry
	seq  uint32
}

func (q *queue) reset()   { q.heap, q.seq = q.heap[:0], 0 }
func (q *queue) len() int { return len(q.heap) }

// push puts an entry in its place and numbers it.
func (q *queue) push(e entry) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	h, i := q.heap, len(q.heap)-1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

// pop takes the next entry, of a queue that is not empty.
func (q *queue) pop() entry {
	h := q.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.heap = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(&h[child]) {
			child++
		}
		if !h[child].before(&last) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return top
}
