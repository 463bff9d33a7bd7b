package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// stream is a stream at one of the holders of its splitter role. The leader splits and places; a standby follows along,
// from marks and results, so that it can go on where the leader stopped.
type stream struct {
	spec     work.Stream
	fn       work.Function
	term     Term
	holders  Holders
	version  uint16  // counts the changes of holders within a term, for messages overtake each other
	copied   Holders // those of the standbys that acknowledged their copy, in no order
	former   Holders // standbys let go, to be told when another has taken their place, in no order
	self     NodeID
	start    clock.Instant // when frame 0 was due, by this node's clock
	base     uint64        // the lowest frame that is not complete
	next     uint64        // the lowest frame that is not placed
	anew     bool          // it was led before, and has an end: what was answered then is answered once more, for a sink missed it
	doubtful uint64        // below it frames were placed by a leader that lost messages: some of their tasks may have come nowhere
	ring     []frame       // frame k is at k mod len
	runs     []usualRun    // for how long each tile runs

	revisions []revision    // what the function is told, by the frames that are split from it; the newest, which spec has too, last
	current   Holders       // those of the standbys that have the newest, in no order
	pending   bool          // at the leader that took it: some have it not yet, and no frame is split from it before they do
	marked    work.Revision // at a standby: the newest that its leader has split a frame from
	reviser   NodeID        // who is to hear that all have it; 0: nobody waits
	holdAgain retry         // when to give it once more to those that have it not

	// While a submit waits for its first copy.
	submitter NodeID
	accepted  bool
	deadline  clock.Instant // for a standby to acknowledge
	askAgain  retry         // it, sooner
	tried     Holders       // standbys that were asked in vain

	shared  uint64        // at a standby of a strategy that has everyone run: the next frame that it splits beside its leader
	watchAt clock.Instant // when to look again for tasks that are overdue
	saved   bool          // the store has everything
	askAt   clock.Instant // at a standby that its leader has not spoken to: when to ask whether the copy is wanted
	heard   clock.Instant // at a standby: when its leader last spoke of the stream
	asked   clock.Instant // when it first asked since then; 0: it has not
	behind  bool          // at a standby: its copy is older than what its leader says of it
	renewed clock.Instant // when it last asked for a newer one
	vouched clock.Instant // until then the leader lives, by the word of one who hears it, or by its own deeds
	led     clock.Instant // at its leader: when this reign began
}

// frame is one frame of a stream, as far as its results are known here.
type frame struct {
	number uint64
	used   bool
	left   int // tiles without a result
	tiles  []tile
	votes  []ballot // one for each tile, once a task of strategy Vote is answered
}

// tile is what a holder of the stream knows of one task.
type tile struct {
	done    bool
	epoch   Epoch // the highest known
	holders Holders
	placed  clock.Instant // 0: not placed by this node
	version uint16        // the stream's, when this node placed it: its result goes to the holders of then
}

// Bounds on the frames that a holder keeps: two seconds' worth, in powers of two.
const (
	windowTime = 2 * time.Second
	minWindow  = 64
	maxWindow  = 2048
)

func newStream(self NodeID, spec *work.Stream, fn work.Function) *stream {
	s := &stream{spec: *spec, fn: fn, self: self, watchAt: clock.Never, deadline: clock.Never, askAgain: retry{at: clock.Never}}
	s.spec.Params = append([]byte(nil), spec.Params...)
	s.revisions = []revision{{s.spec.Revision, s.spec.From, s.spec.Params}}
	window := uint64(minWindow)
	for window < maxWindow && time.Duration(window)*spec.Period < windowTime {
		window *= 2
	}
	if spec.Frames != 0 && spec.Frames < window {
		window = spec.Frames
	}
	s.ring = make([]frame, window)
	s.runs = make([]usualRun, spec.Tiles)
	return s
}

// epoch orders what is said of the stream's holders: by term, and within it by the changes it saw.
func (s *stream) epoch() Epoch { return Epoch{Term: s.term, Try: s.version} }

func (s *stream) leading() bool { return s.holders.Owner() == s.self }

// due is when a frame is asked for, whether or not the last came back.
func (s *stream) due(frame uint64) clock.Instant {
	return s.start.Add(time.Duration(frame) * s.spec.Period)
}

// ended reports whether no frame is left to place.
func (s *stream) ended() bool { return s.spec.Frames != 0 && s.next >= s.spec.Frames }

// known is 1 where the submit is known to be accepted, as messages say it.
func (s *stream) known() uint32 {
	if s.accepted {
		return 1
	}
	return 0
}

