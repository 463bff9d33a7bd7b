package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fracture/chaos/meter"
)

// goal is the line that every plot draws, in ms.
const goal = 10

// The size of a plot, in its own units; a page scales it.
const (
	plotWidth  = 1000
	plotHeight = 250
	plotLeft   = 44 // room for the axis
	plotBottom = 22
	plotTop    = 8
)

// tick is a mark of an axis.
type tick struct{ At, Label string }

// band is a fault on the axis of time.
type band struct{ X, Width, Class, Title string }

// line is one stream of the plot.
type line struct {
	Name, Class string
	Worst, P50  string // paths
	Missing     string // marks where results never came
}

// dots are the trials of one kind of fault.
type dots struct{ Class, Path string }

// plot is the run on one axis of time: how late each stream was, which faults stood, and what each trial came to.
type plot struct {
	Lines        []line
	Bands        []band
	Dots         []dots
	X, Y         []tick
	Goal, Bottom string
	Kinds        []legend
	Bin          string
}

// legend explains a colour.
type legend struct{ Class, Name string }

// faultClass is the style of a kind of fault.
func faultClass(k meter.Kind) string {
	if slices.Contains(meter.Kinds, k) {
		return "f-" + string(k)
	}
	return "f-other"
}

// at prints a coordinate.
func at(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }

// scale maps time and lateness to the plot: the one evenly, the other by its logarithm.
type scale struct {
	span   float64 // ms from the left to the right
	lo, hi float64 // decades of ms from the bottom to the top
}

func (s scale) x(ms float64) float64 {
	return plotLeft + (plotWidth-plotLeft)*min(max(ms/s.span, 0), 1)
}

func (s scale) y(ms float64) float64 {
	part := (math.Log10(max(ms, 1e-9)) - s.lo) / (s.hi - s.lo)
	return plotHeight - plotBottom - (plotHeight-plotBottom-plotTop)*min(max(part, 0), 1)
}

// drawRun lays the run out. Its size grows with the width of the plot, and by a dot of some ten bytes for each trial.
func (r *Run) drawRun() plot {
	s := scale{span: max(r.Took*1e3, 1), lo: -1, hi: 2}
	for _, t := range r.Trials {
		s.span = max(s.span, t.At+t.Length)
		s.hi = max(s.hi, math.Ceil(math.Log10(max(t.Downtime, 1))))
	}
	for _, series := range r.Series {
		s.span = max(s.span, series.From+series.Width*float64(len(series.Due)))
		s.hi = max(s.hi, math.Ceil(math.Log10(max(maxOf(series.Worst), 1))))
	}
	s.hi = min(s.hi, 9)
	p := plot{Goal: at(s.y(goal)), Bottom: at(plotHeight - plotBottom), Bands: r.bands(s), Dots: r.dots(s)}
	for i, series := range r.Series {
		p.Lines = append(p.Lines, drawSeries(series, s, i))
		p.Bin = num(series.Width)
	}
	for decade := s.lo; decade <= s.hi; decade++ {
		p.Y = append(p.Y, tick{at(s.y(math.Pow(10, decade))), num(math.Pow(10, decade))})
	}
	step := niceStep(s.span/1e3, 8)
	for sec := 0.0; sec <= s.span/1e3; sec += step {
		p.X = append(p.X, tick{at(s.x(sec * 1e3)), num(sec)})
	}
	seen := map[string]bool{}
	for _, t := range r.Trials {
		if c := faultClass(t.Fault); !seen[c] {
			seen[c] = true
			p.Kinds = append(p.Kinds, legend{c, strings.TrimPrefix(c, "f-")})
		}
	}
	return p
}

func maxOf(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	return slices.Max(list)
}

// niceStep parts a span into about so many steps of 1, 2 or 5 times a power of ten.
func niceStep(span float64, parts int) float64 {
	raw := max(span, 1e-6) / float64(parts)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// drawSeries draws one stream. Bins in which nothing came part the line.
func drawSeries(series meter.Series, s scale, i int) line {
	l := line{Name: series.Stream, Class: fmt.Sprintf("s%d", min(i, 3))}
	var worst, p50, missing strings.Builder
	join := "M"
	for i := range series.Due {
		x := s.x(series.From + (float64(i)+0.5)*series.Width)
		if series.Came[i] < series.Due[i] {
			fmt.Fprintf(&missing, "M%s %dv7", at(x), plotTop)
		}
		if series.Came[i] == 0 {
			join = "M"
			continue
		}
		fmt.Fprintf(&worst, "%s%s %s", join, at(x), at(s.y(series.Worst[i])))
		fmt.Fprintf(&p50, "%s%s %s", join, at(x), at(s.y(series.P50[i])))
		join = "L"
	}
	l.Worst, l.P50, l.Missing = worst.String(), p50.String(), missing.String()
	return l
}

// bands are the faults. Those of a kind that would cover each other are drawn as one, so there are never more than the plot is
// wide, for each kind.
func (r *Run) bands(s scale) (list []band) {
	type open struct {
		from, to float64
		n        int
		title    string
	}
	last := map[string]*open{}
	var order []string
	flush := func(class string) {
		o := last[class]
		title := o.title
		if o.n > 1 {
			title = fmt.Sprintf("%d faults, the first: %s", o.n, o.title)
		}
		list = append(list, band{X: at(o.from), Width: at(o.to - o.from), Class: class, Title: title})
	}
	for i, t := range r.Trials {
		if t.Fault == meter.Noop {
			continue
		}
		class := faultClass(t.Fault)
		from := s.x(t.At)
		to := max(s.x(t.At+t.Length), from+1.5)
		title := fmt.Sprintf("%d: %s %s, %s ms", i+1, rowName(t.Component, t.Fault), t.Victim, num(t.Downtime))
		switch o := last[class]; {
		case o == nil:
			order = append(order, class)
		case from >= o.from && from <= o.to:
			o.to, o.n = max(o.to, to), o.n+1
			continue
		default:
			flush(class)
		}
		last[class] = &open{from, to, 1, title}
	}
	for _, class := range order {
		flush(class)
	}
	return list
}

// dots are the trials that count, by kind of fault.
func (r *Run) dots(s scale) (list []dots) {
	paths := map[string]*strings.Builder{}
	var order []string
	for _, t := range r.counted() {
		class := faultClass(t.Fault)
		if paths[class] == nil {
			paths[class] = &strings.Builder{}
			order = append(order, class)
		}
		fmt.Fprintf(paths[class], "M%s %sh0", at(s.x(t.At)), at(s.y(max(t.Downtime, 0.1))))
	}
	for _, class := range order {
		list = append(list, dots{class, paths[class].String()})
	}
	return list
}
