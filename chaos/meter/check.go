package meter

import (
	"fmt"
	"slices"
)

// WholeRun is how a check that is of no row is called.
const WholeRun = "whole run"

// Check is one budget held against one row, or against the whole run.
type Check struct {
	Row     string  // "owner kill", or [WholeRun]
	Fault   Kind    // of the row; empty for the whole run
	Budget  Budget  // what was to be kept
	Figure  float64 // what the row has; times in ms
	Verdict Verdict // Held, Broken, or Thin where too few trials counted to say
	Why     string  // why it was not held; empty where it was
}

// Checks lists every budget that a report was judged by, row by row, and those of the whole run at the end. It needs Rows,
// Totals and Budgets alone, so a report that was read from its JSON answers as the one that was written. Its error says
// which budget is none.
func (r *Report) Checks() ([]Check, error) {
	var budgets []Budget
	for _, text := range r.Budgets {
		b, err := ParseBudget(text)
		if err != nil {
			return nil, err
		}
		budgets = append(budgets, b)
	}
	var all []Check
	for _, row := range r.Rows {
		all = append(all, row.checks(budgets)...)
	}
	return append(all, r.wholeChecks(budgets)...), nil
}

// checks holds a row against its budgets.
func (r Row) checks(budgets []Budget) (list []Check) {
	for _, b := range budgetsOf(budgets, r.Fault) {
		c := Check{Row: r.name(), Fault: r.Fault, Budget: b, Figure: b.of(r), Verdict: Held}
		enough := r.Counted >= r.Needed
		switch {
		case c.Figure > b.Limit && (enough || b.counted()):
			c.Verdict, c.Why = Broken, c.broken()
		case !enough:
			c.Verdict, c.Why = Thin, r.few()
		}
		list = append(list, c)
	}
	return list
}

// few says that too few trials of the row counted.
func (r Row) few() string {
	return fmt.Sprintf("%s: %d of %d trials counted, %d are needed", r.name(), r.Counted, r.N, r.Needed)
}

// broken says by how much the budget was.
func (c Check) broken() string {
	return fmt.Sprintf("%s: %s is %s, the budget is %s", c.Row, c.Budget.Metric, figure(c.Figure), c.Budget)
}

// wholeChecks holds the whole run against the budgets that count single results, but for what rows with budgets of their own
// lost, or had twice or wrong.
func (r *Report) wholeChecks(budgets []Budget) (list []Check) {
	excused := Row{}
	for _, row := range r.Rows {
		own := func(metric string) bool {
			return slices.ContainsFunc(budgets, Budget{Fault: row.Fault, Metric: metric}.same)
		}
		if own("lost") {
			excused.Lost += row.Lost
		}
		if own("duplicates") {
			excused.Dup += row.Dup
		}
		if own("wrong") {
			excused.Wrong += row.Wrong
		}
	}
	whole := Row{Lost: max(int(r.Totals.Lost)-excused.Lost, 0), Dup: r.Totals.Duplicates - min(excused.Dup, r.Totals.Duplicates),
		Wrong: r.Totals.Wrong - min(excused.Wrong, r.Totals.Wrong)}
	for _, b := range budgets {
		if b.Fault != "" || !b.counted() {
			continue
		}
		c := Check{Row: WholeRun, Budget: b, Figure: b.of(whole), Verdict: Held}
		if c.Figure > b.Limit {
			c.Verdict, c.Why = Broken, c.broken()
		}
		list = append(list, c)
	}
	return list
}
