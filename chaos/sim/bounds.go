package sim

import (
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

// bounds checks that no node says what cannot be sent, that none holds more than it may, and that it forgets what is over.
type bounds struct{ steps uint }

// The bounds under which the simulated nodes live: tight enough that a table that leaks is seen, wide enough for the
// load and for what piles up behind a freeze.
const (
	maxTasks   = 512
	maxStreams = 16
	linger     = 250 * time.Millisecond // how long a node remembers a task that has ended
)

// load counts what a node holds.
func load(p *process) (tasks, streams int) {
	p.core.Holdings(func(work.TaskID, string, bool) { tasks++ })
	p.core.Streams(func(work.StreamID, bool) { streams++ })
	return tasks, streams
}

// looksEach is how seldom a table is counted: counting costs time.
const looksEach = 32

func (b *bounds) stepped(w *World, p *process) {
	if b.steps++; b.steps%looksEach != 0 || p.core == nil {
		return
	}
	if tasks, streams := load(p); tasks > maxTasks || streams > maxStreams {
		w.violate("bounds", "%s holds %d tasks and %d streams, more than %d and %d",
			p.name, tasks, streams, maxTasks, maxStreams)
	}
}

func (b *bounds) effect(w *World, p *process, e *failover.Effect) {
	if m := &e.Message; e.Kind == failover.Send && !m.Fits() {
		w.violate("bounds", "%s says what does not fit: %v of task %v with %d bytes and a time of %v",
			p.name, m.Kind, m.Task, len(m.Payload), m.Ran)
	}
}

// end: long after everything was delivered and stored, nothing is held any more.
func (b *bounds) end(w *World) {
	for i := range w.streams {
		s := &w.streams[i]
		switch {
		case !s.complete(), s.excused(), s.ever[work.Reschedule]:
			return // and perhaps still there: the last one's leader waits for longer than this for what it has not seen
		case s.whole:
		case s.spec.Frames == 1 && w.isThere(s):
			w.violate("bounds", "the store has %d of %d results of request %x %v after all were delivered, and its holders wait",
				s.stored, len(s.tasks), uint64(s.spec.ID), w.settling())
		default: // of many frames, those of which its holders have seen nothing are not run again for the store's sake
			return
		}
	}
	for i := range w.cfg.Nodes {
		p := &w.processes[i]
		if !p.up {
			continue
		}
		if tasks, streams := load(p); tasks+streams > 0 {
			w.violate("bounds", "%s still holds %d tasks and %d streams %v after everything was delivered and stored",
				p.name, tasks, streams, w.settling())
		}
	}
}
