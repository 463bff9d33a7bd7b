package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// Streams without end, which their sink retires: a lost frame is gone there, and a late one is seen. In some of the worlds in
// which everything goes wrong the stream has no end, and when all has healed its frames must come again. And some worlds are
// calm: one node dies, no more happens than beside.go says, and no result may be later than the network and the workers explain.

// picture checks promise P4: after a single fault nothing stops the picture.
type picture struct{}

const (
	endlessEach = 8 // how seldom a world's stream has no end
	calmEach    = 16
	calmPlace   = 7 // which seeds of calmEach are calm

	// Of a world in which everything goes wrong: from when after the healing on frames must come, until when, and when the
	// stream is retired. A sink asks again for a stream that was silent for 300 ms.
	recovered = 600 * time.Millisecond
	recoverTo = 800 * time.Millisecond
	// A leader that was told of the stream late, by a link or a freeze, begins it late.
	retireWait = 600 * time.Millisecond // after the last frame that counts was due

	// Of a calm world: when the node dies, from when after the submit on results are judged, and until when after the death.
	fellLow  = 400 * time.Millisecond
	fellHigh = 600 * time.Millisecond
	calmWarm = 100 * time.Millisecond
	calmTail = 1200 * time.Millisecond
	calmWait = 200 * time.Millisecond // as retireWait
)

// How late a result may be in a calm world, from when its frame was due by the time of the submit.
const (
	// lateUsual: the submit came late, the splitter's timer fired late, the task, its result and the result's copy for the
	// sink each were in the tail of their way; and the worker ran every other task of the frame before it.
	lateUsual = 4*latencyTail + timerLate + streamTiles*serviceHigh
	// lateTakeover: and its owner, its splitter, or both had died, which was known after the end of their links; and the worker
	// ran what it took over of the last frame before it.
	lateTakeover = lateUsual + resetHigh + timerLate + streamTiles*serviceHigh
	// lateRobbed: and a message of it died with its sender while all others believed it sent. Only the splitter's patience
	// makes up for that: one more than the copies, times what a task may take of which nothing was learned.
	lateRobbed = lateTakeover + (calmFactor+1)*overdueUnlearned
	// lateBeside: and something else has happened, so that the splitter, or the one who came to be it, has learned nothing or
	// has learned to be most patient.
	lateBeside = lateTakeover + (calmFactor+1)*2*overdueUnlearned
	// calmFactor is the largest factor that is drawn, and overdueUnlearned half of the core's ceiling.
	calmFactor       = 3
	overdueUnlearned = 250 * time.Millisecond
)

// Lateness is a result of a calm world that was due when or after the node died, or a little before.
type Lateness struct {
	By     time.Duration
	Robbed bool // a message of its task died with its sender
}

// planPhases draws when everything has healed, and whether the world is calm.
func (w *World) planPhases() {
	luck := w.luck(luckPhase, 0, 0, 0)
	w.heals = clock.Instant(luck.Within(chaos.Span{Min: chaosFor, Max: chaosTo}))
	w.calm = !w.cfg.Faultless && w.seed%calmEach == calmPlace
	if w.calm {
		w.fells = clock.Instant(luck.Next().Within(chaos.Span{Min: fellLow, Max: fellHigh}))
		w.planBeside()
	}
}

// endless reports whether the world's stream has no end.
func (w *World) endless() bool { return w.calm || !w.cfg.Faultless && w.seed%endlessEach == 1 }

// planPicture makes the stream that is submitted at a time one without end, and says which of its frames must come.
func (w *World) planPicture(at time.Duration) {
	s := &w.streams[0]
	since := w.heals.Sub(clock.Instant(at))
	first, last, wait := since+recovered, since+recoverTo, retireWait
	if w.calm {
		first, last, wait = calmWarm, since-calmWait, calmWait
		switch w.beside {
		case hostHangs:
			first = w.calms.Sub(clock.Instant(at)) + recovered
		case loopsLate:
		default:
			w.queue.push(entry{at: w.fells, kind: fells})
		}
		w.queueBeside()
	}
	s.endless, s.spec.Frames = true, 0
	s.first = int(first/s.spec.Period+1) * int(s.spec.Tiles)
	s.last = int(last/s.spec.Period) * int(s.spec.Tiles)
	w.out.Tasks += s.last - s.first - len(s.tasks)
	w.at(at+last+wait, entry{kind: retires})
}

// drawCalm gives a calm world's stream a strategy that has standbys.
func (w *World) drawCalm(spec work.Stream) work.Stream {
	for nth := uint64(0); ; nth++ {
		s := w.drawGuard(2000+nth, spec)
		if s.Factor > 1 || w.cfg.Strategy != 0 {
			return s
		}
	}
}

// fell kills a node of a calm world: first one that leads the stream or one of the others, then the first standby of the
// splitter, and then who leads.
func (w *World) fell(before uint32) {
	luck := w.luck(luckPicture, 0, 0, 0)
	leads := luck.Hits(0.5)
	at := int(luck.Next().Below(uint64(w.cfg.Nodes)))
	for i := range w.cfg.Nodes {
		p := &w.processes[(at+i)%w.cfg.Nodes]
		r := &w.streams[0].roles[p.index]
		holds := r.holds(p.id)
		meant := leads == (holds && r.leads)
		switch before {
		case 1:
			meant = holds && r.holders.Rank(p.id) == 1
		case 2:
			meant = holds && r.leads
		}
		if !meant || !w.killable(p.index) {
			continue
		}
		if before == 2 && w.secluded(p) {
			w.at(joinHigh, entry{kind: fells, arg: before})
			return
		}
		w.out.Faults[chaos.Kill]++
		w.kill(p)
		if w.beside == moreDie && before == 0 {
			w.queue.push(entry{at: w.revived, kind: starts, a: uint16(p.index)})
		}
		return
	}
}

// retire lets the sink's owner end the stream.
func (w *World) retire() {
	s := &w.streams[0]
	w.checks.views.agreed(w, s)
	s.whole = true // nobody waits for the store any more
	p := w.sinkProcess()
	w.feed(p, &failover.Event{Kind: failover.Received, Peer: p.id, Message: failover.Message{
		Kind: failover.Retire, Task: work.TaskID{Stream: s.spec.ID},
	}})
}

// delivered judges how late a result of a calm world is.
func (picture) delivered(w *World, s *stream, i int) {
	if !w.calm || i < s.first || i >= s.last {
		return
	}
	t := &s.tasks[i]
	due := s.since.Add(time.Duration(i/int(s.spec.Tiles)) * s.spec.Period)
	late, bound := w.now.Sub(due), lateUsual
	switch {
	case t.robbed:
		bound = lateRobbed
	case due.Add(lateUsual) >= w.fells:
		bound = lateTakeover
	}
	switch w.beside {
	case nothing:
	case loopsLate:
		bound = lateBusy
	case hostHangs:
		bound = lateHung
	default:
		bound = lateBeside + w.stall
	}
	if due.Add(lateUsual) >= w.fells && w.beside == nothing {
		w.out.Lates = append(w.out.Lates, Lateness{late, t.robbed})
	}
	if late > bound {
		w.violate("picture", "the result of task %v comes %v after its frame was due, %v at most (a message of it was lost: %v)",
			s.taskID(i), late, bound, t.robbed)
	}
}
