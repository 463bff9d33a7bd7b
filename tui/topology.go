package tui

import (
	"fmt"
	"strconv"
	"strings"
)

// The topology: who runs tiles, and who holds copies of them, with the faults of the links between; as a matrix of nodes where it fits, else
// as a list.

// bond is how one node stands to another: how many tiles that it runs the other holds a copy of, and how what it sends gets there. To
// itself: how many it runs.
type bond struct {
	tiles int
	way   WayState
}

// bonds are all of them: of who runs, to who holds. They speak of one stream, the one of the lowest id.
func (s *state) bonds() [][]bond {
	net := make([][]bond, len(s.nodes))
	for i := range net {
		net[i] = make([]bond, len(s.nodes))
	}
	stream := ^uint64(0)
	for i := range s.nodes {
		if n := &s.nodes[i]; n.State != Dead && len(n.OwnedTiles)+len(n.CopiedTiles) > 0 {
			stream = min(stream, n.OwnedOf)
		}
	}
	runs := map[uint32]int{}                    // who, by tile
	for _, alive := range []bool{false, true} { // who lives has taken over what others still told of
		for i := range s.nodes {
			n := &s.nodes[i]
			if n.State == Dead || n.OwnedOf != stream || (n.State == Alive) != alive {
				continue
			}
			for _, tile := range n.OwnedTiles {
				runs[tile] = i
			}
		}
	}
	for _, i := range runs {
		net[i][i].tiles++
	}
	for j := range s.nodes {
		if n := &s.nodes[j]; n.State != Dead && n.OwnedOf == stream {
			for _, tile := range n.CopiedTiles {
				if i, ok := runs[tile]; ok && i != j {
					net[i][j].tiles++
				}
			}
		}
	}
	s.strain(net)
	return net
}

// strain notes how links fare; of several faults of one the worst counts.
func (s *state) strain(net [][]bond) {
	if s.faults == nil {
		return
	}
	every := make([]int, len(s.nodes))
	for i := range every {
		every[i] = i
	}
	ends := func(name string) []int {
		if name == "" {
			return every
		}
		if i := s.ordinal(name); i >= 0 {
			return []int{i}
		}
		return nil
	}
	for f := range s.faults.List {
		for _, way := range s.faults.List[f].Ways {
			to := ends(way.To)
			for _, i := range ends(way.From) {
				for _, j := range to {
					if i != j {
						net[i][j].way = max(net[i][j].way, way.State)
					}
				}
			}
		}
	}
}

// plan is how the topology is laid into its panel.
type plan struct {
	matrix bool // else a list
	role   bool // what part each node plays is told
	name   int  // width of a name
	left   int  // cells before the matrix, or before what the list says
	num    int  // width of a number in the matrix
	cell   int  // of a number with its sign and its gap
	end    int  // cells up to the matrix's right end
	top    int  // rows before the first node
	first  int  // the node that is shown first
	shown  int  // how many are
}

const (
	roleCells  = 9  // of a role and the gap behind it
	asideCells = 26 // at least, of what is said beside the matrix, with the gap before it
)

// plan lays the topology into w × h cells. The largest number in it has so many digits.
func (s *state) plan(digits, w, h int) plan {
	n := len(s.nodes)
	p := plan{name: min(s.longestName(), 12), top: 1}
	p.left = leadCells + p.name + 1
	wide, slim := max(digits, min(s.longestName(), 3)), max(digits, len(strconv.Itoa(n)))
	aside := asideCells // what is said goes there,
	if h >= n+7 {
		aside = 0 // unless there is room for it below
	}
	for _, try := range []struct{ num, cell, spare int }{
		{wide, wide + 2, aside}, {wide, wide + 1, aside}, {wide, wide + 2, 0}, {wide, wide + 1, 0}, {slim, slim + 1, 0},
	} {
		p.num, p.cell = try.num, try.cell
		if p.end = p.left + n*p.cell; p.end+try.spare <= w {
			break
		}
	}
	if p.matrix = p.end <= w && (n+2 <= h || n+1 > h); p.matrix { // a list needs one row less
		p.top = 2
		spare := w - p.end
		p.role = spare >= roleCells+asideCells || spare >= roleCells && spare < asideCells
	}
	if p.role {
		p.left, p.end = p.left+roleCells, p.end+roleCells
	}
	p.shown = max(min(n, h-p.top), 0)
	p.first = max(min(s.turned, n-p.shown), 0)
	return p
}

// digitsOf is how many digits the largest number of tiles has.
func digitsOf(net [][]bond) int {
	most := 0
	for i := range net {
		for _, b := range net[i] {
			most = max(most, b.tiles)
		}
	}
	return len(strconv.Itoa(most))
}

