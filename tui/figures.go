package tui

import (
	"fmt"
	"slices"
	"strconv"
)

// The figures over all failures, in one row each.

// quantileRow tells how the downtimes of all faults spread.
func quantileRow(s *state, t *theme, w int, budget float64) string {
	l := t.line(w)
	if n := s.latency; n.N > 0 {
		return l.quantiles([4]float64{n.P50, n.P90, n.P99, n.Max}, budget).String()
	}
	return l.put(faint, "no downtime is measured yet").String()
}

// classRows tell how those of each class of fault spread, of so many at most; nothing where there is but one class.
func classRows(s *state, t *theme, w, most int, budget float64) (rows []string) {
	list := s.latency.Classes
	if len(list) < 2 {
		return nil
	}
	list = list[:min(len(list), max(most, 0))]
	column := 0
	name := func(c Class) string { return fmt.Sprintf("%s n %d", c.Name, c.N) }
	for _, c := range list {
		column = max(column, cells(name(c))+2)
	}
	for _, c := range list {
		rows = append(rows, t.line(w).left(plain, name(c), column).quantiles([4]float64{c.P50, c.P90, c.P99, c.Max}, budget).String())
	}
	return rows
}

// quantiles puts p50, p90, p99 and the maximum, in ms, each with its name and its unit: as many as fit, the most wanted of them.
func (l *line) quantiles(values [4]float64, budget float64) *line {
	const unit, gap = " ms", "  "
	names := [4]string{"p50", "p90", "p99", "max"}
	shown := []int{0, 1, 2, 3}
	for _, least := range []int{1, 2, 3} { // p90 goes first, then p99, then the maximum
		width := -len(gap)
		for _, i := range shown {
			width += len(names[i]) + 1 + cells(ms(values[i])) + len(unit) + len(gap)
		}
		if l.w+width <= l.max {
			break
		}
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == least })
	}
	for n, i := range shown {
		if n > 0 {
			l.put(plain, gap)
		}
		l.put(faint, names[i]+" ").put(verdict(values[i], budget, false), ms(values[i])).put(faint, unit)
	}
	return l
}

// totalsRow counts what must be nought: green until it is not. Where there is no room, the words are shorter.
func totalsRow(s *state, t *theme, w int) string {
	if s.totals == nil {
		return t.line(w).String()
	}
	var words wording
	for _, words = range []wording{{"duplicates", "needless takeovers", 1}, {"duplicates", "needless", 1}, {"dup", "needless", 0}} {
		if words.totals(s.totals, t.line(4*w)).w <= w {
			break
		}
	}
	return words.totals(s.totals, t.line(w)).String()
}

// wording is how the counters are called, and how many digits the rate has behind its point.
type wording struct {
	duplicates, needless string
	digits               int
}

func (words wording) totals(totals *Totals, l *line) *line {
	l.put(faint, "lost ").put(nought(totals.Lost), strconv.FormatUint(totals.Lost, 10))
	if n := totals.Unmeasured; n > 0 {
		l.put(faint, " of them unmeasured ").put(caution, strconv.FormatUint(n, 10))
	}
	l.put(faint, "  "+words.duplicates+" ").put(nought(totals.Duplicates), strconv.FormatUint(totals.Duplicates, 10))
	return words.rate(totals, l.put(plain, "  "))
}

// rate puts how many takeovers a minute nobody needed.
func (words wording) rate(totals *Totals, l *line) *line {
	mood := good
	if totals.NeedlessPerMinute > 0 {
		mood = caution
	}
	rate := strconv.FormatFloat(totals.NeedlessPerMinute, 'f', words.digits, 64)
	return l.put(faint, words.needless+" ").put(mood, rate).put(faint, "/min")
}

// nought is the style of a count that must be none.
func nought(n uint64) style {
	if n > 0 {
		return danger
	}
	return good
}

// bigTotals counts what must be nought in digits as large as those of the downtime, and in one row where they find no room.
func bigTotals(s *state, t *theme, w int) []string {
	small := []string{totalsRow(s, t, w)}
	if s.totals == nil {
		return small
	}
	const lost, again, gap = "lost", "duplicates", 3
	digits, others := large(t, strconv.FormatUint(s.totals.Lost, 10)), large(t, strconv.FormatUint(s.totals.Duplicates, 10))
	note := ""
	if n := s.totals.Unmeasured; n > 0 {
		note = "of them unmeasured " + strconv.FormatUint(n, 10)
	}
	second := cells(digits[1]) + 1 + max(len(lost), len(note)) + gap
	third := second + cells(others[1]) + 1 + len(again) + gap
	for _, words := range []wording{{"", "needless takeovers", 1}, {"", "needless", 1}} {
		if third+words.rate(s.totals, t.line(4*w)).w > w {
			continue
		}
		rows := make([]string, 0, len(digits))
		for r := range digits {
			l := t.line(w).left(nought(s.totals.Lost), digits[r], cells(digits[1])+1)
			switch r {
			case 1:
				l.put(faint, lost)
			case 2:
				l.put(caution, note)
			}
			l.to(second).left(nought(s.totals.Duplicates), others[r], cells(others[1])+1)
			if r == 1 {
				words.rate(s.totals, l.put(faint, again).to(third))
			}
			rows = append(rows, l.String())
		}
		return rows
	}
	return small
}
