package failover

import "fracture/work"

// What gossip, links and beats tell, and what follows from it.

func (c *Core) join(m Member) {
	if m.ID == c.cfg.ID {
		return
	}
	if p, fresh := c.peers.add(m); !fresh && p.Member != m {
		p.Member = m // its link was faster than gossip
		c.mendAll()
	}
}

// leave: gossip gives a member up. For all but reschedule this is late news.
func (c *Core) leave(id NodeID) {
	p := c.peers.find(id)
	if p == nil {
		return
	}
	if p.failed == 0 {
		c.fail(p, Gone)
	} else {
		c.doubtWord(id)
		c.takeOverStreams(Gone)
	}
	c.peers.remove(id)
	c.dropWatchers(id)
	for i := len(c.streams) - 1; i >= 0; i-- {
		if s := c.streams[i]; s.leading() && s.spec.Strategy == work.Reschedule {
			c.bear(s, id, Gone)
		}
	}
}

func (c *Core) linkUp(id NodeID) {
	p := c.peers.find(id)
	if p == nil {
		p, _ = c.peers.add(Member{ID: id, Sink: true}) // until gossip tells more, nothing is placed on it
	}
	p.link, p.linked, p.hears = true, true, true
	p.lease.Grant(c.now, c.cfg.SilenceFloor, c.cfg.SilenceCeiling)
	c.recover(p)
}

// linkDown: the peer's kernel closed its sockets, or the network between broke. This is the first signal of a crash.
func (c *Core) linkDown(id NodeID) {
	p := c.peers.find(id)
	if p == nil || !p.link {
		return
	}
	p.link = false
	c.dropWatchers(id)
	c.fail(p, Reset)
}

func (c *Core) beat(ev Event) {
	p := c.peers.find(ev.Peer)
	if p == nil || !p.link {
		return
	}
	at := ev.At
	if at == 0 {
		at = c.now
	}
	p.lease.Renew(at, ev.Interval)
	left := ev.Leaving && !p.leaving
	p.hears, p.leaving = ev.Heard, ev.Leaving
	if !p.hears {
		p.unheard = c.now
	}
	if p.failed == Silence {
		c.recover(p)
	}
	if left {
		c.mendAll()
	}
}

// recover takes a peer for alive (again).
func (c *Core) recover(p *peer) {
	p.failed, p.unheard = 0, c.now
	c.emit(Effect{Kind: Recover, Peer: p.ID})
	for _, s := range c.streams {
		if s.holders.Owner() == p.ID {
			c.askWhetherHeld(s) // while we did not hear each other it may have found another standby
		}
	}
	if !p.Sink {
		c.mendAll()
	}
}

// fail takes a peer for failed, and redirects whatever it held before anything is made whole again.
func (c *Core) fail(p *peer, signal Signal) {
	if p.failed == Silence && signal == Reset {
		p.failed = Reset // beats alone will not bring it back
		c.doubtWord(p.ID)
		c.takeOverStreams(signal)
		return
	}
	if p.failed != 0 {
		return
	}
	p.failed = signal
	id := p.ID // a sink, or a node that gossip has not told of yet and that holds tasks all the same
	c.emit(Effect{Kind: Detect, Signal: signal, Peer: id})
	c.doubtWord(id)
	c.takeOverTasks(id, signal)
	c.takeOverStreams(signal)
	for i := len(c.streams) - 1; i >= 0; i-- {
		if s := c.streams[i]; s.leading() && (signal != Gone || s.spec.Strategy != work.Reschedule) {
			c.bear(s, id, signal)
		}
	}
	c.mendAll()
}

func (c *Core) subscribe(sink NodeID, stream work.StreamID) {
	for _, w := range c.watchers {
		if w == (watcher{sink, stream}) {
			return
		}
	}
	if len(c.watchers) >= maxWatchers {
		c.emit(Effect{Kind: Drop, Peer: sink})
		return
	}
	c.watchers = append(c.watchers, watcher{sink, stream})
}

// maxWatchers bounds the subscriptions at one node.
const maxWatchers = 256

func (c *Core) unsubscribe(sink NodeID, stream work.StreamID) {
	for i, w := range c.watchers {
		if w == (watcher{sink, stream}) {
			c.watchers = append(c.watchers[:i], c.watchers[i+1:]...)
			return
		}
	}
}

func (c *Core) dropWatchers(sink NodeID) {
	kept := c.watchers[:0]
	for _, w := range c.watchers {
		if w.sink != sink {
			kept = append(kept, w)
		}
	}
	c.watchers = kept
}

// drain hands over what this node leads; what it runs it finishes.
func (c *Core) drain() {
	c.draining = true
	for _, s := range c.streams {
		if s.leading() {
			c.mend(s)
			c.yield(s)
		}
	}
}

// reportDrained says once that nothing is held any more; or nothing but streams, and nobody is left to take a copy of them.
func (c *Core) reportDrained() {
	if !c.draining || c.drained || c.tasks.live() > 0 {
		return
	}
	for _, s := range c.streams {
		if c.couldHold(s) {
			return
		}
	}
	c.drained = true
	c.emit(Effect{Kind: Drained})
}

// couldHold reports whether waiting helps a stream that this node, which drains, still holds: another may lead it, or take
// the copy.
func (c *Core) couldHold(s *stream) bool {
	for i := range c.peers.list {
		p := &c.peers.list[i]
		if p.expected() && (s.leading() || s.holders.Rank(p.ID) < 0) {
			return true
		}
	}
	return false
}

// termTable remembers the highest term of the streams seen of late, the oldest forgotten first, and of each
//   - which of its frames this node has split beside a leader: who lets go of a stream and takes it up again must not split
//     them twice in one term;
//   - in which term this node led it and refused it: whom that term has deposed may have been accepted.
type termTable struct {
	list [maxTerms]termEntry
	next int
}

// termEntry is what is remembered of one stream.
type termEntry struct {
	stream work.StreamID
	term   Term
	shared uint64 // the lowest frame not yet split
	voided Term   // the reign of this node that ended with a refusal
}

// maxTerms bounds how many streams' terms a node remembers.
const maxTerms = 256

// find is what is remembered of a stream; nil where that is nothing.
func (t *termTable) find(stream work.StreamID) *termEntry {
	for i := range t.list {
		if t.list[i].stream == stream {
			return &t.list[i]
		}
	}
	return nil
}

// see takes note of a term and answers the highest known.
func (t *termTable) see(stream work.StreamID, term Term) Term {
	if e := t.find(stream); e != nil {
		e.term = max(e.term, term)
		return e.term
	}
	t.list[t.next] = termEntry{stream: stream, term: term}
	t.next = (t.next + 1) % maxTerms
	return term
}

// void takes note that this node's reign of a term has ended with a refusal.
func (t *termTable) void(stream work.StreamID, term Term) {
	if e := t.find(stream); e != nil {
		e.voided = term
	}
}

// isVoid reports whether it was so of a term.
func (t *termTable) isVoid(stream work.StreamID, term Term) bool {
	e := t.find(stream)
	return e != nil && e.voided == term
}

// share takes note that the frames below next have been split beside a leader, and answers the lowest that has not.
func (t *termTable) share(stream work.StreamID, next uint64) uint64 {
	e := t.find(stream)
	if e == nil {
		return next
	}
	e.shared = max(e.shared, next)
	return e.shared
}
