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
	Played  bool // of a scenario's own faults alone
}

// matrixLine is one component.
type matrixLine struct {
	Component meter.Component
	Cells     []cell
}

// cell is one pair of component and fault. Its class is kept, broken, thin, untried, unasked or senseless.
type cell struct {
	Class string
	N     int
	Row   meter.Row
}

// coverage lays the rows out.
func (r *Run) coverage(checks []meter.Check) matrix {
	components, kinds := r.Covers()
	m := matrix{Kinds: kinds, Tried: r.Coverage.Tried, Untried: len(r.Coverage.Untried), Played: r.Coverage.Played}
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
	case i < 0 && r.Coverage.Played:
		return cell{Class: "unasked"}
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
