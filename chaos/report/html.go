package report

import (
	"bufio"
	_ "embed" // the page's text
	"fmt"
	"html/template"
	"io"

	"fracture/chaos/meter"
)

//go:embed page.html
var pageText string

// page is the template of report.html.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"num":     num,
	"verdict": verdictClass,
	"figure":  checkFigure,
}).Parse(pageText))

// sheet is what the page shows.
type sheet struct {
	*Run
	Checks     []meter.Check
	Plot       plot
	Histograms []histogram
	Matrix     matrix
	Worst      []incident
	Of         int // incidents in all
	Rest       []rest
	RestN      int
	EachRow    int
	Shell      string
	Uncounted  int
	Needless   int
}

// WriteHTML writes report.html: one file that needs nothing else, no script among it.
func (r *Run) WriteHTML(w io.Writer) error {
	checks, err := r.Checks()
	if err != nil {
		return err
	}
	s := sheet{Run: r, Checks: checks, Plot: r.drawRun(), Matrix: r.coverage(checks), Shell: r.shell(), EachRow: eachRow}
	counted := r.counted()
	s.Histograms = []histogram{drawHistogram("downtime", figures(counted, downtime)), drawHistogram("longest gap", figures(counted, gap))}
	s.Worst, s.Of = r.worst()
	s.Rest = r.others(s.Worst)
	for _, rest := range s.Rest {
		s.RestN += rest.N
	}
	for _, t := range r.Trials {
		s.Needless += t.Needless
		if !t.Counted() {
			s.Uncounted++
		}
	}
	buffered := bufio.NewWriter(w)
	if err := page.Execute(buffered, s); err != nil {
		return err
	}
	return buffered.Flush()
}

// verdictClass is the style of a verdict.
func verdictClass(v meter.Verdict) string {
	switch v {
	case meter.Held:
		return "held"
	case meter.Broken:
		return "broken"
	case meter.Thin, meter.Interrupted:
	}
	return "open"
}

// checkFigure is what a check read, with its unit.
func checkFigure(c meter.Check) string {
	if c.Budget.Timed() {
		return num(c.Figure) + " ms"
	}
	if c.Budget.Metric == "needless" {
		return num(c.Figure) + " / min"
	}
	return fmt.Sprintf("%.0f", c.Figure)
}
