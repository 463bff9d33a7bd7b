package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// A stream at its sink: which of its results came, whom to ask for the rest, and what is delivered.

// watched is a stream at its sink.
type watched struct {
	id       work.StreamID
	spec     *work.Stream // nil: somebody else's, never submitted from here
	shared   bool         // others may have submitted it, too
	term     Term         // the highest seen
	accepted bool
	dated    clock.Instant // when its leader was last told again when frame 0 was due; 0: never
	asked    int           // how many submits were sent since the last sign of life
	last     NodeID        // whom the last of them was sent to
	heard    clock.Instant // the last sign of life
	repeat   retry         // while it is not accepted: when to ask the same node again
	began    clock.Instant // when frame 0 was due: the first submit
	newest   uint64
	any      bool // a result has come
	ring     []sinkFrame
	left     uint64 // results still missing of a finite stream
	stopped  bool   // by a fault, as its strategy is: nothing of it is wanted until it is submitted again

	strategy  work.Strategy // that guards it, as far as is known here
	guardFrom uint64        // the first frame that was placed under it
	change    *work.Stream  // how the stream is to be guarded from now on; nil: nobody waits for an answer
	changeAt  clock.Instant // when it is asked for again
	changes   int           // how often it was

	told        *work.Stream  // the newest that is known here of what its function is told; nil: nothing
	highest     work.Revision // that was heard of
	revise      *work.Stream  // what it is to be told from now on; nil: nobody waits for an answer
	reviseAgain retry         // when that is asked for again
	revises     int           // how often it was
	comparedAt  clock.Instant // when its leader was last told what is known here
}

// maxChanges bounds how often a change is asked for.
const maxChanges = 10

// sinkFrame remembers what was delivered of one frame.
type sinkFrame struct {
	number uint64
	used   bool
	tiles  []sinkTile
}

type sinkTile struct {
	done  bool
	epoch Epoch
}

// done reports whether every result of a finite stream has come.
func (w *watched) done() bool { return w.spec.Frames != 0 && w.left == 0 }

// submit asks the next node in the stream's ranking to lead it, from the first frame that is still wanted on.
func (s *Sink) submit(w *watched) {
	w.heard = s.now
	id := s.ranked(w, w.asked)
	if id == 0 {
		return
	}
	w.asked, w.last = w.asked+1, id
	w.repeat.begin(s.now)
	what := uint32(toLead)
	if !w.stopped && (w.accepted || w.any) {
		what = toLeadOn
	}
	s.ask(w, id, what)
}

// What a Submit asks for, as its Have.
const (
	toLead   = iota // a stream that is new
	toLeadOn        // one that was taken on before
	toDate          // nothing but to take note of when frame 0 was due, where the stream is held
)

// lateDate is how late a result is where its leader may have the stream's frames due too late.
const lateDate = 100 * time.Millisecond

// date tells the leader of a stream without end, where a result of its newest frame is late, once more when frame 0 was due. A submit,
// or a copy, says how long ago that was: whoever stood still before it read that has all frames due as much later, for as long as the
// stream lives, and in whichever hands.
func (s *Sink) date(w *watched, frame uint64) {
	if w.spec == nil || w.spec.Frames != 0 || frame != w.newest || w.dated != 0 && s.now < w.dated.Add(s.cfg.Resubmit) {
		return
	}
	if s.now.Sub(w.began.Add(time.Duration(frame)*w.spec.Period)) >= lateDate {
		w.dated = s.now
		s.ask(w, w.term.Splitter(), toDate)
	}
}

// ask submits a stream to a node. One that is asked twice is asked once.
func (s *Sink) ask(w *watched, to NodeID, what uint32) {
	first := w.wanted()
	if w.stopped { // it is taken on anew, from the first frame that is not due yet
		first = max(first, uint64(s.now.Sub(w.began)/max(w.spec.Period, 1))+1)
		w.guardFrom = first
	}
	s.send(to, Message{
		Kind: Submit, Have: what, Task: work.TaskID{Stream: w.id, Frame: first}, Epoch: Epoch{Term: w.term}, Stream: w.spec,
		Ran: s.now.Sub(w.began), Began: w.began, Clock: s.cfg.Clock,
	})
}

// wanted is the first frame still wanted: the next one of a stream without end, the first with a hole of any other.
func (w *watched) wanted() uint64 {
	if !w.any {
		return 0
	}
	if w.spec.Frames == 0 {
		return w.newest + 1
	}
	window := uint64(len(w.ring))
	first := w.newest + 1 - min(w.newest+1, window)
	for first <= w.newest && w.whole(first) {
		first++
	}
	return first
}

