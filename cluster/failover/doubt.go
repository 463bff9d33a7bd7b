package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// A node that lives and works badly: it is slow, or messages between it and others are lost. No lease of it lapses and no
// link to it breaks; it is given nothing new, and what it was given is overdue at most. And a node that finds that it is
// itself what is wrong.

// Suspicion of a node, once and at most. At first it is short: by its end either the node's lease has lapsed, or it was a
// single loss and the node's place in the ranking is its own again. One that is in doubt again soon after is left alone for
// twice as long, for each new trust in it costs somebody a late result.
const (
	suspicion  = 250 * time.Millisecond
	maxDoubts  = 4
	ofSlowness = 2 // doubts to begin with in a node that is slow, which does not pass like a loss

	// relapse is for how long after a doubt's end another one is taken for the same trouble. Who works badly shows it as soon as
	// it is given work; on a busy machine every node is late once in a few seconds, and would be in doubt half of the time.
	relapse = 500 * time.Millisecond
)

// trust is what is thought of a node's work. The zero value thinks well of it.
type trust struct {
	suspect clock.Instant // until then it is given no new work
	doubts  uint8         // how often that was renewed soon after it had ended
	outrun  uint8         // how many of its tasks in a row a standby has answered first
	dragged uint8         // how many of its tasks in a row ran for several times as long as usual
	drag    work.TaskID   // the last of those

	dragsFrom clock.Instant // since when it has run the first of those
	asUsual   clock.Instant // when it last did a task that ran for no longer than usual
	hurried   clock.Instant // see hurry
}

func (t *trust) doubt(now clock.Instant, atLeast uint8) {
	switch since := now.Sub(t.suspect); {
	case since < 0: // still in doubt
	case t.suspect == 0 || since > relapse:
		t.doubts = 0
	default:
		t.doubts = min(t.doubts+1, maxDoubts)
	}
	t.doubts = max(t.doubts, atLeast)
	t.suspect = max(t.suspect, now.Add(suspicion<<t.doubts))
}

// doubt gives a node, which may be this one, nothing new for a while.
func (c *Core) doubt(id NodeID, atLeast uint8) {
	if t := c.trustIn(id); t != nil {
		t.doubt(c.now, atLeast)
	}
}

// trustIn is what is thought of a node, which may be this one; nil where it is none that works.
func (c *Core) trustIn(id NodeID) *trust {
	if id == c.cfg.ID {
		return &c.trust
	}
	if p := c.peers.find(id); p != nil && !p.Sink {
		return &p.trust
	}
	return nil
}

// suspects counts the nodes that are given nothing new.
func (c *Core) suspects() (n int) {
	if c.trust.suspect > c.now {
		n++
	}
	for i := range c.peers.list {
		if c.peers.list[i].trust.suspect > c.now {
			n++
		}
	}
	return n
}

// hurry lets be placed anew what a node in doubt has and has had for longer than usual: for a moment, or, where that is sure, until
// the doubt ends. It waits behind what has shown that the node is slow, or its result was lost.
func (c *Core) hurry(id NodeID, sure bool) {
	t := c.trustIn(id)
	if t == nil {
		return
	}
	until := c.now.Add(hurryTime)
	if sure {
		until = t.suspect
	}
	t.hurried = max(t.hurried, until)
	c.hurriedUntil = max(c.hurriedUntil, until)
	for _, s := range c.streams {
		if s.leading() {
			s.watchAt = c.now
		}
	}
}

// hurryTime is a moment in which a leader looks at what a node has.
const hurryTime = time.Millisecond

// wait is how long the leader waits for the result of a task of a frame before it places the task anew: twice as long after each
// try, for on a cluster that has too much to do, trying again is more to do.
func (c *Core) wait(s *stream, f *frame, t *tile, patience time.Duration) time.Duration {
	if standsBy(s.spec.Strategy) {
		if f.number < s.doubtful && t.epoch.Term < s.term || c.now < c.hurriedUntil && c.hurried(t.holders.Owner()) {
			patience = min(patience, c.usual(s.spec.Function))
		}
	}
	return patience << backoff(s, t)
}

// hurried reports whether what a node has is placed anew as soon as it takes longer than usual.
func (c *Core) hurried(id NodeID) bool {
	t := c.trustIn(id)
	return t != nil && c.now < t.hurried
}

// judgement is what a result says of its task's owner.
type judgement uint8

const (
	onTime judgement = iota
	// wasLate: a standby had to run the task, or it took far longer than such tasks do. The owner may have been out of turn.
	wasLate
	// wasOutrun: standbys answered some tasks in a row before it.
	wasOutrun
	// isSlow: it ran one task or some in a row for several times as long as they usually take, while others did not.
	isSlow
)

// judge judges a task's owner by the task's first result. Under hedge a standby runs one task in twenty, so that alone says nothing.
func (c *Core) judge(s *stream, t *tile, m *Message) judgement {
	if t.placed == 0 || !m.Epoch.sameCall(t.epoch) || !standsBy(m.Strategy) {
		return onTime
	}
	owner, standby := t.holders.Owner(), m.Epoch.Rank > 0
	p := c.pace(s.spec.Function)
	switch {
	case !standby && c.drags(owner, m.Task, time.Duration(s.runs[m.Task.Tile]), m.Ran):
		return isSlow
	case c.outruns(owner, standby):
		return wasOutrun
	case m.Strategy == work.Hedge:
	case standby, p != nil && p.took.known() && c.now.Sub(t.placed) > max(overdueMargin*p.took.quantile(990), c.cfg.OverdueFloor/2):
		return wasLate
	}
	return onTime
}

