package sim

import (
	"fmt"

	"fracture/clock"
	"fracture/cluster/failover"
)

// Violation is a promise that was broken.
type Violation struct {
	Check string        // which: lost, once, owner, apart, rising, fence, takeover, bounds, storm, picture or view
	At    clock.Instant // virtual time
	Text  string        // what was seen
}

// Error spells the violation out.
func (v *Violation) Error() string {
	return fmt.Sprintf("%s broken at %.3f ms: %s", v.Check, float64(v.At)/1e6, v.Text)
}

// violate takes note of the first promise that is broken; it ends the run.
func (w *World) violate(check, format string, args ...any) {
	if w.out.Violation == nil {
		w.out.Violation = &Violation{Check: check, At: w.now, Text: fmt.Sprintf(format, args...)}
	}
}

// checks are the checkers, each of one promise. They see every event before its Step and every effect after it.
type checks struct {
	lost     lost
	once     once
	owner    owner
	apart    apart
	rising   rising
	fence    fence
	takeover takeover
	bounds   bounds
	storm    storm
	picture  picture
	views    viewed
}

func (c *checks) reset() {
	c.fence.reset()
	c.takeover.reset()
	c.storm.reset()
}

// started: a process has come up.
func (c *checks) started(p *process) { c.storm.started(p) }

// died: a process is gone.
func (c *checks) died(w *World, p *process) {
	c.lost.died(w, p)
	c.takeover.stopped(w, p)
}

// event: a machine is about to be told something.
func (c *checks) event(w *World, p *process, ev *failover.Event) {
	if p.core != nil {
		c.fence.event(w, p, ev)
		c.takeover.event(w, p, ev)
	}
}

// stepped: a machine has answered with so many effects.
func (c *checks) stepped(w *World, p *process, ev *failover.Event, effects int) {
	c.storm.stepped(w, p, ev, effects)
	c.bounds.stepped(w, p)
}

// effect: a machine asks for something, or tells of it.
func (c *checks) effect(w *World, p *process, e *failover.Effect) {
	c.bounds.effect(w, p, e)
	c.views.effect(w, p, e)
	if p.core == nil {
		c.once.effect(w, e)
		return
	}
	c.lost.effect(w, p, e)
	c.owner.effect(w, p, e)
	c.apart.effect(w, p, e)
	c.rising.effect(w, p, e)
	c.fence.effect(w, p, e)
	c.takeover.effect(w, p, e)
	c.storm.effect(w, p, e)
}

// finished: all of a Step's effects have been seen and carried out.
func (c *checks) finished(w *World, p *process) {
	if p.core != nil {
		c.takeover.finished(w, p)
	}
}

// checkEnd holds what became of the run against what was promised of its end.
func (w *World) checkEnd() {
	w.checks.lost.end(w)
	if w.out.Violation == nil && w.settling() == lingers {
		w.checks.bounds.end(w)
	}
}
