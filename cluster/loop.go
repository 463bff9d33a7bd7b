package cluster

import (
	"context"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/work"
)

// loop takes what happened out of the inbox, steps the core, and carries out its answers, until ctx ends.
func (n *Node) loop(ctx context.Context) error {
	defer n.in.close()
	defer n.requests.end()
	defer n.work.faults.Store(nil) // so that no worker waits for the end of a fault
	n.gauge.begin()
	n.stepSink(clock.Now(), failover.Event{Kind: failover.Joined, Member: n.self.member()})
	n.stepSink(clock.Now(), failover.Event{Kind: failover.LinkUp, Peer: n.id})
	bell, err := hangBell(n.in.wake)
	if err != nil {
		return err
	}
	defer bell.takeDown()
	n.in.wake()
	var in taken
	nextStatus := clock.Now().Add(statusInterval)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.in.ready:
		}
		n.pulse.turn()
		heard, stalled := n.beats.HeardUntil() // before the inbox is emptied: what was heard by then is in it
		in = n.in.take(in)
		for i := range in.events {
			n.happen(&in.events[i])
		}
		for _, lent := range in.lent { // whoever keeps what came has copied it
			lent.Free()
		}
		now := clock.Now()
		shown := n.clock.shows(now)
		n.step(shown, failover.Event{Kind: failover.Tick, At: n.clock.shows(heard), Stalled: n.clock.shows(stalled)})
		if shown >= n.sink.Wake() {
			n.stepSink(shown, failover.Event{Kind: failover.Tick})
		}
		n.obey(now)
		if now >= nextStatus {
			n.report(now)
			nextStatus = now.Add(statusInterval)
		}
		if shown >= n.ripeAt {
			n.ripeAt = n.sendRipe(shown)
		}
		n.links.Flush()
		n.tellNotes()
		n.wedge(ctx)
		n.tellMute()
		bell.ring(clock.Now(), min(n.clock.wakes(min(n.core.Wake(), n.sink.Wake(), n.ripeAt)), nextStatus, n.faults.lapses))
		n.pulse.turn()
	}
}

// happen passes one event to whom it concerns.
func (n *Node) happen(ev *failover.Event) {
	now := n.clock.shows(clock.Now())
	switch ev.Kind {
	case failover.Beat:
		ev.At = n.clock.shows(ev.At)
	case failover.Joined:
		n.connect(ev.Peer)
		if len(n.faults.list) > 0 {
			n.stand() // what is ordered may be about the one who has come
		}
		n.stepSink(now, *ev)
	case failover.Left:
		n.links.Disconnect(ev.Peer)
		n.beats.SetPeers(beatPeers(n.roster.members()))
		n.stepSink(now, *ev)
	case failover.LinkUp, failover.LinkDown:
		n.stepSink(now, *ev)
	case failover.Drain:
		n.leaving = true
		n.report(clock.Now()) // it may be gone before the next status is due
	case failover.Received:
		if ev.Peer == n.id { // from the front door to the sink behind it
			n.stepSink(now, *ev)
			return
		}
		switch ev.Message.Kind {
		case failover.Result, failover.Accepted, failover.Refused, failover.Changed, failover.Revised:
			n.stepSink(now, *ev) // a stream of ours that another node leads by now
		case failover.Subscribe:
			n.keys.see(ev.Message.Task.Stream, clock.Now())
		default:
		}
	default:
	}
	n.step(now, *ev)
}

// connect links this node with a member that joined. Of two nodes the one with the lower name calls; a sink always does.
func (n *Node) connect(id failover.NodeID) {
	m, ok := n.roster.find(id)
	if !ok {
		return
	}
	n.links.Connect(wire.Peer{
		ID: id, Name: m.Name, Incarnation: m.Incarnation, Addr: m.Link, Sink: m.Sink, Dial: !m.Sink && n.self.Name < m.Name,
	})
	n.beats.SetPeers(beatPeers(n.roster.members()))
}

// ripeTime is how long news that a standby need not watch waits: that a task is done, that a frame is placed. It is true
// once the result, or the tasks, have left this process, and those go by other links: a node that is killed in between
// would have told its standbys that there is nothing to do. They look for it no sooner than failover's OverdueFloor after
// the copy came.
const ripeTime = 3 * time.Millisecond

// ripening is a message that waits for ripeTime.
type ripening struct {
	to      failover.NodeID
	at      clock.Instant // since when
	message failover.Message
}

// ripen lets a message wait for ripeTime, and twice that at most.
func (n *Node) ripen(now clock.Instant, e *failover.Effect) {
	n.fresh = append(n.fresh, ripening{e.Peer, now, e.Message})
	n.ripeAt = min(n.ripeAt, now.Add(ripeTime))
}

// sendRipe sends what has waited, and answers when what is fresh will have.
func (n *Node) sendRipe(now clock.Instant) clock.Instant {
	for i := range n.ripe {
		r := &n.ripe[i]
		if r.message.Kind == failover.Mark {
			r.message.Ran += now.Sub(r.at) // how long ago frame 0 was due, when it is told
		}
		n.links.Send(r.to, &r.message)
	}
	n.ripe, n.fresh = n.fresh, n.ripe[:0]
	if len(n.ripe) == 0 {
		return clock.Never
	}
	return now.Add(ripeTime)
}

// pending is an event that one of the node's two machines is to be told.
type pending struct {
	sink  bool // for the sink of the front door, not for the core
	event failover.Event
}

