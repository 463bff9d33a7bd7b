package tui

import (
	"slices"
	"strings"
	"time"

	"fracture/clock"
	"fracture/render"
	"fracture/work/fractal"
)

// flashFor is for how long a tile is lit that its standby computed.
const flashFor = 400 * time.Millisecond

// maxStretch is how far a picture may be pulled out of its shape to fill its pane; beyond, it gets a margin.
const maxStretch = 1.12

// canvas is the picture's pane: the numbers that arrived, the pixels they became, and the rows of cells, each of which is
// drawn anew only when a tile on it changed.
//
// Invariant: a row is either dirty or shows its tiles as they are.
type canvas struct {
	look    *theme
	palette *render.Palette
	depth   render.Depth // of the picture, which may be less than the terminal's
	period  time.Duration

	numbers fractal.Field
	field   render.Field // numbers, as render reads them
	tiles   []placed     // by tile index; those that never came have frame 0 and no owner
	pic     *render.Picture

	w, h       int // the pane, in cells
	left, over int // empty cells before and above the picture
	rows       []string
	dirty      []bool // by row of the picture
	owners     bool
	still      bool // nothing is lit for a while
	buf        []byte
	aim        aim
}

// placed is what the canvas knows of a tile besides its numbers.
type placed struct {
	known   bool
	frame   uint64
	owner   int // place in the list of nodes, -1 where it is not listed
	name    string
	arrived clock.Instant
	stale   bool
	flash   clock.Instant // until when it is lit; 0: it is not
	rect    render.Rect   // in samples of the field
}

func newCanvas(look *theme, palette *render.Palette, period time.Duration) *canvas {
	return &canvas{look: look, palette: palette, depth: look.depth, period: period, pic: &render.Picture{Shape: look.shapes()[0]}}
}

// resize fits the picture into a pane of w × h cells.
func (c *canvas) resize(w, h int) {
	c.w, c.h = max(w, 0), max(h, 0)
	pw, ph := c.w, 2*c.h
	if c.field.W > 0 && c.field.H > 0 && pw > 0 && ph > 0 {
		shape := float64(c.field.W) / float64(c.field.H)
		if pane := float64(pw) / float64(ph); pane > shape*maxStretch {
			pw = min(pw, int(float64(ph)*shape*maxStretch))
		} else if pane*maxStretch < shape {
			ph = min(ph, 2*max(int(float64(pw)/shape*maxStretch)/2, 1))
		}
	}
	c.left, c.over = (c.w-pw)/2, (c.h-ph/2)/2
	cellW, cellH := c.pic.Shape.Cell()
	c.pic.Resize(pw*cellW, ph/2*cellH)
	c.repaint()
}

// reshape draws with the next shape of cells that the terminal shows.
func (c *canvas) reshape() {
	all := c.look.shapes()
	c.pic.Shape = all[(slices.Index(all, c.pic.Shape)+1)%len(all)]
	c.resize(c.w, c.h)
}

// limit draws with no more colours than a fidelity allows.
func (c *canvas) limit(f fidelity) {
	depth := c.look.depth
	switch {
	case f == fewColors && depth == render.TrueColor:
		depth = render.Coarse
	case f == indexed:
		depth = min(depth, render.Colors256)
	}
	if depth != c.depth {
		c.depth = depth
		c.repaint()
	}
}

// repaint draws every pixel and row anew.
func (c *canvas) repaint() {
	render.PaintPart(c.pic, c.field, c.palette, render.Rect{W: c.field.W, H: c.field.H})
	c.pic.ClearMarks()
	c.rows = make([]string, c.pic.Rows())
	c.dirty = make([]bool, c.pic.Rows())
	for i := range c.dirty {
		c.dirty[i] = true
	}
	for i := range c.tiles {
		c.mark(&c.tiles[i])
	}
}

// take puts a tile that arrived onto the canvas. A tile of a picture of another size begins
// a new picture.
func (c *canvas) take(t Tile, owner int) {
	n := t.Numbers
	if t.Index >= MaxTiles || n.W <= 0 || n.H <= 0 || !c.aim.takes(t) {
		return
	}
	if n.W != c.numbers.W || n.H != c.numbers.H {
		c.numbers, c.tiles = fractal.Field{}, nil
	}
	fresh, where := c.numbers.Values == nil, render.Rect(n.Rect)
	if !fresh && c.aim.askew(n) {
		where = c.project(n)
	} else {
		if err := c.numbers.Put(n); err != nil {
			return // only a picture of another size is refused, and that has just begun anew
		}
		c.aim.view = n.View
	}
	c.field = render.Field(c.numbers)
	if fresh {
		c.resize(c.w, c.h)
	}
	for int(t.Index) >= len(c.tiles) {
		c.tiles = append(c.tiles, placed{})
	}
	p := &c.tiles[t.Index]
	before := *p
	*p = placed{known: true, frame: t.Frame, owner: owner, name: t.Owner, arrived: t.Arrived,
		rect: render.Rect(n.Rect), flash: before.flash}
	if t.TakenOver && !c.still {
		p.flash = t.Arrived.Add(flashFor)
	}
	render.PaintPart(c.pic, c.field, c.palette, where)
	if c.owners || before.stale || p.flash != before.flash {
		c.mark(p)
	}
	c.soil(where)
	c.soil(p.rect)
}

