package sim

import (
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// end is one process's end of its link to another.
type end struct {
	conn   uint32 // the connection; 0 while there is none
	peer   failover.NodeID
	up     bool          // the machine has been told,
	since  clock.Instant // when last
	reset  bool          // it broke in a way that loses what is under way
	severs clock.Instant // when its end will be known here, once that is sure; else Never
	sent   uint64        // messages given to it, for the draws
	last   clock.Instant // when the last of them arrives: those behind it come later
	beats  uint64        // beats sent, for the draws
	missed bool          // a message to here was lost, which the next one shows
}

// The times of the network, after what a loopback and a small cluster show.
const (
	latencyLow  = 30 * time.Microsecond
	latencyHigh = 200 * time.Microsecond
	latencyTail = 3 * time.Millisecond // of one message in tailEach
	tailEach    = 32
	resetLow    = 100 * time.Microsecond
	resetHigh   = 3 * time.Millisecond // from a process's death to the end of its links at its peers
	redialLow   = 2 * time.Millisecond
	redialHigh  = 20 * time.Millisecond
)

// envelope is about how many bytes a message takes beside its payload.
const envelope = 100

// latency is how long a message or packet is under way where no fault stands.
func latency(luck chaos.Luck) time.Duration {
	if luck.Below(tailEach) == 0 {
		return luck.Next().Within(between(latencyHigh, latencyTail))
	}
	return luck.Next().Within(between(latencyLow, latencyHigh))
}

// dial makes a link between two processes, or tries again later where that cannot be now.
func (w *World) dial(i, j int) {
	a, b := &w.processes[i], &w.processes[j]
	if !a.up || !b.up || a.knows[j] != b.id || b.knows[i] != a.id { // who is called by a stranger lets it wait
		return
	}
	near, far := &w.ends[i][j], &w.ends[j][i]
	if near.conn != 0 && near.conn == far.conn {
		return
	}
	w.conns++
	luck := w.luck(luckDial, i, j, uint64(w.conns))
	if near.conn != 0 || far.conn != 0 || a.frozen || b.frozen || w.isCut(i, j) || w.isCut(j, i) {
		w.at(luck.Within(between(redialLow, redialHigh)), entry{kind: dials, a: uint16(i), b: uint16(j)})
		return
	}
	near.conn, far.conn = w.conns, w.conns
	near.peer, far.peer = b.id, a.id
	near.reset, far.reset = false, false
	near.missed, far.missed = false, false
	near.severs, far.severs = clock.Never, clock.Never
	here := w.now.Add(luck.Within(between(latencyLow, time.Millisecond)))
	there := w.now.Add(luck.Next().Within(between(latencyLow, time.Millisecond)))
	near.last, far.last = there, here // nothing overtakes the news that the link stands
	w.queue.push(entry{at: here, kind: linked, a: uint16(i), b: uint16(j), gen: a.incarnation, arg: w.conns})
	w.queue.push(entry{at: there, kind: linked, a: uint16(j), b: uint16(i), gen: b.incarnation, arg: w.conns})
}

func (w *World) linkUp(p *process, e entry) {
	near := &w.ends[p.index][e.b]
	if near.conn != e.arg || near.up {
		return
	}
	near.up, near.since = true, w.now
	p.heard[e.b] = w.now
	w.feed(p, &failover.Event{Kind: failover.LinkUp, Peer: near.peer})
}

// hangUp ends all links of a process that died.
func (w *World) hangUp(p *process) {
	for i := range w.processes {
		near, far := &w.ends[p.index][i], &w.ends[i][p.index]
		if i != p.index && far.conn != 0 && near.conn == far.conn {
			w.sever(i, p.index)
		}
		near.conn, near.up = 0, false
	}
}

// breakLink breaks the link between two processes that live.
func (w *World) breakLink(i, j int) {
	if near := w.ends[i][j]; near.conn == 0 || near.conn != w.ends[j][i].conn {
		return
	}
	w.sever(i, j)
	w.sever(j, i)
}

// sever lets process i learn, after a while, that its link to j is gone. Behind a cut it does not learn of it before
// the cut has healed.
func (w *World) sever(i, j int) {
	near := &w.ends[i][j]
	luck := w.luck(luckReset, i, j, uint64(near.conn))
	at := w.now.Add(luck.Within(between(resetLow, resetHigh)) + w.closesLate(i, j))
	if until, cut := w.cutUntil(j, i); cut {
		at = max(at, until.Add(luck.Within(between(resetLow, resetHigh))))
	}
	near.reset = luck.Next().Next().Hits(0.5)
	near.severs = at
	w.queue.push(entry{
		at: at, kind: severed, a: uint16(i), b: uint16(j), gen: w.processes[i].incarnation, arg: near.conn,
	})
}

func (w *World) linkDown(p *process, e entry) {
	near := &w.ends[p.index][e.b]
	if near.conn != e.arg {
		return
	}
	up := near.up
	near.conn, near.up = 0, false
	w.at(w.luck(luckDial, p.index, int(e.b), uint64(e.arg)).Within(between(redialLow, redialHigh)),
		entry{kind: dials, a: uint16(p.index), b: e.b})
	if q := &w.processes[e.b]; q.up && q.id == near.peer {
		for i := range w.streams {
			w.streams[i].bereft = true // what was not sent while the link was down is lost, too
		}
	}
	if up {
		w.feed(p, &failover.Event{Kind: failover.LinkDown, Peer: near.peer})
	}
}

// send puts a message on its way, through whatever faults stand there.
func (w *World) send(p *process, e *failover.Effect) {
	to := w.processOf(e.Peer)
	if to == nil || to == p || !w.ends[p.index][to.index].up || w.ends[p.index][to.index].peer != e.Peer {
		w.out.Unsent++
		if to != nil && to.up && to.id == e.Peer {
			w.bereave(&e.Message)
		}
		return
	}
	near := &w.ends[p.index][to.index]
	near.sent++
	fate := w.fate(chaos.Link, p.index, to.index, uint64(envelope+len(e.Message.Payload)))
	if fate.Spoiled && near.severs == clock.Never {
		w.breakLink(p.index, to.index)
	}
	if fate.Lost || fate.Spoiled {
		w.ends[to.index][p.index].missed = true
		w.bereave(&e.Message)
		return
	}
	at := w.now.Add(latency(w.luck(luckLink, p.index, to.index, near.sent)) + fate.Late)
	if !fate.Passed {
		at = max(at, near.last)
		near.last = at
	}
	slot := w.parcels.keep(&e.Message)
	parcel := w.parcels.at(slot)
	parcel.from, parcel.conn = p.id, near.conn
	arrival := entry{at: at, kind: arrives, a: uint16(to.index), b: uint16(p.index), gen: to.incarnation, slot: slot}
	w.queue.push(arrival)
	if fate.Twice {
		arrival.at, arrival.slot = at.Add(fate.Again), w.parcels.again(slot)
		w.queue.push(arrival)
	}
}

// arrive hands a parcel to its machine, if the connection that carried it still stands.
func (w *World) arrive(p *process, e entry) {
	parcel, far := w.parcels.at(e.slot), &w.ends[p.index][e.b]
	if far.up && far.conn == parcel.conn && !far.reset {
		if far.missed && p.core != nil {
			far.missed = false
			w.feed(p, &failover.Event{Kind: failover.Missed, Peer: parcel.from})
			if !p.up { // it died of what it did about that
				w.parcels.drop(e.slot)
				return
			}
		}
		ev := failover.Event{Kind: failover.Received, Peer: parcel.from, Message: parcel.message}
		w.feed(p, &ev)
	} else {
		w.bereave(&parcel.message)
	}
	w.parcels.drop(e.slot)
}

// beat sends a process's beats and sets the time for the next.
func (w *World) beat(p *process) {
	w.at(p.rhythm, entry{kind: beats, a: uint16(p.index), gen: p.incarnation})
	if p.pulse.Stands(w.now, p.rounds, len(p.inbox) > 0) && w.cfg.Bug != failover.BugBlindBeats {
		return // who does not decide does not say that it is well
	}
	for i := range w.processes {
		to, near := &w.processes[i], &w.ends[p.index][i]
		if to == p || !to.up || !near.up {
			continue
		}
		near.beats++
		fate := w.fate(chaos.Beat, p.index, i, 0)
		if fate.Lost || fate.Spoiled {
			continue
		}
		var flags uint32
		if w.now.Sub(p.heard[i]) < hearing*p.rhythm {
			flags |= flagHeard
		}
		if p.leaving {
			flags |= flagLeaving
		}
		e := entry{kind: beaten, a: uint16(i), b: uint16(p.index), gen: to.incarnation, arg: p.incarnation<<2 | flags}
		after := latency(w.luck(luckBeat, p.index, i, near.beats)) + fate.Late
		w.at(after, e)
		if fate.Twice {
			w.at(after+fate.Again, e)
		}
	}
}

// The flags of a beat, in an entry's arg, below the sender's incarnation.
const (
	flagHeard = 1 << iota
	flagLeaving
)

// heardFrom notes who was heard, and reports whether that one is there still, under whose id nobody else is asked for.
func (w *World) heardFrom(p *process, e entry) bool {
	if e.arg>>2 != w.processes[e.b].incarnation {
		return false
	}
	p.heard[e.b] = w.now
	return true
}

// beaten hands a beat to a machine.
func (w *World) beaten(p *process, e entry) {
	from := &w.processes[e.b]
	if !w.heardFrom(p, e) {
		return
	}
	w.feed(p, &failover.Event{
		Kind: failover.Beat, Peer: from.id, Interval: from.rhythm,
		Heard: e.arg&flagHeard != 0, Leaving: e.arg&flagLeaving != 0,
	})
}
