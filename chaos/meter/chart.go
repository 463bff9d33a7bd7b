package meter

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// The chart's measures, in its own units; one is a pixel where it is shown at its natural size.
const (
	chartWidth, chartHeight = 900, 560
	plotLeft, plotRight     = 84, 690
	plotTop, plotBottom     = 64, 492
)

// barMillis is the downtime that the KPI allows: drawn as a line.
const barMillis = 10

// chart maps costs and downtimes to places on the picture: cost evenly from zero, downtime by its logarithm, for a strategy
// that reacts is a thousand times as fast as one that waits for gossip.
type chart struct {
	maxCost        float64 // ms of processor time for each result
	lowest, decade float64 // downtime at the bottom, ms; decades up to the top
}

// WriteSVG draws cost against downtime: a mark for each strategy and fault, at its processor time for each result and its
// p99 of downtime. It needs no script and no font of its own.
func (c *Comparison) WriteSVG(w io.Writer) error {
	ch := c.chart()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="ui-sans-serif, system-ui, sans-serif" font-size="13">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<title>What redundancy costs, and what it buys</title>`+"\n"+`<rect width="%d" height="%d" fill="#11131a"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<text x="%d" y="34" fill="#f2f2f5" font-size="18">What redundancy costs, and what it buys</text>`+"\n", plotLeft)
	ch.axes(&b)
	for i, s := range c.Strategies {
		colour := chartColours[i%len(chartColours)]
		fmt.Fprintf(&b, `<circle cx="716" cy="%d" r="6" fill="%s"/><text x="730" y="%d" fill="#e6e6ea">%s, %s</text>`+"\n",
			plotTop+24*i, colour, plotTop+24*i+4, s.Strategy, copies(s.Factor))
		for j, row := range s.Rows {
			if row.Counted > 0 {
				ch.mark(&b, j, colour, s, row)
			}
		}
	}
	c.legend(&b)
	fmt.Fprintf(&b, `<text x="%d" y="548" fill="#8b8fa3" font-size="11">load %s, %d nodes, %d cores, seed %d; %s, %s</text>`+"\n</svg>\n",
		plotLeft, c.Load, c.Nodes, c.Cores, c.Seed, c.Versions.Machine, c.Started)
	_, err := io.WriteString(w, b.String())
	return err
}

// chartColours tell strategies apart on a dark ground, also for most who see colours otherwise (after Okabe and Ito 2008).
var chartColours = []string{"#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}

func copies(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}

// chart finds the ranges.
func (c *Comparison) chart() chart {
	highest := 100.0
	ch := chart{maxCost: 0.1, lowest: 0.1}
	for _, s := range c.Strategies {
		ch.maxCost = max(ch.maxCost, s.Cost.CPU)
		for _, row := range s.Rows {
			highest = max(highest, row.Downtime.P99)
		}
	}
	ch.maxCost = niceCeiling(ch.maxCost * 1.1)
	ch.decade = math.Ceil(math.Log10(highest / ch.lowest))
	return ch
}

// niceCeiling is the next number of 1, 2 or 5 times a power of ten.
func niceCeiling(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, step := range []float64{1, 2, 5} {
		if x <= step*power {
			return step * power
		}
	}
	return 10 * power
}

func (ch chart) x(cost float64) float64 {
	return plotLeft + cost/ch.maxCost*(plotRight-plotLeft)
}

// y is where a downtime lies; what is below the lowest lies at the bottom.
func (ch chart) y(ms float64) float64 {
	share := math.Log10(max(ms, ch.lowest)/ch.lowest) / ch.decade
	return plotBottom - share*(plotBottom-plotTop)
}

// axes draws the grid, its labels, and the bar that is to be held.
func (ch chart) axes(b *strings.Builder) {
	for d := 0.0; d <= ch.decade; d++ {
		ms := ch.lowest * math.Pow(10, d)
		label := fmt.Sprintf("%g ms", math.Round(ms*10)/10)
		if d == 0 {
			label = "≤ " + label
		}
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#2a2d3a"/><text x="%d" y="%.1f" fill="#a9adc1" text-anchor="end">%s</text>`+"\n",
			plotLeft, ch.y(ms), plotRight, ch.y(ms), plotLeft-8, ch.y(ms)+4, label)
	}
	for i := range 6 {
		cost := ch.maxCost * float64(i) / 5
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#2a2d3a"/><text x="%.1f" y="%d" fill="#a9adc1" text-anchor="middle">%.3g</text>`+"\n",
			ch.x(cost), plotTop, ch.x(cost), plotBottom, ch.x(cost), plotBottom+18, cost)
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ff5c5c" stroke-dasharray="6 4"/><text x="%d" y="%.1f" fill="#ff8080" text-anchor="end">%d ms, KPI 5.2b</text>`+"\n",
		plotLeft, ch.y(barMillis), plotRight, ch.y(barMillis), plotRight-6, ch.y(barMillis)-6, barMillis)
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#c8cbdb" text-anchor="middle">processor time for each result, ms</text>`+"\n", (plotLeft+plotRight)/2, plotBottom+38)
	fmt.Fprintf(b, `<text x="%d" y="54" fill="#c8cbdb">downtime, p99</text>`+"\n", plotLeft)
}

// mark draws one fault of one strategy; its title says the figures to whoever points at it.
func (ch chart) mark(b *strings.Builder, nth int, colour string, s Compared, row Row) {
	fmt.Fprintf(b, `<g transform="translate(%.1f %.1f)" fill="%s" stroke="#11131a">%s<title>%s, %s: p99 %s ms, n %d, %s ms for each result</title></g>`+"\n",
		ch.x(s.Cost.CPU), ch.y(row.Downtime.P99), colour, shapes[nth%len(shapes)], s.Strategy, row.name(), figure(row.Downtime.P99), row.Counted, figure3(s.Cost.CPU))
}

// shapes tell faults apart.
var shapes = []string{
	`<circle r="7"/>`,
	`<rect x="-6" y="-6" width="12" height="12"/>`,
	`<path d="M0-8 8 6H-8Z"/>`,
	`<path d="M0-8 8 0 0 8-8 0Z"/>`,
	`<path d="M0 8 8-6H-8Z"/>`,
	`<path d="M-7-3h4v-4h6v4h4v6h-4v4h-6v-4h-4Z"/>`,
}

// legend names the shapes, which are the same for every strategy.
func (c *Comparison) legend(b *strings.Builder) {
	if len(c.Strategies) == 0 {
		return
	}
	for i, row := range c.Strategies[0].Rows {
		y := plotTop + 24*(len(c.Strategies)+1+i)
		fmt.Fprintf(b, `<g transform="translate(716 %d)" fill="#8b8fa3">%s</g><text x="730" y="%d" fill="#e6e6ea">%s</text>`+"\n",
			y, shapes[i%len(shapes)], y+4, row.name())
	}
}
