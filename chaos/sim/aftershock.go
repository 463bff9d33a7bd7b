package sim

import (
	"time"

	"fracture/chaos"
	"fracture/cluster/failover"
)

// The second fault, while the first is being made good: after a promotion that a fault brought about, the node that was
// promoted dies or freezes, or another holder of what it took over does.

// The bounds of an aftershock. How long after the promotion the first of a run comes is the seed's own place in a sweep,
// so that neighbouring seeds strike a tenth of a millisecond apart and a thousand of them leave no gap.
const (
	maxAftershocks   = 3
	aftershockChance = 0.4
	aftershockStep   = 100 * time.Microsecond
	aftershockSteps  = 1001
	aftershocksTurn  = 1001 // tells this rule from the others where it is drawn who takes part
)

var aftershockLast = chaos.Span{Min: 5 * time.Millisecond, Max: 300 * time.Millisecond}

// planAftershocks draws whether this run has any.
func (w *World) planAftershocks() {
	w.shocks = maxAftershocks
	if w.quiet() || w.luck(luckSwarm, 0, 0, aftershocksTurn).Hits(0.5) {
		w.shocks = 0
	}
}

// tempt may let an aftershock follow a promotion.
func (w *World) tempt(p *process, e *failover.Effect) {
	if w.shocks == 0 || w.now >= w.heals || e.Signal == failover.Handover {
		return
	}
	luck := w.draw(p, luckAftershock)
	if !luck.Hits(aftershockChance) {
		return
	}
	after := time.Duration(w.seed%aftershockSteps) * aftershockStep
	if w.shocks < maxAftershocks {
		after = luck.Next().Within(between(0, (aftershockSteps-1)*aftershockStep))
	}
	luck = luck.Next().Next()
	victim := p
	if luck.Hits(0.5) {
		victim = w.otherHolder(p, e, luck.Next())
	}
	if victim == nil || !victim.up || w.now.Add(after) >= w.heals {
		return
	}
	trouble := SecondKill
	if luck.Next().Next().Hits(0.5) {
		trouble = SecondFreeze
	}
	w.shocks--
	w.at(after, entry{kind: shocks, a: uint16(victim.index), gen: victim.incarnation, arg: uint32(trouble)})
}

// otherHolder is a process beside p that holds the stream, or a copy of the task, that p took over; nil where there is none.
func (w *World) otherHolder(p *process, e *failover.Effect, luck chaos.Luck) *process {
	s, t := w.streamOf(e.Message.Task.Stream), w.taskOf(e.Message.Task)
	var found [MaxNodes]*process
	n := 0
	for i := range w.cfg.Nodes {
		q := &w.processes[i]
		if q != p && q.up && (s != nil && s.roles[i].has(q.id) || t != nil && t.copies[i].holder == q.id) {
			found[n] = q
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return found[luck.Below(uint64(n))]
}

// shock strikes the process that was chosen, if it is still the one, and says when it is healed.
func (w *World) shock(p *process, e entry) {
	if p.incarnation != e.gen || !p.up || w.now >= w.heals {
		return
	}
	switch trouble := Trouble(e.arg); {
	case trouble == SecondKill && w.killable(p.index):
		w.out.Troubles[trouble]++
		w.kill(p)
	case trouble == SecondFreeze && !p.frozen:
		w.out.Troubles[trouble]++
		w.tell(spotOf(chaos.Process, p.index, all), chaos.Freeze.String())
		w.freeze(p)
	default:
		return
	}
	last := w.luck(luckAftershock, p.index, 1, uint64(w.now)).Within(aftershockLast)
	e.kind, e.at = soothes, min(w.now.Add(last), w.heals)
	w.queue.push(e)
}

// soothe heals an aftershock, where nothing else has by now.
func (w *World) soothe(p *process, e entry) {
	switch {
	case p.incarnation != e.gen:
	case !p.up:
		w.start(p)
	case p.frozen:
		w.tell(spotOf(chaos.Process, p.index, all), chaos.Thaw.String())
		w.thaw(p)
	}
}
