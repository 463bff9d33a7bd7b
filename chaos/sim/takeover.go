package sim

import (
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// takeover checks promise P5: when an owner dies or freezes, and its first standby lives and was linked to it, the
// standby has the task running within the bound; the same for the splitter's role. It also checks that a promotion is
// followed by a run.
type takeover struct {
	watches []watch
	pending work.TaskID // promoted in this Step, its Execute not seen yet; zero where there is none
}

// The bounds, from the fault to the takeover. A Step takes no virtual time, so they are the network's and the clock's. When
// an owner dies the end of its link reaches the standby within resetHigh, or, behind a cut, within resetHigh of the cut's
// end, or as late as a SlowClose has it come; the takeover comes with it, or after silence, whichever is sooner.
const (
	// afterSilence: the owner's last beat can be under way for as long as every fault of beats together makes it; then
	// the lease bears at most its ceiling's silence, by a clock that may be slow, and the standby's timer is late twice, for it may have been set for
	// an earlier instant.
	afterSilence = latencyTail + 3*beatLate + silenceCeiling + silenceCeiling*maxPPM/1e6 + 2*timerLate
	// silenceCeiling is the longest silence that a lease bears, whatever it has learned; the core's own default.
	silenceCeiling = 250 * time.Millisecond
	// afterCut: who believes itself cut off, from the end of a lease on, waits for three ceilings.
	afterCut = afterSilence + 3*silenceCeiling + 3*silenceCeiling*maxPPM/1e6
	// afterReunion: it goes on believing so for 10 ms after it hears its peers again; and the timers are late.
	afterReunion = 10*time.Millisecond + 4*timerLate
	// afterWedge: a wedged process is silent when its pulse finds that: from when something came for its loop, which is a beat if nothing
	// else, on, as it beats.
	afterWedge = 3*beatSlowest + 3*beatLate + latencyTail
	// apartTogether is within what time peers must have been heard last for a process to think itself cut off from them.
	apartTogether = 50 * time.Millisecond
	// vouchTime is for how long a node leaves alone a leader that it does not hear, by the word of one that does, unless gossip
	// gives that leader up.
	vouchTime = 25*time.Second + 25*time.Second*maxPPM/1e6
)

// vouch is when a process learned that a leader lives, by the word of another or by that leader's deeds.
type vouch struct {
	leader failover.NodeID
	at     clock.Instant
}

// lent is a copy of a task at its first standby.
type lent struct {
	holder, owner failover.NodeID
	epoch         failover.Epoch
	came          clock.Instant
	over          bool // the task has ended, or runs here, or is placed anew
}

// watch is a takeover that must have happened when its audit comes.
type watch struct {
	stream, task  int // task is -1 for the splitter's role
	holder, owner failover.NodeID
	epoch         failover.Epoch
	since         clock.Instant
	bears         clock.Instant // from when on silence is borne: since, or when the link to a wedged owner came to stand later
	freeze        bool          // the owner was frozen, not killed
	near          bool          // when it was looked at before, the holder was not apart
}

func (c *takeover) reset() {
	c.watches = c.watches[:0]
	c.pending = work.TaskID{}
}

// stopped begins a watch over everything that a process owned when it died or froze.
func (c *takeover) stopped(w *World, p *process) {
	for i := range w.streams {
		s := &w.streams[i]
		if !p.up {
			s.vouched[p.index] = vouch{}
		}
		if !s.submitted || s.settled() {
			continue
		}
		for j := range w.cfg.Nodes {
			r := &s.roles[j]
			if q := &w.processes[j]; q.up && r.follows && r.holds(q.id) && r.holders.Owner() == p.id &&
				r.holders.Rank(q.id) == 1 {
				c.watch(w, watch{stream: i, task: -1, holder: q.id, owner: p.id, epoch: failover.Epoch{Term: r.term}})
			}
		}
		for j := range s.tasks {
			for _, l := range s.tasks[j].copies {
				if l.owner == p.id && !l.over && !s.tasks[j].delivered {
					c.watch(w, watch{stream: i, task: j, holder: l.holder, owner: p.id, epoch: l.epoch})
				}
			}
		}
	}
}

// watch sets the time by which a standby must have taken over from an owner that is dead or frozen now.
func (c *takeover) watch(w *World, a watch) {
	holder, owner := w.processOf(a.holder), w.processOf(a.owner)
	life := &w.lives[w.byID[a.owner]]
	near := &w.ends[holder.index][owner.index]
	if holder.id != a.holder || !holder.up || holder.frozen || holder.wedged || !near.up || near.peer != a.owner {
		return
	}
	a.since, a.freeze = life.died, life.died == clock.Never
	if a.freeze {
		a.since = life.frozen
	}
	a.bears = a.since
	at := a.since.Add(silenceOf(owner))
	if !a.freeze {
		at = min(at, near.severs.Add(time.Microsecond))
	}
	slot := int32(len(c.watches))
	c.watches = append(c.watches, a)
	w.queue.push(entry{at: max(at, w.now), kind: audits, slot: slot})
}

// silenceOf is how long a process that lives and is not heard any more can be taken for well.
func silenceOf(p *process) time.Duration {
	if p.wedged {
		return afterSilence + afterWedge + p.pulse.Bears()
	}
	return afterSilence
}

// audit looks whether a watched takeover has happened.
func (c *takeover) audit(w *World, i int) {
	a := &c.watches[i]
	s, holder, life := &w.streams[a.stream], w.processOf(a.holder), &w.lives[w.byID[a.owner]]
	switch {
	case s.settled(), holder.id != a.holder, !holder.up, holder.frozen, holder.thawed > a.since:
		return
	case holder.wedged, holder.freed > a.since, w.misleads(holder, a.since):
		return
	case a.freeze && (life.died != clock.Never || life.frozen != a.since):
		return // thawed meanwhile, or killed, which is watched on its own
	}
	owner := w.processOf(a.owner)
	if up := w.ends[holder.index][owner.index]; owner.wedged && up.up && up.since > a.bears {
		a.bears = up.since
		w.queue.push(entry{at: max(up.since.Add(silenceOf(owner)), w.now), kind: audits, slot: int32(i)})
		return
	}
	after := w.now.Sub(a.bears)
	bySilence := a.freeze || w.ends[holder.index][owner.index].up // and not by the end of a link, which no cut explains away
	if near := !w.apart(holder); bySilence && (!near || !a.near) && after < afterCut {
		a.near = near
		w.queue.push(entry{at: w.now.Add(afterReunion), kind: audits, slot: int32(i)})
		return
	}
	if a.task < 0 {
		if v := s.vouched[holder.index]; v.leader == a.owner && bySilence && w.now.Sub(v.at) < vouchTime && holder.heard[owner.index] < v.at {
			return // it is not its leader's only standby, for that one does not reach it either
		}
		if r := &s.roles[holder.index]; r.follows && r.holders.Owner() == a.owner && r.holders.Rank(a.holder) == 1 {
			w.violate("takeover", "%s, first standby of the splitter of stream %x, has not taken over %v after %s stopped",
				holder.name, uint64(s.spec.ID), after, w.nameOf(a.owner))
		}
		return
	}
	t := &s.tasks[a.task]
	for _, l := range t.copies {
		if l.holder == a.holder && l.epoch == a.epoch && !l.over && !t.delivered {
			w.violate("takeover", "%s, first standby of task %v, does not run it %v after its owner %s stopped",
				holder.name, s.taskID(a.task), after, w.nameOf(a.owner))
		}
	}
}

// apart reports whether a process may think itself cut off: by some peer whose silence it judges now, and with which most of those
// fell silent that it heard until then.
func (w *World) apart(p *process) bool {
	for from := range w.cfg.Nodes {
		silence := w.now.Sub(p.heard[from])
		if from == p.index || !w.ends[p.index][from].up || silence <= 2*w.processes[from].rhythm || silence > afterCut {
			continue
		}
		heard, fell := 0, 0
		for j := range w.cfg.Nodes {
			since := p.heard[j].Sub(p.heard[from])
			switch {
			case j == p.index || !w.ends[p.index][j].up || since < -apartTogether:
			case since <= apartTogether && w.now.Sub(p.heard[j]) > w.processes[j].rhythm:
				fell++
			default:
				heard++
			}
		}
		if fell > heard && fell > 1 {
			return true
		}
	}
	return false
}

// outbid reports whether a term deposes a process although its splitter, to which a link stands, was not heard there since before the
// process began to lead: it lives, then, behind a cut.
func (w *World) outbid(p *process, s *stream, term failover.Term) bool {
	r := &s.roles[p.index]
	life, ok := w.byID[term.Splitter()]
	if !ok || !r.leads || !r.has(p.id) || r.term.Count() >= term.Count() {
		return false
	}
	q := w.lives[life].process
	near := &w.ends[p.index][q]
	return near.up && near.peer == term.Splitter() && p.heard[q] < r.since
}

// finished: every effect of a Step has been seen, and the process lives.
func (c *takeover) finished(w *World, p *process) {
	if c.pending != (work.TaskID{}) {
		w.violate("takeover", "%s promoted itself for task %v and does not run it", p.name, c.pending)
	}
}

// event follows the copies of tasks at their standbys.
func (c *takeover) event(w *World, p *process, ev *failover.Event) {
	c.pending = work.TaskID{}
	if ev.Kind != failover.Received {
		return
	}
	m := &ev.Message
	if s := w.streamOf(m.Task.Stream); s != nil && (m.Kind == failover.Fence || m.Kind == failover.Retire) &&
		m.Epoch.Term > s.roles[p.index].term && (m.Have > 0 || w.outbid(p, s, m.Epoch.Term)) {
		s.vouched[p.index] = vouch{m.Epoch.Term.Splitter(), w.now}
	}
	t := w.taskOf(m.Task)
	if t == nil {
		return
	}
	switch m.Kind {
	case failover.Place, failover.Copy:
		c.came(w, p, t, m)
	case failover.Done:
		if l := &t.copies[p.index]; l.holder != p.id || !m.Epoch.Below(l.epoch) {
			*l = lent{holder: p.id, epoch: m.Epoch, over: true}
		}
	default:
	}
}

// came notes the placement of a task at one of its holders, by another node or by that one itself.
func (c *takeover) came(w *World, p *process, t *task, m *failover.Message) {
	l := &t.copies[p.index]
	if l.holder == p.id && !l.epoch.Below(m.Epoch) || m.Holders.Rank(p.id) < 0 {
		return
	}
	last := lastOf(t.runs, p.id).epoch
	*l = lent{holder: p.id, owner: m.Holders.Owner(), epoch: m.Epoch, came: w.now, over: m.Holders.Rank(p.id) != 1}
	l.over = l.over || m.Epoch.Below(last) || m.Strategy.Everyone() // which it runs unasked
	if life := w.lives[w.byID[l.owner]]; !l.over && (life.died != clock.Never || life.frozen != clock.Never) {
		s := w.streamOf(m.Task.Stream)
		c.watch(w, watch{
			stream: int(m.Task.Stream) - streamIDs, task: int(m.Task.Frame)*int(s.spec.Tiles) + int(m.Task.Tile),
			holder: p.id, owner: l.owner, epoch: m.Epoch,
		})
	}
}

// effect sees what standbys do with their copies, and how long takeovers took.
func (c *takeover) effect(w *World, p *process, e *failover.Effect) {
	if e.Kind != failover.Execute {
		c.finished(w, p)
	}
	c.pending = work.TaskID{}
	switch e.Kind {
	case failover.Promote:
		c.count(w, p, e)
		if e.Message.Task.Tile != failover.SplitterTile {
			c.pending = e.Message.Task
		}
	case failover.Execute, failover.Refuse, failover.Drop, failover.Replace: // it may have given itself another place with that
		if t := w.taskOf(e.Message.Task); t != nil {
			if l := &t.copies[p.index]; l.holder == p.id {
				l.over = true
			}
		}
	case failover.Send: // what it places at itself it is not sent
		if kind := e.Message.Kind; kind == failover.Place || kind == failover.Copy {
			if t := w.taskOf(e.Message.Task); t != nil {
				c.came(w, p, t, &e.Message)
			}
		}
	default:
	}
}

// count takes in how long a takeover took, since the owner stopped or since the copy came, or that it was needless.
func (c *takeover) count(w *World, p *process, e *failover.Effect) {
	life := w.lives[w.byID[e.Peer]]
	since := min(life.died, life.frozen)
	if since == clock.Never {
		if e.Signal != failover.Handover {
			w.out.Needless++
		}
		return
	}
	if t := w.taskOf(e.Message.Task); t != nil {
		if l := &t.copies[p.index]; l.holder == p.id {
			since = max(since, l.came)
		}
	}
	if w.calm && w.beside == hostHangs {
		return // whoever takes over may have stood still as long
	}
	w.out.Takeovers = append(w.out.Takeovers, Takeover{e.Signal, w.now.Sub(since)})
}
