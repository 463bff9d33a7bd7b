package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// SinkConfig is what a sink's machine is told at its making. Zero fields take the defaults given with them.
type SinkConfig struct {
	ID       NodeID
	Home     NodeID        // the node that this sink lives on, asked first; 0 where it lives on none
	Window   uint64        // frames remembered behind the newest; results older than that are dropped; 1024
	Resubmit time.Duration // how long a stream may be silent before it is submitted to the next node; 300 ms
}

// Sink is the machine of a receiver: it delivers each result once, refuses what is fenced, and, as whoever asked for a
// stream watches it, submits it again when its leaders are gone.
//
// It takes the events of a Core that concern it, and from its own owner (Peer is its own ID) a Submit to open a stream,
// a Retire to end one, a Subscribe to watch one that somebody else submitted and an Unsubscribe to look away. It answers
// with Send, Deliver, Repeat, Refuse and Drop; and with Forward for what its owner must know: Accepted, or Refused for
// good.
type Sink struct {
	cfg     SinkConfig
	now     clock.Instant
	out     []Effect
	nodes   []sinkNode
	watches []work.StreamID // subscribed to; 0 is all
	streams []*watched
}

// sinkNode is a node as a sink sees it.
type sinkNode struct {
	id     NodeID
	weight uint64
	link   bool
}

// watched is a stream at its sink.
type watched struct {
	id       work.StreamID
	spec     *work.Stream // nil: somebody else's, never submitted from here
	term     Term         // the highest seen
	accepted bool
	asked    int           // how many submits were sent since the last sign of life
	heard    clock.Instant // the last sign of life
	began    clock.Instant // when frame 0 was due: the first submit
	newest   uint64
	any      bool // a result has come
	ring     []sinkFrame
	left     uint64 // results still missing of a finite stream
}

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

// NewSink makes the machine of one sink.
func NewSink(cfg SinkConfig) *Sink {
	if cfg.Window == 0 {
		cfg.Window = 1024
	}
	if cfg.Resubmit == 0 {
		cfg.Resubmit = 300 * time.Millisecond
	}
	return &Sink{cfg: cfg}
}

// Step tells the sink what happened at now and appends what is to be done to out.
func (s *Sink) Step(now clock.Instant, ev Event, out []Effect) []Effect {
	s.now, s.out = now, out
	switch ev.Kind {
	case Joined:
		if !ev.Member.Sink {
			s.node(ev.Member.ID).weight = ev.Member.Weight
		}
	case Left:
		s.leave(ev.Peer)
	case LinkUp:
		s.linkUp(ev.Peer)
	case LinkDown:
		s.node(ev.Peer).link = false
	case Received:
		s.receive(ev.Peer, &ev.Message)
	case Tick, Beat, Computed, Saved, Drain:
	}
	for _, w := range s.streams {
		if now >= s.deadline(w) {
			s.submit(w)
		}
	}
	out, s.out = s.out, nil
	return out
}

// Wake is the instant at which the sink next wants a Tick, if nothing happens before.
func (s *Sink) Wake() clock.Instant {
	wake := clock.Never
	for _, w := range s.streams {
		wake = min(wake, s.deadline(w))
	}
	return wake
}

// deadline is when a stream is submitted again for want of a sign of life. A stream without standbys waits for gossip.
func (s *Sink) deadline(w *watched) clock.Instant {
	if w.spec == nil || (w.spec.Frames != 0 && w.left == 0) {
		return clock.Never
	}
	if w.accepted && w.spec.Strategy == work.Reschedule {
		return clock.Never
	}
	return w.heard.Add(s.cfg.Resubmit)
}

func (s *Sink) node(id NodeID) *sinkNode {
	for i := range s.nodes {
		if s.nodes[i].id == id {
			return &s.nodes[i]
		}
	}
	s.nodes = append(s.nodes, sinkNode{id: id})
	return &s.nodes[len(s.nodes)-1]
}

func (s *Sink) leave(id NodeID) {
	for i := range s.nodes {
		if s.nodes[i].id == id {
			s.nodes = append(s.nodes[:i], s.nodes[i+1:]...)
			break
		}
	}
	for _, w := range s.streams {
		if w.spec != nil && w.spec.Strategy == work.Reschedule && w.term.Splitter() == id {
			s.submit(w)
		}
	}
}

// linkUp subscribes at a node that can be reached (again).
func (s *Sink) linkUp(id NodeID) {
	s.node(id).link = true
	for _, stream := range s.watches {
		s.send(id, Message{Kind: Subscribe, Task: work.TaskID{Stream: stream}})
	}
	for _, w := range s.streams {
		if w.spec != nil && !w.accepted && w.asked == 0 {
			s.submit(w)
		}
	}
}

