package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"fracture/chaos/meter"
)

// Tolerance says what a run may be worse by.
type Tolerance struct {
	Share float64 // of a figure, such as 0.2; 0: none beyond what nobody notices
	Doubt float64 // how sure it must be: the chance to call two runs of the same thing different; 0: 0.01
}

// Unnoticed is a difference in ms that is none, however large it is by ratio.
const Unnoticed = 0.5

const usualDoubt = 0.01

// Judgement is what a comparison says of a figure.
type Judgement string

// The judgements.
const (
	Same   Judgement = "ok"         // within the tolerance, or better
	Worse  Judgement = "regression" // beyond it, and that is no luck
	Luck   Judgement = "luck?"      // beyond it, but that many trials can differ so by luck
	TooFew Judgement = "n too small"
)

// Comparison holds a run against a baseline.
type Comparison struct {
	Baseline   string     `json:"baseline"` // as it was called
	Run        string     `json:"run"`
	Regression bool       `json:"regression"`
	Tolerance  float64    `json:"tolerance"`
	Doubt      float64    `json:"doubt"` // of each figure: that of all, parted among them
	Figures    []Compared `json:"figures"`
	Counts     []Compared `json:"counts"` // lost, twice and wrong, and what it cost
	Notes      []string   `json:"notes"`  // what makes the two hard to compare
}

// Compared is one figure of both.
type Compared struct {
	Row    string    `json:"row"`
	Figure string    `json:"figure"`
	N      [2]int    `json:"n"` // trials that counted: the baseline's, and the run's
	Was    float64   `json:"baseline"`
	Is     float64   `json:"run"`
	Ratio  *float64  `json:"ratio"`            // is / was; null where there is none
	Beyond [2]int    `json:"beyond,omitempty"` // of n, those beyond the baseline's figure and the tolerance
	Chance float64   `json:"chance"`           // that so many more of the run's lie beyond it by luck; 1 where that was not asked
	Says   Judgement `json:"judgement"`
}

// compared are the figures of a row that are judged, and how they are read off sorted downtimes.
var compared = []struct {
	name     string
	perMille int
}{{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}}

// Compare holds a run against a baseline, row by row.
//
// A figure of the downtime is a regression where it lies beyond the baseline's by more than the tolerance and by more than
// [Unnoticed], and where that is no luck: counted are the trials beyond that limit, in both runs, and Fisher's exact test tells how
// likely so many more of them fall to the run if both are the same. That chance must be below the doubt, parted by how many figures
// are compared (Bonferroni). Where even all of the run's trials beyond it and none of the baseline's would not be, n is too
// small to tell, and it is said and no regression. A lost, second or wrong result is a regression where the baseline had none.
func Compare(baseline, run *Run, tolerance Tolerance) Comparison {
	c := Comparison{Tolerance: tolerance.Share, Doubt: cmp.Or(tolerance.Doubt, usualDoubt), Notes: []string{}, Figures: []Compared{}, Counts: []Compared{}}
	before, after := baseline.byRow(), run.byRow()
	pairs := 0
	for _, row := range after {
		if slices.ContainsFunc(before, row.same) {
			pairs++
		}
	}
	c.Doubt /= float64(max(pairs*len(compared), 1))
	for _, row := range after {
		i := slices.IndexFunc(before, row.same)
		if i < 0 {
			c.Notes = append(c.Notes, row.name+": not in the baseline")
			continue
		}
		for _, figure := range compared {
			c.Figures = append(c.Figures, c.compare(row.name, figure.name, figure.perMille, before[i].downtimes, row.downtimes))
		}
	}
	for _, row := range before {
		if !slices.ContainsFunc(after, row.same) {
			c.Notes = append(c.Notes, row.name+": in the baseline alone")
		}
	}
	c.count(baseline, run)
	c.differ(baseline, run)
	for _, f := range slices.Concat(c.Figures, c.Counts) {
		c.Regression = c.Regression || f.Says == Worse
	}
	return c
}

// sample are the downtimes of a row's trials that counted, sorted.
type sample struct {
	name      string
	downtimes []float64
}

func (s sample) same(other sample) bool { return s.name == other.name }

// byRow are the rows of a run but the controls, in the order in which they first appear.
func (r *Run) byRow() (list []sample) {
	for _, t := range r.Trials {
		if t.Control() {
			continue
		}
		name := rowName(t.Component, t.Fault)
		i := slices.IndexFunc(list, sample{name: name}.same)
		if i < 0 {
			i, list = len(list), append(list, sample{name: name})
		}
		if t.Counted() {
			list[i].downtimes = append(list[i].downtimes, t.Downtime)
		}
	}
	for _, s := range list {
		slices.Sort(s.downtimes)
	}
	return list
}

// compare judges one figure of one row.
func (c *Comparison) compare(row, name string, perMille int, was, is []float64) Compared {
	rank := func(sorted []float64) float64 {
		if len(sorted) == 0 {
			return 0
		}
		return sorted[max((len(sorted)*perMille+999)/1000, 1)-1]
	}
	out := Compared{Row: row, Figure: "downtime." + name, N: [2]int{len(was), len(is)}, Was: rank(was), Is: rank(is), Chance: 1, Says: Same}
	out.Ratio = ratio(out.Was, out.Is)
	limit := max(out.Was*(1+c.Tolerance), out.Was+Unnoticed)
	out.Beyond = [2]int{beyond(was, limit), beyond(is, limit)}
	switch {
	case len(was) == 0 || len(is) == 0 || fisher(0, len(was), len(is), len(is)) >= c.Doubt:
		out.Says = TooFew
	case out.Is <= limit:
	default:
		out.Chance = fisher(out.Beyond[0], len(was), out.Beyond[1], len(is))
		if out.Says = Luck; out.Chance < c.Doubt {
			out.Says = Worse
		}
	}
	return out
}