// step tells the core of an event, stepSink the front door's sink. What follows from it inside this node, a quick task's
// result or a result for the front door, is done before they return; what goes to others waits for the flush.
func (n *Node) step(now clock.Instant, ev failover.Event) { n.settle(now, pending{event: ev}) }

func (n *Node) stepSink(now clock.Instant, ev failover.Event) {
	n.settle(now, pending{sink: true, event: ev})
}

func (n *Node) settle(now clock.Instant, first pending) {
	n.pending = append(n.pending[:0], first)
	for i := 0; i < len(n.pending); i++ { // carrying out may append more
		p := n.pending[i]
		if p.sink {
			n.effects = n.sink.Step(now, p.event, n.effects[:0])
		} else {
			n.effects = n.core.Step(now, p.event, n.effects[:0])
		}
		for j := range n.effects {
			if p.sink {
				n.carryOutSink(&n.effects[j])
			} else {
				n.carryOut(now, &n.effects[j])
			}
		}
		if p.event.Kind == failover.Computed {
			n.noteResult(now, &p.event.Message)
			n.used = append(n.used, p.event.Message.Payload)
		}
	}
	for _, buffer := range n.used {
		n.work.takeBack(buffer)
	}
	n.used = n.used[:0]
}

// carryOut does what an effect asks, or tells what it tells.
func (n *Node) carryOut(now clock.Instant, e *failover.Effect) {
	switch e.Kind {
	case failover.Send:
		if e.Peer == n.id {
			n.pendSink(n.id, e.Message)
			return
		}
		if e.Message.Kind == failover.Done || e.Message.Kind == failover.Mark {
			n.ripen(now, e)
			return
		}
		n.links.Send(e.Peer, &e.Message)
		n.tellKept(e.Peer, &e.Message)
	case failover.Execute:
		n.execute(e.Message)
	case failover.Cancel:
		n.work.cancel(e.Message.Task, e.Message.Epoch)
	case failover.Keep:
		n.cfg.Keeper.Keep(&e.Message)
	case failover.Forward:
		n.pendSink(e.Peer, e.Message)
		n.tellKept(n.id, &e.Message)
	case failover.Lead:
		n.cfg.Keeper.Lead(e.Message.Stream, true)
		n.leads(e.Message.Stream)
		n.note(now, e)
	case failover.Follow:
		n.leadsNoMore(e.Message.Task.Stream)
		if e.Message.Stream != nil {
			n.cfg.Keeper.Lead(e.Message.Stream, false)
		} else {
			n.cfg.Keeper.Forget(e.Message.Task.Stream)
		}
		n.note(now, e)
	case failover.Promote:
		n.count.takeovers.Add(1)
		n.note(now, e)
	case failover.Guard:
		n.leads(e.Message.Stream)
		n.note(now, e)
	case failover.Detect:
		n.pending = append(n.pending, pending{sink: true, event: failover.Event{Kind: failover.Detected, Peer: e.Peer}})
		n.note(now, e)
	case failover.Recover:
		n.pending = append(n.pending, pending{sink: true, event: failover.Event{Kind: failover.Recovered, Peer: e.Peer}})
		n.note(now, e)
	case failover.Replace, failover.Hedge, failover.Mask, failover.Stop:
		n.note(now, e)
	case failover.Refuse:
		n.count.fenced.Add(1)
	case failover.Repeat:
		n.count.repeated.Add(1)
	case failover.Drop:
		n.count.dropped.Add(1)
		n.note(now, e)
	case failover.Drained:
		n.ripe, n.fresh = append(n.ripe, n.fresh...), n.fresh[:0] // all that is to be told before it goes
		n.ripeAt = now
		close(n.drained)
	case failover.Deliver: // a sink's
	}
}

// pendSink lets the sink of the front door receive a message in this round.
func (n *Node) pendSink(from failover.NodeID, m failover.Message) {
	n.pending = append(n.pending, pending{sink: true, event: failover.Event{Kind: failover.Received, Peer: from, Message: m}})
}

// tellKept follows up an acceptance with the results that are here already: a sink may ask for a stream that another one
// asked for before, and then they went to that one alone.
func (n *Node) tellKept(to failover.NodeID, accepted *failover.Message) {
	if accepted.Kind != failover.Accepted {
		return
	}
	id := accepted.Task.Stream
	n.cfg.Keeper.Kept(id, func(tile uint32, result []byte) {
		m := failover.Message{
			Kind: failover.Result, Task: work.TaskID{Stream: id, Tile: tile}, Epoch: accepted.Epoch, Payload: result,
		}
		if to == n.id {
			n.pendSink(n.id, m)
		} else {
			n.links.Send(to, &m)
		}
	})
}

// execute gives a task to the workers, unless it is so small that giving it away would take longer than doing it.
func (n *Node) execute(m failover.Message) {
	n.count.executed.Add(1)
	if quick, ok := n.function(m.Function).(work.Quick); ok && quick.Quick() {
		n.pending = append(n.pending, pending{event: n.work.do(&m, n.work.takeBuffer(), maxQuickStretch)})
		return
	}
	n.work.give(m)
}

// carryOutSink does what the sink of this node's front door asks.
func (n *Node) carryOutSink(e *failover.Effect) {
	switch e.Kind {
	case failover.Send:
		if e.Peer == n.id {
			n.pending = append(n.pending, pending{event: failover.Event{Kind: failover.Received, Peer: n.id, Message: e.Message}})
		} else {
			n.links.Send(e.Peer, &e.Message)
		}
	case failover.Deliver:
		n.requests.deliver(&e.Message)
	case failover.Forward:
		n.requests.answer(&e.Message)
	default: // told, but nobody listens at a front door
	}
}
