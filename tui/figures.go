package tui

import (
	"fmt"
	"strconv"
)

// The figures over all failures, in one row each.

// quantileRow tells how downtimes spread, each with its name and its unit: as many as fit, the most wanted of them.
func quantileRow(s *state, t *theme, w int, budget float64) string {
	l := t.line(w)
	if s.latency.N == 0 {
		return l.put(faint, "no downtime is measured yet").String()
	}
	const unit, gap = " ms", "  "
	figures := []struct {
		name  string
		value float64
		rank  int // the lowest goes last
	}{{"p50", s.latency.P50, 0}, {"p90", s.latency.P90, 3}, {"p99", s.latency.P99, 2}, {"max", s.latency.Max, 1}}
	for rank := len(figures) - 1; rank > 0; rank-- {
		width := -len(gap)
		for _, f := range figures {
			width += len(f.name) + 1 + cells(ms(f.value)) + len(unit) + len(gap)
		}
		if width <= w {
			break
		}
		for i := range figures {
			if figures[i].rank == rank {
				figures = append(figures[:i], figures[i+1:]...)
				break
			}
		}
	}
	for i, f := range figures {
		if i > 0 {
			l.put(plain, gap)
		}
		l.put(faint, f.name+" ").put(verdict(f.value, budget, false), ms(f.value)).put(faint, unit)
	}
	return l.String()
}

// classesRow tells what faults of each class cost, as far as there is room; nothing while there is but one.
func classesRow(s *state, t *theme, w int, budget float64) string {
	l := t.line(w)
	if len(s.latency.Classes) < 2 {
		return l.String()
	}
	for i, c := range s.latency.Classes {
		gap, name := "", fmt.Sprintf("%s n %d p50 ", c.Name, c.N)
		if i > 0 {
			gap = "   "
		}
		if l.w+len(gap)+cells(name)+cells(ms(c.P50))+len(" max ")+cells(ms(c.Max))+len(" ms") > w {
			break
		}
		l.put(faint, gap+name).put(verdict(c.P50, budget, false), ms(c.P50)).put(faint, " max ").put(verdict(c.Max, budget, false), ms(c.Max)).put(faint, " ms")
	}
	return l.String()
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
	count := func(n uint64) style {
		if n > 0 {
			return danger
		}
		return good
	}
	l.put(faint, "lost ").put(count(totals.Lost), strconv.FormatUint(totals.Lost, 10))
	if n := totals.Unmeasured; n > 0 {
		l.put(faint, " of them unmeasured ").put(caution, strconv.FormatUint(n, 10))
	}
	l.put(faint, "  "+words.duplicates+" ").put(count(totals.Duplicates), strconv.FormatUint(totals.Duplicates, 10))
	mood := good
	if totals.NeedlessPerMinute > 0 {
		mood = caution
	}
	rate := strconv.FormatFloat(totals.NeedlessPerMinute, 'f', words.digits, 64)
	return l.put(faint, "  "+words.needless+" ").put(mood, rate).put(faint, "/min")
}
