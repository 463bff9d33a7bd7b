package report

import (
	"fmt"
	"slices"

	"fracture/chaos/meter"
)

// histogramBins are the bars of a histogram; the last one holds all that lies beyond.
const histogramBins = 40

// The size of a histogram, in its own units.
const (
	histogramWidth  = 480
	histogramHeight = 170
)

// bar is one bin.
type bar struct{ X, Y, Width, Height, Title, Class string }

// histogram is how often a figure was how large.
type histogram struct {
	Name  string
	N     int
	Bars  []bar
	X     []tick
	Goal  string
	Top   int // trials in the highest bar
	Facts string
}

// drawHistogram draws figures in ms. The axis ends a little above the p99 and the goal.
func drawHistogram(name string, values []float64) histogram {
	h := histogram{Name: name, N: len(values)}
	sorted := slices.Sorted(slices.Values(values))
	s := spread(sorted)
	h.Facts = fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s ms", num(s.P50), num(s.P90), num(s.P99), num(s.Max))
	step := niceStep(max(1.2*s.P99, 1.2*goal), 12)
	end := 12 * step
	var counts [histogramBins]int
	for _, x := range sorted {
		i := min(max(int(min(x/end, 1)*(histogramBins-1)), 0), histogramBins-1)
		counts[i]++
	}
	h.Top = slices.Max(counts[:])
	const floor = histogramHeight - 20
	wide := float64(histogramWidth) / histogramBins
	for i, n := range counts {
		if n == 0 {
			continue
		}
		from, to := end*float64(i)/(histogramBins-1), end*float64(i+1)/(histogramBins-1)
		title, class := fmt.Sprintf("%s to %s ms: %d", num(from), num(to), n), "within"
		if i == histogramBins-1 {
			title = fmt.Sprintf("%s ms and more: %d", num(from), n)
		}
		if from >= goal {
			class = "beyond"
		}
		high := max(float64(n)/float64(h.Top)*(floor-10), 1)
		h.Bars = append(h.Bars, bar{X: at(wide*float64(i) + 0.5), Y: at(floor - high), Width: at(wide - 1), Height: at(high), Title: title, Class: class})
	}
	x := func(ms float64) float64 { return wide * (histogramBins - 1) * ms / end }
	for i := 0; i <= 12; i += 2 {
		ms := step * float64(i)
		h.X = append(h.X, tick{at(x(ms)), num(ms)})
	}
	h.Goal = at(x(goal))
	return h
}

// spread sums sorted figures up as the meter does: by nearest rank.
func spread(sorted []float64) meter.Spread {
	if len(sorted) == 0 {
		return meter.Spread{}
	}
	rank := func(perMille int) float64 { return sorted[max((len(sorted)*perMille+999)/1000, 1)-1] }
	return meter.Spread{P50: rank(500), P90: rank(900), P99: rank(990), Max: rank(1000)}
}

// figures are those of trials, sorted.
func figures(trials []meter.TrialRow, of func(meter.TrialRow) float64) []float64 {
	list := make([]float64, 0, len(trials))
	for _, t := range trials {
		list = append(list, of(t))
	}
	slices.Sort(list)
	return list
}

func downtime(t meter.TrialRow) float64 { return t.Downtime }
func gap(t meter.TrialRow) float64      { return t.Gap }
