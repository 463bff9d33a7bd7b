package failover

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// SinkConfig is what a sink's machine is told at its making. Zero fields take the defaults given with them.
type SinkConfig struct {
	ID       NodeID
	Home     NodeID        // the node that this sink lives on, asked first for what is this sink's alone; 0 where it lives on none
	Clock    uint64        // as Config.Clock
	Window   uint64        // frames remembered behind the newest; results older than that are dropped; 2048
	Resubmit time.Duration // how long a stream may be silent before it is submitted to the next node; 300 ms
}

// Sink is the machine of a receiver: it delivers each result once, refuses what is fenced, and, as whoever asked for a
// stream watches it, submits it again when its leaders are gone.
//
// It takes the events of a Core that concern it, and from its own owner (Peer is its own ID) a Submit to open a stream
// (with Have, one that others may ask for too: every sink asks the same node for it, and none ends it for the others),
// a Retire to end one, a Change to guard it otherwise, a Revise to have its function told Stream's Params (with Have, to learn
// what it is told), a Subscribe to watch one that somebody else submitted and an Unsubscribe to look away. It answers
// with Send, Deliver, Repeat, Refuse and Drop; and with Forward for what its owner must know: Accepted, or Refused for
// good, which whoever watches a stream is told too where a fault has stopped it; Changed; and Revised, also where others asked. A stream without end that a
// fault has stopped may be submitted again: its frames go on where they would be by now.
type Sink struct {
	cfg     SinkConfig
	now     clock.Instant
	out     []Effect
	nodes   []sinkNode
	watches []work.StreamID // subscribed to; 0 is all
	streams []*watched
	asked   work.Revision // the highest revision that it has asked for, of any stream: none is said twice, also where a stream was forgotten
}

// sinkNode is a node as a sink sees it, or whoever else has a link to it: another sink leads no streams.
type sinkNode struct {
	id     NodeID
	weight uint64
	joined bool // gossip knows it, as a node
	link   bool
	failed bool // so says the Core beside this sink: it is asked last
}

// NewSink makes the machine of one sink.
func NewSink(cfg SinkConfig) *Sink {
	if cfg.Window == 0 {
		cfg.Window = maxWindow
	}
	if cfg.Resubmit == 0 {
		cfg.Resubmit = 300 * time.Millisecond
	}
	return &Sink{cfg: cfg}
}

// Step tells the sink what happened at now and appends what is to be done to out.
func (s *Sink) Step(now clock.Instant, ev Event, out []Effect) []Effect {
	s.now, s.out = max(now, s.now), out
	switch ev.Kind {
	case Joined:
		if !ev.Member.Sink {
			node := s.node(ev.Member.ID)
			node.weight, node.joined = ev.Member.Weight, true
			s.submitWaiting()
		}
	case Left:
		s.leave(ev.Peer)
	case LinkUp:
		s.linkUp(ev.Peer)
	case LinkDown:
		s.linkDown(ev.Peer)
	case Detected:
		s.judge(ev.Peer, true)
		s.askAnother(ev.Peer)
	case Recovered:
		s.judge(ev.Peer, false)
	case Received:
		s.receive(ev.Peer, &ev.Message)
	case Tick, Beat, Computed, Lags, Saved, Drain, Missed:
	}
	for _, w := range s.streams {
		switch {
		case now >= s.deadline(w):
			s.submit(w)
		case now >= w.repeatAt():
			w.repeat.next(now)
			s.ask(w, w.last, toLead)
		}
		if w.change != nil && now >= w.changeAt {
			s.askChange(w)
		}
		if w.revise != nil && now >= w.reviseAgain.at {
			s.askRevise(w)
		}
	}
	out, s.out = s.out, nil
	return out
}

// Wake is the instant at which the sink next wants a Tick, if nothing happens before.
func (s *Sink) Wake() clock.Instant {
	wake := clock.Never
	for _, w := range s.streams {
		wake = min(wake, s.deadline(w), w.repeatAt())
		if w.change != nil {
			wake = min(wake, w.changeAt)
		}
		if w.revise != nil {
			wake = min(wake, w.reviseAgain.at)
		}
	}
	return wake
}