func ratio(was, is float64) *float64 {
	if was == 0 {
		return nil
	}
	r := math.Round(100*is/was) / 100
	return &r
}

// beyond counts the sorted figures above a limit.
func beyond(sorted []float64, limit float64) int {
	i, _ := slices.BinarySearchFunc(sorted, limit, func(x, limit float64) int {
		if x <= limit {
			return -1
		}
		return 1
	})
	return len(sorted) - i
}

// fisher is the chance that of a+b marked among n+m at least b fall to the m, if they fall as they like: Fisher's exact test, one-sided.
func fisher(a, n, b, m int) float64 {
	choose := func(n, k int) float64 {
		all, _ := math.Lgamma(float64(n + 1))
		in, _ := math.Lgamma(float64(k + 1))
		out, _ := math.Lgamma(float64(n - k + 1))
		return all - in - out
	}
	marked, sum := a+b, 0.0
	for k := b; k <= min(marked, m); k++ {
		if marked-k <= n {
			sum += math.Exp(choose(m, k) + choose(n, marked-k) - choose(n+m, marked))
		}
	}
	return min(sum, 1)
}

// count compares what is counted, and what it cost.
func (c *Comparison) count(baseline, run *Run) {
	for _, f := range []struct {
		name    string
		was, is float64
		judged  bool
	}{
		{"lost", float64(baseline.Totals.Lost), float64(run.Totals.Lost), true},
		{"duplicates", float64(baseline.Totals.Duplicates), float64(run.Totals.Duplicates), true},
		{"wrong", float64(baseline.Totals.Wrong), float64(run.Totals.Wrong), true},
		{"needless/min", baseline.needless(), run.needless(), false},
		{"cores", baseline.CPU, run.CPU, false},
		{"rss_max_mib", baseline.RSS, run.RSS, false},
	} {
		out := Compared{Row: meter.WholeRun, Figure: f.name, N: [2]int{len(baseline.counted()), len(run.counted())}, Was: f.was, Is: f.is, Ratio: ratio(f.was, f.is), Chance: 1, Says: Same}
		if f.judged && f.was == 0 && f.is > 0 {
			out.Says, out.Chance = Worse, 0
		}
		c.Counts = append(c.Counts, out)
	}
}

// needless is how many needless takeovers there were a minute, in all trials together.
func (r *Run) needless() float64 {
	n, took := 0, 0.0
	for _, t := range r.Trials {
		n, took = n+t.Needless, took+t.Took
	}
	if took <= 0 {
		return 0
	}
	return math.Round(100*float64(n)*60e3/took) / 100
}

// differ notes what was not the same in both.
func (c *Comparison) differ(baseline, run *Run) {
	for _, f := range []struct{ name, was, is string }{
		{"strategy", baseline.Strategy, run.Strategy}, {"load", baseline.Load, run.Load},
		{"nodes", fmt.Sprint(baseline.Nodes), fmt.Sprint(run.Nodes)}, {"cores", fmt.Sprint(baseline.Cores), fmt.Sprint(run.Cores)},
		{"machine", baseline.Versions.Machine, run.Versions.Machine}, {"scheduling", baseline.Scheduler, run.Scheduler},
		{"window", num(baseline.Window) + " s", num(run.Window) + " s"}, {"grace", num(baseline.Grace) + " s", num(run.Grace) + " s"},
		{"calm", num(baseline.CalmSpan) + " s", num(run.CalmSpan) + " s"},
	} {
		if f.was != f.is {
			c.Notes = append(c.Notes, fmt.Sprintf("not the same %s: %s, and %s", f.name, cmp.Or(f.was, "unknown"), cmp.Or(f.is, "unknown")))
		}
	}
}

// WriteJSON writes comparisons as one array on one line.
func WriteJSON(w io.Writer, all []Comparison) error { return json.NewEncoder(w).Encode(all) }

// WriteText writes the comparison for people: both side by side, what is different, and the verdict.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s against the baseline %s\n\n", c.Run, c.Baseline)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "row\tfigure\tn\tbaseline\trun\tratio\tbeyond\tchance\tjudgement") // a Builder never fails
	for _, f := range slices.Concat(c.Figures, c.Counts) {
		times, past, chance := "-", "", ""
		if f.Ratio != nil {
			times = fmt.Sprintf("%.2f", *f.Ratio)
		}
		if strings.HasPrefix(f.Figure, "downtime.") {
			past = fmt.Sprintf("%d, %d", f.Beyond[0], f.Beyond[1])
		}
		if f.Chance < 1 {
			chance = fmt.Sprintf("%.2g", f.Chance)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d, %d\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Row, f.Figure, f.N[0], f.N[1], num(f.Was), num(f.Is), times, past, chance, f.Says)
	}
	_ = table.Flush()
	b.WriteByte('\n')
	for _, note := range c.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	fmt.Fprintf(&b, "beyond: trials above the baseline's figure by more than %s %% and %s ms; a regression where that many more are so with a chance below %.2g\n", num(100*c.Tolerance), num(Unnoticed), c.Doubt)
	verdict := "no regression"
	switch {
	case c.Regression:
		verdict = "regression"
	case len(c.Figures) == 0:
		verdict = "no regression: nothing to compare"
	case !slices.ContainsFunc(c.Figures, func(f Compared) bool { return f.Says != TooFew }):
		verdict = "no regression: too few trials to tell one"
	}
	fmt.Fprintf(&b, "verdict: %s\n", verdict)
	_, err := io.WriteString(w, b.String())
	return err
}