// grow tells how old the tiles are at an instant, and marks those that became stale.
func (c *canvas) grow(now clock.Instant) (s staleness) {
	limit := staleAfter(c.period)
	for i := range c.tiles {
		p := &c.tiles[i]
		if !p.known {
			continue
		}
		old := now.Sub(p.arrived)
		stale := limit > 0 && old > limit
		if stale {
			s.tiles++
			s.worst = max(s.worst, old)
		}
		over := p.flash != 0 && now >= p.flash
		if stale != p.stale || over {
			p.stale = stale
			if over {
				p.flash = 0
			}
			c.mark(p)
			c.soil(p.rect)
		}
	}
	return s
}

// mark lays a tile's tint and border, its light and its hatching over its cells.
func (c *canvas) mark(p *placed) {
	if !p.known {
		return
	}
	m := render.Mark{Stale: p.stale}
	border := uint8(0) // how much of the tint it has; 0: there is none
	if c.owners && p.owner >= 0 {
		m.Tint, m.Blend, m.Label = c.look.tint(p.owner), 120, '1'+byte(min(p.owner, 8))
		border = 200
	}
	if p.flash != 0 {
		m.Tint, m.Blend = c.look.light(), 100
		border = 200
	}
	at := c.pixels(p.rect)
	c.pic.Mark(at, m)
	if border > 0 {
		m.Blend = border
		c.pic.Outline(at, m)
	}
}

// pixels is where a rectangle of samples lies in the picture.
func (c *canvas) pixels(r render.Rect) render.Rect {
	if c.field.W == 0 || c.field.H == 0 {
		return render.Rect{}
	}
	x0, y0 := r.X*c.pic.W/c.field.W, r.Y*c.pic.H/c.field.H
	x1, y1 := (r.X+r.W)*c.pic.W/c.field.W, (r.Y+r.H)*c.pic.H/c.field.H
	return render.Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
}

// soil makes the rows of a rectangle of samples dirty, and one beside, which a pixel may share.
func (c *canvas) soil(r render.Rect) {
	p := c.pixels(r)
	_, high := c.pic.Shape.Cell()
	for row := max(p.Y/high, 0); row <= (p.Y+p.H+high-1)/high && row < len(c.dirty); row++ {
		c.dirty[row] = true
	}
}

// tint switches the owners' tint, and tells the canvas who owns what once nodes have other places in the list.
func (c *canvas) tint(on bool, ordinal func(name string) int) {
	c.owners = on
	for i := range c.tiles {
		p := &c.tiles[i]
		if p.known {
			p.owner = ordinal(p.name)
		}
	}
	c.repaint()
}

// tileAt is the owner of the tile at a cell of the pane, empty where there is none.
func (c *canvas) tileAt(x, y int) string {
	cellW, cellH := c.pic.Shape.Cell()
	x, y = (x-c.left)*cellW+cellW/2, (y-c.over)*cellH+cellH/2
	for i := range c.tiles {
		p := c.pixels(c.tiles[i].rect)
		if c.tiles[i].known && x >= p.X && x < p.X+p.W && y >= p.Y && y < p.Y+p.H {
			return c.tiles[i].name
		}
	}
	return ""
}

// count is how many tiles the picture has.
func (c *canvas) count() (n int) {
	for i := range c.tiles {
		if c.tiles[i].known {
			n++
		}
	}
	return n
}

// draw is the pane's rows; only dirty ones are made anew.
func (c *canvas) draw() []string {
	empty := c.look.line(c.w).String()
	rows := make([]string, 0, c.h)
	if len(c.tiles) == 0 {
		rows = fill(c.look, rows, c.w, c.h/2)
		const text = "waiting for the first tile"
		if c.h > 0 {
			rows = append(rows, c.look.line(c.w).to((c.w-len(text))/2).put(faint, text).String())
		}
		return fill(c.look, rows, c.w, c.h)
	}
	before, after := strings.Repeat(" ", c.left), strings.Repeat(" ", max(c.w-c.left-c.pic.Columns(), 0))
	for range c.over {
		rows = append(rows, empty)
	}
	for i := range c.rows {
		if c.dirty[i] {
			c.buf = append(c.buf[:0], before...)
			c.buf = render.AppendRow(c.buf, c.pic, i, c.depth)
			c.rows[i] = string(append(c.buf, after...))
			c.dirty[i] = false
		}
		rows = append(rows, c.rows[i])
	}
	return fill(c.look, rows, c.w, c.h)
}
