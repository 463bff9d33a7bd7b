package tui

import (
	"math"
	"strconv"

	"fracture/cluster/failover"
)

// waterfallRows is how many rows the course of an incident takes.
const waterfallRows = 6

// phase is a part of an incident's course: what it is called, and when it began and ended, in ms after the fault.
type phase struct {
	name     string
	from, to float64
	known    bool
	note     string // beside its bar, where there is room
}

// course is what happened after a fault. When that was is not known where only the nodes tell of the fault or where it was not seen, and
// for how long the work stood still only where that was measured.
func (i *Incident) course(measured bool) []phase {
	steps := []phase{
		{name: "noticed", to: i.Noticed, note: by(i.Signal)}, {name: "took over", to: i.Taken},
		{name: "first result", to: i.Sent}, {name: "delivered", to: i.Delivered},
	}
	before := 0.0
	for n := range steps {
		p := &steps[n]
		p.known, p.from = p.to > 0, min(before, p.to)
		before = max(before, p.to)
	}
	return append(steps, phase{name: "downtime", to: i.Downtime, known: measured})
}

// by names the signal by which the others noticed; empty where none is known.
func by(signal failover.Signal) string {
	if signal == 0 {
		return ""
	}
	return "by " + signal.String()
}

// Cells of a row of the waterfall beside its bar.
const (
	courseName   = 13
	courseFigure = 8
	courseUnit   = " ms"
)

// waterfall draws the course of an incident on one axis, from the fault on, with a line where the budget ends.
func waterfall(t *theme, phases []phase, budget float64, open bool, w int) []string {
	width := w - courseName - courseFigure - len(courseUnit)
	span := budget * 1.25
	for _, p := range phases {
		if p.known {
			span = max(span, p.to)
		}
	}
	end := min(int(budget/span*float64(width)), width-1)
	rows := append(make([]string, 0, waterfallRows), scale(t, end, budget, w))
	for _, p := range phases {
		l := t.line(w).left(faint, p.name, courseName)
		p.draw(l, t, span, width, end)
		if !p.known {
			l.right(faint, "-", courseFigure)
		} else {
			l.right(verdict(p.to, budget, open), ms(p.to), courseFigure)
			l.put(faint, courseUnit)
		}
		rows = append(rows, l.String())
	}
	return rows
}

// draw appends the bar of a phase, in so many cells that are a span of ms; the budget ends at the cell end. Its note stands behind it
// where it reaches neither the line of the budget nor the end.
func (p phase) draw(l *line, t *theme, span float64, width, end int) {
	first := min(int(p.from/span*float64(width)), width-1)
	last := min(max(int(math.Ceil(p.to/span*float64(width))), first+1), width)
	note := []rune(p.note)
	if at := last + 1; !p.known || at+len(note) > width || at <= end && at+len(note) > end {
		note = nil
	}
	for x := range width {
		look, glyph := bar, t.glyphs.bars[len(t.glyphs.bars)-1]
		switch {
		case x == end:
			look, glyph = danger, t.glyphs.line
		case x > last && x-last-1 < len(note):
			look, glyph = faint, string(note[x-last-1])
		case !p.known || x < first || x >= last:
			look, glyph = plain, " "
		case x > end:
			look = danger
		}
		l.put(look, glyph)
	}
}

// scale is the waterfall's first row: where the fault was, and where the budget ends.
func scale(t *theme, end int, budget float64, w int) string {
	label := strconv.FormatFloat(budget, 'f', -1, 64) + " ms"
	l := t.line(w).left(faint, "the fault", courseName).put(faint, "0")
	if at := courseName + end - cells(label); at > courseName+1 {
		return l.to(at).put(faint, label).put(danger, t.glyphs.line).String()
	}
	return l.to(courseName+end).put(danger, t.glyphs.line).put(faint, label).String()
}
