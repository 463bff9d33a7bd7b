// Package render turns numbers into colours, colours into terminal cells, and cells into bytes.
//
// Tiles arrive as numbers; here alone they become colour, so two screens may draw one stream differently. The way is
// [Field] (samples) → [Paint] with a [Palette] → [Picture] (pixels) → [AppendRow] (a row of cells, two pixels each) or
// [EncodePNG]. The package is pure: no clock, no terminal, no file. What is drawn on top of a picture, the owner's tint
// and the hatching of stale tiles, is a [Mark] on its cells and never touches the pixels.
package render

// RGB is a colour as sRGB, 8 bits a channel.
type RGB struct{ R, G, B uint8 }

// Rect is a rectangle with its corner X, Y; in samples or in pixels, as the one who takes it says.
type Rect struct{ X, Y, W, H int }

// Empty reports whether the rectangle covers nothing.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// clip is the part of r that lies within w×h.
func (r Rect) clip(w, h int) Rect {
	x0, y0 := max(r.X, 0), max(r.Y, 0)
	x1, y1 := min(r.X+r.W, w), min(r.Y+r.H, h)
	return Rect{X: x0, Y: y0, W: x1 - x0, H: y1 - y0}
}

// Field is a rectangle of numbers, row by row: the smooth iteration count of each sample, negative for a member of the
// set. Max is the iteration limit under which they were computed.
type Field struct {
	W, H   int // in samples
	Max    float32
	Values []float32 // W·H of them
}

// Mark is what is drawn over a cell. The zero Mark draws nothing.
type Mark struct {
	Tint  RGB   // the owner's colour
	Blend uint8 // how much of it, 0 none to 255 nothing else
	Label byte  // stands for the owner where there is no colour; 0 for none
	Edge  byte  // stands for a tile's border where there is no colour; 0 for none
	Stale bool  // the numbers are old: dimmed, and hatched so that it is seen without colour
}

// Picture is a rectangle of pixels, row by row. Each cell of the terminal shows as many of them as its shape says; what a last
// row or column of cells shows beyond the picture is black.
type Picture struct {
	W, H  int
	Shape Shape
	Pix   []RGB
	Marks []Mark // one a cell, row by row; nil when there are none
}

// Resize makes the picture w×h pixels, black and without marks, reusing its memory.
func (p *Picture) Resize(w, h int) {
	p.W, p.H = max(w, 0), max(h, 0)
	if n := p.W * p.H; cap(p.Pix) < n {
		p.Pix = make([]RGB, n)
	} else {
		p.Pix = p.Pix[:n]
		clear(p.Pix)
	}
	p.Marks = p.Marks[:0]
}

// Rows is how many rows of cells the picture takes.
func (p *Picture) Rows() int {
	_, h := p.Shape.Cell()
	return ceilDiv(p.H, h)
}

// Columns is how many cells are in a row.
func (p *Picture) Columns() int {
	w, _ := p.Shape.Cell()
	return ceilDiv(p.W, w)
}

// cells are the cells whose middle lies in a rectangle of pixels: from the first, to before the last.
func (p *Picture) cells(r Rect) (fromX, fromY, toX, toY int) {
	w, h := p.Shape.Cell()
	// The middle of a cell of two pixels is the border between them: it belongs to the second.
	first := func(at, size int) int { return ceilDiv(max(at-size/2, 0), size) }
	return first(r.X, w), first(r.Y, h), min(first(r.X+r.W, w), p.Columns()), min(first(r.Y+r.H, h), p.Rows())
}

// Mark puts m on every cell whose middle lies in r, which is in pixels; a picture cut into rectangles has each cell in
// exactly one of them.
func (p *Picture) Mark(r Rect, m Mark) {
	if !p.marked() && m == (Mark{}) {
		return
	}
	p.makeMarks()
	fromX, fromY, toX, toY := p.cells(r)
	for y := fromY; y < toY; y++ {
		line := p.Marks[y*p.Columns():]
		for x := fromX; x < toX; x++ {
			line[x] = m
		}
	}
}

// Outline puts m on the first row and column of the cells that Mark would put it on, and says of each how it stands for a border
// where there is no colour.
func (p *Picture) Outline(r Rect, m Mark) {
	p.makeMarks()
	fromX, fromY, toX, toY := p.cells(r)
	for y := fromY; y < toY; y++ {
		for x := fromX; x < toX; x++ {
			switch m.Edge = '-'; {
			case x == fromX && y == fromY:
				m.Edge = '+'
			case x == fromX:
				m.Edge = '|'
			case y > fromY:
				continue
			}
			p.Marks[y*p.Columns()+x] = m
		}
	}
}

func (p *Picture) marked() bool { return len(p.Marks) > 0 && len(p.Marks) == p.Columns()*p.Rows() }

// makeMarks makes room for a mark on each cell, unless there is.
func (p *Picture) makeMarks() {
	n := p.Columns() * p.Rows()
	if len(p.Marks) == n {
		return
	}
	if cap(p.Marks) < n {
		p.Marks = make([]Mark, n)
	}
	p.Marks = p.Marks[:n]
	clear(p.Marks)
}

// ClearMarks takes every mark away.
func (p *Picture) ClearMarks() { p.Marks = p.Marks[:0] }
