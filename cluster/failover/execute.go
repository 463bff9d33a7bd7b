package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// The executor's half: tasks that this node runs or stands by for.

// pace is what a node learned of a function's time, from a task's arrival to the news of its end, and how many of its tasks
// it may still run again for being overdue: as a standby, and as the leader who places them anew.
type pace struct {
	function string
	took     rhythm
	promote  budget
	replace  budget
}

// pace finds what is known of a function, or makes room for it; nil where there is none left.
func (c *Core) pace(function string) *pace {
	for i := range c.paces {
		if c.paces[i].function == function {
			return &c.paces[i]
		}
	}
	if len(c.paces) >= maxPaces {
		return nil
	}
	c.paces = append(c.paces, pace{function: function})
	return &c.paces[len(c.paces)-1]
}

// overdue is how long a task of a function may take before somebody else runs it.
func (c *Core) overdue(function string) time.Duration {
	if p := c.pace(function); p != nil && p.took.peak > 0 {
		return min(max(3*p.took.peak, c.cfg.OverdueFloor), c.cfg.OverdueCeiling)
	}
	return c.cfg.OverdueCeiling / 2 // nothing learned yet
}

// learn takes in how long a task of a function took.
func (c *Core) learn(function string, took time.Duration) {
	switch p := c.pace(function); {
	case p == nil:
	case p.took.peak == 0:
		p.took.peak = took
	default:
		p.took.observe(took, c.cfg.OverdueCeiling)
	}
}

// maxPaces bounds how many functions' times are learned.
const maxPaces = 64

// place takes a task in: as its owner, or as a standby that holds a copy.
func (c *Core) place(from NodeID, m *Message) {
	rank := m.Holders.Rank(c.cfg.ID)
	if rank < 0 {
		return
	}
	if known := c.terms.see(m.Task.Stream, m.Epoch.Term); m.Epoch.Term < known && c.cfg.Bug != BugNoFencing {
		c.emit(Effect{Kind: Refuse, Peer: from, Message: Message{Task: m.Task, Epoch: m.Epoch}})
		c.send(from, Message{Kind: Fence, Task: work.TaskID{Stream: m.Task.Stream}, Epoch: Epoch{Term: known}})
		return
	}
	h := c.tasks.find(m.Task)
	if h != nil && !h.epoch.Below(m.Epoch) {
		return // a repeated or overtaken placement
	}
	if h != nil {
		c.cancel(h)
	}
	if h == nil {
		if h = c.tasks.add(m.Task); h == nil {
			c.emit(Effect{Kind: Drop, Peer: from, Message: Message{Task: m.Task, Epoch: m.Epoch}})
			return
		}
	}
	h.epoch, h.holders, h.splitters, h.rank = m.Epoch, m.Holders, m.Splitters, rank
	h.function, h.input, h.since = m.Function, append(h.input[:0], m.Payload...), c.now
	if rank == 0 {
		c.run(h)
		return
	}
	h.state = waiting
	c.tasks.setUntil(h, c.now.Add(time.Duration(rank)*c.overdue(h.function)))
	// The copy that arrives after its owner's link broke would wait for ever: nobody fails twice.
	if signal, lost := c.ahead(h); lost {
		c.promote(h, signal)
	}
}

// ahead reports whether every holder ahead of this node is lost, and the signal that said so of the owner.
func (c *Core) ahead(h *held) (Signal, bool) {
	var first Signal
	for r := 0; r < h.rank; r++ {
		signal, lost := c.lostHolder(h.holders[r])
		if !lost {
			return 0, false
		}
		if r == 0 {
			first = signal
		}
	}
	return first, true
}

// run gives a task to the workers.
func (c *Core) run(h *held) {
	h.state = running
	h.until = clock.Never
	c.emit(Effect{Kind: Execute, Message: Message{
		Kind: Place, Task: h.id, Epoch: h.epoch, Function: h.function, Payload: h.input,
	}})
}

