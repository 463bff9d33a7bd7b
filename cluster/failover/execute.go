package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// The executor's half: tasks that this node runs or stands by for.

// pace is what a node learned of a function's time, and how many of its tasks it may still run again for being overdue: as a
// standby, and as the leader who places them anew.
type pace struct {
	function string
	took     spread // from a task's arrival or placement to its end
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
	if p := c.pace(function); p != nil && p.took.known() {
		return min(max(overdueMargin*p.took.quantile(990), c.cfg.OverdueFloor), c.cfg.OverdueCeiling)
	}
	return c.cfg.OverdueCeiling / 2 // nothing learned yet
}

// overdueMargin is how many times as long as ninety-nine of a hundred a task takes before it counts as overdue.
const overdueMargin = 3

// usual is how long nineteen of twenty tasks of a function take at most.
func (c *Core) usual(function string) time.Duration {
	if p := c.pace(function); p != nil && p.took.known() {
		return p.took.quantile(950)
	}
	return c.cfg.OverdueCeiling / 2 // nothing learned yet
}

// learn takes in how long a task of a function took.
func (c *Core) learn(function string, took time.Duration) {
	if p := c.pace(function); p != nil {
		p.took.observe(min(took, c.cfg.OverdueCeiling))
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
		c.fence(from, m.Task.Stream, Epoch{Term: known})
		if h := c.tasks.find(m.Task); !m.Strategy.Everyone() && (h == nil || h.state == waiting && h.epoch.Below(m.Epoch)) {
			c.send(known.Splitter(), Message{Kind: Decline, Task: m.Task, Epoch: m.Epoch, Holders: m.Holders})
		}
		return
	}
	h := c.tasks.find(m.Task)
	if h != nil && (!h.epoch.Below(m.Epoch) || m.Strategy.Everyone() && h.epoch.sameCall(m.Epoch)) {
		return // a repeated or overtaken placement, or the same one by another holder of the splitter
	}
	asked := rank == 0 || m.Strategy.Everyone()
	if h != nil && asked && h.strategy == m.Strategy && h.revision == m.Revision && (h.state == running || h.answered && h.answers(from, m)) {
		h.renew(m, rank)
		if h.state == ended {
			c.release(h) // their copies are as new as the placement
		}
		return
	}
	if h != nil {
		c.cancel(h)
		if h.revision != m.Revision {
			h.input = nil // what was given to a worker in this very Step is another input, and points there
		}
	}
	if h == nil {
		if h = c.tasks.add(m.Task); h == nil {
			c.emit(Effect{Kind: Drop, Peer: from, Message: Message{Task: m.Task, Epoch: m.Epoch}})
			return
		}
	}
	h.renew(m, rank)
	h.answered = false
	h.function, h.revision, h.input, h.since = m.Function, m.Revision, append(h.input[:0], m.Payload...), c.now
	if asked {
		c.run(h)
		return
	}
	h.state = waiting
	patience := time.Duration(rank) * c.overdue(h.function)
	if h.strategy == work.Hedge && rank == 1 {
		patience = min(patience, c.usual(h.function))
	}
	c.tasks.setUntil(h, c.now.Add(patience))
	// The copy that arrives after its owner's link broke would wait for ever: nobody fails twice.
	if signal, lost := c.ahead(h); lost && c.cfg.Bug != BugLateCopy {
		c.promote(h, signal)
	}
}

// answers reports whether the answer given here is one to a newer placement, too, and on its way to who placed it: that is
// the first of a new reign, by a standby of the splitter that had asked before.
func (h *held) answers(from NodeID, m *Message) bool {
	return m.Epoch.Try == 0 && h.splitters.Rank(from) >= 0 && !m.Strategy.Everyone()
}