// complete reports whether every frame's every result has come.
func (s *stream) complete() bool { return s.spec.Frames != 0 && s.base >= s.spec.Frames }

// frame returns the record of frame k, begun if k is new, or nil where k lies outside the window.
func (s *stream) frame(k uint64) *frame {
	window := uint64(len(s.ring))
	if k < s.base || k >= s.base+window {
		return nil
	}
	f := &s.ring[k%window]
	if !f.used || f.number != k {
		if f.tiles == nil {
			f.tiles = make([]tile, s.spec.Tiles)
		}
		clear(f.tiles)
		clear(f.votes)
		f.number, f.used, f.left = k, true, len(f.tiles)
	}
	return f
}

// advance moves the window over frames that are complete.
func (s *stream) advance() {
	for s.base < s.next {
		f := &s.ring[s.base%uint64(len(s.ring))]
		if !f.used || f.number != s.base || f.left > 0 {
			return
		}
		f.used = false
		s.base++
	}
}

func (s *stream) wake() clock.Instant {
	if !s.leading() {
		return min(s.askAt, s.shareAt())
	}
	if !s.accepted {
		return min(s.deadline, s.askAgain.at)
	}
	wake := s.watchAt
	if s.unrevised() {
		wake = min(wake, s.holdAgain.at)
	}
	if s.ended() {
		return wake
	}
	return min(s.due(s.next), wake)
}

// copies is how many holders each task, and the splitter role itself, shall have.
func (s *stream) copies() int { return int(s.spec.Factor) }

func (c *Core) stream(id work.StreamID) *stream {
	for _, s := range c.streams {
		if s.spec.ID == id {
			return s
		}
	}
	return nil
}

// forget drops a stream from this node.
func (c *Core) forget(s *stream) {
	for i := range c.streams {
		if c.streams[i] == s {
			c.streams = append(c.streams[:i], c.streams[i+1:]...)
			break
		}
	}
	c.emit(Effect{Kind: Follow, Message: Message{Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}}})
}

// hold takes in a copy of a stream, new or under newer holders, and acknowledges it.
func (c *Core) hold(from NodeID, m *Message) {
	if m.Stream == nil || !sound(m.Stream) {
		return
	}
	if known := c.terms.see(m.Stream.ID, m.Epoch.Term); m.Epoch.Term < known {
		c.fence(from, m.Stream.ID, Epoch{Term: known})
		return
	}
	s := c.stream(m.Stream.ID)
	if s == nil {
		fn := c.cfg.Function(m.Stream.Function)
		if fn == nil || c.draining || len(c.streams) >= c.cfg.MaxStreams {
			return // no answer: the leader looks for another
		}
		s = newStream(c.cfg.ID, m.Stream, fn)
		s.base, s.next = m.Task.Frame, m.Task.Frame
		s.start = c.origin(m)
		s.takeRuns(m.Payload)
		c.streams = append(c.streams, s)
	}
	s.revise(m.Stream)
	if !m.Epoch.Below(s.epoch()) {
		s.guard(m.Stream.Strategy, m.Stream.Factor, c.now)
		s.behind = false
	}
	c.adopt(s, m.Epoch, m.Holders)
	s.accepted = s.accepted || m.Have > 0
	c.hear(s)
	answer := s.hasCopy()
	if s.spec.Revision > m.Stream.Revision {
		answer.Stream = &s.spec
	}
	c.send(from, answer)
	c.takeOverStream(s, 0)
}

// hear takes note that a stream's leader speaks of it.
func (c *Core) hear(s *stream) { s.heard, s.asked, s.askAt = c.now, 0, c.now.Add(windowTime) }

// origin is when frame 0 of m's stream was due, by this node's clock: exact where m's sender shares it, else late by m's way
// here. That lateness adds up from one splitter to the next, so it is not taken where it can be had without. A clock is
// taken for shared only if m would have been sent just now by it: a virtual machine and its copy bear one name.
func (c *Core) origin(m *Message) clock.Instant {
	sent := m.Began.Add(m.Ran)
	if m.Clock != 0 && m.Clock == c.cfg.Clock && sent <= c.now && c.now.Sub(sent) < windowTime {
		return m.Began
	}
	return c.now.Add(-m.Ran)
}

