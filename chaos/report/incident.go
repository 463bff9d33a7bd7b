package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"fracture/chaos/meter"
)

// inFull is how many incidents a page tells in full, and eachRow how many of every row are among them if there is room. The rest
// are dots and a table, so that ten thousand open at once.
const (
	inFull  = 40
	eachRow = 2
)

// incident is one trial in full.
type incident struct {
	N        int // its place among the trials, from 1
	Row      string
	Class    string
	Trial    meter.TrialRow
	Over     bool // its downtime is beyond the goal
	At       string
	Restored string // seconds after the injection; empty where that was not seen
	Sentence string
	Parts    []stretch
	X        []tick
	Goal     string
	Length   string // of the downtime's bar
}

// stretch is one part of the waterfall.
type stretch struct{ X, Width, Class, Name, Time, Middle string }

// worst picks the incidents that a page tells in full, by their downtime: the worst of every row first, so that no row is left
// out by another, then the worst of all. They come in that order, with how many there were to pick from.
func (r *Run) worst() (list []incident, of int) {
	var places []int
	for i, t := range r.Trials {
		if t.Counted() && !t.Control() && t.Fault != meter.Noop {
			places = append(places, i)
		}
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(r.Trials[b].Downtime, r.Trials[a].Downtime) })
	taken := map[int]bool{}
	perRow := map[string]int{}
	for _, i := range places {
		row := rowName(r.Trials[i].Component, r.Trials[i].Fault)
		if perRow[row] < eachRow && len(taken) < inFull {
			perRow[row]++
			taken[i] = true
		}
	}
	for _, i := range places {
		if len(taken) < inFull {
			taken[i] = true
		}
	}
	for _, i := range places {
		if taken[i] {
			list = append(list, tell(i+1, r.Trials[i]))
		}
	}
	return list, len(places)
}

// waterfallWidth is that of a waterfall, in its own units.
const waterfallWidth = 900

// tell draws one incident.
func tell(n int, t meter.TrialRow) incident {
	in := incident{N: n, Row: rowName(t.Component, t.Fault), Class: faultClass(t.Fault), Trial: t, Over: t.Downtime > goal,
		At: num(t.At / 1e3), Sentence: explain(t)}
	cut := parts(t)
	end := max(t.Downtime, goal)
	if len(cut) > 0 {
		end = max(end, cut[len(cut)-1].to)
	}
	end *= 1.05
	x := func(ms float64) float64 { return waterfallWidth * ms / end }
	for _, p := range cut {
		in.Parts = append(in.Parts, stretch{X: at(x(p.from)), Width: at(max(x(p.ms()), 0.5)), Middle: at(x(p.from + p.ms()/2)),
			Class: fmt.Sprintf("p%d", p.stage), Name: p.name, Time: num(p.ms())})
	}
	if ms, seen := t.Stage("redundancy restored"); seen {
		in.Restored = num(ms / 1e3)
	}
	step := niceStep(end, 8)
	for ms := 0.0; ms <= end; ms += step {
		in.X = append(in.X, tick{at(x(ms)), num(ms)})
	}
	in.Goal, in.Length = at(x(goal)), at(x(t.Downtime))
	return in
}

// others sums up, row by row, the incidents that are not told in full.
func (r *Run) others(told []incident) (list []rest) {
	groups := map[string][]meter.TrialRow{}
	var order []string
	for i, t := range r.Trials {
		if !t.Counted() || t.Control() || t.Fault == meter.Noop || slices.ContainsFunc(told, func(in incident) bool { return in.N == i+1 }) {
			continue
		}
		name := rowName(t.Component, t.Fault)
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], t)
	}
	for _, name := range order {
		list = append(list, rest{Row: name, N: len(groups[name]), Downtime: spread(figures(groups[name], downtime)), Signals: signals(groups[name])})
	}
	return list
}

// rest is what is told of a row's other incidents.
type rest struct {
	Row      string
	N        int
	Downtime meter.Spread
	Signals  string
}

// signals counts by what trials were noticed.
func signals(trials []meter.TrialRow) string {
	count := map[string]int{}
	for _, t := range trials {
		count[t.Signal]++
	}
	var list []string
	for _, name := range []string{"reset", "silence", "overdue", "gone", "handover"} {
		if count[name] > 0 {
			list = append(list, fmt.Sprintf("%s %d", name, count[name]))
		}
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}