// whole reports whether every result of a frame within the window was delivered.
func (w *watched) whole(frame uint64) bool {
	f := &w.ring[frame%uint64(len(w.ring))]
	if !f.used || f.number != frame || len(f.tiles) < int(w.spec.Tiles) {
		return false
	}
	for i := range f.tiles {
		if !f.tiles[i].done {
			return false
		}
	}
	return true
}

// ranked is the node to ask at the n-th attempt: home first, then down the ranking of the nodes that are linked, and
// around. A stream that is shared is asked for by the ranking alone, which is the same for all, and by which its standbys
// are chosen too: so whoever asks comes to the node that leads it. Those that have failed come last.
func (s *Sink) ranked(w *watched, n int) NodeID {
	var list Holders
	count := 0
	if s.cfg.Home != 0 && !w.shared && s.node(s.cfg.Home).link {
		list[0] = s.cfg.Home
		count = 1
	}
	for ; count < len(list); count++ {
		best, bestWeight := NodeID(0), uint64(0)
		bestFailed := false
		for _, node := range s.nodes {
			weight := hash64(splitterKey(w.id), node.weight)
			if !node.joined || !node.link || list.Rank(node.id) >= 0 {
				continue
			}
			if best == 0 || bestFailed && !node.failed || bestFailed == node.failed && weight > bestWeight {
				best, bestWeight, bestFailed = node.id, weight, node.failed
			}
		}
		if best == 0 {
			break
		}
		list[count] = best
	}
	if count == 0 {
		return 0
	}
	return list[n%count]
}

func (s *Sink) accepted(m *Message) {
	w := s.find(m.Task.Stream, false)
	if w == nil || w.spec == nil {
		return
	}
	w.term = max(w.term, m.Epoch.Term)
	w.heard = s.now
	w.stopped = false
	if !w.accepted {
		w.accepted = true
		s.out = append(s.out, Effect{Kind: Forward, Message: *m})
	}
}

// refused: another node may take the stream, unless the cluster as a whole cannot. Who was asked before the last one has said so
// already: it was asked twice.
func (s *Sink) refused(from NodeID, m *Message) {
	w := s.find(m.Task.Stream, false)
	if w == nil || w.stopped && w.spec == nil {
		return
	}
	if m.Reason == Stopped {
		if m.Epoch.Term >= w.term && !w.stopped { // else another reign goes on with it, or it is known
			w.term = m.Epoch.Term
			s.stopped(w, m)
		}
		return
	}
	if w.spec == nil {
		return
	}
	w.term = max(w.term, m.Epoch.Term)
	if from != w.last {
		return
	}
	again := m.Reason == Draining || m.Reason == NotCopied || w.accepted
	if again && w.asked < len(s.nodes) {
		s.submit(w)
		return
	}
	if w.accepted {
		return // it was taken on once: go on asking, at the pace of the deadline
	}
	s.out = append(s.out, Effect{Kind: Forward, Message: *m})
	switch {
	case w.shared:
		s.lookAway(w.id) // another sink's may have been accepted
	case w.stopped: // before: what is known of it is wanted if it is submitted once more
		s.halt(w)
	default:
		s.close(w.id)
	}
}

// stopped tells the owner that a stream has ended with a fault, as its strategy is. Who asked for it ends it everywhere.
func (s *Sink) stopped(w *watched, m *Message) {
	s.out = append(s.out, Effect{Kind: Forward, Message: *m})
	switch {
	case w.spec == nil:
	case w.spec.Frames != 0:
		s.close(w.id)
	default:
		s.halt(w)
	}
}

// halt ends a stream everywhere, but for what this sink knows of it. A submit of the same stream goes on from there: under
// the old terms and frame numbers what is late of it would pass for news, and other sinks would take the news for old.
func (s *Sink) halt(w *watched) {
	w.spec, w.change, w.accepted, w.asked, w.stopped = nil, nil, false, 0, true
	s.unsubscribe(w.id)
	s.sendAll(Message{Kind: Retire, Task: work.TaskID{Stream: w.id}})
}

// change asks for a stream to be guarded otherwise.
func (s *Sink) change(spec *work.Stream) {
	copied := *spec
	w := s.find(spec.ID, true) // whoever asked for it: the nodes know it
	w.change, w.changes = &copied, 0
	s.askChange(w)
}

