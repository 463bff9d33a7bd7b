package render

import (
	"slices"
	"strconv"
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

// AppendRow appends one row of cells, without a line end, to dst. Two pixels make a cell: the upper is its background,
// the lower the foreground of a half block; equal ones are a space. Colours are set only where they change, and the row
// ends with a reset, so that rows may be cached, cut out and joined freely. It allocates nothing once dst is large
// enough. A row outside the picture appends nothing.
func AppendRow(dst []byte, pic *Picture, row int, depth Depth) []byte {
	if row < 0 || row >= pic.Rows() {
		return dst
	}
	var marks []Mark
	if len(pic.Marks) == pic.W*pic.Rows() {
		marks = pic.Marks[row*pic.W : (row+1)*pic.W]
	}
	upper := pic.Pix[2*row*pic.W : (2*row+1)*pic.W]
	lower := pic.Pix[(2*row+1)*pic.W:]
	enc := encoder{dst: slices.Grow(dst, cellBytes*pic.W+len(reset)), depth: depth}
	for x, up := range upper {
		c := cell{x: x, row: row, upper: up}
		if x < len(lower) { // else below an odd last row
			c.lower = lower[x]
		}
		if marks != nil {
			c.mark(marks[x])
		}
		if depth == ASCII {
			enc.dst = append(enc.dst, c.character())
			continue
		}
		enc.append(&c)
	}
	if enc.colored {
		enc.dst = append(enc.dst, reset...)
	}
	return enc.dst
}

// cell is two pixels and what is drawn over them.
type cell struct {
	x, row       int
	upper, lower RGB
	glyph        byte // over the upper colour, in the lower; 0 for the half block
	label        byte // for a terminal without colour
}

// mark draws m over the cell.
func (c *cell) mark(m Mark) {
	if m.Blend > 0 {
		c.upper, c.lower = c.upper.blend(m.Tint, m.Blend), c.lower.blend(m.Tint, m.Blend)
	}
	c.label = m.Label
	if !m.Stale {
		return
	}
	c.upper, c.lower = dim(c.upper), dim(c.lower)
	if (c.x+c.row)%4 == 0 {
		c.glyph = hatch
		c.upper = c.upper.blend(c.lower, 128)
		c.lower = c.upper.blend(RGB{255, 255, 255}, 96)
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

// character is the cell where there is no colour: its brightness, unless it is hatched or bears its owner's label.
func (c *cell) character() byte {
	if c.glyph != 0 {
		return c.glyph
	}
	if c.label != 0 && c.x%6 == 2 && c.row%3 == 1 {
		return c.label
	}
	luma := (c.upper.luma() + c.lower.luma()) / 2
	return ramp[luma*len(ramp)/256]
}

// encoder appends cells and remembers the colours in force.
type encoder struct {
	dst     []byte
	depth   Depth
	colored bool // an escape code was written
	fg, bg  ink
}

// ink is a colour as the terminal is told it: an RGB value or an index, plus one, so that 0 is "not set yet".
type ink uint32

func (e *encoder) append(c *cell) {
	bg, fg := e.ink(c.upper, c.x, 2*c.row), e.ink(c.lower, c.x, 2*c.row+1)
	switch {
	case c.glyph != 0:
		if fg == bg { // too few colours to tell them apart
			fg = e.ink(c.upper.opposite(), c.x, 2*c.row+1)
		}
		e.set(fg, bg)
		e.dst = append(e.dst, c.glyph)
	case fg == bg:
		e.set(e.fg, bg)
		e.dst = append(e.dst, ' ')
	default:
		e.set(fg, bg)
		e.dst = append(e.dst, halfBlock...)
	}
}

// ink is how a colour at pixel x, y is told to the terminal.
func (e *encoder) ink(c RGB, x, y int) ink {
	switch e.depth {
	case TrueColor:
		return 1 + ink(c.R)<<16 + ink(c.G)<<8 + ink(c.B)
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
	case TrueColor:
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
