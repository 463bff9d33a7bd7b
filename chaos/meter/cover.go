package meter

import (
	"fmt"
	"slices"
	"strings"
)

// Coverage says which pairs of component and fault a run has tried.
type Coverage struct {
	Tried   int      `json:"tried"`   // pairs of which a trial counted
	Untried []string `json:"untried"` // pairs that make sense, and of which none did
	Played  bool     `json:"played"`  // only the pairs of a scenario's own faults were asked for; told before a report is judged
}

// coverageOf looks for each pair that makes sense among rows; where a scenario was played, for those that it struck.
func coverageOf(rows []Row, played bool) Coverage {
	c := Coverage{Untried: []string{}, Played: played}
	look := func(component Component, kind Kind) {
		if row, ok := rowFor(rows, component, kind); ok && row.Counted > 0 {
			c.Tried++
		} else {
			c.Untried = append(c.Untried, Row{Component: component, Fault: kind}.name())
		}
	}
	for _, component := range Components {
		for _, kind := range component.Suffers() {
			if !played {
				look(component, kind)
			}
		}
	}
	for _, row := range rows {
		if played || !slices.Contains(Components, row.Component) || !slices.Contains(row.Component.Suffers(), row.Fault) {
			look(row.Component, row.Fault)
		}
	}
	return c
}

// Covers are the components and faults that a coverage is laid out by: those of the report's rows, and but for a scenario that was
// played all that there are; in the usual order, and what has no place in that behind.
func (r *Report) Covers() (components []Component, kinds []Kind) {
	struck := func(c Component) bool {
		return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Component == c })
	}
	suffered := func(k Kind) bool { return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Fault == k }) }
	for _, c := range Components {
		if !r.Coverage.Played || struck(c) {
			components = append(components, c)
		}
	}
	for _, k := range Kinds {
		if !r.Coverage.Played || suffered(k) {
			kinds = append(kinds, k)
		}
	}
	for _, row := range r.Rows {
		if !slices.Contains(components, row.Component) {
			components = append(components, row.Component)
		}
		if !slices.Contains(kinds, row.Fault) {
			kinds = append(kinds, row.Fault)
		}
	}
	return components, kinds
}

func rowFor(rows []Row, component Component, kind Kind) (Row, bool) {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Component == component && r.Fault == kind })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// The cells of the coverage that hold no figures.
const (
	untried   = "-"
	senseless = "·"
)

// writeCoverage writes components by faults: how many trials counted and the downtime of these, and below it what was lost, what
// came twice, what was wrong, and the takeovers that nobody needed.
func (r *Report) writeCoverage(b *strings.Builder) {
	components, kinds := r.Covers()
	table := [][]string{{"coverage"}}
	for _, kind := range kinds {
		table[0] = append(table[0], string(kind))
	}
	for _, component := range components {
		above, below := []string{string(component)}, []string{""}
		for _, kind := range kinds {
			first, second := r.cell(component, kind)
			above, below = append(above, first), append(below, second)
		}
		table = append(table, above)
		if slices.ContainsFunc(below, func(cell string) bool { return cell != "" }) {
			table = append(table, below)
		}
	}
	writeColumns(b, table, len(table[0]))
	b.WriteString("  n: p50/p99/max of the downtime in ms; below it lost, dup, wrong, needless/min. ")
	pairs := len(r.Coverage.Untried) + r.Coverage.Tried
	if r.Coverage.Played {
		fmt.Fprintf(b, "%s not asked for; no trial counted of %d of %d pairs\n", senseless, len(r.Coverage.Untried), pairs)
		return
	}
	fmt.Fprintf(b, "%s makes no sense; %s not tried: %d of %d\n", senseless, untried, len(r.Coverage.Untried), pairs)
}

// cell is the two lines of one pair.
func (r *Report) cell(component Component, kind Kind) (above, below string) {
	row, ok := rowFor(r.Rows, component, kind)
	switch {
	case !ok && !r.Coverage.Played && slices.Contains(component.Suffers(), kind):
		return untried, ""
	case !ok:
		return senseless, ""
	}
	below = fmt.Sprintf("%d, %d, %d, %s", row.Lost, row.Dup, row.Wrong, figure(row.Needless))
	if row.Counted == 0 {
		return fmt.Sprintf("0 of %d", row.N), below
	}
	d := row.Downtime
	return fmt.Sprintf("%d: %s/%s/%s", row.Counted, figure(d.P50), figure(d.P99), figure(d.Max)), below
}
