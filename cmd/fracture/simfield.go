package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"fracture/chaos/sim"
	"fracture/cluster/failover"
)

// fieldNodes is how many nodes a row of the table has at least, over all its runs: a small field has few takeovers.
const fieldNodes = 5000

// fieldRow is what a node's share of the work costs in a cluster of so many nodes: a row of the table.
type fieldRow struct {
	Nodes        int          `json:"nodes"`
	Runs         int          `json:"runs"`
	Streams      int          `json:"streams"`       // of one run
	Beats        float64      `json:"beats_s"`       // a node and second
	Messages     float64      `json:"messages_s"`    // a node and second
	Tasks        float64      `json:"tasks_s"`       // a node and second
	TaskMessages float64      `json:"task_messages"` // a task
	Copies       float64      `json:"copies"`        // a task
	Links        float64      `json:"links"`         // a node
	MostLinks    int          `json:"most_links"`    // of one node
	Reset        simTakeovers `json:"reset"`         // by the end of a link: of nodes that died
	Silence      simTakeovers `json:"silence"`       // of nodes that froze
	MemoryKB     float64      `json:"memory_kb"`     // a node; of this machine, and not of virtual time
	TookS        float64      `json:"took_s"`
}

// isField reports whether the command line asks for the table: for several sizes, or one that is beyond a world's.
func (f simFlags) isField() bool { return len(f.nodes) != 1 || f.nodes[0] > sim.MaxNodes }

// checkField checks the flags of the table, naming the first that makes no sense.
func (f simFlags) checkField() error {
	for _, n := range f.nodes {
		if n < sim.MinFieldNodes || n > sim.MaxFieldNodes {
			return fmt.Errorf("--nodes %d: want %d to %d in a table, or one number from %d to %d", n,
				sim.MinFieldNodes, sim.MaxFieldNodes, sim.MinNodes, sim.MaxNodes)
		}
	}
	switch {
	case len(f.nodes) == 0:
		return errors.New("--nodes names no number")
	case f.trace:
		return fmt.Errorf("--trace prints one run of %d to %d nodes", sim.MinNodes, sim.MaxNodes)
	case f.bug != "":
		return fmt.Errorf("--bug wants the checks of a run of %d to %d nodes", sim.MinNodes, sim.MaxNodes)
	}
	return nil
}

// runFields prints the table, a row as soon as it is known.
func (f simFlags) runFields(ctx context.Context, stdout io.Writer) error {
	if err := f.checkField(); err != nil {
		return &exitError{exitUsage, err}
	}
	if !f.json {
		_, _ = fmt.Fprintf(stdout, "%s\n%s\n", fieldHead1, fieldHead2)
	}
	var rows []fieldRow
	for _, n := range f.nodes {
		row, err := runField(ctx, n, f.first)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		if !f.json {
			row.print(stdout)
		}
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(rows)
	}
	_, _ = fmt.Fprintln(stdout, "virtual time: the same figures on every machine, but for the memory")
	return nil
}

const (
	fieldHead1 = "                 a node and second          a task       links     died: taken over after   froze: taken over after    memory"
	fieldHead2 = " nodes streams  beats messages tasks  messages copies  mean most     n   p50   p99   max ms    n   p50   p99    max ms  KB/node"
)

func (r fieldRow) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%6d %7d %6.0f %8.1f %5.1f  %8.2f %6.2f %5.1f %4d %5d %5.2f %5.2f %5.2f %7d %5.1f %5.1f %5.1f %9.0f\n",
		r.Nodes, r.Streams, r.Beats, r.Messages, r.Tasks, r.TaskMessages, r.Copies, r.Links, r.MostLinks,
		r.Reset.N, r.Reset.P50, r.Reset.P99, r.Reset.Max, r.Silence.N, r.Silence.P50, r.Silence.P99, r.Silence.Max, r.MemoryKB)
}

// runField runs fields of so many nodes, from a seed on, and makes their row.
func runField(ctx context.Context, nodes int, seed uint64) (fieldRow, error) {
	began := time.Now()
	row := fieldRow{Nodes: nodes, Runs: (fieldNodes + nodes - 1) / nodes}
	var all sim.FieldOutcome
	var took [failover.Handover + 1][]time.Duration
	for i := range row.Runs {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		before := heapBytes(i == 0)
		field := sim.NewField(nodes, seed+uint64(i))
		out := field.Run()
		if i == 0 {
			row.MemoryKB = float64(heapBytes(true)-before) / 1024 / float64(nodes)
			row.Streams = out.Streams
		}
		runtime.KeepAlive(field)
		all.Window += out.Window
		all.Beats += out.Beats
		all.Messages += out.Messages
		all.Copies += out.Copies
		all.Delivered += out.Delivered
		all.Links += out.Links
		row.MostLinks = max(row.MostLinks, out.MostLinks)
		for _, t := range out.Takeovers {
			took[t.Signal] = append(took[t.Signal], t.After)
		}
	}
	share := func(n uint64) float64 { return float64(n) / float64(nodes) / all.Window.Seconds() }
	row.Beats, row.Messages, row.Tasks = share(all.Beats), share(all.Messages), share(all.Delivered)
	row.TaskMessages = float64(all.Messages) / float64(max(all.Delivered, 1))
	row.Copies = float64(all.Copies) / float64(max(all.Delivered, 1))
	row.Links = 2 * float64(all.Links) / float64(nodes*row.Runs)
	row.Reset, row.Silence = takeoversOf(took[failover.Reset]), takeoversOf(took[failover.Silence])
	row.TookS = time.Since(began).Seconds()
	return row, nil
}

// takeoversOf sums takeovers up.
func takeoversOf(took []time.Duration) simTakeovers {
	if len(took) == 0 {
		return simTakeovers{}
	}
	p50, p99, most := percentiles(took)
	return simTakeovers{len(took), p50, p99, most}
}

// heapBytes is how much memory lives, if that is asked for.
func heapBytes(asked bool) int64 {
	if !asked {
		return 0
	}
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
