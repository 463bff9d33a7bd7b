package render

// Shape is how pixels make a cell.
type Shape uint8

// The shapes. What has no colour at all is drawn in Characters or in Braille.
const (
	// Halves are two pixels, one above the other, each in its own colour.
	Halves Shape = iota
	// Quadrants are four pixels in two colours: sharper, where more than two do not meet.
	Quadrants
	// Characters are two pixels whose brightness becomes a character, without colour.
	Characters
	// Braille is eight dots in one colour, the brighter a pixel the likelier its dot.
	Braille
	shapes
)

// Shapes lists all of them.
func Shapes() []Shape { return []Shape{Halves, Quadrants, Characters, Braille} }

// String is the shape's name.
func (s Shape) String() string {
	switch s {
	case Halves:
		return "half blocks"
	case Quadrants:
		return "quadrants"
	case Characters:
		return "characters"
	case Braille:
		return "braille"
	case shapes:
	}
	return "unknown"
}

// Colorless reports whether the shape tells something without any colour.
func (s Shape) Colorless() bool { return s == Characters || s == Braille }

// Cell is how many pixels make a cell.
func (s Shape) Cell() (w, h int) {
	switch s {
	case Quadrants:
		return 2, 2
	case Braille:
		return 2, 4
	case Halves, Characters, shapes:
	}
	return 1, 2
}

// quadrants are the glyphs of four pixels by which of them are in the foreground: bit 0 the upper right, bit 1 the lower left, bit 2
// the lower right. The upper left is the background always, for a seam above a foreground is drawn wrong by some terminals.
var quadrants = [8]string{" ", "▝", "▖", "▞", "▗", "▐", "▄", "▟"}

// split finds the two colours that four pixels, in reading order, are drawn in, and which of the last three are in the second:
// of the eight ways the one whose colours are nearest to the pixels (squares of the differences, screen values).
func split(pix *[4]RGB) (back, fore RGB, glyph uint8) {
	if pix[0] == pix[1] && pix[0] == pix[2] && pix[0] == pix[3] {
		return pix[0], pix[0], 0
	}
	best := 1 << 30
	for mask := range uint8(8) {
		in := mask << 1 // the first is never in it
		b, f := mean(pix[:], ^in&15), mean(pix[:], in)
		off := 0
		for i, c := range pix {
			if in>>i&1 == 1 {
				off += c.distance(f)
			} else {
				off += c.distance(b)
			}
		}
		if off < best {
			best, back, fore, glyph = off, b, f, mask
		}
	}
	return back, fore, glyph
}

// mean is the mean light of those of some colours that are in a set; black where none is.
func mean(pix []RGB, in uint8) RGB {
	var r, g, b, n uint
	for i, c := range pix {
		if in>>i&1 == 1 {
			l := c.light()
			r, g, b, n = r+uint(l.r), g+uint(l.g), b+uint(l.b), n+1
		}
	}
	if n == 0 {
		return RGB{}
	}
	return RGB{screenOf[r/n>>4], screenOf[g/n>>4], screenOf[b/n>>4]}
}

// distance is how far two colours are apart: the squares of the differences of their channels.
func (c RGB) distance(o RGB) int {
	r, g, b := int(c.R)-int(o.R), int(c.G)-int(o.G), int(c.B)-int(o.B)
	return r*r + g*g + b*b
}

// BrailleDots is the bit of each of eight pixels, in reading order, in a character of U+2800 (Unicode, Braille Patterns).
var BrailleDots = [8]uint8{0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80}

// dots chooses which of eight pixels at x, y are dots, by ordered dithering of their brightness, and the mean light of those.
func dots(pix *[8]RGB, x, y int) (bitmap uint8, ink RGB) {
	var in uint8
	for i, c := range pix {
		if c.luma() > 16*bayer[(y+i/2)&3][(x+i%2)&3]+8 {
			bitmap |= BrailleDots[i]
			in |= 1 << i
		}
	}
	return bitmap, mean(pix[:], in)
}
