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
}

// coverageOf looks for each pair that makes sense among rows.
func coverageOf(rows []Row) Coverage {
	c := Coverage{Untried: []string{}}
	for _, component := range Components {
		for _, kind := range component.Suffers() {
			if row, ok := rowFor(rows, component, kind); ok && row.Counted > 0 {
				c.Tried++
			} else {
				c.Untried = append(c.Untried, fmt.Sprintf("%s %s", component, kind))
			}
		}
	}
	return c
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

// writeCoverage writes all components by all faults: how many trials counted and the downtime of these, and below it what
// was lost, what came twice, what was wrong, and the takeovers that nobody needed.
func (r *Report) writeCoverage(b *strings.Builder) {
	table := [][]string{{"coverage"}}
	for _, kind := range Kinds {
		table[0] = append(table[0], string(kind))
	}
	for _, component := range Components {
		above, below := []string{string(component)}, []string{""}
		for _, kind := range Kinds {
			first, second := r.cell(component, kind)
			above, below = append(above, first), append(below, second)
		}
		table = append(table, above)
		if slices.ContainsFunc(below, func(cell string) bool { return cell != "" }) {
			table = append(table, below)
		}
	}
	writeColumns(b, table, len(table[0]))
	fmt.Fprintf(b, "  n: p50/p99/max of the downtime in ms; below it lost, dup, wrong, needless/min. %s makes no sense; %s not tried: %d of %d\n",
		senseless, untried, len(r.Coverage.Untried), r.Coverage.Tried+len(r.Coverage.Untried))
}

// cell is the two lines of one pair.
func (r *Report) cell(component Component, kind Kind) (above, below string) {
	if !slices.Contains(component.Suffers(), kind) {
		return senseless, ""
	}
	row, ok := rowFor(r.Rows, component, kind)
	if !ok {
		return untried, ""
	}
	below = fmt.Sprintf("%d, %d, %d, %s", row.Lost, row.Dup, row.Wrong, figure(row.Needless))
	if row.Counted == 0 {
		return fmt.Sprintf("0 of %d", row.N), below
	}
	d := row.Downtime
	return fmt.Sprintf("%d: %s/%s/%s", row.Counted, figure(d.P50), figure(d.P99), figure(d.Max)), below
}
