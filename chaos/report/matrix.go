package report

import (
	"slices"

	"fracture/chaos/meter"
)

// matrix is which component was broken how.
type matrix struct {
	Kinds   []meter.Kind
	Lines   []matrixLine
	Tried   int
	Untried int
}

// matrixLine is one component.
type matrixLine struct {
	Component meter.Component
	Cells     []cell
}

// cell is one pair of component and fault. Its class is kept, broken, thin, untried or senseless.
type cell struct {
	Class string
	N     int
	Row   meter.Row
}

// coverage lays the rows out, those of pairs that the meter does not know among them.
func (r *Run) coverage(checks []meter.Check) matrix {
	m := matrix{Kinds: slices.Clone(meter.Kinds), Tried: r.Coverage.Tried, Untried: len(r.Coverage.Untried)}
	components := slices.Clone(meter.Components)
	for _, row := range r.Rows {
		if !slices.Contains(m.Kinds, row.Fault) {
			m.Kinds = append(m.Kinds, row.Fault)
		}
		if !slices.Contains(components, row.Component) {
			components = append(components, row.Component)
		}
	}
	for _, c := range components {
		l := matrixLine{Component: c}
		for _, k := range m.Kinds {
			l.Cells = append(l.Cells, r.cell(c, k, checks))
		}
		m.Lines = append(m.Lines, l)
	}
	return m
}

func (r *Run) cell(c meter.Component, k meter.Kind, checks []meter.Check) cell {
	i := slices.IndexFunc(r.Rows, func(row meter.Row) bool { return row.Component == c && row.Fault == k })
	switch {
	case i < 0 && slices.Contains(c.Suffers(), k):
		return cell{Class: "untried"}
	case i < 0:
		return cell{Class: "senseless"}
	}
	row := r.Rows[i]
	out := cell{Class: "kept", N: row.Counted, Row: row}
	if row.Counted < row.Needed || row.Counted == 0 {
		out.Class = "thin"
	}
	for _, check := range checks {
		if check.Row == rowName(c, k) && check.Verdict == meter.Broken {
			out.Class = "broken"
		}
	}
	return out
}