// act gives a node that is late or slow nothing new for a while, and places anew what it has. But where it is not known to be slow
// and others are in doubt as well, all have too much to do, and placing anew would add to it.
func (c *Core) act(owner NodeID, j judgement) {
	switch j {
	case onTime:
		return
	case wasLate:
		c.doubt(owner, 0)
	case wasOutrun, isSlow:
		c.doubt(owner, ofSlowness)
	}
	if j == isSlow || c.suspects() <= 1 {
		c.hurry(owner, j == isSlow)
	}
}

// What tells a slow node from one that was out of turn: more than mostDragged tasks in a row ran for dragFactor times as long as
// the same tile did before; one that ran for twice that counts for two. Those that were done within dragFloor say more of the
// machine than of the node.
const (
	mostDragged = 1
	dragFactor  = 4
	dragFloor   = 3 * time.Millisecond
)

// drags takes note of how long an owner ran a task that usually takes so long, and reports whether that was far too long too
// often while others were as quick as ever: else it is the machine, or the tasks have become larger. It asks for how long the
// task ran, and not when it was back: who has much to do is late, and no slower.
func (c *Core) drags(owner NodeID, task work.TaskID, usually, ran time.Duration) bool {
	t := c.trustIn(owner)
	switch {
	case t == nil || usually == 0:
		return false
	case dragFactor*usually < dragFloor && ran < dragFloor:
		if ran < dragFactor*usually {
			t.asUsual = c.now // it says nothing of the node's larger tasks, and something of the machine
		}
		return false
	case ran < max(dragFloor, dragFactor*usually):
		t.dragged, t.asUsual = 0, c.now
		return false
	case task == t.drag && ran < 2*dragFactor*usually: // that was said while it ran
		return false
	case t.dragged == 0 || c.now.Sub(t.dragsFrom) > relapse:
		t.dragged, t.dragsFrom = 0, c.now.Add(-ran)
	}
	t.drag = task
	t.dragged++
	if ran >= 2*dragFactor*usually {
		t.dragged++
	}
	if t.dragged = min(t.dragged, mostDragged+1); t.dragged <= mostDragged || !c.othersAsUsual(owner, t.dragsFrom) {
		return false
	}
	t.dragged = 0
	return true
}

// othersAsUsual reports whether a node other than one has done a task since an instant that ran for no longer than usual.
func (c *Core) othersAsUsual(than NodeID, since clock.Instant) bool {
	if than != c.cfg.ID && c.trust.asUsual > since {
		return true
	}
	for i := range c.peers.list {
		if p := &c.peers.list[i]; p.ID != than && p.trust.asUsual > since {
			return true
		}
	}
	return false
}

// usualRun learns for how long the owners of a tile run it, as a median: half of the cases are longer, half are shorter. It
// follows a tile that becomes larger or smaller by a sixteenth each frame.
type usualRun time.Duration

const usualStep = 16

func (u *usualRun) observe(ran time.Duration) {
	switch step := max(*u/usualStep, 1); {
	case *u == 0:
		*u = usualRun(ran)
	case usualRun(ran) > *u:
		*u += step
	case usualRun(ran) < *u:
		*u -= step
	}
}

// mostOutrun is how many tasks in a row a standby may answer before their owner: by chance four are one in 160,000.
const mostOutrun = 3

// outruns takes note of who answered a task of an owner first, and reports whether that has been a standby too often.
func (c *Core) outruns(owner NodeID, standby bool) bool {
	t := c.trustIn(owner)
	switch {
	case t == nil:
		return false
	case !standby:
		t.outrun = 0
		return false
	}
	if t.outrun++; t.outrun <= mostOutrun {
		return false
	}
	t.outrun = 0
	return true
}

// yieldAgain is how soon a splitter that loses messages asks its standby once more: that, too, can be lost.
const yieldAgain = 10 * time.Millisecond

// missed: messages to or from a peer were lost. Where that is so of most peers the loss is at this node, and what it leads
// is better led by a standby, who loses nothing but what goes by this node.
func (c *Core) missed(id NodeID) {
	p := c.peers.find(id)
	if p == nil || p.Sink {
		return
	}
	p.lossy = c.now.Add(suspicion)
	c.doubt(id, 0)
	if !c.lossyItself() {
		c.hurry(id, true) // what it has done may have been lost
		return
	}
	c.missedNews = c.now
	if c.now.Sub(c.yieldedAt) < yieldAgain {
		return
	}
	c.yieldedAt = c.now
	for _, s := range c.streams {
		if s.leading() {
			c.yield(s)
		}
	}
}

// lossyItself reports whether messages between this node and most of its peers are lost, so that the fault is likely here.
func (c *Core) lossyItself() bool {
	linked, lossy := 0, 0
	for i := range c.peers.list {
		p := &c.peers.list[i]
		if p.Sink || !p.link || p.failed != 0 {
			continue
		}
		linked++
		if p.lossy >= c.now && p.lossy != 0 {
			lossy++
		}
	}
	return linked > 1 && 2*lossy > linked
}
