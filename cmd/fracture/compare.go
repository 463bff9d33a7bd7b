package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/work"
)

// compareFlags are the command line of `fracture compare`.
type compareFlags struct {
	run             runFlags
	strategies, svg string
	cost            time.Duration
}

func newCompareCommand() *cobra.Command {
	f := compareFlags{run: runFlags{probe: runProbePeriod}}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "the same faults over each strategy: what redundancy buys, beside what it costs",
		Long: "Runs a cluster of its own for each strategy, all with the same load, measures what the strategy takes while nothing\n" +
			"is wrong (processor time, messages, bytes, runs and results thrown away, each for one result), and then breaks it in\n" +
			"the same ways as the others. The table and the chart are the page on which one decides what redundancy to buy.\n\n" +
			"failfast ends with its first fault, so it has one trial. reschedule waits for gossip, so it has three at most, and\n" +
			"is watched for " + rescheduleWindow.String() + " after each.\n\n" +
			"Exit codes: 0 measured, 2 wrong command line, 3 the environment failed, 130 interrupted (what was measured until\n" +
			"then is printed).",
		Example: "  fracture compare\n  fracture compare --strategies standby,hedge,active --trials 50 --svg cost.svg\n" +
			"  fracture compare --role splitter --fault freeze --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := f.options()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if err := cmp.Or(canWrite("--out", f.run.out), canWrite("--svg", f.svg)); err != nil {
				return err
			}
			return f.compare(cmd.Context(), all, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.strategies, "strategies", "all", fmt.Sprintf("which, parted by commas, or all: %v", work.Strategies))
	flags.StringVar(&f.svg, "svg", "", "draw cost against downtime to this file")
	flags.DurationVar(&f.cost, "cost", 5*time.Second, "for how long costs are measured, before the first fault")
	flags.IntVar(&f.run.trials, "trials", 10, "trials of each fault")
	flags.StringVar(&f.run.role, "role", "owner,splitter", "what to break, as with fracture run")
	flags.StringVar(&f.run.fault, "fault", "kill,freeze", "how, as with fracture run")
	flags.StringVar(&f.run.load, "load", "half", "how much of all cores the first strategy keeps busy; the others have the same pictures")
	flags.Uint64Var(&f.run.seed, "seed", 0, "decides victims and moments, the same for each strategy; 0: from the clock, and printed")
	f.run.registerTrial(flags, 3*time.Second)
	f.run.nodeArgs.register(cmd)
	flags.StringVar(&f.run.out, "out", "", "write the JSON object to this file too")
	return cmd
}

// Of strategy reschedule, whose takeovers take as long as gossip does.
const (
	rescheduleWindow = 25 * time.Second
	rescheduleTrials = 3
)

// options makes one plan for each strategy, the one that is usual first: the others' costs are held against it.
func (f compareFlags) options() ([]runOptions, error) {
	if f.cost < time.Second || f.cost > time.Minute {
		return nil, fmt.Errorf("--cost %v: want 1s to 1m", f.cost)
	}
	chosen, err := parseStrategies(f.strategies)
	if err != nil {
		return nil, fmt.Errorf("--strategies: %w", err)
	}
	if f.run.seed == 0 {
		f.run.seed = uint64(clock.Now())
	}
	var all []runOptions
	for _, s := range chosen {
		run := f.run
		run.strategy, run.minimum = s.String(), 1
		o, err := run.read()
		if err != nil {
			return nil, err
		}
		o.costSpan = f.cost
		switch s {
		case work.FailFast:
			o.stops = true
		case work.Reschedule:
			o.window = max(o.window, rescheduleWindow)
			for i := range o.series {
				o.series[i].n = min(o.series[i].n, rescheduleTrials)
			}
		case work.Expendable, work.Standby, work.Hedge, work.Active, work.Vote:
		}
		all = append(all, o)
	}
	return all, nil
}

// parseStrategies reads names parted by commas, or all; the default strategy comes first where it is among them.
func parseStrategies(text string) ([]work.Strategy, error) {
	chosen := slices.Clone(work.Strategies)
	if text != "all" {
		chosen = chosen[:0]
		for name := range strings.SplitSeq(text, ",") {
			s, err := work.ParseStrategy(strings.TrimSpace(name))
			if err != nil {
				return nil, err
			}
			if !slices.Contains(chosen, s) {
				chosen = append(chosen, s)
			}
		}
	}
	slices.SortStableFunc(chosen, func(a, b work.Strategy) int {
		switch {
		case a == b:
			return 0
		case a == work.Standby:
			return -1
		case b == work.Standby:
			return 1
		}
		return 0
	})
	return chosen, nil
}

// compare carries all plans out, one after the other, and prints what they found.
func (f compareFlags) compare(ctx context.Context, all []runOptions, stdout, stderr io.Writer) error {
	c := &meter.Comparison{
		Seed: all[0].seed, Load: all[0].load.name, Nodes: all[0].nodes, CostSpan: f.cost.Seconds(), CalmSpan: all[0].calm.Seconds(),
		Window: f.run.window.Seconds(), Grace: f.run.grace.Seconds(), Versions: versions(),
		Started: time.Now().UTC().Format(time.RFC3339), Whole: true,
	}
	began := clock.Now()
	var failed error
	for i, o := range all {
		_, _ = fmt.Fprintf(stderr, "%d/%d  %v\n", i+1, len(all), o.strategy)
		m, err := measure(ctx, o, stderr)
		if m.report != nil && m.cost.Results > 0 {
			c.Strategies = append(c.Strategies, compared(o, m))
			c.Cores, c.Scheduler = m.report.Cores, m.report.Scheduler
		}
		if err != nil || ctx.Err() != nil {
			c.Whole, failed = false, err
			break
		}
		if i == 0 { // the others carry the same
			for j := range all {
				all[j].size = m.size
			}
		}
	}
	c.Took = float64(int(clock.Now().Sub(began).Seconds()))
	if len(c.Strategies) > 0 {
		if err := f.print(c, stdout); err != nil {
			return err
		}
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("")}
	case failed != nil:
		return fmt.Errorf("after %d of %d strategies: %w", len(c.Strategies), len(all), failed)
	}
	return nil
}

// compared is one strategy's line.
func compared(o runOptions, m measured) meter.Compared {
	fewest, _ := o.strategy.Factors()
	line := meter.Compared{Strategy: o.strategy.String(), Factor: int(fewest), Cost: m.cost}
	for _, row := range meter.Rows(m.trials) {
		if row.Component != meter.None && row.Component != meter.All {
			line.Rows = append(line.Rows, row)
		}
	}
	switch o.strategy {
	case work.FailFast:
		line.Note = "the stream ends with the first fault; what was due after it counts to the horizon"
	case work.Expendable:
		line.Note = "what a fault loses is dropped, and counts to the horizon"
	case work.Reschedule:
		line.Note = fmt.Sprintf("watched for %v after a fault, in at most %d trials of each", o.window, rescheduleTrials)
	case work.Standby, work.Hedge, work.Active, work.Vote:
	}
	return line
}

// print writes the comparison to where it was asked for.
func (f compareFlags) print(c *meter.Comparison, stdout io.Writer) error {
	if err := drawUp(f.run.out, c.WriteJSON); err != nil {
		return err
	}
	if err := drawUp(f.svg, c.WriteSVG); err != nil {
		return err
	}
	if f.run.json {
		return c.WriteJSON(stdout)
	}
	return c.WriteText(stdout)
}
