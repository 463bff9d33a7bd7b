package tui

import (
	"fmt"
	"strings"

	"fracture/render"
)

// theme is how the roles of text look on one terminal. It does not change once made.
type theme struct {
	depth   render.Depth
	ascii   bool
	sgr     [styles]string // escape code that sets a style, whatever was in force
	reset   string
	glyphs  glyphs
	tints   []look
	reverse string // swaps the colours in force
}

// glyphs are the signs beside words, each one cell wide.
type glyphs struct {
	rule, ellipsis, pick, line, arrow, dot, record string
	states                                         [Dead + 1]string
	bars                                           []string // columns of rising height, the first the lowest
}

// look is one style's colour on each kind of terminal, and its attributes.
type look struct {
	rgb   render.RGB
	x256  uint8 // of xterm's 256
	x16   uint8 // SGR code of the sixteen; 0 keeps the terminal's own
	attrs string
}

// darkLooks are the screen's colours on a dark terminal: body text in the terminal's own, greys for what is context, one warm colour
// for what can be pressed, and one red that means only danger.
func darkLooks() [styles]look {
	return [styles]look{
		plain:    {},
		faint:    {rgb: render.RGB{R: 110, G: 118, B: 134}, x256: 243, x16: 90},
		strong:   {attrs: "1"},
		title:    {rgb: render.RGB{R: 148, G: 163, B: 190}, x256: 110, x16: 36},
		brand:    {rgb: render.RGB{R: 240, G: 178, B: 92}, x256: 215, x16: 33, attrs: "1"},
		good:     {rgb: render.RGB{R: 124, G: 190, B: 132}, x256: 108, x16: 32},
		caution:  {rgb: render.RGB{R: 224, G: 186, B: 98}, x256: 179, x16: 33},
		danger:   {rgb: render.RGB{R: 240, G: 92, B: 86}, x256: 203, x16: 91, attrs: "1"},
		lit:      {rgb: render.RGB{R: 240, G: 178, B: 92}, x256: 215, x16: 33},
		selected: {rgb: render.RGB{R: 240, G: 178, B: 92}, x256: 215, x16: 33, attrs: "1"},
		bar:      {rgb: render.RGB{R: 112, G: 152, B: 200}, x256: 68, x16: 34},
	}
}

// dress makes a theme of colours for a terminal of that depth.
func dress(looks [styles]look, tints []look, depth render.Depth, ascii bool) *theme {
	t := &theme{depth: depth, ascii: ascii, reset: "\x1b[m", reverse: "\x1b[7m", glyphs: unicodeGlyphs(), tints: tints}
	if ascii {
		t.glyphs = asciiGlyphs()
	}
	for s, l := range looks {
		t.sgr[s] = l.sgr(depth)
	}
	return t
}

// sgr is the escape code of a look. Without colour only the attributes stay, and what is faint is told as such.
func (l look) sgr(depth render.Depth) string {
	codes := []string{"0"}
	if l.attrs != "" {
		codes = append(codes, l.attrs)
	}
	switch {
	case l.x16 == 0:
	case depth == render.ASCII:
		if l.x16 == 90 {
			codes = append(codes, "2")
		}
	case depth == render.Colors16:
		codes = append(codes, fmt.Sprint(l.x16))
	case depth == render.Colors256:
		codes = append(codes, fmt.Sprintf("38;5;%d", l.x256))
	default:
		codes = append(codes, fmt.Sprintf("38;2;%d;%d;%d", l.rgb.R, l.rgb.G, l.rgb.B))
	}
	return "\x1b[" + strings.Join(codes, ";") + "m"
}

// shapes are those of cells that the picture can be drawn in, the first the one to begin with.
func (t *theme) shapes() []render.Shape {
	switch {
	case t.ascii:
		return []render.Shape{render.Characters}
	case t.depth == render.ASCII:
		return []render.Shape{render.Characters, render.Braille}
	}
	return render.Shapes()
}

// darkTints are the owners' colours by the order of nodes, far apart in hue and alike in weight.
func darkTints() []look {
	return []look{
		{rgb: render.RGB{R: 230, G: 110, B: 90}, x256: 167, x16: 31}, {rgb: render.RGB{R: 90, G: 170, B: 230}, x256: 74, x16: 34},
		{rgb: render.RGB{R: 120, G: 200, B: 110}, x256: 114, x16: 32}, {rgb: render.RGB{R: 220, G: 180, B: 70}, x256: 179, x16: 33},
		{rgb: render.RGB{R: 170, G: 120, B: 220}, x256: 140, x16: 35}, {rgb: render.RGB{R: 80, G: 200, B: 190}, x256: 79, x16: 36},
		{rgb: render.RGB{R: 230, G: 120, B: 180}, x256: 175, x16: 95}, {rgb: render.RGB{R: 150, G: 160, B: 90}, x256: 107, x16: 92},
		{rgb: render.RGB{R: 140, G: 140, B: 200}, x256: 104, x16: 94},
	}
}

// tint is the colour of the node at a place in the list.
func (t *theme) tint(ordinal int) render.RGB { return t.tints[ordinal%len(t.tints)].rgb }

// light is the colour of a tile that is lit.
func (t *theme) light() render.RGB { return rgb(0xffffff) }

// chip is a node's key on its tint, one cell wide: what links its line to its tiles.
func (t *theme) chip(ordinal int) string {
	return t.tints[ordinal%len(t.tints)].sgr(t.depth) + t.reverse + keyOf(ordinal)
}

// keyOf is the key that picks the node at a place in the list; only the first nine have one.
func keyOf(ordinal int) string {
	if ordinal > 8 {
		return " "
	}
	return string(rune('1' + ordinal))
}

func unicodeGlyphs() glyphs {
	return glyphs{rule: "─", ellipsis: "…", pick: "▸", line: "┊", arrow: "→", dot: "·", record: "●",
		states: [Dead + 1]string{Starting: "○", Alive: "●", Late: "◐", Frozen: "◐", Leaving: "◐", Dead: "✗"},
		bars:   []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}}
}

func asciiGlyphs() glyphs {
	return glyphs{rule: "-", ellipsis: "~", pick: ">", line: "|", arrow: "->", dot: "-", record: "*",
		states: [Dead + 1]string{Starting: "o", Alive: "*", Late: "~", Frozen: "=", Leaving: "~", Dead: "x"},
		bars:   []string{"_", ".", ":", "#"}}
}

// mood is the style of a node's state.
func (s NodeState) mood() style {
	switch s {
	case Alive:
		return good
	case Starting, Late, Frozen, Leaving:
		return caution
	case Dead:
		return danger
	}
	return plain
}
