package meter

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fracture/work"
)

// ErrBudget: the text is not a budget; offer [Metrics].
var ErrBudget = errors.New("not a budget")

// Metrics are the figures of a row that a budget can limit. Times are in ms.
var Metrics = []string{
	"downtime.p50", "downtime.p90", "downtime.p99", "downtime.max",
	"gap.p50", "gap.p90", "gap.p99", "gap.max",
	"lost", "duplicates", "wrong", "needless",
}

// Budget is a limit that every row must keep, or those of one kind of fault.
type Budget struct {
	Fault  Kind   // empty: any, but for those that have a budget of their own on the same figure
	Metric string // one of Metrics
	Limit  float64
}

// DefaultBudgets is what a run is judged by unless told otherwise: the promise of the project. That no wrong answer comes
// through is promised by a vote, and by no other strategy.
func DefaultBudgets(s work.Strategy) []Budget {
	budgets := []Budget{{"", "downtime.p99", 10}, {"", "lost", 0}, {"", "duplicates", 0}}
	if s == work.Vote {
		budgets = append(budgets, Budget{"", "wrong", 0})
	}
	return budgets
}

// operator stands between a metric and its limit. None of them is a floor: no figure of a row is below 0, and "lost == 0"
// asks for what "lost <= 0" does.
var operator = regexp.MustCompile(`\s*(<\s*=|==|=)\s*`)

// ParseBudget reads "downtime.p99 <= 10ms", "lost == 0" or "needless_takeovers <= 6/min": a metric, one of <=, == and =, and a
// limit. A time may have a unit, and is in ms where it has none; needless, which is also called needless_takeovers, may have
// /min behind it. A kind of fault may stand before it: "freeze: downtime.p99<=10ms".
func ParseBudget(text string) (Budget, error) {
	fault, rest, classed := strings.Cut(text, ":")
	if !classed {
		fault, rest = "", text
	}
	kind := Kind(strings.TrimSpace(fault))
	if classed && !slices.Contains(Kinds, kind) {
		return Budget{}, fmt.Errorf("%w: %q; %q is not one of %v", ErrBudget, text, fault, Kinds)
	}
	rest = strings.TrimSpace(rest)
	at := operator.FindStringIndex(rest)
	if at == nil {
		at = []int{0, 0} // no metric, then
	}
	metric, limit := rest[:at[0]], rest[at[1]:]
	if metric == "needless_takeovers" {
		metric = "needless"
	}
	if metric == "needless" {
		limit = strings.TrimSpace(strings.TrimSuffix(limit, "/min"))
	}
	if !slices.Contains(Metrics, metric) {
		return Budget{}, fmt.Errorf("%w: %q; want metric<=limit, the metric one of %s", ErrBudget, text, strings.Join(Metrics, ", "))
	}
	b := Budget{Fault: kind, Metric: metric}
	value, err := strconv.ParseFloat(limit, 64)
	if err != nil && b.Timed() {
		var d time.Duration
		d, err = time.ParseDuration(limit)
		value = Millis(d)
	}
	if err != nil || math.IsNaN(value) || value < 0 {
		return Budget{}, fmt.Errorf("%w: %q: the limit is to be a number of at least 0", ErrBudget, text)
	}
	b.Limit = value
	return b, nil
}

// WithBudget sets a limit among budgets, in place of the one on the same figure of the same faults.
func WithBudget(budgets []Budget, b Budget) []Budget {
	return append(slices.DeleteFunc(slices.Clone(budgets), b.same), b)
}

// same reports whether two budgets limit the same figure of the same faults.
func (b Budget) same(other Budget) bool { return other.Metric == b.Metric && other.Fault == b.Fault }

// Contradict finds two budgets that set different limits on the same figure of the same faults.
func Contradict(budgets []Budget) (a, b Budget, found bool) {
	for i, a := range budgets {
		for _, b := range budgets[:i] {
			if a.same(b) && a.Limit != b.Limit {
				return b, a, true
			}
		}
	}
	return Budget{}, Budget{}, false
}

// budgetsOf are the budgets that a row of the kind must keep: its own, and the others where it has none of its own.
func budgetsOf(budgets []Budget, kind Kind) []Budget {
	var own []Budget
	for _, b := range budgets {
		special := Budget{Fault: kind, Metric: b.Metric}
		if b.Fault == kind || b.Fault == "" && !slices.ContainsFunc(budgets, special.same) {
			own = append(own, b)
		}
	}
	return own
}

// String prints the budget as ParseBudget reads it.
func (b Budget) String() string {
	unit := ""
	if b.Timed() {
		unit = "ms"
	}
	text := b.Metric + "<=" + strconv.FormatFloat(b.Limit, 'f', -1, 64) + unit
	if b.Fault != "" {
		return string(b.Fault) + ": " + text
	}
	return text
}

// Timed reports whether the figure is a time in ms.
func (b Budget) Timed() bool { return strings.Contains(b.Metric, ".") }

// counted reports whether the figure counts single results, of which one too many is as sure as a hundred.
func (b Budget) counted() bool { return !b.Timed() && b.Metric != "needless" }

// of is the row's figure that the budget limits.
func (b Budget) of(r Row) float64 {
	switch b.Metric {
	case "lost":
		return float64(r.Lost)
	case "duplicates":
		return float64(r.Dup)
	case "wrong":
		return float64(r.Wrong)
	case "needless":
		return r.Needless
	}
	figures := r.Downtime
	name, which, _ := strings.Cut(b.Metric, ".")
	if name == "gap" {
		figures = r.Gap
	}
	switch which {
	case "p50":
		return figures.P50
	case "p90":
		return figures.P90
	case "p99":
		return figures.P99
	}
	return figures.Max
}
