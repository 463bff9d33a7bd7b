package failover

import (
	"fracture/clock"
	"fracture/work"
)

// taskState says what a holder does with a task.
type taskState uint8

const (
	waiting taskState = iota + 1 // a standby's copy, ready to run
	running                      // given to a worker
	ended                        // done here or elsewhere; remembered against late copies
)

// held is a task at one of its holders.
type held struct {
	id        work.TaskID
	epoch     Epoch
	given     Epoch // running: under which the worker has it, at most epoch
	holders   Holders
	splitters Holders
	rank      int // this node's among the holders
	state     taskState
	since     clock.Instant // when it came
	until     clock.Instant // waiting: overdue from then; ended: forgotten from then
	strategy  work.Strategy
	copies    uint32 // that its strategy asks for, whether or not there were nodes enough
	hedged    bool   // runs beside an owner that takes long
	answered  bool   // by this node
	function  string
	revision  work.Revision // of what the input was split from
	input     []byte
}

// taskTable holds the tasks of a node, densely, so that a failure walks them in an order that is the same in every run.
type taskTable struct {
	list []held // entries beyond the length keep their input's buffer for the next task
	at   map[work.TaskID]int32
	next clock.Instant // no entry's until is earlier
	max  int
}

func (t *taskTable) find(id work.TaskID) *held {
	if i, ok := t.at[id]; ok {
		return &t.list[i]
	}
	return nil
}

// add makes an entry, or returns nil where the table is full.
func (t *taskTable) add(id work.TaskID) *held {
	n := len(t.list)
	if n >= t.max {
		return nil
	}
	if n < cap(t.list) {
		t.list = t.list[:n+1]
	} else {
		t.list = append(t.list, held{})
	}
	h := &t.list[n]
	*h = held{id: id, input: h.input[:0]}
	t.at[id] = int32(n)
	return h
}

// removeAt forgets entry i; the last one takes its place.
func (t *taskTable) removeAt(i int) {
	last := len(t.list) - 1
	delete(t.at, t.list[i].id)
	if i != last {
		t.list[i], t.list[last] = t.list[last], t.list[i]
		t.at[t.list[i].id] = int32(i)
	}
	t.list = t.list[:last]
}

// setUntil moves an entry's instant and the table's with it.
func (t *taskTable) setUntil(h *held, at clock.Instant) {
	h.until = at
	t.next = min(t.next, at)
}

// live counts the tasks that wait or run.
func (t *taskTable) live() int {
	n := 0
	for i := range t.list {
		if t.list[i].state != ended {
			n++
		}
	}
	return n
}
