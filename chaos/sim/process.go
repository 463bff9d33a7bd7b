package sim

import (
	"strconv"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// machine is what a Core and a Sink have in common.
type machine interface {
	Step(now clock.Instant, ev failover.Event, out []failover.Effect) []failover.Effect
	Wake() clock.Instant
}

// process is a node, or the sink: what the operating system and the shell around the machine are to it.
type process struct {
	index       int
	name        string
	weight      uint64
	incarnation uint32
	id          failover.NodeID
	life        int32          // its entry in the world's lives
	core        *failover.Core // nil at the sink
	sink        *failover.Sink // nil at a node
	machine     machine        // the one of the two that is not nil
	up          bool
	frozen      bool
	wedged      bool // its loop stands still, and nothing else does
	leaving     bool
	thawed      clock.Instant // when it last ran again after a freeze,
	freed       clock.Instant // and its loop after a wedge
	misled      clock.Instant // until when what its clock showed wrong may tell
	rounds      uint64        // how often its loop came round
	pulse       failover.Pulse
	inbox       []entry       // what waits while it, or its loop, stands still
	tickAt      clock.Instant // when its timer fires; Never while none is set
	rhythm      time.Duration // between two of its beats
	asked       uint64        // how often it has drawn luck
	lateWakes   int           // how often in a row it asked to be woken in the past
	knows       [MaxNodes + 1]failover.NodeID
	heard       [MaxNodes + 1]clock.Instant // when a beat of each other last came
	tasks       []int32                     // what its worker has before it, the first being run; parcels
	began, ends clock.Instant               // when the first began, and will be done
	runs        uint32                      // how many were begun
}

// life is one incarnation of a process.
type life struct {
	process int
	died    clock.Instant // Never while it lives
	frozen  clock.Instant // when it was last frozen; Never while it is not
}

// The rhythms of a process.
const (
	beatFastest = 1500 * time.Microsecond
	beatSlowest = 5 * time.Millisecond
	// hearing is how many of its own beats' time a process hears a peer after the peer's last beat.
	hearing = 4
	// timerLate is how much later than asked for a timer fires at most: Go's floor is a millisecond.
	timerLate = 1100 * time.Microsecond
	maxInbox  = 4096 // what waits for a frozen process; more is lost
)

func (w *World) populate() {
	for i := range w.processes {
		p := &w.processes[i]
		name := "n" + strconv.Itoa(i+1)
		if i == w.cfg.Nodes {
			name = "sink"
		}
		*p = process{
			index: i, name: name, weight: failover.WeightOf(name),
			inbox: p.inbox[:0], tasks: p.tasks[:0], tickAt: clock.Never,
		}
		w.at(w.luck(luckStart, i, 0, 0).Within(between(0, 3*time.Millisecond)), entry{kind: starts, a: uint16(i)})
	}
	w.drawClocks()
}

// at lets something happen after a while.
func (w *World) at(after time.Duration, e entry) {
	e.at = w.now.Add(after)
	w.queue.push(e)
}

// start starts a process that is down, as a new incarnation.
func (w *World) start(p *process) {
	if p.up {
		return
	}
	p.incarnation++
	p.id = failover.Identify(p.name, uint64(p.incarnation))
	p.up, p.frozen, p.leaving, p.tickAt = true, false, false, clock.Never
	p.wedged, p.pulse, p.misled = false, failover.Pulse{}, w.now
	p.inbox, p.tasks, p.thawed = p.inbox[:0], p.tasks[:0], w.now
	clear(p.knows[:])
	clear(p.heard[:])
	p.life = int32(len(w.lives))
	w.byID[p.id] = p.life
	w.lives = append(w.lives, life{process: p.index, died: clock.Never, frozen: clock.Never})
	w.trace.fault(w.now, p.name, "", "start")
	p.rhythm = w.draw(p, luckRhythm).Within(between(beatFastest, beatSlowest))
	if p.index == w.cfg.Nodes {
		p.sink = failover.NewSink(failover.SinkConfig{ID: p.id, Clock: clockOf(p)})
		p.machine = p.sink
	} else {
		p.core = failover.New(failover.Config{
			ID: p.id, Weight: p.weight, Clock: clockOf(p), Function: w.function, SilenceCeiling: silenceCeiling,
			MaxTasks: maxTasks, MaxStreams: maxStreams, Linger: linger, Bug: w.cfg.Bug,
		})
		p.machine = p.core
	}
	w.checks.started(p)
	w.at(w.draw(p, luckRhythm).Within(between(0, p.rhythm)), entry{kind: beats, a: uint16(p.index), gen: p.incarnation})
	w.announce(p)
}

// kill ends a process at once: its peers' kernels learn of it by and by.
func (w *World) kill(p *process) {
	if !p.up {
		return
	}
	w.trace.fault(w.now, p.name, "", "dies")
	p.up, p.frozen, p.wedged = false, false, false
	w.lives[p.life].died = w.now
	for _, e := range p.inbox {
		w.parcels.drop(e.slot)
	}
	for _, task := range p.tasks {
		w.parcels.drop(task)
	}
	p.inbox, p.tasks = p.inbox[:0], p.tasks[:0]
	for i := range w.streams {
		w.streams[i].unkeep(p)
	}
	w.hangUp(p)
	w.mourn(p)
	w.checks.died(w, p)
}

func (w *World) freeze(p *process) {
	if p.up && !p.frozen && !p.wedged {
		p.frozen = true
		w.lives[p.life].frozen = w.now
		w.checks.takeover.stopped(w, p)
	}
}

// wedge stops the loop of a process that runs, and reports whether there was one. Its beats go on, as far as they do without.
func (w *World) wedge(p *process) bool {
	if !p.up || p.frozen || p.wedged {
		return false
	}
	p.wedged = true
	w.lives[p.life].frozen = w.now
	w.checks.takeover.stopped(w, p)
	return true
}

// thaw lets a frozen process go on, and free a wedged loop: what waited reaches it now, in the order in which it came.
func (w *World) thaw(p *process) {
	if p.frozen {
		p.frozen, p.thawed = false, w.now
		w.goOn(p)
	}
}

func (w *World) free(p *process) {
	if p.wedged {
		p.wedged, p.freed = false, w.now
		w.goOn(p)
	}
}

func (w *World) goOn(p *process) {
	w.lives[p.life].frozen = clock.Never
	for _, e := range p.inbox {
		e.at = w.now
		w.queue.push(e)
	}
	p.inbox = p.inbox[:0]
}

// happenAt makes something happen at a process, if it is still the one that was meant, and if it runs.
func (w *World) happenAt(p *process, e entry) {
	waits := p.frozen || p.wedged && e.kind != beats && e.kind != goes && (e.kind != computes || !w.busy())
	if !p.up || e.gen != p.incarnation || waits && len(p.inbox) >= maxInbox {
		w.parcels.drop(e.slot)
		return
	}
	if waits {
		if e.kind == beaten && p.wedged { // by a thread that is not the loop
			w.heardFrom(p, e)
		}
		p.inbox = append(p.inbox, e)
		return
	}
	switch e.kind {
	case ticks:
		w.tick(p, e.at)
	case beats:
		w.beat(p)
	case beaten:
		w.beaten(p, e)
	case arrives:
		w.arrive(p, e)
	case linked:
		w.linkUp(p, e)
	case severed:
		w.linkDown(p, e)
	case gossips:
		w.gossip(p, e)
	case computes:
		w.computed(p)
	case reports:
		w.reported(p, e)
	case lags:
		w.lags(p, e)
	case stores:
		w.stored(p, e)
	case saves:
		w.saved(p, e)
	case drains:
		p.leaving = true
		w.at(leaveTime, entry{kind: goes, a: uint16(p.index), gen: p.incarnation})
		w.feed(p, &failover.Event{Kind: failover.Drain})
	case goes:
		w.leave(p)
	case dials, starts, strikes, passes, parts, joins, shocks, soothes, spoils, fells, stalls, resumes, stops, comesRound, hangs, retires, submits, changes, audits, swings, revises: // they do not happen at one process
	}
}

// tick runs a machine whose timer has fired. One that does not want to be woken yet is put to sleep again.
func (w *World) tick(p *process, at clock.Instant) {
	if p.tickAt > at {
		return // an earlier timer that was set anew
	}
	p.tickAt = clock.Never
	if w.wakeOf(p) > w.now {
		w.setTimer(p)
		return
	}
	w.feed(p, &failover.Event{Kind: failover.Tick, At: w.timeOf(p), Stalled: w.shown(p, p.thawed)})
}

// setTimer sees to it that a machine is woken when it wants to be. A timer that fires too early is let be.
func (w *World) setTimer(p *process) {
	wake := w.wakeOf(p)
	if wake == clock.Never || p.tickAt <= wake.Add(timerLate) {
		return
	}
	late := w.draw(p, luckTimer).Within(between(time.Microsecond, timerLate))
	p.tickAt = max(wake, w.now).Add(late)
	w.queue.push(entry{at: p.tickAt, kind: ticks, a: uint16(p.index), gen: p.incarnation})
}

// feed tells a machine what happened and carries out what it answers. A process may die of a fault between two deeds.
func (w *World) feed(p *process, ev *failover.Event) {
	p.rounds += 2
	w.checks.event(w, p, ev)
	w.effects = p.machine.Step(w.timeOf(p), *ev, w.effects[:0])
	w.checks.stepped(w, p, ev, len(w.effects))
	for i := range w.effects {
		e := &w.effects[i]
		w.trace.effect(w.now, p.name, e)
		w.checks.effect(w, p, e)
		w.carryOut(p, e)
		if !p.up || w.out.Violation != nil {
			return
		}
	}
	w.checks.finished(w, p)
	w.setTimer(p)
}

// carryOut does what a machine asks for.
func (w *World) carryOut(p *process, e *failover.Effect) {
	switch e.Kind {
	case failover.Send:
		w.send(p, e)
	case failover.Execute:
		w.execute(p, &e.Message)
	case failover.Cancel:
		w.cancel(p, &e.Message)
	case failover.Keep:
		w.keep(p, &e.Message)
	case failover.Lead:
		w.tellSaved(p, w.streamOf(e.Message.Task.Stream))
	case failover.Guard:
		w.guarded(e)
	case failover.Deliver:
		w.delivered(p, &e.Message)
	case failover.Forward:
		w.answered(&e.Message)
	case failover.Repeat:
		if p.sink != nil {
			w.out.Repeated++
		}
	case failover.Drained:
		w.leave(p)
	case failover.Promote:
		w.tempt(p, e)
	case failover.Follow:
		if s := w.streamOf(e.Message.Task.Stream); s != nil && e.Message.Holders.Len() == 0 {
			s.unkeep(p)
		}
	case failover.Detect, failover.Recover, failover.Replace, failover.Refuse,
		failover.Drop, failover.Hedge, failover.Mask, failover.Stop:
	}
	w.stumble(p)
}

// nameOf spells the process that bears an id.
func (w *World) nameOf(id failover.NodeID) string {
	if p := w.processOf(id); p != nil {
		return p.name
	}
	return "?"
}

// processOf is the process that bears or bore an id, or nil.
func (w *World) processOf(id failover.NodeID) *process {
	if i, ok := w.byID[id]; ok {
		return &w.processes[w.lives[i].process]
	}
	return nil
}
