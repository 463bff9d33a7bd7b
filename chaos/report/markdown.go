package report

import (
	"fmt"
	"io"
	"strings"

	"fracture/chaos/meter"
)

// inMarkdown is how many incidents report.md tells.
const inMarkdown = 5

// WriteMarkdown writes report.md: what a pull request needs to know.
func (r *Run) WriteMarkdown(w io.Writer) error {
	checks, err := r.Checks()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n", plain(string(r.Verdict)), plain(r.Title))
	for _, why := range r.Why {
		fmt.Fprintf(&b, "- %s\n", plain(why))
	}
	for _, note := range r.Unjudged {
		fmt.Fprintf(&b, "- not judged: %s\n", plain(note))
	}
	b.WriteString("\n| row | budget | figure | verdict |\n|---|---|--:|---|\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", plain(c.Row), plain(c.Budget.String()), checkFigure(c), emphasised(c.Verdict))
	}
	b.WriteString("\n| row | n | p50, ms | p90 | p99 | max | lost | twice | wrong | needless/min |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, rows := range [][]meter.Row{r.Rows, r.Controls} {
		for _, row := range rows {
			d := row.Downtime
			fmt.Fprintf(&b, "| %s | %d of %d | %s | %s | %s | %s | %d | %d | %d | %s |\n", plain(rowName(row.Component, row.Fault)), row.Counted, row.N,
				num(d.P50), num(d.P90), num(d.P99), num(d.Max), row.Lost, row.Dup, row.Wrong, num(row.Needless))
		}
	}
	if worst, of := r.worst(); of > 0 {
		told := worst[:min(len(worst), inMarkdown)]
		fmt.Fprintf(&b, "\nThe worst of %d incidents:\n\n", of)
		for _, in := range told {
			fmt.Fprintf(&b, "- **%s ms** %s %s (trial %d): %s\n", num(in.Trial.Downtime), plain(in.Row), plain(in.Trial.Victim), in.N, plain(in.Sentence))
		}
	}
	fmt.Fprintf(&b, "\n%d nodes, %s, load %s, %d cores (%s), %s, %s MiB resident at most, %s cores in use. Again:\n\n```\n%s\n```\n",
		r.Nodes, plain(r.Strategy), plain(r.Load), r.Cores, plain(r.Versions.Machine), plain(r.Scheduler), num(r.RSS), num(r.CPU), fenced(r.shell()))
	_, err = io.WriteString(w, b.String())
	return err
}

// emphasised marks what was not held.
func emphasised(v meter.Verdict) string {
	if v == meter.Held {
		return string(v)
	}
	return "**" + plain(string(v)) + "**"
}

// plain makes a text stand in Markdown as it is: no tag, link, table or line of its own.
func plain(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "&", "&amp;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "\n", " ", "\r", " ").Replace(text)
}

// fenced keeps a text from ending the block that it stands in.
func fenced(text string) string { return strings.ReplaceAll(text, "```", "'''") }