// askChange asks every node; whoever leads the stream answers. Where nobody does for long, the owner is told so.
func (s *Sink) askChange(w *watched) {
	if w.changes++; w.changes > maxChanges || w.stopped {
		s.out = append(s.out, Effect{Kind: Forward, Message: Message{
			Kind: Changed, Reason: NoStream, Task: work.TaskID{Stream: w.id}, Stream: w.change,
		}})
		w.change = nil
		return
	}
	w.changeAt = s.now.Add(s.cfg.Resubmit)
	s.sendAll(Message{Kind: Change, Task: work.TaskID{Stream: w.id}, Stream: w.change})
}

// changed: the leader of a stream tells how it is guarded from now on, or why it is not. Who answers something else answers
// an older question, or was the leader once.
func (s *Sink) changed(m *Message) {
	w := s.find(m.Task.Stream, false)
	if w == nil || w.change == nil || m.Stream == nil || m.Epoch.Term < w.term ||
		m.Stream.Strategy != w.change.Strategy || m.Stream.Factor != w.change.Factor {
		return
	}
	if m.Reason == 0 {
		w.guardedBy(m.Stream.Strategy, m.Stream.Factor)
		w.guardFrom = m.Task.Frame
	}
	w.change = nil
	s.out = append(s.out, Effect{Kind: Forward, Message: *m})
}

// guardedBy notes how a stream is guarded by now.
func (w *watched) guardedBy(strategy work.Strategy, factor uint8) {
	w.strategy = strategy
	if w.spec != nil {
		w.spec.Strategy, w.spec.Factor = strategy, factor
	}
}

// result delivers the first valid copy of a task's output.
func (s *Sink) result(m *Message) {
	if m.Task.Tile >= MaxTiles || m.Task.Frame > maxFrame {
		return
	}
	watching := s.watching(m.Task.Stream)
	w := s.find(m.Task.Stream, watching)
	if w == nil || w.spec == nil && (w.stopped || !watching) { // it has ended here, or is known for a change of it alone
		return
	}
	told := Message{Task: m.Task, Epoch: m.Epoch}
	t := s.tile(w, m.Task)
	switch {
	case t == nil:
		s.out = append(s.out, Effect{Kind: Drop, Message: told})
		return
	case m.Epoch.Below(t.epoch):
		s.out = append(s.out, Effect{Kind: Refuse, Message: told})
		return
	}
	t.epoch = m.Epoch
	if t.done {
		s.out = append(s.out, Effect{Kind: Repeat, Message: told})
		return
	}
	t.done = true
	w.term = max(w.term, m.Epoch.Term)
	w.heard, w.asked = s.now, 0
	if m.Strategy != 0 && m.Task.Frame == w.newest && m.Task.Frame >= w.guardFrom {
		w.guardedBy(m.Strategy, uint8(m.Need)) // another sink may have had it changed
	}
	if w.left > 0 {
		w.left--
	}
	s.compare(w, m)
	s.out = append(s.out, Effect{Kind: Deliver, Message: *m})
	s.date(w, m.Task.Frame)
}

// watching reports whether a stream's results are wanted here, whoever submitted it.
func (s *Sink) watching(stream work.StreamID) bool {
	for _, id := range s.watches {
		if id == 0 || id == stream {
			return true
		}
	}
	return false
}

// tile finds what is remembered of a task, or nil where its frame is older than the window.
func (s *Sink) tile(w *watched, id work.TaskID) *sinkTile {
	if w.ring == nil {
		w.ring = make([]sinkFrame, s.window(w))
	}
	if !w.any || id.Frame > w.newest {
		w.newest, w.any = id.Frame, true
	}
	window := uint64(len(w.ring))
	if id.Frame+window <= w.newest {
		return nil
	}
	f := &w.ring[id.Frame%window]
	if !f.used || f.number != id.Frame {
		clear(f.tiles)
		f.number, f.used = id.Frame, true
	}
	for int(id.Tile) >= len(f.tiles) {
		f.tiles = append(f.tiles, sinkTile{})
	}
	return &f.tiles[id.Tile]
}

// window is how many frames of a stream are remembered: no more than it has.
func (s *Sink) window(w *watched) uint64 {
	if w.spec != nil && w.spec.Frames != 0 {
		return min(s.cfg.Window, w.spec.Frames)
	}
	return s.cfg.Window
}