// adopt takes another node's reign over a stream for granted.
func (c *Core) adopt(s *stream, reign Epoch, holders Holders) {
	if reign.Term == s.term && (reign.Try < s.version || holders == s.holders) { // overtaken, or known
		s.version = max(s.version, reign.Try)
		return
	}
	if reign.Term != s.term {
		s.vouched, s.asked = 0, 0
	}
	s.term, s.version, s.holders, s.copied, s.former = reign.Term, reign.Try, holders, Holders{}, Holders{}
	s.current, s.pending, s.reviser = Holders{}, false, 0
	if holders.Rank(c.cfg.ID) < 0 {
		c.forget(s)
		return
	}
	c.emit(Effect{Kind: Follow, Peer: holders.Owner(), Message: Message{
		Task: work.TaskID{Stream: s.spec.ID}, Epoch: Epoch{Term: s.term}, Holders: holders, Stream: &s.spec,
	}})
}

// askForCopy says that the copy of a stream which its leader speaks of has not come; nor is it known how the stream is guarded by
// now. It acknowledges version 0, which is never one with standbys.
func (c *Core) askForCopy(leader NodeID, m *Message) {
	c.send(leader, Message{Kind: Held, Task: work.TaskID{Stream: m.Task.Stream}, Epoch: Epoch{Term: m.Epoch.Term}})
}

// mark: every task of a frame has been placed by the leader.
func (c *Core) mark(from NodeID, m *Message) {
	known := c.terms.see(m.Task.Stream, m.Epoch.Term)
	if m.Epoch.Term < known {
		c.fence(from, m.Task.Stream, Epoch{Term: known})
		return
	}
	s := c.stream(m.Task.Stream)
	if s == nil {
		if m.Holders.Rank(c.cfg.ID) > 0 && !c.draining && len(c.streams) < c.cfg.MaxStreams {
			c.askForCopy(from, m)
		}
		return
	}
	s.behind = s.behind || s.epoch().Below(m.Epoch)
	c.adopt(s, m.Epoch, m.Holders)
	if s.leading() || m.Holders.Rank(c.cfg.ID) < 0 {
		return
	}
	if s.behind && c.now.Sub(s.renewed) >= firstRetry {
		s.renewed = c.now
		c.askForCopy(from, m)
	}
	s.accepted = true
	c.hear(s)
	// Where the leader's clock is not ours, the mark that took the shortest way shows best when the stream began.
	s.start = min(s.start, c.origin(m))
	s.next = max(s.next, m.Task.Frame+1)
	s.marked = max(s.marked, m.Revision)
	if behind := s.next - min(s.next, uint64(len(s.ring))); s.base < behind {
		s.base = behind
	}
	if complete := m.Task.Frame + 1 - min(m.Task.Frame+1, uint64(m.Need)); s.spec.Frames == 0 && s.base < complete {
		s.base = complete // of a stream with an end, each holder keeps what it has until the store has all
	}
	s.advance()
}

// saved: the store has everything of the stream.
func (c *Core) saved(id work.StreamID) {
	if s := c.stream(id); s != nil {
		s.saved = true
		c.retireIfOver(s)
	}
}

// retireIfOver ends a finite stream once its results are delivered and stored.
func (c *Core) retireIfOver(s *stream) {
	if s.leading() && (s.saved || c.cfg.Bug == BugEarlyRetire) && s.complete() && c.stream(s.spec.ID) == s {
		c.retire(s)
	}
}

func (c *Core) retire(s *stream) {
	for r := 1; r < s.holders.Len(); r++ {
		c.sendRetire(s, s.holders[r])
	}
	for _, id := range s.former {
		c.sendRetire(s, id)
	}
	c.forget(s)
}

// retired: the leader, or the sink that asked for the stream, ends it; or a standby says that it holds no copy.
func (c *Core) retired(from NodeID, m *Message) {
	s := c.stream(m.Task.Stream)
	switch {
	case s == nil, m.Epoch.Term != 0 && m.Epoch.Below(s.epoch()):
		// it was said before this node held what it holds now
	case m.Epoch.Term > s.term: // another leader does without this copy, which is held for somebody else
		c.fenced(m)
	case s.leading():
		c.retire(s)
	case s.holders.Rank(from) > 0:
		s.holders = s.holders.without(from)
		c.takeOverStream(s, 0)
	case m.Reason == NotCopied && s.accepted: // in a reign before the one that does without this copy
		c.reign(s, Handover)
	default:
		c.forget(s)
	}
}

// sound reports whether a stream's values make sense.
func sound(s *work.Stream) bool {
	return s.Strategy.Check(s.Factor) == nil && s.ID != 0 && s.Tiles > 0 && s.Tiles <= MaxTiles &&
		(s.Frames == 1 || s.Period >= time.Millisecond)
}

// MaxTiles bounds the tasks of a frame.
const MaxTiles = 4096
