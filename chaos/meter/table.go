package meter

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columns of the table, with the unit in the heading.
var columns = []struct{ group, head string }{
	{"", "component"}, {"", "fault"}, {"", "n"}, {"", "counted"},
	{"downtime, ms", "p50"}, {"", "p90"}, {"", "p99"}, {"", "max"},
	{"longest gap, ms", "p50"}, {"", "p90"}, {"", "p99"}, {"", "max"},
	{"", "lost"}, {"", "dup"}, {"", "wrong"}, {"", "needless/min"},
	{"first signal", "reset"}, {"", "silence"}, {"", "overdue"}, {"", "other"}, {"", "none"},
}

// WriteText writes the report for people: a table, then what one needs to know to believe it.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "fracture run: seed %d, %s, load %s, %d nodes, %d cores, %s\n\n", r.Seed, r.Strategy, r.Load, r.Nodes, r.Cores, orNone(r.Scheduler))
	if since := r.Since(); since != "" {
		fmt.Fprintf(&b, "guarded by %s\n\n", since)
	}
	r.writeCoverage(&b)
	b.WriteByte('\n')
	r.writeTable(&b)
	b.WriteByte('\n')
	r.writeRows(&b)
	r.writeGround(&b)
	for _, note := range r.Unjudged {
		fmt.Fprintf(&b, "not judged: %s\n", note)
	}
	for _, why := range r.Why {
		fmt.Fprintf(&b, "  %s\n", why)
	}
	fmt.Fprintf(&b, "verdict: %s (budgets %s)\n", r.Verdict, strings.Join(r.Budgets, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeTable(b *strings.Builder) {
	table := [][]string{make([]string, len(columns))}
	for i, c := range columns {
		table[0][i] = c.head
	}
	for _, row := range append(append([]Row(nil), r.Rows...), r.Controls...) {
		table = append(table, cells(row))
	}
	writeGroups(b, widths(table))
	writeColumns(b, table, 2)
}

// widths are those of the columns, in characters.
func widths(table [][]string) []int {
	width := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	return width
}

// writeColumns writes a table, the first so many columns to the left and the others to the right, without spaces at the
// end of a line.
func writeColumns(b *strings.Builder, table [][]string, left int) {
	width := widths(table)
	for _, line := range table {
		var text strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i < left {
				text.WriteString(cell + pad + "  ")
			} else {
				text.WriteString(pad + cell + "  ")
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
}

// writeGroups writes the line above the headings: each group's name where its first column begins.
func writeGroups(b *strings.Builder, width []int) {
	var line []byte
	at := 0
	for i, c := range columns {
		if c.group != "" {
			for len(line) < at {
				line = append(line, ' ')
			}
			line = append(line, c.group...)
		}
		at += width[i] + 2
	}
	b.Write(line)
	b.WriteByte('\n')
}

func cells(r Row) []string {
	return []string{
		string(r.Component), string(r.Fault), strconv.Itoa(r.N), strconv.Itoa(r.Counted),
		figure(r.Downtime.P50), figure(r.Downtime.P90), figure(r.Downtime.P99), figure(r.Downtime.Max),
		figure(r.Gap.P50), figure(r.Gap.P90), figure(r.Gap.P99), figure(r.Gap.Max),
		strconv.Itoa(r.Lost), strconv.FormatUint(r.Dup, 10), strconv.FormatUint(r.Wrong, 10), figure(r.Needless),
		strconv.Itoa(r.Signals.Reset), strconv.Itoa(r.Signals.Silence), strconv.Itoa(r.Signals.Overdue),
		strconv.Itoa(r.Signals.Other), strconv.Itoa(r.Signals.None),
	}
}

// writeRows writes what lies behind each row of the table.
func (r *Report) writeRows(b *strings.Builder) {
	for _, row := range append(append([]Row(nil), r.Rows...), r.Controls...) {
		name := row.name()
		if !row.Component.control() {
			fmt.Fprintf(b, "%s: in flight on the victim p50 %s, p99 %s ms; due after it p50 %s, p99 %s ms; longest stretch p99 %s ms; loss-derived p99 %s ms%s\n",
				name, figure(row.InFlight.P50), figure(row.InFlight.P99), figure(row.Arrivals.P50), figure(row.Arrivals.P99),
				figure(row.Longest.P99), figure(row.Loss.P99), rssText(row.RSS))
		}
		row.writeStreams(b)
		if row.Stood != nil {
			fmt.Fprintf(b, "%s: stood for p50 %s, max %s ms\n", name, figure(row.Stood.P50), figure(row.Stood.Max))
		}
		if len(row.Stages) > 0 {
			fmt.Fprintf(b, "%s: µs after the injection, p50 (p99, n):", name)
			for i, s := range row.Stages {
				if i > 0 {
					b.WriteString(" →")
				}
				fmt.Fprintf(b, " %s %.0f (%.0f, %d)", s.Stage, s.P50, s.P99, s.N)
			}
			b.WriteByte('\n')
		}
		if row.Error != nil {
			fmt.Fprintf(b, "%s: off the true length by p50 %s, max %s ms; the longest stretch, without what had to be made up, by p50 %s, max %s ms\n",
				name, figure(row.Error.P50), figure(row.Error.Max), figure(row.OffLong.P50), figure(row.OffLong.Max))
		}
		if row.MeterLate > 0 {
			fmt.Fprintf(b, "%s: in %d of %d counted trials the meter itself was late by more than %v; they count\n", name, row.MeterLate, row.Counted, HiccupLimit)
		}
		if all := row.WithThem; all != nil {
			fmt.Fprintf(b, "%s: with those in which the machine stalled, n = %d, downtime p50 %s, p90 %s, p99 %s, max %s ms, needless/min %s\n",
				name, row.Counted+row.Stalled, figure(all.P50), figure(all.P90), figure(all.P99), figure(all.Max), figure(*row.NeedlessWithThem))
		}
		for _, u := range row.Uncounted {
			fmt.Fprintf(b, "%s: not counted in %d: %s\n", name, u.N, u.Why)
		}
		for _, d := range row.Differ {
			fmt.Fprintf(b, "%s: figures more than two periods apart in %d: %s\n", name, d.N, d.Why)
		}
	}
}

// rssText is nothing where the victim was no node.
func rssText(rss RSS) string {
	if rss.Max == 0 {
		return ""
	}
	return fmt.Sprintf("; victim's RSS p50 %s, max %s MiB", figure(rss.P50), figure(rss.Max))
}

// writeGround writes what all rows rest on.
func (r *Report) writeGround(b *strings.Builder) {
	for _, c := range r.Calm {
		fmt.Fprintf(b, "calm of %s: lateness p50 %s, p99.9 %s ms, over %s s and at least %d results before each fault", c.Stream, figure(c.P50), figure(c.P999), figure(r.CalmSpan), c.N)
		if c.N < MinCalm {
			fmt.Fprintf(b, "; a trial counts with %d of all streams together", MinCalm)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "looked at: results due in %s s after a fault; lost what has not come %s s after that\n", figure(r.Window), figure(r.Grace))
	fmt.Fprintf(b, "whole run: %d results due, %d delivered, %d lost, %d delivered twice, %d wrong, %d too old to tell, %d unexpected\n",
		r.Totals.Due, r.Totals.Delivered, r.Totals.Lost, r.Totals.Duplicates, r.Totals.Wrong, r.Totals.Stale, r.Totals.Wild)
	for _, l := range r.Lost {
		l.write(b)
	}
	if n := r.Totals.Unmeasured; n > 0 {
		fmt.Fprintf(b, "whole run: %d results came while the meter had no room for them, and read as lost or late\n", n)
	}
	fmt.Fprintf(b, "meter: late by p50 %s, p99 %s, max %s ms; telemetry dropped %d\n", figure(r.Hiccups.P50), figure(r.Hiccups.P99), figure(r.Hiccups.Max), r.LogDropped)
	if r.Stalls != nil {
		fmt.Fprintf(b, "machine: a core ran nobody for p50 %s, p99 %s, max %s ms\n", figure(r.Stalls.P50), figure(r.Stalls.P99), figure(r.Stalls.Max))
	} else {
		fmt.Fprintf(b, "machine: not watched, so its stalls count as downtime: %s\n", r.Unwatched)
	}
	if r.Late != nil {
		fmt.Fprintf(b, "faults: begun p50 %s, p99 %s, max %s ms after their time, n = %d\n", figure(r.Late.P50), figure(r.Late.P99), figure(r.Late.Max), r.Late.N)
	}
	r.Door.write(b)
	ballast := ""
	if r.Ballast > 0 {
		ballast = fmt.Sprintf(" (%s of them ballast)", figure(r.Ballast))
	}
	asked := ""
	if r.CPUAsked > 0 {
		asked = fmt.Sprintf(" (the load asks for %s)", figure(r.CPUAsked))
	}
	fmt.Fprintf(b, "nodes: RSS at most %s MiB%s, %s cores in use together%s\n", figure(r.RSS), ballast, figure(r.CPU), asked)
	fmt.Fprintf(b, "measured: %s, %s, %s, %s, from %s, took %s s\n", r.Versions.Fracture, r.Versions.Go, r.Versions.System, r.Versions.Machine, r.Started, figure(r.Took))
	fmt.Fprintf(b, "percentiles: %s\n", r.Figures)
}

// figure prints a number with as many digits as a reader needs: none where it is whole, else two or three.
func figure(x float64) string {
	switch {
	case x == float64(int64(x)):
		return strconv.FormatInt(int64(x), 10)
	case x < 100:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

func orNone(s string) string {
	if s == "" {
		return "scheduling unknown"
	}
	return s
}
