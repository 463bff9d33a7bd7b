package failover

import (
	"time"

	"fracture/clock"
)

// A node that was away: it did not run, or nobody heard it. What it then believes is old: that it leads, that others fell
// silent, that nobody has done what it holds copies of. It asks before it acts on any of that.

// How much later than asked for a Tick may come before the machine takes the delay for its own, and before it leads nothing
// for as long again.
const (
	stallTolerance = 2 * time.Millisecond
	longStall      = 8 * time.Millisecond
)

// excuseOwnStall: a node that did not run for a while, frozen or out of turn, must not take its peers for dead because
// it did not listen, and must not lead on before it has heard whether it was deposed meanwhile. Where beats are heard for it,
// it is not its own lateness that keeps it from hearing them: see listened.
//
// Who has waited to hear of that, and is late again, leads: on a machine with far too much to do loops come round each time late,
// and the leader would wait for ever, while its beats have everybody believe that it leads. Where it stood still for so long that
// they may have believed otherwise, it waits again.
func (c *Core) excuseOwnStall(now clock.Instant) {
	stall := now.Sub(c.wanted)
	if c.wanted == clock.Never || stall < stallTolerance {
		return
	}
	if c.heardAt == 0 {
		c.excuse(now)
	}
	if stall >= longStall && (c.now >= c.steady || stall >= c.cfg.SilenceCeiling || c.cfg.Bug == BugWaitsAgain) {
		c.away = true
	}
	if stall >= c.cfg.OverdueFloor {
		c.missedNews = now
	}
	c.wanted = clock.Never
}

// listened takes note of until when beats were heard, and of when whoever hears them was last late itself: what has stopped
// it may have stopped its peers with it, as processes of one host are stopped together.
func (c *Core) listened(until, stalled clock.Instant) {
	c.heardAt = until
	if stalled > c.stalledAt {
		c.stalledAt = stalled
		c.excuse(stalled)
	}
}

// excuse counts the silence of every peer that is not taken for failed anew from an instant on. In a cut it does not: who is silent
// then was so before.
func (c *Core) excuse(from clock.Instant) {
	if from < c.cutUntil {
		return
	}
	for i := range c.peers.list {
		if p := &c.peers.list[i]; p.failed == 0 {
			p.lease.Excuse(from)
		}
	}
}

// listenAgain is how soon the machine looks again whether beats have been heard up to the end of a lease.
const listenAgain = time.Millisecond

// heard is until when the absence of a beat means that none came: a shell may run before whoever hears beats for it.
func (c *Core) heard() clock.Instant {
	if c.heardAt == 0 {
		return c.now
	}
	return min(c.now, c.heardAt)
}

// judgeSilence takes those for failed whose lease has lapsed.
func (c *Core) judgeSilence() {
	for i := range c.peers.list {
		p := &c.peers.list[i]
		if !p.link || p.Sink || p.failed != 0 || p.lease.Judge(c.heard()) == Alive {
			continue
		}
		if c.cutOff(p) {
			if c.now >= c.cutUntil {
				c.cutSince = c.now
			}
			c.cutUntil, c.missedNews, c.away = c.now.Add(healing), c.now, true
		}
		if c.now >= c.cutUntil || c.now.Sub(c.cutSince) >= cutPatience*c.cfg.SilenceCeiling {
			c.fail(p, Silence)
		}
	}
}

const (
	// healing is how long after a cut this node goes on believing in it: the first peers' beats are back, the others' on their way.
	healing = 10 * time.Millisecond
	// cutPatience is for how many ceilings of silence a node takes itself for cut off before it takes its peers for failed.
	cutPatience = 3
	// together is within what time peers must have been heard last to have fallen silent at once.
	together = 50 * time.Millisecond
)

// cutOff reports whether a peer that is silent fell silent together with most of those that were heard until then: then it is
// rather this node that nobody hears. It takes nothing over and leads nothing until it hears them, or has waited for long. Taken over
// at once, a stream whose leader lives would have two, and the cut node's term, the higher one, would depose the other when the
// cut heals, with all that was placed under it. Processes that died are not silent: their links broke.
func (c *Core) cutOff(p *peer) bool {
	fell, heard := 0, 0
	for i := range c.peers.list {
		q := &c.peers.list[i]
		switch since := q.lease.last.Sub(p.lease.last); {
		case !q.mightBeat() || since <= -together: // silent for longer
		case since < together && q.silent(c.heard()):
			fell++
		default:
			heard++
		}
	}
	return fell > heard && fell > 1
}

// mightBeat reports whether beats of a peer are to be expected: it is a node, and its link stands.
func (p *peer) mightBeat() bool { return !p.Sink && p.link && (p.failed == 0 || p.failed == Silence) }

// silent reports whether a peer has been silent at now for longer than of late.
func (p *peer) silent(now clock.Instant) bool { return p.failed == Silence || p.lease.Quiet(now) }

// steadied reports whether this node may act as a leader: neither is it away, as it is in a cut, nor has it just come back.
func (c *Core) steadied() bool { return !c.away && c.now >= c.steady }

// comeBack ends a time in which this node stood still or was cut off. It asks those that follow what it leads whether it still
// does, and waits for the answer.
func (c *Core) comeBack() {
	if !c.away || c.now < c.cutUntil {
		return
	}
	c.away, c.steady = false, c.now.Add(longStall)
	for _, s := range c.streams {
		if !s.leading() || !s.accepted {
			continue
		}
		for r := 1; r < s.holders.Len(); r++ {
			c.sendHold(s, s.holders[r]) // acknowledged, or answered by a fence
		}
	}
}

// uninformed reports whether a task may have been done without news of it having come here: since it came this node was away
// or lost messages, or its owner did not hear this node. The splitter will have been told, or has another look at the task, so
// the copy is not run for being overdue.
func (c *Core) uninformed(h *held) bool {
	if h.since <= c.missedNews {
		return true
	}
	owner := c.peers.find(h.holders.Owner())
	return owner != nil && (h.since <= owner.unheard || owner.mightBeat() && owner.silent(c.heard()) && c.cutOff(owner))
}
