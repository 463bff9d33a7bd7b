package render

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// Depth is how many colours a terminal shows.
type Depth uint8

// The depths, poorest first.
const (
	// ASCII has no colour and no escape codes: brightness becomes a character.
	ASCII Depth = iota
	// Colors16 are the sixteen of ECMA-48 and aixterm, dithered.
	Colors16
	// Colors256 are the cube and the greys of xterm, dithered.
	Colors256
	// Coarse has 4 bits a channel, told as TrueColor is: fewer changes of colour, for a link that is slow.
	Coarse
	// TrueColor has 8 bits a channel.
	TrueColor
)

// String is the depth's name.
func (d Depth) String() string {
	switch d {
	case ASCII:
		return "ascii"
	case Colors16:
		return "16"
	case Colors256:
		return "256"
	case Coarse:
		return "coarse"
	case TrueColor:
		return "truecolor"
	}
	return "unknown"
}

const (
	halfBlock = "▄" // lower half: the foreground; xterm draws the seam of ▀ wrong
	reset     = "\x1b[m"
	hatch     = '/' // of stale cells
	ramp      = " .:-=+*#%@"
	cellBytes = len("\x1b[38;2;255;255;255;48;2;255;255;255m" + halfBlock) // at most
)

// AppendRow appends one row of cells, without a line end, to dst. Of a cell of half blocks the upper pixel is its background,
// the lower the foreground; equal ones are a space. Colours are set only where they change, and the row
// ends with a reset, so that rows may be cached, cut out and joined freely. It allocates nothing once dst is large
// enough. A row outside the picture appends nothing. Without colour, a shape that needs any is drawn in characters.
func AppendRow(dst []byte, pic *Picture, row int, depth Depth) []byte {
	if row < 0 || row >= pic.Rows() {
		return dst
	}
	columns := pic.Columns()
	var marks []Mark
	if pic.marked() {
		marks = pic.Marks[row*columns : (row+1)*columns]
	}
	shape := pic.Shape
	if depth == ASCII && !shape.Colorless() || shape == Characters {
		shape, depth = Characters, ASCII
	}
	enc := encoder{dst: slices.Grow(dst, cellBytes*columns+len(reset)), depth: depth, shape: shape}
	for x := range columns {
		c := cell{x: x, row: row}
		c.gather(pic)
		if marks != nil {
			c.mark(marks[x])
		}
		enc.append(&c)
	}
	if enc.colored {
		enc.dst = append(enc.dst, reset...)
	}
	return enc.dst
}

// cell is some pixels and what is drawn over them.
type cell struct {
	x, row      int
	w, h        int    // its size in pixels
	pix         [8]RGB // w·h of them, in reading order
	glyph       byte   // in place of them; 0: none
	label, edge byte   // for a terminal without colour
}

// gather takes a cell's pixels from the picture.
func (c *cell) gather(pic *Picture) {
	c.w, c.h = pic.Shape.Cell()
	for i := range c.w * c.h {
		if x, y := c.x*c.w+i%c.w, c.row*c.h+i/c.w; x < pic.W && y < pic.H {
			c.pix[i] = pic.Pix[y*pic.W+x]
		}
	}
}

// all are the cell's pixels.
func (c *cell) all() []RGB { return c.pix[:c.w*c.h] }

// mark draws m over the cell.
func (c *cell) mark(m Mark) {
	if m.Blend > 0 {
		for i, p := range c.all() {
			c.pix[i] = p.blend(m.Tint, m.Blend)
		}
	}
	c.label, c.edge = m.Label, m.Edge
	if !m.Stale {
		return
	}
	for i, p := range c.all() {
		c.pix[i] = dim(p)
	}
	if (c.x+c.row)%4 == 0 {
		c.glyph = hatch
	}
}

// dim takes most of the colour and half of the brightness away.
func dim(c RGB) RGB {
	l := uint8(c.luma())
	c = c.blend(RGB{l, l, l}, 176)
	return c.blend(RGB{}, 120)
}

// opposite is white for a dark colour and black for a bright one.
func (c RGB) opposite() RGB {
	if c.luma() < 128 {
		return RGB{255, 255, 255}
	}
	return RGB{}
}

// sign is what is drawn over the cell in place of its pixels where there is no colour: 0 where nothing is.
func (c *cell) sign() byte {
	switch {
	case c.glyph != 0:
		return c.glyph
	case c.label != 0 && c.x%6 == 2 && c.row%3 == 1:
		return c.label
	}
	return c.edge
}

// character is the cell's brightness.
func (c *cell) character() byte {
	luma := 0
	for _, p := range c.all() {
		luma += p.luma()
	}
	return ramp[luma/len(c.all())*len(ramp)/256]
}

