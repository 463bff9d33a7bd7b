package tui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// bigWidth and bigHeight are the least size of the failover panel at which the last downtime is written large, with
// courseHeight its course is drawn, too, and with totalsHeight what must be nought is written large as well.
const (
	bigWidth     = 44
	bigHeight    = 12
	courseHeight = 16
	totalsHeight = 18
)

// drawFailure draws what failures cost: the last one, the figures over all, their histogram, what was lost.
func drawFailure(s *state, t *theme, w, h int) []string {
	budget := float64(s.opts.Budget) / float64(time.Millisecond)
	rows := []string{s.head(t, paneFailure, faultsNote(s, t, w, budget), faint, w)}
	big := w >= bigWidth && h >= bigHeight
	totals := []string{totalsRow(s, t, w)}
	if big && (h >= totalsHeight || s.incident == nil) {
		totals = bigTotals(s, t, w)
	}
	if s.incident == nil || s.gone() {
		rows = append(rows, invitation(s, t, w)...)
		return append(fill(t, rows, w, h-len(totals)), totals...)
	}
	if big {
		rows = append(rows, bigIncident(s, t, w, budget)...)
		if h >= courseHeight {
			course := s.incident.course(s.untold(s.incident, budget) == "")
			rows = append(rows, waterfall(t, course, budget, s.incident.Open, w)...)
		}
	} else {
		rows = append(rows, incidentRow(s, t, w, budget))
		if why := s.untold(s.incident, budget); why != "" && h > 6 {
			rows = append(rows, t.line(w).put(faint, t.cut(why, w)).String())
		}
	}
	rows = append(rows, quantileRow(s, t, w, budget))
	bars := h - len(rows) - 1 - len(totals)
	if big {
		const least = 3 // rows of the histogram, before classes are told apart
		classes := classRows(s, t, w, bars-1-least, budget)
		rows = append(rows, classes...)
		if bars -= len(classes); bars > least {
			rows = append(rows, t.line(w).String())
			bars--
		}
		bars = min(bars, 6)
	}
	if bars > 0 {
		rows = append(rows, histogram(t, s.latency.Buckets, budget, w, bars)...)
	}
	return append(fill(t, rows, w, h-len(totals)), totals...)
}

// faultsNote counts the faults and names the budget, in ms, as far as a heading of w cells has room for it.
func faultsNote(s *state, t *theme, w int, budget float64) string {
	const title = 12 // the heading's own cells
	limit := strconv.FormatFloat(budget, 'f', -1, 64) + " ms"
	faults := s.latency.N + s.latency.Untold
	if faults == 0 {
		return "budget " + limit
	}
	count := plural(faults, "fault")
	if s.latency.Untold > 0 {
		count = fmt.Sprintf("%d of %s measured", s.latency.N, count)
	}
	if cells(count)+title > w {
		count = fmt.Sprintf("%d of %d measured", s.latency.N, faults)
	}
	for _, bound := range []string{"budget " + limit, "≤" + limit} {
		if note := count + " " + t.glyphs.dot + " " + bound; cells(note)+title <= w {
			return note
		}
	}
	return count
}

// invitation stands where the last failure will: it says what to press, and what there is to see then.
func invitation(s *state, t *theme, w int) []string {
	text := "Nothing has failed yet."
	switch {
	case s.gone():
		text = "The cluster is gone: no node answers any more, and nothing is measured. q leaves the screen."
	case s.target() != nil && s.target().Foreign:
		text += " When a node does, its hot standby takes over, and here you read for how long the picture stood still."
	case s.picked != "":
		text += " x kills " + s.picked + ": its hot standby takes over, and here you read for how long the picture stood still."
	}
	var rows []string
	for _, line := range wrap(text, w) {
		rows = append(rows, t.line(w).put(faint, line).String())
	}
	return rows
}

// verdict is the style of a downtime: green within the budget, red over it, yellow while it still grows.
func verdict(downtime, budget float64, open bool) style {
	switch {
	case downtime > budget:
		return danger
	case open:
		return caution
	}
	return good
}

// judged is the verdict in words, for who sees no colours, as a clause; empty while it may still change.
func (i *Incident) judged(budget float64) string {
	switch {
	case i.Downtime > budget:
		return ", over the budget"
	case i.Open:
		return ""
	}
	return ", within the budget"
}

