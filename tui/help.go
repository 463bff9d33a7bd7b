package tui

import "slices"

// helpRow is a row of help, and where on it which key is explained.
type helpRow struct {
	text  string
	spots []spot
}

// drawHelp draws every action with its keys, and what the table's words mean.
func drawHelp(t *theme, table []action, w, h int) []string {
	rows := make([]string, 0, h)
	for _, r := range helpRows(t, table, w, h) {
		rows = append(rows, r.text)
	}
	return fill(t, rows, w, h)
}

// helpRows are at most h rows: each action and each word is broken into several where there is room for that.
func helpRows(t *theme, table []action, w, h int) []helpRow {
	const keyWidth, wordWidth = 7, 10
	for _, broken := range []bool{true, false} {
		rows := []helpRow{{text: heading(t, "keys", "? closes, a click runs", faint, w)}}
		for i := range table {
			rows = explain(t, rows, hint{table[i].label, table[i].help, table[i].keys[0]}, keyWidth, w, broken)
		}
		keys := len(rows)
		rows = append(rows, helpRow{text: t.line(w).String()}, helpRow{text: heading(t, "words", "", faint, w)})
		for _, word := range legend() {
			rows = explain(t, rows, hint{key: word[0], text: word[1]}, wordWidth, w, broken)
		}
		switch over := len(rows) - h; {
		case over <= 0:
			return rows
		case broken:
		case over <= 2:
			return slices.Delete(rows, keys, keys+over) // without the empty row between the two, or the heading too
		case over == 3:
			return slices.Delete(rows, keys, keys+2)[1:]
		case keys > h:
			return inColumns(t, table, w)
		default:
			return rows[:keys]
		}
	}
	return nil
}

// inColumns are the keys alone, two in a row, each explained as far as there is room.
func inColumns(t *theme, table []action, w int) (rows []helpRow) {
	const keyWidth, gap = 6, 2
	column := (w - gap) / 2
	half := (len(table) + 1) / 2
	for i := range half {
		l := t.line(w)
		var spots []spot
		for n := i; n < len(table); n += half {
			a := &table[n]
			spots = append(spots, spot{l.w, column, a.keys[0]})
			end := l.w + column
			l.left(lit, a.label, keyWidth).put(plain, t.cut(a.help, column-keyWidth)).to(min(end+gap, w))
		}
		rows = append(rows, helpRow{l.String(), spots})
	}
	return rows
}

// explain appends a key or a word and its explanation, in one row or as many as it takes.
func explain(t *theme, rows []helpRow, what hint, column, w int, broken bool) []helpRow {
	look, term := lit, what.key
	if what.press == "" {
		look = strong
	}
	lines := []string{t.cut(what.text, w-column)}
	if broken {
		lines = wrap(what.text, w-column)
	}
	for _, line := range lines {
		row := helpRow{text: t.line(w).left(look, term, column).put(plain, line).String()}
		if what.press != "" {
			row.spots = []spot{{0, w, what.press}}
		}
		rows = append(rows, row)
		term = ""
	}
	return rows
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
		{"stale", "dimmed, hatched: no result for 4 periods"},
	}
}
