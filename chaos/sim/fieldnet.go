package sim

import (
	"time"

	"fracture/cluster/failover"
)

// The network of a field: links between those who share work, made when they begin to, and beats over them.

// strand finds a process's end of its link to another, or nil where they have not met.
func (f *Field) strand(p, q *plot) *strand {
	for i := range p.strands {
		if int(p.strands[i].to) == q.index {
			return &p.strands[i]
		}
	}
	return nil
}

// isNear reports whether two nodes give each other work. A sink and a node always may.
func (f *Field) isNear(p, q *plot) bool {
	if p.core == nil || q.core == nil {
		return true
	}
	d := max(p.index-q.index, q.index-p.index)
	return min(d, f.nodes-d) <= fieldReach
}

// meet links two processes that have not met.
func (f *Field) meet(p, q *plot) {
	if p == q || f.strand(p, q) != nil || q.dead {
		return
	}
	near := f.isNear(p, q)
	p.strands = append(p.strands, strand{to: uint16(q.index), near: near})
	q.strands = append(q.strands, strand{to: uint16(p.index), near: near})
	after := f.draw(p).Within(between(latencyHigh, time.Millisecond))
	f.at(after, entry{kind: linked, a: uint16(p.index), b: uint16(q.index)})
	f.at(after, entry{kind: linked, a: uint16(q.index), b: uint16(p.index)})
}

// linked tells a machine of a link. Of a node that is not near it learns first that this one does not hear it, and then that
// it is a node: so it watches it, and never gives it work.
func (f *Field) linked(p, q *plot) {
	s := f.strand(p, q)
	s.up = true
	joined := failover.Event{Kind: failover.Joined, Peer: q.id, Member: failover.Member{
		ID: q.id, Weight: failover.WeightOf(q.name), Sink: q.core == nil,
	}}
	if s.near {
		f.feed(p, &joined)
	}
	f.feed(p, &failover.Event{Kind: failover.LinkUp, Peer: q.id})
	if !s.near {
		f.feed(p, &failover.Event{Kind: failover.Beat, Peer: q.id, Interval: q.rhythm})
		f.feed(p, &joined)
	}
}

// send puts a message on its way. Where there is no link it is dropped, as everywhere.
func (f *Field) send(p *plot, e *failover.Effect) {
	q := &f.plots[f.byID[e.Peer]]
	s := f.strand(p, q)
	if s == nil || !s.up {
		return
	}
	if p.core != nil && f.counts() {
		f.out.Messages++
		if e.Message.Kind == failover.Copy {
			f.out.Copies++
		}
	}
	at := max(f.now.Add(latency(f.draw(p))), s.last)
	s.last = at
	slot := f.parcels.keep(&e.Message)
	f.parcels.at(slot).from = p.id
	f.queue.push(entry{at: at, kind: arrives, a: uint16(q.index), b: uint16(p.index), slot: slot})
}

// arrive hands a message to a machine. Whoever is named in it beside the two shares work with the receiver from now on.
func (f *Field) arrive(p *plot, e entry) {
	parcel := f.parcels.at(e.slot)
	if s := f.strand(p, &f.plots[e.b]); s.up {
		m := parcel.message
		if passedOn := m.Kind == failover.Result && m.Have > 0; p.core != nil && !passedOn {
			f.acquaint(p, m.Holders)
			f.acquaint(p, m.Splitters)
		}
		f.feed(p, &failover.Event{Kind: failover.Received, Peer: parcel.from, Message: m})
	}
	f.parcels.drop(e.slot)
}

func (f *Field) acquaint(p *plot, holders failover.Holders) {
	for _, id := range holders[:holders.Len()] {
		f.meet(p, &f.plots[f.byID[id]])
	}
}

// beat sends a node's beats and sets the time for the next.
func (f *Field) beat(p *plot) {
	f.at(p.rhythm, entry{kind: beats, a: uint16(p.index)})
	for _, s := range p.strands {
		if !s.up || int(s.to) >= f.nodes {
			continue // sinks are not waited for
		}
		if f.counts() {
			f.out.Beats++
		}
		f.at(latency(f.draw(p)), entry{kind: beaten, a: s.to, b: uint16(p.index)})
	}
}
