package tui

import (
	"math"
	"strconv"
)

// waterfallRows is how many rows the course of an incident takes.
const waterfallRows = 4

// phase is a part of an incident's course: what it is called, and when it began and ended, in ms after the fault.
type phase struct {
	name     string
	from, to float64
	known    bool
}

// course is what happened after a fault. When that was is not known where only the nodes tell of the fault, and for how long the
// work stood still only where that was measured.
func (i *Incident) course(measured bool) []phase {
	return []phase{
		{"noticed", 0, i.Noticed, i.Noticed > 0},
		{"took over", min(i.Noticed, i.Taken), i.Taken, i.Taken > 0},
		{"downtime", 0, i.Downtime, measured},
	}
}

// waterfall draws the course of an incident on one axis, from the fault on, with a line where the budget ends.
func waterfall(t *theme, phases []phase, budget float64, open bool, w int) []string {
	const name, figure, unit = 10, 8, " ms"
	width := w - name - figure - len(unit)
	span := budget * 1.25
	for _, p := range phases {
		span = max(span, p.to)
	}
	end := min(int(budget/span*float64(width)), width-1)
	rows := append(make([]string, 0, waterfallRows), scale(t, end, budget, name, w))
	for _, p := range phases {
		first := min(int(p.from/span*float64(width)), width-1)
		last := min(max(int(math.Ceil(p.to/span*float64(width))), first+1), width)
		l := t.line(w).left(faint, p.name, name)
		for x := range width {
			look, glyph := bar, t.glyphs.bars[len(t.glyphs.bars)-1]
			switch {
			case x == end:
				look, glyph = danger, t.glyphs.line
			case !p.known || x < first || x >= last:
				look, glyph = plain, " "
			case x > end:
				look = danger
			}
			l.put(look, glyph)
		}
		if !p.known {
			l.right(faint, "-", figure)
		} else {
			l.right(verdict(p.to, budget, open), ms(p.to), figure)
			l.put(faint, unit)
		}
		rows = append(rows, l.String())
	}
	return rows
}

// scale is the waterfall's first row: where the fault was, and where the budget ends.
func scale(t *theme, end int, budget float64, name, w int) string {
	label := strconv.FormatFloat(budget, 'f', -1, 64) + " ms"
	l := t.line(w).left(faint, "the fault", name).put(faint, "0")
	if at := name + end - cells(label); at > name+1 {
		return l.to(at).put(faint, label).put(danger, t.glyphs.line).String()
	}
	return l.to(name+end).put(danger, t.glyphs.line).put(faint, label).String()
}
