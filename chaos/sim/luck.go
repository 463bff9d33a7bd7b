package sim

import (
	"time"

	"fracture/chaos"
)

// The decisions that are not faults, numbered so that they never meet a rule's draws.
const (
	luckPhase uint32 = 1000 + iota // how long the faults go on
	luckSwarm                      // which rules take part
	luckStart
	luckRhythm
	luckTimer
	luckGossip
	luckDial
	luckLink
	luckBeat
	luckReset
	luckLoad
	luckService
	luckStore
	luckDrain
	luckGuard
	luckLie
	luckPartition
	luckSkew
	luckAftershock
	luckPicture
	luckBeside
	luckField
	luckBusy
	luckHang
	luckView
)

// luck draws for a spot that is named by its processes' indices; the simulator numbers nodes from 1, so that 0 is all.
func (w *World) luck(what uint32, a, b int, nth uint64) chaos.Luck {
	return chaos.Draw(w.seed, chaos.Spot{Site: chaos.Process, From: uint32(a + 1), To: uint32(b + 1)}, what, nth)
}

// draw is the luck of a process that asks again.
func (w *World) draw(p *process, what uint32) chaos.Luck {
	p.asked++
	return w.luck(what, p.index, 0, p.asked)
}

// between is a range of durations.
func between(low, high time.Duration) chaos.Span { return chaos.Span{Min: low, Max: high} }
