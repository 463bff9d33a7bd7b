package failover

import "fracture/work"

// What a holder of a stream does with a task's output.

// result takes in a task's output, of the node that ran it, at a holder of the stream: the first valid one goes to the sinks and to the store.
func (c *Core) result(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	if s == nil || m.Task.Tile >= s.spec.Tiles {
		return
	}
	f := s.frame(m.Task.Frame)
	if f == nil {
		c.emit(Effect{Kind: Repeat, Message: Message{Task: m.Task, Epoch: m.Epoch}})
		return
	}
	t := &f.tiles[m.Task.Tile]
	if t.fences(m) && !s.inherits(t, m) && c.cfg.Bug != BugNoFencing {
		c.emit(Effect{Kind: Refuse, Message: Message{Task: m.Task, Epoch: m.Epoch}})
		return
	}
	if m.Strategy == work.Vote && !c.vote(s, f, from, m) {
		return // not decided yet, or a vote that decides nothing any more
	}
	if t.done {
		c.emit(Effect{Kind: Repeat, Message: Message{Task: m.Task, Epoch: m.Epoch}})
		return
	}
	t.done = true
	how := onTime
	if s.leading() {
		how = c.judge(s, t, m)
	}
	if !m.ours() {
		s.runs[m.Task.Tile].observe(m.Ran)
	}
	if t.epoch.Below(m.Epoch) {
		t.epoch = m.Epoch
	}
	f.left--
	if t.placed != 0 && !m.ours() {
		c.learn(s.spec.Function, c.now.Sub(t.placed))
		if p := c.pace(s.spec.Function); p != nil && m.Epoch.Try == 0 {
			p.replace.earn()
		}
	}
	c.emit(Effect{Kind: Keep, Message: *m})
	if !c.forward(m) {
		c.relay(m)
	}
	if s.leading() && t.placed != 0 && t.version != s.version {
		c.tellNewcomers(s, m)
	}
	c.act(t.holders.Owner(), how)
	s.advance()
	c.retireIfOver(s)
}

// tellNewcomers gives a result to the standbys, for whoever became one after the task was placed is not sent it: it would die with
// this node, and with its message to the sink. Of a vote they are told nothing, for the winner's answer alone is no vote.
func (c *Core) tellNewcomers(s *stream, m *Message) {
	if m.Strategy == work.Vote || m.ours() {
		return
	}
	for r := 1; r < s.holders.Len(); r++ {
		c.send(s.holders[r], *m)
	}
}

// inherits reports whether a result is one of a reign before, of a task that this one has placed only once. What was placed
// and not marked when a splitter died its heir places again, for it cannot know. Both asked for the same, so the answer to
// the one is not refused for the sake of the other; a task that was placed anew has a higher try.
func (s *stream) inherits(t *tile, m *Message) bool {
	return t.epoch == Epoch{Term: s.term} && m.Epoch.Term < s.term && !m.Strategy.Everyone()
}