// cancel takes a task back from the workers, who run it all the same if they have begun.
func (c *Core) cancel(h *held) {
	if h.state == running {
		c.emit(Effect{Kind: Cancel, Message: Message{Task: h.id, Epoch: h.epoch}})
	}
}

// promote makes this node the owner of a task that it stood by for.
func (c *Core) promote(h *held, signal Signal) {
	if c.cfg.Bug != BugNoEpochBump {
		h.epoch.Rank = uint8(h.rank)
	}
	c.emit(Effect{Kind: Promote, Signal: signal, Peer: h.holders.Owner(), Message: Message{Task: h.id, Epoch: h.epoch}})
	if c.cfg.Bug == BugLostPromotion {
		h.state = running
		h.until = clock.Never
		return
	}
	c.run(h)
}

// takeOverTasks promotes this node for what the failed peer held ahead of it.
func (c *Core) takeOverTasks(failed NodeID, signal Signal) {
	for i := range c.tasks.list {
		h := &c.tasks.list[i]
		if h.state != waiting || h.holders.Rank(failed) < 0 {
			continue
		}
		if _, lost := c.ahead(h); lost {
			c.promote(h, signal)
		}
	}
}

// sweepTasks promotes what is overdue, forgets what ended long ago, and finds the next instant worth waking for.
func (c *Core) sweepTasks() {
	c.tasks.next = clock.Never
	for i := 0; i < len(c.tasks.list); {
		h := &c.tasks.list[i]
		if h.state == ended && h.until <= c.now {
			c.tasks.removeAt(i)
			continue
		}
		if h.state == waiting && h.until <= c.now {
			c.learn(h.function, c.now.Sub(h.since)) // it took at least that: under load patience must grow
			if p := c.pace(h.function); p == nil || p.promote.spend(c.now, promoteBurst) {
				c.promote(h, Overdue)
			} else {
				h.until = c.now.Add(c.overdue(h.function))
			}
		}
		c.tasks.next = min(c.tasks.next, h.until)
		i++
	}
}

// done: the result is on its way from the owner; the copy may go.
func (c *Core) done(m *Message) {
	h := c.tasks.find(m.Task)
	if h == nil { // faster than the copy itself: remember, so that the copy is not held for nothing
		if h = c.tasks.add(m.Task); h == nil {
			return
		}
		h.epoch = m.Epoch
	}
	of := m.Epoch
	of.Rank = h.epoch.Rank // whoever of its holders has run it, the result is the same
	if of.Below(h.epoch) {
		return
	}
	if h.state == waiting {
		c.learn(h.function, c.now.Sub(h.since))
		if p := c.pace(h.function); p != nil {
			p.promote.earn()
		}
	}
	c.cancel(h)
	c.end(h)
}

func (c *Core) end(h *held) {
	h.state = ended
	c.tasks.setUntil(h, c.now.Add(c.cfg.Linger))
}

// computed sends a result to the splitter's holders and tells the task's other holders that it is on its way.
func (c *Core) computed(m *Message) {
	h := c.tasks.find(m.Task)
	if h == nil {
		return
	}
	result := *m
	result.Kind, result.Holders = Result, h.holders // so that whoever draws it can tell whose it is
	for _, splitter := range h.splitters {
		c.send(splitter, result)
	}
	if asked := m.Epoch.Term.Splitter(); h.splitters.Rank(asked) < 0 {
		c.send(asked, result) // another reign placed the task meanwhile, and this one may be the one that lasts
	}
	if h.epoch != m.Epoch || h.state != running {
		return // overtaken by a higher epoch meanwhile: that one decides when the task has ended
	}
	for r := range h.holders.Len() {
		if _, lost := c.lostHolder(h.holders[r]); r != h.rank && !lost {
			c.send(h.holders[r], Message{Kind: Done, Task: h.id, Epoch: h.epoch})
		}
	}
	c.end(h)
}