// deadline is when a stream is submitted again for want of a sign of life. A stream without standbys waits for gossip.
func (s *Sink) deadline(w *watched) clock.Instant {
	if w.spec == nil || w.done() {
		return clock.Never
	}
	if w.accepted && (w.spec.Strategy == work.Reschedule || w.spec.Strategy == work.FailFast) {
		return clock.Never
	}
	return w.heard.Add(s.cfg.Resubmit)
}

// repeatAt is when a node that has not answered is asked again.
func (w *watched) repeatAt() clock.Instant {
	if w.spec == nil || w.last == 0 || w.accepted || w.done() {
		return clock.Never
	}
	return w.repeat.at
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

// judge notes whether a node is taken for failed, where it is known.
func (s *Sink) judge(id NodeID, failed bool) {
	for i := range s.nodes {
		if s.nodes[i].id == id {
			s.nodes[i].failed = failed
		}
	}
}

func (s *Sink) leave(id NodeID) {
	for i := range s.nodes {
		if s.nodes[i].id == id {
			s.nodes = append(s.nodes[:i], s.nodes[i+1:]...)
			break
		}
	}
	for _, w := range s.streams {
		if w.spec != nil && !w.done() && w.spec.Strategy == work.Reschedule && w.term.Splitter() == id {
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
	s.submitWaiting()
}

// submitWaiting submits what nobody could be asked for until now.
func (s *Sink) submitWaiting() {
	for _, w := range s.streams {
		if w.spec != nil && !w.accepted && w.asked == 0 {
			s.submit(w)
		}
	}
}

// linkDown: a stream that is to end with the first fault ends with its leader.
func (s *Sink) linkDown(id NodeID) {
	s.node(id).link = false
	for i := len(s.streams) - 1; i >= 0; i-- { // downward: a stream that ends is removed
		w := s.streams[i]
		if w.strategy == work.FailFast && w.term.Splitter() == id && (w.spec == nil || w.accepted && !w.done()) {
			s.stopped(w, &Message{
				Kind: Refused, Reason: Stopped, Task: work.TaskID{Stream: w.id}, Epoch: Epoch{Term: w.term},
				Holders: Holders{id}, Have: uint32(Reset),
			})
		}
	}
	s.askAnother(id)
}

// askAnother submits anew what a node that failed was asked for and has not accepted: nobody else knows of it. Who stands
// by for what it has accepted goes on by himself.
func (s *Sink) askAnother(failed NodeID) {
	for _, w := range s.streams {
		if w.spec != nil && !w.accepted && !w.done() && w.asked > 0 && w.last == failed {
			w.asked = 0 // it is asked last from now on: the ranking begins with another
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
		if from == s.cfg.ID && m.Stream != nil {
			s.open(m.Stream, m.Have > 0)
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
		s.refused(from, m)
	case Change:
		if from == s.cfg.ID && m.Stream != nil {
			s.change(m.Stream)
		}
	case Changed:
		s.changed(m)
	case Revise:
		if from == s.cfg.ID && m.Stream != nil {
			s.revise(m.Stream, m.Have > 0)
		}
	case Revised:
		s.revised(m)
	case Result:
		s.result(m)
	case Hold, Held, Mark, Place, Copy, Done, Fence, Yield, Lag, Decline: // between nodes
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
func (s *Sink) open(spec *work.Stream, shared bool) {
	w := s.find(spec.ID, true)
	if w.spec != nil {
		return
	}
	copied := *spec
	w.spec, w.shared, w.heard, w.strategy = &copied, shared, s.now, spec.Strategy
	w.remember()
	if !w.stopped { // else its frames are due when they would have been
		w.began = s.now
	}
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
	s.unsubscribe(id)
}

func (s *Sink) unsubscribe(id work.StreamID) {
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