func (s *Sink) send(to NodeID, m Message) {
	s.out = append(s.out, Effect{Kind: Send, Peer: to, Message: m})
}

func (s *Sink) receive(from NodeID, m *Message) {
	switch m.Kind {
	case Submit:
		if from == s.cfg.ID {
			s.open(m.Stream)
		}
	case Subscribe:
		if from == s.cfg.ID {
			s.watch(m.Task.Stream)
		}
	case Unsubscribe:
		if from == s.cfg.ID {
			s.lookAway(m.Task.Stream)
		}
	case Retire:
		if from == s.cfg.ID {
			s.close(m.Task.Stream)
		}
	case Accepted:
		s.accepted(m)
	case Refused:
		s.refused(m)
	case Result:
		s.result(m)
	case Hold, Held, Mark, Place, Copy, Done, Fence, Yield: // between nodes
	}
}

// watch subscribes to a stream at every node.
func (s *Sink) watch(stream work.StreamID) {
	for _, id := range s.watches {
		if id == stream {
			return
		}
	}
	s.watches = append(s.watches, stream)
	s.sendAll(Message{Kind: Subscribe, Task: work.TaskID{Stream: stream}})
}

// open submits a stream and watches it from now on.
func (s *Sink) open(spec *work.Stream) {
	w := s.find(spec.ID, true)
	if w.spec != nil {
		return
	}
	copied := *spec
	w.spec, w.began, w.heard = &copied, s.now, s.now
	w.left = spec.Frames * uint64(spec.Tiles)
	s.watch(spec.ID)
	s.submit(w)
}

// close ends a stream everywhere.
func (s *Sink) close(id work.StreamID) {
	s.lookAway(id)
	s.sendAll(Message{Kind: Retire, Task: work.TaskID{Stream: id}})
}

// lookAway forgets a stream here; it goes on where it is led.
func (s *Sink) lookAway(id work.StreamID) {
	for i, w := range s.streams {
		if w.id == id {
			s.streams = append(s.streams[:i], s.streams[i+1:]...)
			break
		}
	}
	for i, stream := range s.watches {
		if stream == id {
			s.watches = append(s.watches[:i], s.watches[i+1:]...)
			break
		}
	}
	s.sendAll(Message{Kind: Unsubscribe, Task: work.TaskID{Stream: id}})
}

// sendAll sends to every node that is linked.
func (s *Sink) sendAll(m Message) {
	for i := range s.nodes {
		if s.nodes[i].link {
			s.send(s.nodes[i].id, m)
		}
	}
}

func (s *Sink) find(id work.StreamID, make bool) *watched {
	for _, w := range s.streams {
		if w.id == id {
			return w
		}
	}
	if !make {
		return nil
	}
	w := &watched{id: id}
	s.streams = append(s.streams, w)
	return w
}

// submit asks the next node in the stream's ranking to lead it, from the first frame that is still wanted on.
func (s *Sink) submit(w *watched) {
	w.heard = s.now
	id := s.ranked(w.id, w.asked)
	if id == 0 {
		return
	}
	w.asked++
	first := w.wanted()
	s.send(id, Message{
		Kind: Submit, Task: work.TaskID{Stream: w.id, Frame: first}, Epoch: Epoch{Term: w.term}, Stream: w.spec,
		Ran: s.now.Sub(w.began) - time.Duration(first)*w.spec.Period,
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
// around.
func (s *Sink) ranked(stream work.StreamID, n int) NodeID {
	var list Holders
	count := 0
	if s.cfg.Home != 0 && s.node(s.cfg.Home).link {
		list[0] = s.cfg.Home
		count = 1
	}
	for ; count < len(list); count++ {
		best, bestWeight := NodeID(0), uint64(0)
		for _, node := range s.nodes {
			weight := hash64(splitterKey(stream), node.weight)
			if node.link && list.Rank(node.id) < 0 && (best == 0 || weight > bestWeight) {
				best, bestWeight = node.id, weight
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
	if !w.accepted {
		w.accepted = true
		s.out = append(s.out, Effect{Kind: Forward, Message: *m})
	}
}

// refused: another node may take the stream, unless the cluster as a whole cannot.
func (s *Sink) refused(m *Message) {
	w := s.find(m.Task.Stream, false)
	if w == nil || w.spec == nil {
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
	s.close(w.id)
}

// result delivers the first valid copy of a task's output.
func (s *Sink) result(m *Message) {
	if m.Task.Tile >= MaxTiles {
		return
	}
	w := s.find(m.Task.Stream, s.watchesAll())
	if w == nil {
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
	if w.left > 0 {
		w.left--
	}
	s.out = append(s.out, Effect{Kind: Deliver, Message: *m})
}

func (s *Sink) watchesAll() bool {
	for _, id := range s.watches {
		if id == 0 {
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
