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
	Stale bool  // the numbers are old: dimmed, and hatched so that it is seen without colour
}

// Picture is a rectangle of pixels, row by row. Each cell of the terminal shows two of them, one above the other; an odd
// last row has a black pixel below it.
type Picture struct {
	W, H  int
	Pix   []RGB
	Marks []Mark // one a cell, W a row; nil when there are none
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
func (p *Picture) Rows() int { return (p.H + 1) / 2 }

// Mark puts m on every cell whose middle lies in r, which is in pixels; a picture cut into rectangles has each cell in
// exactly one of them.
func (p *Picture) Mark(r Rect, m Mark) {
	if n := p.W * p.Rows(); len(p.Marks) != n {
		if m == (Mark{}) {
			return
		}
		if cap(p.Marks) < n {
			p.Marks = make([]Mark, n)
		}
		p.Marks = p.Marks[:n]
		clear(p.Marks)
	}
	r = r.clip(p.W, 2*p.Rows())
	for row := r.Y / 2; row < p.Rows(); row++ {
		// The middle of a cell is the border between its two pixels: it belongs to the lower one.
		if mid := 2*row + 1; mid < r.Y {
			continue
		} else if mid >= r.Y+r.H {
			break
		}
		line := p.Marks[row*p.W:]
		for x := r.X; x < r.X+r.W; x++ {
			line[x] = m
		}
	}
}

// ClearMarks takes every mark away.
func (p *Picture) ClearMarks() { p.Marks = p.Marks[:0] }
