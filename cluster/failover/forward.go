package failover

// From the holders of a stream to its sinks.

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

// reaches reports whether a message to a node has a link to go by.
func (c *Core) reaches(id NodeID) bool {
	p := c.peers.find(id)
	return id == c.cfg.ID || p != nil && p.link
}

// relays is to how many nodes a result is given that no sink watches here.
const relays = 3

// relay asks other nodes to forward a result. No sink has reached this node yet, which has just started, and of which gossip
// may tell a sink as late as it tells anybody of anything; and this may be the only holder of the stream that is left.
func (c *Core) relay(m *Message) {
	passed := *m
	passed.Have = 1
	asked := 0
	for i := range c.peers.list {
		if p := &c.peers.list[i]; p.link && !p.Sink && asked < relays {
			c.send(p.ID, passed)
			asked++
		}
	}
}
