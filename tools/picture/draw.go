package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// A cell is 8 units wide and 16 high, so half a cell is a square; around the screen lies a margin, and above it a bar.
const (
	wide   = 8
	high   = 16
	margin = 14
	bar    = 30
)

// draw writes the screen as an SVG.
func draw(w io.Writer, s screen, title string) {
	width, height := len(s[0])*wide, len(s)*high
	fullWidth, fullHeight := width+2*margin, height+bar+margin
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`,
		fullWidth, fullHeight, fullWidth, fullHeight)
	p(`<title>%s</title>`, escape(title))
	p(`<rect x=".5" y=".5" width="%d" height="%d" rx="10" fill="%s" stroke="#30363d"/>`, fullWidth-1, fullHeight-1, ground)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		p(`<circle cx="%d" cy="%d" r="5.5" fill="%s"/>`, margin+7+20*i, bar/2, colour)
	}
	p(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" xml:space="preserve">`)
	p(`<text x="%d" y="%d" fill="#8b949e" text-anchor="middle">%s</text>`, fullWidth/2, bar/2+5, escape(title))
	p(`<g transform="translate(%d %d)">`, margin, bar)
	p(`<g shape-rendering="crispEdges">`)
	for _, b := range boxes(s) {
		p(`<path fill="%s" d="M%d %dh%dv%dh-%dz"/>`, b.colour, b.x, b.y, b.w, b.h, b.w)
	}
	p(`</g>`)
	for y, row := range s {
		words(p, row, y)
	}
	p(`</g></g></svg>`)
}

// box is a rectangle of one colour.
type box struct {
	colour     string
	x, y, w, h int
}

// boxes are what a screen shows beside its words, those of one colour and height side by side made one.
func boxes(s screen) []box {
	var all []box
	for y, row := range s {
		begin := len(all)
		for x, c := range row {
			for _, b := range boxesOf(c) {
				b.x, b.y = b.x+x*wide, b.y+y*high
				all = widen(all, begin, b)
			}
		}
	}
	return all
}

// widen adds b to all, to one of its own row, from begin on, where it goes on from that.
func widen(all []box, begin int, b box) []box {
	for i := len(all) - 1; i >= max(begin, len(all)-4); i-- {
		if before := &all[i]; before.colour == b.colour && before.y == b.y && before.h == b.h && before.x+before.w == b.x {
			before.w += b.w
			return all
		}
	}
	return append(all, b)
}

// boxesOf are the rectangles of a cell, measured from its own corner.
func boxesOf(c cell) []box {
	front, back := c.pen.colours()
	var list []box
	if back != ground {
		list = append(list, box{back, 0, 0, wide, high})
	}
	add := func(x, y, w, h int) []box {
		if w == wide && h < high && back != ground { // two halves, and nothing under them
			list[0].h -= h
			if y == 0 {
				list[0].y = h
			}
		}
		return append(list, box{front, x, y, w, h})
	}
	switch r := c.glyph; {
	case r == '▀':
		return add(0, 0, wide, high/2)
	case r >= '▁' && r <= '█': // eighths from below
		h := int(r-'▁'+1) * high / 8
		return add(0, high-h, wide, h)
	case r == '─':
		return add(0, high/2, wide, 1)
	case r == '│':
		return add(wide/2, 0, 1, high)
	case r == '┊':
		for y := 1; y < high; y += 4 {
			list = append(list, box{front, wide / 2, y, 1, 2})
		}
	}
	return list
}

// drawn reports whether a glyph is made of rectangles, or of nothing.
func drawn(r rune) bool {
	return r == ' ' || r == '─' || r == '│' || r == '┊' || r >= '▀' && r <= '█'
}

// words writes the words of row y, those in one pen as one text. A single space ends no text; two do, so that what
// stands in columns stands there in every font.
func words(p func(string, ...any), row []cell, y int) {
	for x := 0; x < len(row); x++ {
		if drawn(row[x].glyph) {
			continue
		}
		look := row[x].pen
		var text strings.Builder
		at := x
		for ; x < len(row); x++ {
			c := row[x]
			if c.glyph == ' ' && x+1 < len(row) && !drawn(row[x+1].glyph) && row[x+1].pen == look {
				text.WriteRune(' ')
				continue
			}
			if drawn(c.glyph) || c.pen != look {
				break
			}
			text.WriteRune(c.glyph)
		}
		x--
		front, _ := look.colours()
		extra := ""
		if look.bold {
			extra += ` font-weight="bold"`
		}
		if look.dim {
			extra += ` opacity=".6"`
		}
		p(`<text x="%d" y="%d" textLength="%d" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`,
			at*wide, y*high+12, (x+1-at)*wide, front, extra, escape(text.String()))
	}
}

// escape is text as XML may contain it.
func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}