// told says in words what failed, who took over and what made them notice.
func told(s *state, i *Incident) (what, heir, when string) {
	what = i.Node + " " + i.What
	when = age(s.now.Sub(i.At))
	switch {
	case i.Heir != "" && i.Tasks > 0:
		heir = i.Heir + " took " + plural(i.Tasks, "task") + " over" + promptly(i.Taken, i)
	case i.Heir != "":
		heir = i.Heir + " took over" + promptly(i.Taken, i)
	case i.Signal == 0 && i.Open:
		heir = "not noticed yet"
	case i.Signal == 0:
		heir = "nobody noticed"
	case i.Open:
		heir = "noticed" + promptly(i.Noticed, i)
	default:
		heir = "noticed" + promptly(i.Noticed, i) + "; it held no task"
	}
	return what, heir, when
}

// promptly says how soon and by what signal, as far as that is known.
func promptly(after float64, i *Incident) string {
	text := ""
	if after > 0 {
		text = " after " + ms(after) + " ms"
	}
	if i.Signal != 0 {
		text += " by " + i.Signal.String()
	}
	return text
}

// bigIncident is the last downtime in digits three rows high, and what happened beside it.
func bigIncident(s *state, t *theme, w int, budget float64) []string {
	i := s.incident
	if why := s.untold(i, budget); why != "" {
		return untoldIncident(s, t, w, why)
	}
	mood := verdict(i.Downtime, budget, i.Open)
	what, heir, when := told(s, i)
	unit := "ms of downtime"
	if i.Open {
		unit = "ms, and it goes on"
	}
	digits := large(t, ms(i.Downtime))
	beside := w - cells(digits[1]) - 2
	if judged := what + i.judged(budget); cells(judged) <= beside {
		what = judged
	}
	said := []remark{{faint, unit + " " + t.glyphs.dot + " " + when}, {strong, what}} // the unit stays beside the digits
	for _, text := range t.fold(heir, beside) {
		said = append(said, remark{plain, text})
	}
	rows := make([]string, 0, bigRows)
	for r := range bigRows {
		l := t.line(w)
		if r < len(digits) {
			l.put(mood, digits[r])
		}
		if r < len(said) {
			l.to(cells(digits[1])+2).put(said[r].s, t.cut(said[r].text, beside))
		}
		rows = append(rows, l.String())
	}
	return rows
}

// bigRows is how many rows the last incident takes where its downtime is written large: the digits, and one that is empty
// unless what happened takes more words.
const bigRows = 4

// remark is one row of what is said of an incident.
type remark struct {
	s    style
	text string
}

// fold breaks text into at most two lines of a width; what is longer is cut.
func (t *theme) fold(text string, w int) []string {
	lines := wrap(text, w)
	if len(lines) > 2 {
		lines = []string{lines[0], t.cut(strings.Join(lines[1:], " "), w)}
	}
	return lines
}

// untold says why the downtime of an incident cannot be told; empty where it can. A picture that stands still is within
// no budget, whatever was measured of it.
func (s *state) untold(i *Incident, budget float64) string {
	if i.Untold == "" && i.Downtime <= budget && s.totals != nil && s.totals.Results == 0 {
		return "no results come"
	}
	return i.Untold
}

// untoldIncident stands in place of the digits of a downtime that cannot be told.
func untoldIncident(s *state, t *theme, w int, why string) []string {
	what, heir, when := told(s, s.incident)
	const head = "cannot tell "
	rows := make([]string, 0, bigRows)
	for r, text := range t.fold(why, w-len(head)) {
		l := t.line(w)
		if r == 0 {
			l.put(caution, head)
		}
		rows = append(rows, l.to(len(head)).put(plain, text).String())
	}
	rows = append(rows, t.line(w).put(strong, what).put(faint, " "+t.glyphs.dot+" "+when).String(),
		t.line(w).put(plain, t.cut(heir, w)).String())
	return fill(t, rows, w, bigRows)
}

