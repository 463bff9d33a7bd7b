package failover

// From the holders of a stream, or from an executor that reaches none of them, to its sinks.

// forward gives a result to the sinks that watch its stream here, and reports whether there is any.
func (c *Core) forward(m *Message) (watched bool) {
	for _, w := range c.watchers {
		switch {
		case w.stream != 0 && w.stream != m.Task.Stream:
			continue
		case w.sink == c.cfg.ID:
			c.emit(Effect{Kind: Forward, Message: *m})
		default:
			c.send(w.sink, *m)
		}
		watched = true
	}
	return watched
}

// How far a result has come that no holder could give to a sink: Have of its message.
const (
	toPassOn = 1 // whoever gets it is asked to forward it
	passedOn = 2 // that was done: a node that watches the stream for somebody else keeps it to itself
)

// relays is to how many nodes a result is given that nobody watches here.
const relays = 3

// relay asks other nodes to forward a result, for gossip may tell a sink of a node that has just started as late as it tells
// anybody of anything, and this may be the only holder of the stream that is left. A node of which no sink wants to know any
// more asks nobody.
func (c *Core) relay(m *Message) {
	if c.now.Sub(c.born) > longerThanGossip {
		return
	}
	asked := *m
	asked.Have = toPassOn
	n := 0
	for _, silent := range [...]bool{false, true} { // who is silent may have stood still for a moment, and read it then
		for i := range c.peers.list {
			if p := &c.peers.list[i]; !p.Sink && p.link && (p.failed != 0) == silent && n < relays {
				c.send(p.ID, asked)
				n++
			}
		}
	}
}

// passOn forwards a result for a holder that no sink has reached.
func (c *Core) passOn(m *Message) {
	if m.Have != toPassOn {
		return
	}
	passed := *m
	passed.Have = passedOn
	if !c.forward(&passed) {
		c.emit(Effect{Kind: Drop, Message: Message{Task: m.Task, Epoch: m.Epoch}})
	}
}

// reaches reports whether a message to a node has a link to go by, and somebody who reads it.
func (c *Core) reaches(id NodeID) bool {
	p := c.peers.find(id)
	return id == c.cfg.ID || p != nil && p.link && p.failed == 0
}
