package meter

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Comparison lays strategies side by side: what the same faults cost each of them in downtime, and what each costs while
// nothing is wrong. Its JSON is one object.
type Comparison struct {
	Seed       uint64     `json:"seed"`
	Load       string     `json:"load"`
	Nodes      int        `json:"nodes"`
	Strategies []Compared `json:"strategies"`

	CalmSpan  float64  `json:"calm_s"`
	Window    float64  `json:"window_s"`
	Grace     float64  `json:"grace_s"`
	CostSpan  float64  `json:"cost_s"` // for how long costs were measured
	Cores     int      `json:"cores"`
	Scheduler string   `json:"scheduler"`
	Versions  Versions `json:"versions"`
	Started   string   `json:"started"` // RFC 3339
	Took      float64  `json:"took_s"`
	Whole     bool     `json:"whole"` // false where it was interrupted
}

// Compared is one strategy.
type Compared struct {
	Strategy string `json:"strategy"`
	Factor   int    `json:"factor"` // copies of each task
	Cost     Cost   `json:"cost"`
	Rows     []Row  `json:"rows"`           // one for each fault on each component
	Note     string `json:"note,omitempty"` // what a reader must know of this line's figures
}

// Cost is what all nodes together took, for each result that was due, while nothing was wrong. Probes count as results.
type Cost struct {
	Results  uint64  `json:"results"`           // that the figures rest on
	CPU      float64 `json:"cpu_ms_per_result"` // processor time
	Messages float64 `json:"messages_per_result"`
	Bytes    float64 `json:"bytes_per_result"` // of messages, before encryption
	Thrown   float64 `json:"thrown_away_per_result"`
	Runs     float64 `json:"runs_per_result"`
	RSS      float64 `json:"rss_mib"` // of a node, mean
}

// WriteJSON writes the comparison as one object on one line.
func (c *Comparison) WriteJSON(w io.Writer) error {
	out := *c
	if out.Strategies == nil {
		out.Strategies = []Compared{}
	}
	return json.NewEncoder(w).Encode(out)
}

// WriteText writes the comparison for people: a line for each strategy and fault, the costs beside the first.
func (c *Comparison) WriteText(w io.Writer) error {
	table := [][]string{
		{"", "", "", "", "downtime, ms", "", "", "", "", "", "needless", "for each result", "", "", "", "", "", "a node's"},
		{"strategy", "copies", "fault", "n", "p50", "p90", "p99", "max", "lost", "wrong", "per min", "CPU, ms", "against " + c.base(),
			"messages", "bytes", "runs", "thrown away", "RSS, MiB"},
	}
	for _, s := range c.Strategies {
		for i, row := range s.Rows {
			line := []string{"", "", row.name(), strconv.Itoa(row.Counted), figure(row.Downtime.P50), figure(row.Downtime.P90),
				figure(row.Downtime.P99), figure(row.Downtime.Max), strconv.Itoa(row.Lost), strconv.FormatUint(row.Wrong, 10), figure(row.Needless)}
			if i == 0 {
				line[0], line[1] = s.Strategy, strconv.Itoa(s.Factor)
				line = append(line, c.costs(s.Cost)...)
			}
			table = append(table, line)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "fracture compare: seed %d, load %s, %d nodes, %d cores, scheduling %s\n\n", c.Seed, c.Load, c.Nodes, c.Cores, orNone(c.Scheduler))
	align(&b, table, 3)
	b.WriteByte('\n')
	for _, s := range c.Strategies {
		if s.Note != "" {
			fmt.Fprintf(&b, "%s: %s\n", s.Strategy, s.Note)
		}
	}
	fmt.Fprintf(&b, "costs: over %s s without a fault; messages and bytes are between nodes and to the sink; thrown away are results that had already come\n", figure(c.CostSpan))
	fmt.Fprintf(&b, "looked at: results due in %s s after a fault; lost what has not come %s s after that, so no downtime is longer than both\n", figure(c.Window), figure(c.Grace))
	fmt.Fprintf(&b, "measured: %s, %s, %s, %s, from %s, took %s s\n", c.Versions.Fracture, c.Versions.Go, c.Versions.System, c.Versions.Machine, c.Started, figure(c.Took))
	if !c.Whole {
		b.WriteString("interrupted: what is missing was not measured\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// costs are a strategy's costs, the processor time also against the first strategy's.
func (c *Comparison) costs(x Cost) []string {
	share := "-"
	if base := c.Strategies[0].Cost.CPU; base > 0 {
		share = fmt.Sprintf("%+.0f %%", 100*(x.CPU/base-1))
	}
	return []string{figure3(x.CPU), share, figure(x.Messages), strconv.FormatFloat(x.Bytes, 'f', 0, 64), figure(x.Runs), figure(x.Thrown), figure(x.RSS)}
}

// base names the strategy that costs are held against: the first.
func (c *Comparison) base() string {
	if len(c.Strategies) == 0 {
		return "none"
	}
	return c.Strategies[0].Strategy
}

// figure3 prints a small number with three digits behind the point.
func figure3(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }

// align writes a table, the first columns to the left and the rest to the right.
func align(b *strings.Builder, table [][]string, left int) {
	var width []int
	for _, line := range table {
		for i, cell := range line {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, line := range table {
		var out strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i < left {
				out.WriteString(cell + pad + "  ")
			} else {
				out.WriteString(pad + cell + "  ")
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
}