// incidentRow is the last failure in one row.
func incidentRow(s *state, t *theme, w int, budget float64) string {
	i := s.incident
	if why := s.untold(i, budget); why != "" {
		return t.line(w).put(caution, "cannot tell ").put(strong, t.cut(i.Node+" "+i.What, w-12)).String()
	}
	l := t.line(w).put(verdict(i.Downtime, budget, i.Open), ms(i.Downtime)+" ms").put(plain, " ").put(strong, i.Node+" "+i.What)
	who, after := i.Heir, i.Taken
	if who == "" && i.Signal != 0 {
		who, after = "noticed", i.Noticed
	}
	if who == "" {
		return l.String()
	}
	text := ", " + who + promptly(after, i)
	if l.w+cells(text) > w {
		text = ", " + who + promptly(0, i)
	}
	return l.put(plain, text).String()
}

// histogram draws columns over an axis of milliseconds, a bucket each, and a line where the budget ends.
func histogram(t *theme, buckets []Bucket, budget float64, w, h int) []string {
	if len(buckets) == 0 {
		return nil
	}
	const unit = " ms"
	wide := (w - 2 - len(unit)) / len(buckets)
	if wide < 2 {
		return nil
	}
	wide = min(wide, 6)
	var most uint64
	for _, b := range buckets {
		most = max(most, b.Count)
	}
	rows := make([]string, 0, h+1)
	for r := range h {
		l := t.line(w)
		for i, b := range buckets {
			if i > 0 && buckets[i-1].UpTo == budget {
				l.put(danger, t.glyphs.line).put(plain, " ")
			}
			look := bar
			if b.UpTo > budget {
				look = danger
			}
			glyph := t.column(b.Count, most, h, h-1-r)
			if glyph == "" && r == h-1 {
				glyph, look = t.glyphs.bars[0], faint
			}
			if glyph == "" {
				glyph = " "
			}
			l.put(look, strings.Repeat(glyph, wide-1)).put(plain, " ")
		}
		rows = append(rows, l.String())
	}
	return append(rows, axis(t, buckets, budget, w, wide))
}

// column is the glyph of a column at a height counted in rows from the ground: empty above its top.
func (t *theme) column(count, most uint64, h, row int) string {
	steps := len(t.glyphs.bars)
	if count == 0 {
		return ""
	}
	top := max(int(math.Round(float64(count)/float64(most)*float64(h*steps))), 1)
	fill := top - row*steps
	if fill <= 0 {
		return ""
	}
	return t.glyphs.bars[min(fill, steps)-1]
}

func axis(t *theme, buckets []Bucket, budget float64, w, wide int) string {
	l := t.line(w)
	for i, b := range buckets {
		if i > 0 && buckets[i-1].UpTo == budget {
			l.put(danger, t.glyphs.line).put(plain, " ")
		}
		label := strconv.FormatFloat(b.UpTo, 'f', -1, 64)
		if math.IsInf(b.UpTo, 1) {
			label = "more"
		}
		look := faint
		if b.UpTo == budget {
			look = strong
			if cells(label) == wide { // of all labels this one is wanted: it takes the gap before the line, too
				l.put(look, label)
				continue
			}
		}
		l.left(look, t.fitLabel(label, wide-1), wide-1).put(plain, " ")
	}
	return l.put(faint, "ms").String()
}

// fitLabel is a label, or the shortest of its kind that fits.
func (t *theme) fitLabel(label string, w int) string {
	switch {
	case cells(label) <= w:
		return label
	case label == "more":
		return "+"
	case strings.HasPrefix(label, "0."):
		return t.cut(label[1:], w)
	}
	return strings.Repeat(" ", w)
}

// large writes a number in digits of three rows.
func large(t *theme, number string) [3]string {
	if t.ascii {
		return [3]string{"", number, ""}
	}
	font := map[rune][3]string{
		'0': {"█▀█", "█ █", "▀▀▀"}, '1': {"▀█ ", " █ ", "▀▀▀"}, '2': {"▀▀█", "█▀▀", "▀▀▀"}, '3': {"▀▀█", " ▀█", "▀▀▀"},
		'4': {"█ █", "▀▀█", "  ▀"}, '5': {"█▀▀", "▀▀█", "▀▀▀"}, '6': {"█▀▀", "█▀█", "▀▀▀"}, '7': {"▀▀█", "  █", "  ▀"},
		'8': {"█▀█", "█▀█", "▀▀▀"}, '9': {"█▀█", "▀▀█", "▀▀▀"}, '.': {" ", " ", "▀"},
	}
	var rows [3]string
	for i, r := range number {
		for row := range rows {
			if i > 0 {
				rows[row] += " "
			}
			rows[row] += font[r][row]
		}
	}
	return rows
}
