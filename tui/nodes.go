package tui

import (
	"fmt"
	"slices"
	"strconv"
)

// column is one column of the table of nodes.
type column struct {
	head  string
	width int
	text  bool // set left; numbers are set right
	cell  func(n *Node) (style, string)
	slim  int // width without the columns of gaps that stand at its left end; 0: there are none
}

// columns are the table's, each with the unit in its head, most wanted first; a narrow panel shows the first of them. Zones
// are shown where there are any.
func columns(zone int) []column {
	all := []column{
		{"state", 8, true, func(n *Node) (style, string) { return n.State.mood(), n.State.String() }, 0},
		{"role", 8, true, func(n *Node) (style, string) { return plain, role(n) }, 0},
		{"owns", 4, false, func(n *Node) (style, string) { return plain, strconv.Itoa(n.Owns) }, 0},
		{"beat ms", gapCells + 5, false, func(n *Node) (style, string) { return plain, ms(n.BeatGap) }, 7},
		{"CPU %", 5, false, func(n *Node) (style, string) { return plain, strconv.FormatFloat(100*n.CPU, 'f', 0, 64) }, 0},
		{"RSS MiB", 7, false, func(n *Node) (style, string) { return plain, fmt.Sprintf("%.1f", float64(n.RSS)/(1<<20)) }, 0},
		{"holds", 5, false, func(n *Node) (style, string) { return plain, strconv.Itoa(n.StandsBy) }, 0},
		{"took", 4, false, func(n *Node) (style, string) { return plain, strconv.FormatUint(n.Takeovers, 10) }, 0},
	}
	if zone == 0 {
		return all
	}
	return slices.Insert(all, 2, column{"zone", max(zone, 4), true, func(n *Node) (style, string) { return plain, n.Zone }, 0})
}

// longestZone is the width that a column of zones takes, bounded; 0 where no node has one.
func (s *state) longestZone() (width int) {
	for i := range s.nodes {
		width = max(width, cells(s.nodes[i].Zone))
	}
	return min(width, 8)
}

// role is the part a node plays for the streams' splitters.
func role(n *Node) string {
	switch {
	case n.State == Dead:
		return ""
	case len(n.Leads) > 0:
		return "splitter"
	case len(n.Follows) > 0:
		return "standby"
	}
	return "worker"
}

// leadCells is what stands before a node's name: the pick's mark, its key, its glyph.
const leadCells = 5

// fitColumns chooses the columns that fit beside names of a width, and hands what is left to the names.
func fitColumns(w, name, zone int) (chosen []column, nameWidth int) {
	left := w - leadCells - name
	for _, c := range columns(zone) {
		if left < c.width+1 && c.slim > 0 {
			c.width, c.slim = c.slim, 0
		}
		if left < c.width+1 {
			break
		}
		left -= c.width + 1
		chosen = append(chosen, c)
	}
	return chosen, name + min(left, 6)
}

// drawNodes draws the table of nodes: a heading, the columns' heads where there is room, a line a node.
func drawNodes(s *state, t *theme, w, h int) []string {
	note, mood := censusNote(s, t, w-len("> nodes ")-2)
	rows := []string{s.head(t, paneNodes, note, mood, w)}
	cols, name := fitColumns(w, max(min(s.longestName(), 12), len("name")), s.longestZone())
	if s.headed(h) {
		l := t.line(w).to(leadCells).left(faint, "name", name)
		for _, c := range cols {
			l.put(plain, " ")
			if c.text {
				l.left(faint, c.head, c.width)
			} else {
				l.right(faint, c.head, c.width)
			}
		}
		rows = append(rows, l.String())
	}
	first := s.firstListed(h - len(rows))
	for i := first; i < len(s.nodes) && len(rows) < h; i++ {
		rows = append(rows, nodeRow(s, t, i, cols, name, w))
	}
	if len(s.nodes) == 0 && len(rows) < h {
		rows = append(rows, t.line(w).put(faint, "waiting for the first node").String())
	}
	return fill(t, rows, w, h)
}

// censusNote counts the nodes by how they are; where it is too long, those that are well are left out.
func censusNote(s *state, t *theme, w int) (note string, mood style) {
	alive, ill, dead := s.census()
	note, mood = strconv.Itoa(alive)+" alive", good
	unwell := ""
	add := func(n int, word string, as style) {
		if n == 0 {
			return
		}
		if unwell != "" {
			unwell += " " + t.glyphs.dot + " "
		}
		unwell, mood = unwell+strconv.Itoa(n)+" "+word, as
	}
	add(ill, "unwell", caution)
	add(dead, "dead", danger)
	switch {
	case unwell == "":
		return note, mood
	case cells(note)+3+cells(unwell) > w:
		return unwell, mood
	}
	return note + " " + t.glyphs.dot + " " + unwell, mood
}

// headed reports whether a panel of h rows has room for the columns' heads: not when they would push a node of a short
// list out.
func (s *state) headed(h int) bool { return h >= len(s.nodes)+2 || h >= 8 }

// firstListed is the first node of a list of some rows that holds the picked one.
func (s *state) firstListed(rows int) int {
	return max(0, min(s.ordinal(s.picked)-rows+1, len(s.nodes)-rows))
}

// putLead puts what stands before what is told of a node: the pick's mark, its key, its glyph, its name.
func (s *state) putLead(l *line, i, name int) {
	n, t := &s.nodes[i], l.look
	nameStyle := plain
	if n.Name == s.picked {
		nameStyle = selected
		l.put(selected, t.glyphs.pick)
	} else {
		l.put(plain, " ")
	}
	if s.owners {
		l.raw(t.chip(i), 1)
	} else {
		l.put(faint, keyOf(i))
	}
	l.put(plain, " ").put(n.State.mood(), t.glyphs.states[min(n.State, Dead)]).put(plain, " ").left(nameStyle, n.Name, name)
}

func nodeRow(s *state, t *theme, i int, cols []column, name, w int) string {
	n := &s.nodes[i]
	l := t.line(w)
	s.putLead(l, i, name)
	for _, c := range cols {
		look, text := c.cell(n)
		if n.State == Dead && !c.text {
			look, text = faint, "-"
		}
		l.put(plain, " ")
		if c.slim > 0 {
			s.putGaps(l, n)
			c.width -= gapCells
		}
		if c.text {
			l.left(look, text, c.width)
		} else {
			l.right(look, text, c.width)
		}
	}
	return l.String()
}

// nodeAt is the node drawn at a row of the panel, -1 where there is none.
func (s *state) nodeAt(row, h int) int {
	heads := 1
	if s.headed(h) {
		heads = 2
	}
	i := s.firstListed(h-heads) + row - heads
	if row < heads || i >= len(s.nodes) {
		return -1
	}
	return i
}