// renew puts a task under the epoch of a newer placement. A worker that has it goes on: the function is pure, so what it
// answers is the answer to the newer one as well, and sooner than if it began again. After the death of a splitter that is
// so for all that it had placed and not yet marked.
func (h *held) renew(m *Message, rank int) {
	h.epoch, h.holders, h.splitters, h.rank = m.Epoch, m.Holders, m.Splitters, rank
	h.strategy, h.copies, h.hedged = m.Strategy, m.Need, false
	if m.Strategy.Everyone() {
		h.epoch.Rank = uint8(rank)
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
	h.state, h.given = running, h.epoch
	h.until = clock.Never
	c.emit(Effect{Kind: Execute, Message: Message{
		Kind: Place, Task: h.id, Epoch: h.epoch, Function: h.function, Strategy: h.strategy, Need: h.copies,
		Holders: h.holders, Revision: h.revision, Payload: h.input,
	}})
}

// cancel takes a task back from the workers, who run it all the same if they have begun.
func (c *Core) cancel(h *held) {
	if h.state == running {
		c.emit(Effect{Kind: Cancel, Message: Message{Task: h.id, Epoch: h.given}})
	}
}

// promote makes this node the owner of a task that it stood by for.
func (c *Core) promote(h *held, signal Signal) {
	if c.cfg.Bug != BugNoEpochBump {
		h.epoch.Rank = uint8(h.rank)
	}
	c.emit(Effect{Kind: Promote, Signal: signal, Peer: h.holders.Owner(), Message: Message{Task: h.id, Epoch: h.epoch}})
	if c.cfg.Bug == BugLostPromotion {
		h.state, h.given = running, h.epoch
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
			c.runLate(h)
		}
		c.tasks.next = min(c.tasks.next, h.until)
		i++
	}
}

// staleAfter is how many times as long as the leader is patient with a task a copy is kept that is not run.
// By then the leader has placed the task anew, or it was done and the news was lost; kept on, hundreds of such copies were
// run at once with the next failure of their owner, seconds later.
const staleAfter = 2

// runLate runs a copy whose owner takes long, if that is known and the budget for such runs allows it.
func (c *Core) runLate(h *held) {
	waited := c.now.Sub(h.since)
	overdue, uninformed := waited >= time.Duration(h.rank)*c.overdue(h.function), c.uninformed(h)
	if overdue && !uninformed {
		c.learn(h.function, waited) // it took at least that: under load patience must grow
	}
	switch p := c.pace(h.function); {
	case uninformed || p != nil && !p.promote.spend(c.now, promoteBurst):
		if h.until = c.now.Add(c.overdue(h.function)); waited > staleAfter*time.Duration(h.copies+1)*c.overdue(h.function) {
			c.emit(Effect{Kind: Drop, Peer: h.holders.Owner(), Message: Message{Task: h.id, Epoch: h.epoch}})
			c.end(h)
		}
	case overdue:
		c.promote(h, Overdue)
	default:
		c.hedge(h)
	}
}

// hedge runs a copy beside the owner, whose lateness is nothing unusual yet: the first result of the two wins.
func (c *Core) hedge(h *held) {
	h.epoch.Rank, h.hedged = uint8(h.rank), true
	c.emit(Effect{Kind: Hedge, Peer: h.holders.Owner(), Message: Message{Task: h.id, Epoch: h.epoch}})
	c.run(h)
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
	if h.state == waiting || h.state == running && h.hedged {
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
	result.Kind, result.Function = Result, ""
	current := h.state == running && m.Epoch == h.given
	if current {
		result.Epoch, result.Holders = h.epoch, h.holders
	}
	c.report(h, &result)
	if !current {
		return // overtaken by a higher epoch meanwhile: that one decides when the task has ended
	}
	if h.hedged {
		c.learn(h.function, c.now.Sub(h.since)) // the owner took at least that
	}
	c.release(h)
	h.answered = true
	c.end(h)
}

// release tells a task's other holders that its result is on its way. Of a vote each has its say.
func (c *Core) release(h *held) {
	if h.strategy == work.Vote {
		return
	}
	for r := range h.holders.Len() {
		if _, lost := c.lostHolder(h.holders[r]); r != h.rank && !lost {
			c.send(h.holders[r], Message{Kind: Done, Task: h.id, Epoch: h.epoch})
		}
	}
}

// report gives a result to the holders of its stream's splitter. Where none can be reached, because one has died and the other
// is not linked with this node yet, or is this node, which holds no copy of the stream, it goes to the sinks themselves; but for
// a vote, which is none before it is counted.
func (c *Core) report(h *held, result *Message) {
	reached := false
	for _, splitter := range h.splitters {
		c.send(splitter, *result)
		reached = reached || c.takes(splitter, h.id.Stream)
	}
	if asked := result.Epoch.Term.Splitter(); h.splitters.Rank(asked) < 0 {
		c.send(asked, *result) // another reign placed the task meanwhile, and this one may be the one that lasts
		reached = reached || c.takes(asked, h.id.Stream)
	}
	if !reached && result.Strategy != work.Vote && !c.forward(result) {
		c.relay(result)
	}
}

// takes reports whether a result of a stream that is given to a splitter has somebody who takes it in, as far as is known here.
func (c *Core) takes(splitter NodeID, stream work.StreamID) bool {
	return c.reaches(splitter) && (splitter != c.cfg.ID || c.stream(stream) != nil)
}
