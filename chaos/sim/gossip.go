package sim

import (
	"time"

	"fracture/cluster/failover"
)

// Gossip tells every process who exists: of who comes within milliseconds, but where the word of it is missed and comes with
// the next comparison of all that is known; of who dies after a good while, and never of a death that was none. It tells some
// things twice.
const (
	joinLow     = time.Millisecond
	joinHigh    = 20 * time.Millisecond
	missChance  = 1. / 16
	missHigh    = 600 * time.Millisecond // in memberlist it is up to 15 s
	mournLow    = 300 * time.Millisecond // from a process's death until gossip says that it is gone
	mournHigh   = 800 * time.Millisecond
	againChance = 0.2                    // that gossip tells of a join once more
	againAfter  = 200 * time.Millisecond // so much later, at most
)

// announce lets gossip spread that a process has come, and tell it of the others.
func (w *World) announce(p *process) {
	for i := range w.processes {
		if i != p.index {
			w.hear(i, p.index, joinLow, joinHigh)
			w.hear(p.index, i, joinLow, joinHigh)
		}
	}
}

// mourn lets gossip spread that a process has died.
func (w *World) mourn(p *process) {
	for i := range w.processes {
		if i != p.index {
			w.hear(i, p.index, mournLow, mournHigh)
		}
	}
}

// leave ends a process that has drained: it says goodbye first, so that gossip is quick.
func (w *World) leave(p *process) {
	if w.now < w.heals {
		w.at(w.draw(p, luckDrain).Within(between(downLow, downHigh)), entry{kind: starts, a: uint16(p.index)})
	} else {
		w.at(downLow, entry{kind: starts, a: uint16(p.index)})
	}
	w.kill(p)
	for i := range w.processes {
		if i != p.index {
			w.hear(i, p.index, joinLow, joinHigh)
		}
	}
}

// hear lets process i hear how process j is, after a while.
func (w *World) hear(i, j int, low, high time.Duration) {
	p := &w.processes[i]
	if !p.up {
		return
	}
	e := entry{kind: gossips, a: uint16(i), b: uint16(j), gen: p.incarnation}
	luck := w.draw(p, luckGossip)
	whole := w.calm && w.beside == nothing // one death, and everybody knows everybody
	if !whole && luck.Next().Next().Next().Hits(missChance) {
		high = max(high, missHigh)
	}
	after := luck.Within(between(low, high))
	w.at(after, e)
	if luck.Next().Hits(againChance) {
		e.arg = 1
		w.at(after+luck.Next().Next().Within(between(0, againAfter)), e)
	}
}

// gossip tells a process how another one is now.
func (w *World) gossip(p *process, e entry) {
	q := &w.processes[e.b]
	known := p.knows[e.b]
	switch {
	case known != 0 && (!q.up || q.id != known):
		p.knows[e.b] = 0
		w.feed(p, &failover.Event{Kind: failover.Left, Peer: known})
	case known != 0 && e.arg == 0, !q.up:
		return
	}
	if !p.up || !q.up {
		return
	}
	p.knows[e.b] = q.id
	w.feed(p, &failover.Event{Kind: failover.Joined, Member: failover.Member{
		ID: q.id, Weight: q.weight, Sink: q.sink != nil,
	}})
	luck := w.luck(luckDial, p.index, q.index, p.asked<<32)
	w.at(luck.Within(between(0, redialLow)), entry{kind: dials, a: uint16(p.index), b: uint16(q.index)})
}
