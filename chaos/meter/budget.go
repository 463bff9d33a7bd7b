package meter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrBudget: the text is not a budget; offer [Metrics].
var ErrBudget = errors.New("not a budget")

// Metrics are the figures of a row that a budget can limit. Times are in ms.
var Metrics = []string{
	"downtime.p50", "downtime.p90", "downtime.p99", "downtime.max",
	"gap.p50", "gap.p90", "gap.p99", "gap.max",
	"lost", "duplicates", "needless",
}

// Budget is a limit that every row must keep.
type Budget struct {
	Metric string // one of Metrics
	Limit  float64
}

// DefaultBudgets is what a run is judged by unless told otherwise: the promise of the project.
func DefaultBudgets() []Budget {
	return []Budget{{"downtime.p99", 10}, {"lost", 0}, {"duplicates", 0}}
}

// ParseBudget reads "downtime.p99<=10ms", "lost=0" or "needless<=6": a metric, = or <=, and a limit. A time may have a
// unit, and is in ms where it has none.
func ParseBudget(text string) (Budget, error) {
	metric, limit, ok := strings.Cut(text, "=")
	metric = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(metric), "<"))
	limit = strings.TrimSpace(limit)
	if !ok || !slices.Contains(Metrics, metric) {
		return Budget{}, fmt.Errorf("%w: %q; want metric<=limit, the metric one of %s", ErrBudget, text, strings.Join(Metrics, ", "))
	}
	b := Budget{Metric: metric}
	value, err := strconv.ParseFloat(limit, 64)
	if err != nil && b.timed() {
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

// WithBudget sets a limit among budgets, in place of the one on the same metric.
func WithBudget(budgets []Budget, b Budget) []Budget {
	budgets = slices.DeleteFunc(slices.Clone(budgets), func(other Budget) bool { return other.Metric == b.Metric })
	return append(budgets, b)
}

// String prints the budget as ParseBudget reads it.
func (b Budget) String() string {
	unit := ""
	if b.timed() {
		unit = "ms"
	}
	return b.Metric + "<=" + strconv.FormatFloat(b.Limit, 'f', -1, 64) + unit
}

func (b Budget) timed() bool { return strings.Contains(b.Metric, ".") }

// of is the row's figure that the budget limits.
func (b Budget) of(r Row) float64 {
	switch b.Metric {
	case "lost":
		return float64(r.Lost)
	case "duplicates":
		return float64(r.Dup)
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