// drawTopology draws a heading, a line a node, what the signs mean, and what stands: beside the matrix where there is room, else below.
func drawTopology(s *state, t *theme, w, h int) []string {
	net := s.bonds()
	p := s.plan(digitsOf(net), w, h)
	note, mood := s.faultNote()
	if p.shown < len(s.nodes) {
		note = fmt.Sprintf("%d-%d of %d %s %s", p.first+1, p.first+p.shown, len(s.nodes), t.glyphs.dot, note)
	}
	rows := []string{s.head(t, paneTopology, note, mood, w)}
	if len(s.nodes) == 0 {
		return fill(t, append(rows, t.line(w).put(faint, "waiting for the first node").String()), w, h)
	}
	var lines []*line
	if p.matrix {
		lines = append(lines, s.bondHeads(t, p, w))
	}
	for i := p.first; i < p.first+p.shown; i++ {
		l := t.line(w)
		s.putLead(l, i, p.name)
		l.put(plain, " ")
		if p.matrix {
			s.putBonds(l, i, net[i], p)
		} else {
			s.listBonds(l, i, net[i])
		}
		lines = append(lines, l)
	}
	beside := 0 // so many remarks
	if p.matrix && w-p.end >= asideCells {
		beside = len(lines)
	}
	said := atMost(s.remarks(), beside+h-2-len(lines)) // without the title and the legend
	beside = min(beside, len(said))
	for n, r := range said[:beside] {
		lines[n].to(p.end+3).put(r.s, t.cut(r.text, w-p.end-3))
	}
	lines = append(lines, bondLegend(t, net, w))
	for _, r := range said[beside:] {
		lines = append(lines, t.line(w).put(r.s, t.cut(r.text, w)))
	}
	for _, l := range lines {
		rows = append(rows, l.String())
	}
	return fill(t, rows, w, h)
}

// atMost are remarks in so many rows: the last one says how many are left out.
func atMost(said []remark, rows int) []remark {
	if rows < 2 || len(said) <= rows { // one row is better spent on the first
		return said
	}
	return append(said[:rows-1], remark{faint, fmt.Sprintf("and %d more", len(said)-rows+1)})
}

// bondHeads is the row above the matrix: who holds the copies. Where names are too long, it is their place in the list.
func (s *state) bondHeads(t *theme, p plan, w int) *line {
	l := t.line(w)
	text := "copied"
	if p.left > len("copied at")+1 {
		text = "copied at"
	}
	l.right(faint, text, p.left-1)
	l.put(plain, " ")
	for i := range s.nodes {
		head := s.nodes[i].Name
		if cells(head) > p.num {
			head = strconv.Itoa(i + 1)
		}
		l.right(faint, head, p.num)
		l.put(plain, strings.Repeat(" ", p.cell-p.num))
	}
	return l
}

// putBonds puts a node's row of the matrix.
func (s *state) putBonds(l *line, i int, bonds []bond, p plan) {
	t := l.look
	if p.role {
		l.left(plain, role(&s.nodes[i]), roleCells)
	}
	for j, b := range bonds {
		look, text, mood, sign := plain, strconv.Itoa(b.tiles), b.way.mood(), t.waySign(b.way)
		switch {
		case b.tiles == 0:
			look, text = faint, t.glyphs.dot
		case i == j:
			look, mood, sign = strong, bar, t.runSign()
		}
		l.right(look, text, p.num)
		l.put(mood, sign).put(plain, strings.Repeat(" ", p.cell-p.num-1))
	}
}

// listBonds says of a node in one line how many tiles it runs, who holds copies of how many, and how the links there fare.
func (s *state) listBonds(l *line, i int, bonds []bond) {
	t := l.look
	if runs := bonds[i].tiles; runs > 0 {
		l.put(strong, strconv.Itoa(runs)).put(bar, t.runSign())
	} else {
		l.put(faint, "0 ")
	}
	for j, b := range bonds {
		if i == j || b == (bond{}) {
			continue
		}
		text, sign := " "+s.nodes[j].Name+" "+strconv.Itoa(b.tiles), strings.TrimSpace(t.waySign(b.way))
		if more := " " + t.glyphs.ellipsis; l.w+cells(text+sign+more) > l.max {
			l.put(faint, more)
			return
		}
		l.put(plain, text).put(b.way.mood(), sign)
	}
}

// waySign is the sign of a link that fares so, one cell wide; a space where nothing is wrong.
func (t *theme) waySign(w WayState) string {
	signs := [Shut + 1]string{Sound: " ", Harmed: "≠", Slowed: "◐", Shut: "✗"}
	if t.ascii {
		signs = [Shut + 1]string{Sound: " ", Harmed: "%", Slowed: "~", Shut: "x"}
	}
	return signs[min(w, Shut)]
}

// runSign stands behind how many tiles a node runs.
func (t *theme) runSign() string {
	if t.ascii {
		return "#"
	}
	return "■"
}

// bondLegend says what the signs mean: those that are there, and the others where there is room.
func bondLegend(t *theme, net [][]bond, w int) *line {
	type sign struct {
		mood        style
		glyph, word string
	}
	signs := []sign{{bar, t.runSign(), "runs"}, {plain, "2", "copied"}}
	width := len("# runs  2 copied")
	for _, way := range []WayState{Shut, Slowed, Harmed} {
		used := false
		for i := range net {
			for _, b := range net[i] {
				used = used || b.way == way
			}
		}
		more := len("  x ") + len(way.String())
		if used || width+more <= w {
			signs = append(signs, sign{way.mood(), t.waySign(way), way.String()})
			width += more
		}
	}
	l := t.line(w)
	for n, s := range signs {
		if n > 0 {
			l.put(plain, "  ")
		}
		l.put(s.mood, s.glyph).put(faint, " "+s.word)
	}
	return l
}

// turn shows the topology's nodes from so many further down on; below 0: up.
func (m *model) turn(rows int) {
	a := m.place(paneTopology)
	p := m.state.plan(digitsOf(m.state.bonds()), a.w, a.h)
	m.state.turned = max(min(p.first+rows, len(m.state.nodes)-p.shown), 0)
	m.soil(paneTopology)
}

// bondsAt is the node of a row of the topology, -1 where there is none.
func (s *state) bondsAt(row, w, h int) int {
	p := s.plan(digitsOf(s.bonds()), w, h)
	if row < p.top || row-p.top >= p.shown {
		return -1
	}
	return p.first + row - p.top
}
