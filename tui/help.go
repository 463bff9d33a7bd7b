package tui

import (
	"slices"
	"strings"
)

// helpRow is a row of help, and where on it which action is explained, by its name in place of a key.
type helpRow struct {
	text  string
	spots []spot
}

// drawHelp draws the actions that are sought with their keys, or all of them, and what the table's words mean.
func drawHelp(s *state, t *theme, table []action, w, h int) []string {
	rows := make([]string, 0, h)
	for _, r := range helpRows(s, t, table, w, h) {
		rows = append(rows, r.text)
	}
	return fill(t, rows, w, h)
}

// helpRows are at most h rows: a heading, and the list of actions.
func helpRows(s *state, t *theme, table []action, w, h int) []helpRow {
	found, _ := s.find.found(table)
	title, note := "keys", "/ filters, enter runs, ? closes"
	if s.find.command {
		title, note = "actions", "up, down choose, tab completes"
	}
	rows := []helpRow{{text: heading(t, title, note, faint, w)}}
	if len(found) == 0 {
		return append(rows, helpRow{text: t.line(w).put(faint, t.cut("nothing is called "+s.find.text, w)).String()})
	}
	l := listing{look: t, found: found, at: s.find.at - 1, names: s.find.command}
	return append(rows, l.rows(w, h-1, s.find == finder{at: s.find.at})...)
}

// listing is a list of actions to be drawn.
type listing struct {
	look  *theme
	found []*action
	at    int  // which is chosen; -1: none
	names bool // their names are shown
}

// Cells before an action's words: the mark of the chosen one, and its key.
const (
	listKeyCells  = 6
	listLeadCells = 1 + listKeyCells
)

// rows are at most h rows: the fullest way to tell of the actions for which there is room beside the meaning of the panels' words, where
// those are wanted, or without. Each action takes as many rows as it needs, or one, or one of a column. In the last resort only a part of
// the list is shown, with the chosen one. What would not fit is told in fewer words, and nothing is cut.
func (l listing) rows(w, h int, words bool) []helpRow {
	const most = 3 // columns
	ways := [][]helpRow{l.broken(w)}
	for n := range most {
		ways = append(ways, l.columns(w, n+1))
	}
	for _, rows := range ways {
		all := l.withWords(rows, w)
		if over := len(all) - h; words && over <= 2 { // without the empty row between the two, or the heading too
			return slices.Delete(all, len(rows), len(rows)+max(over, 0))
		}
	}
	for _, rows := range ways {
		if len(rows) <= h {
			return rows
		}
	}
	return l.around(most*max(h, 0)).columns(w, most)
}

// withWords puts the meaning of the panels' words behind the rows of a list.
func (l listing) withWords(rows []helpRow, w int) []helpRow {
	const column = 11
	all := append(slices.Clone(rows), helpRow{text: l.look.line(w).String()}, helpRow{text: heading(l.look, "words", "", faint, w)})
	for _, word := range legend() {
		for n, text := range wrap(word[1], w-column) {
			row := l.look.line(w).to(1)
			if n == 0 {
				row.put(strong, word[0])
			}
			all = append(all, helpRow{text: row.to(column).put(plain, text).String()})
		}
	}
	return all
}

// broken are the actions one below the other, each in as many rows as it takes.
func (l listing) broken(w int) (rows []helpRow) {
	for i, a := range l.found {
		for n, text := range wrap(a.told(l.names), w-listLeadCells) {
			row := l.look.line(w)
			if n == 0 {
				l.lead(row, i)
			}
			rows = append(rows, helpRow{row.to(listLeadCells).put(plain, text).String(), []spot{{0, w, a.name}}})
		}
	}
	return rows
}

// columns are the actions in so many columns, each in one row of them.
func (l listing) columns(w, n int) (rows []helpRow) {
	const gap = 1
	column := (w - (n-1)*gap) / n
	high := (len(l.found) + n - 1) / n
	for y := range high {
		row := l.look.line(w)
		var spots []spot
		for i := y; i < len(l.found); i += high {
			from := row.w
			spots = append(spots, spot{from, column, l.found[i].name})
			l.lead(row, i)
			row.put(plain, l.look.cut(l.found[i].fitting(l.names, column-listLeadCells), column-listLeadCells))
			row.to(min(from+column+gap, w))
		}
		rows = append(rows, helpRow{row.String(), spots})
	}
	return rows
}

// around is the part of a list that holds the chosen action, of at most so many.
func (l listing) around(most int) listing {
	most = min(most, len(l.found))
	first := max(0, min(l.at-most/2, len(l.found)-most))
	l.found, l.at = l.found[first:first+most], l.at-first
	return l
}

// lead puts what stands before an action's words.
func (l listing) lead(row *line, i int) {
	mark, look := " ", lit
	if i == l.at {
		mark, look = l.look.glyphs.pick, selected
	}
	row.put(selected, mark).left(look, l.found[i].label, listKeyCells)
}

// told is what an action does, behind its name where that is wanted.
func (a *action) told(name bool) string {
	if name {
		return a.name + ": " + a.help
	}
	return a.help
}

// fitting is what an action does, as much of it as there is room for: all, its first clause, or a few words.
func (a *action) fitting(name bool, w int) string {
	clause := *a
	for _, end := range []string{", ", "; ", ": "} {
		clause.help, _, _ = strings.Cut(clause.help, end)
	}
	for _, text := range []string{a.told(name), clause.told(name)} {
		if cells(text) <= w {
			return text
		}
	}
	if name {
		return a.name
	}
	return a.brief
}

// legend explains the words that the panels use.
func legend() [][2]string {
	return [][2]string{
		{"owns", "tiles the node computes now"},
		{"holds", "copies ready to run: a hot standby"},
		{"beat ms", "longest pause between its beats, and of late"},
		{"CPU %", "of one core; 200 is two"},
		{"took", "tasks of others that it took over"},
		{"downtime", "how long results stood still on arrival"},
		{"needless", "takeovers from a node that was alive"},
		{"stale", "dim, hatched: no result for 4 periods"},
	}
}
