package tui

import (
	"math"
)

// gapCells is how many of the last gaps of a node's beats are remembered, and drawn.
const gapCells = 6

// gaps are the longest pauses between beats of one process, in ms: one of each status, the newest last.
type gaps struct {
	incarnation uint64
	uptime      float64 // s, of the status that told the newest
	ms          [gapCells]float64
	n           int
}

// note takes in a status, unless it is known.
func (g *gaps) note(n *Node) {
	if g.n > 0 && g.incarnation == n.Incarnation && g.uptime == n.Uptime || math.IsNaN(n.BeatGap) {
		return
	}
	if g.incarnation != n.Incarnation {
		*g = gaps{incarnation: n.Incarnation} // the process before is no part of it
	}
	g.uptime = n.Uptime
	if g.n == gapCells {
		copy(g.ms[:], g.ms[1:])
		g.n--
	}
	g.ms[g.n] = n.BeatGap
	g.n++
}

// noteGaps takes in what nodes tell of their beats, and forgets those that are listed no more. All are drawn on one scale: up to half the
// budget, or as far as the longest of them.
func (s *state) noteGaps() {
	before := s.gaps
	s.gaps = make(map[string]gaps, len(s.nodes))
	s.longestGap = millis(s.opts.Budget) / 2
	for i := range s.nodes {
		n := &s.nodes[i]
		g := before[n.Name]
		g.note(n)
		s.gaps[n.Name] = g
		for _, v := range g.ms[:g.n] {
			s.longestGap = max(s.longestGap, v)
		}
	}
}

// putGaps draws the gaps of a node's beats as columns, a cell each, the newest at the right end; red where one is longer than the
// budget. Of a dead node there is nothing to draw.
func (s *state) putGaps(l *line, n *Node) {
	g := s.gaps[n.Name]
	if n.State == Dead {
		g.n = 0
	}
	l.to(l.w + gapCells - g.n)
	steps := len(l.look.glyphs.bars)
	for _, v := range g.ms[:g.n] {
		look := bar
		if v > millis(s.opts.Budget) {
			look = danger
		}
		height := int(math.Ceil(v / s.longestGap * float64(steps)))
		l.put(look, l.look.glyphs.bars[min(max(height, 1), steps)-1])
	}
}
