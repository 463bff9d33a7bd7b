package tui

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// style is a role that text plays; a [theme] gives each role its look.
type style uint8

const (
	plain    style = iota // body text, in the terminal's own colour
	faint                 // rules, units, what is only context
	strong                // what the eye should find first
	title                 // names of panels
	brand                 // the product's name
	good                  // alive, zero lost, within the budget
	caution               // late, frozen, stale
	danger                // dead, lost, over the budget: the one loud colour
	lit                   // keys one can press
	selected              // the picked node
	bar                   // bars of a histogram
	styles
)

// line builds one row of a panel: styled text of a known width. Widths are counted in cells; every glyph that reaches it
// is one cell wide.
type line struct {
	look *theme
	buf  []byte
	w    int // cells written
	max  int // cells there are
	last style
	open bool // an SGR other than the default is in force
}

func (t *theme) line(width int) *line { return &line{look: t, max: max(width, 0)} }

// put appends text, cut at the line's width.
func (l *line) put(s style, text string) *line {
	for _, r := range text {
		if l.w >= l.max {
			return l
		}
		if r < 0x20 || r >= 0x7f {
			r = l.look.narrow(r)
		}
		l.shift(s)
		l.buf = utf8.AppendRune(l.buf, r)
		l.w++
	}
	return l
}

// shift changes the style in force.
func (l *line) shift(s style) {
	if l.open && l.last == s {
		return
	}
	l.buf = append(l.buf, l.look.sgr[s]...)
	l.last, l.open = s, true
}

// raw appends bytes that occupy the given number of cells and leave no style of [line]'s in force.
func (l *line) raw(bytes string, cells int) *line {
	if l.w+cells > l.max {
		return l
	}
	l.buf = append(l.buf, bytes...)
	l.w += cells
	l.open = false
	return l
}

// to pads with spaces up to a column.
func (l *line) to(column int) *line { return l.put(plain, strings.Repeat(" ", max(column-l.w, 0))) }

// rule fills with a thin rule up to a column.
func (l *line) rule(column int) *line {
	return l.put(faint, strings.Repeat(l.look.glyphs.rule, max(column-l.w, 0)))
}

// left puts text in a field of a width, cut with an ellipsis where it is too long.
func (l *line) left(s style, text string, width int) *line {
	end := l.w + width
	return l.put(s, l.look.cut(text, width)).to(end)
}

// right puts text at the right end of a field of a width.
func (l *line) right(s style, text string, width int) {
	text = l.look.cut(text, width)
	l.to(l.w+width-cells(text)).put(s, text)
}

// String is the row: padded to its width, its styles closed.
func (l *line) String() string {
	l.to(l.max)
	return string(l.buf) + l.look.reset
}

// cells counts the cells of text whose glyphs are each one cell wide.
func cells(text string) int { return utf8.RuneCountInString(text) }

// cut shortens text to a width, with an ellipsis for what is missing.
func (t *theme) cut(text string, width int) string {
	n := cells(text)
	if n <= width {
		return text
	}
	if width <= 0 {
		return ""
	}
	for i := range text {
		if width--; width == 0 {
			return text[:i] + t.glyphs.ellipsis
		}
	}
	return text
}

// narrow replaces what would break the columns or the terminal: control characters, glyphs that are not one cell wide,
// and in an ASCII screen everything that is not ASCII.
func (t *theme) narrow(r rune) rune {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError:
		return '?'
	case t.ascii && r > 0x7e:
		return asciiOf(r)
	case r < 0x300 || r >= 0x2500 && r < 0x25ff || r == '▸' || r == '…' || r == '→':
		return r
	case ansi.StringWidth(string(r)) != 1:
		return '?'
	}
	return r
}

// asciiOf is the nearest ASCII letter of the glyphs that the screen's own sentences use.
func asciiOf(r rune) rune {
	switch r {
	case '·', '×':
		return 'x'
	case '→':
		return '>'
	case '…':
		return '.'
	case '—', '–':
		return '-'
	case '≤':
		return '<'
	case '↑':
		return '^'
	case '↓':
		return 'v'
	}
	return '?'
}

// ms prints milliseconds with as many digits as are worth reading, and no unit.
func ms(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v < 0.995:
		return strconv.FormatFloat(max(v, 0), 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// plural puts a count before its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