// encoder appends cells and remembers the colours in force.
type encoder struct {
	dst     []byte
	depth   Depth
	shape   Shape
	colored bool // an escape code was written
	fg, bg  ink
}

// ink is a colour as the terminal is told it: an RGB value or an index, plus one, so that 0 is "not set yet".
type ink uint32

func (e *encoder) append(c *cell) {
	x, y := c.x*c.w, c.row*c.h
	switch {
	case e.depth == ASCII && c.sign() != 0:
		e.dst = append(e.dst, c.sign())
	case c.glyph != 0:
		ground := mean(c.all(), 255)
		bg, fg := e.ink(ground, x, y), e.ink(ground.blend(RGB{255, 255, 255}, 96), x, y+1)
		if fg == bg { // too few colours to tell them apart
			fg = e.ink(ground.opposite(), x, y+1)
		}
		e.set(fg, bg)
		e.dst = append(e.dst, c.glyph)
	case e.shape == Characters:
		e.dst = append(e.dst, c.character())
	case e.shape == Quadrants:
		back, fore, glyph := split((*[4]RGB)(c.pix[:4]))
		e.draw(quadrants[glyph], e.ink(fore, x+1, y+1), e.ink(back, x, y))
	case e.shape == Braille:
		bitmap, color := dots(&c.pix, x, y)
		var glyph [3]byte // of U+2800 to U+28FF in UTF-8
		n := utf8.EncodeRune(glyph[:], '\u2800'+rune(bitmap))
		if bitmap == 0 { // some fonts draw what is no dot, too
			glyph[0], n = ' ', 1
		}
		e.set(e.ink(color, x, y), e.ink(RGB{}, x, y))
		e.dst = append(e.dst, glyph[:n]...)
	default:
		e.draw(halfBlock, e.ink(c.pix[1], x, y+1), e.ink(c.pix[0], x, y))
	}
}

// draw appends a glyph in its two colours; where they are the same, a space.
func (e *encoder) draw(glyph string, fg, bg ink) {
	if fg == bg || glyph == " " {
		glyph, fg = " ", e.fg
	}
	e.set(fg, bg)
	e.dst = append(e.dst, glyph...)
}

// ink is how a colour at pixel x, y is told to the terminal.
func (e *encoder) ink(c RGB, x, y int) ink {
	switch e.depth {
	case TrueColor:
		return 1 + ink(c.R)<<16 + ink(c.G)<<8 + ink(c.B)
	case Coarse:
		return 1 + ink(c.R>>4*17)<<16 + ink(c.G>>4*17)<<8 + ink(c.B>>4*17)
	case Colors256:
		return 1 + ink(index256(c, x, y))
	case Colors16:
		return 1 + ink(index16(c, x, y))
	case ASCII:
	}
	return 0
}

// set makes fg and bg the colours in force, with one escape code for what changes.
func (e *encoder) set(fg, bg ink) {
	switch {
	case fg == e.fg && bg == e.bg:
		return
	case bg == e.bg:
		e.dst = e.appendInk(append(e.dst, "\x1b["...), fg-1, foreground)
	case fg == e.fg:
		e.dst = e.appendInk(append(e.dst, "\x1b["...), bg-1, background)
	default:
		e.dst = e.appendInk(append(e.dst, "\x1b["...), fg-1, foreground)
		e.dst = e.appendInk(append(e.dst, ';'), bg-1, background)
	}
	e.dst = append(e.dst, 'm')
	e.fg, e.bg, e.colored = fg, bg, true
}

// ground says which of the two colours of a cell is set: what is added to the codes of SGR for it.
type ground uint8

const (
	foreground ground = 0
	background ground = 10
)

func (e *encoder) appendInk(dst []byte, c ink, g ground) []byte {
	switch e.depth {
	case TrueColor, Coarse:
		if g == foreground {
			dst = append(dst, "38;2;"...)
		} else {
			dst = append(dst, "48;2;"...)
		}
		dst = append(dst, decimal[uint8(c>>16)]...)
		dst = append(append(dst, ';'), decimal[uint8(c>>8)]...)
		return append(append(dst, ';'), decimal[uint8(c)]...)
	case Colors256:
		dst = append(append(dst, decimal[38+g]...), ";5;"...)
		return append(dst, decimal[uint8(c)]...)
	case Colors16:
		if c < 8 {
			return append(dst, decimal[30+uint8(g)+uint8(c)]...)
		}
		return append(dst, decimal[90+uint8(g)+uint8(c)-8]...)
	case ASCII:
	}
	return dst
}

// decimal holds the digits of every channel and index: half of what is written are numbers.
var decimal = tabulateDecimal()

func tabulateDecimal() (table [256]string) {
	for i := range table {
		table[i] = strconv.Itoa(i)
	}
	return table
}
