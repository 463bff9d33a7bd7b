package failover

import (
	"time"

	"fracture/work"
)

// A task that runs for long says so while it runs. Who placed it knows for how long it usually does; to learn that its owner is
// slow from the first slow result would be to wait for that.

// FirstLag is for how long a worker runs a task before this node is told that it lags: what takes less says more of the machine
// than of the node.
const FirstLag = dragFloor

// NextLag is for how long a task will have run when a node is told the next time that it lags, where it has run for so long: each
// millisecond at first, later less often.
func NextLag(ran time.Duration) time.Duration { return ran + max(time.Millisecond, ran/4) }

// lags: a worker has been running a task for long. Whoever leads its stream is told, where that does something about it.
func (c *Core) lags(m *Message) {
	h := c.tasks.find(m.Task)
	if h == nil || h.state != running || h.given != m.Epoch || h.rank > 0 || !standsBy(h.strategy) {
		return
	}
	for _, splitter := range h.splitters[:h.splitters.Len()] {
		c.send(splitter, Message{Kind: Lag, Task: h.id, Epoch: h.epoch, Ran: m.Ran})
	}
}

// standsBy reports whether a strategy has copies that nobody runs yet, so that somebody else can be given what takes long.
func standsBy(strategy work.Strategy) bool { return strategy == work.Standby || strategy == work.Hedge }

// lagging: a node has run a task for so long and has not done it. After several times as long as usual it is placed anew, with what
// else waits behind it there; unless it is waiting, and not the run, that makes results late. Two such tasks in a row, or one
// that takes twice that, and the node is slow. In both cases others must be as quick as ever.
func (c *Core) lagging(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	if s == nil || !s.leading() || m.Task.Tile >= s.spec.Tiles || !standsBy(s.spec.Strategy) {
		return
	}
	usually := time.Duration(s.runs[m.Task.Tile])
	waits := c.usual(s.spec.Function) > 2*dragFactor*usually
	if usually == 0 || m.Ran < dragFactor*usually || waits {
		return
	}
	switch {
	case c.drags(from, m.Task, usually, m.Ran):
		c.act(from, isSlow)
	case c.suspects() <= 1 && c.othersAsUsual(from, c.now.Add(-m.Ran)):
		c.hurry(from, false)
	}
}
