package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/work"
)

// runFlags are the command line of `fracture run`.
type runFlags struct {
	trials, controls, minimum, nodes  int
	role, strategy, load, out         string
	seed                              uint64
	every, probe, calm, window, grace time.Duration
	budgets                           []string
	json                              bool
	nodeArgs
}

// Bounds of the command line.
const (
	maxTrials = 10_000
	maxNodes  = 32
)

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "kill nodes of a cluster of its own, measure downtime at the receiver, and judge it",
		Long: "Starts a cluster, puts it under load, kills random live holders of a role at random moments, revives them, and\n" +
			"measures at the receiver how long the work stood still. Every run measures two controls too: nothing at all, which\n" +
			"is the meter's floor, and every node frozen for 20 ms, which must read 20.\n\n" +
			"Exit codes: 0 budgets held, 1 a budget was broken, 2 wrong command line, 3 the environment failed, 4 too little\n" +
			"traffic to judge, 130 interrupted (what was measured until then is printed).",
		Example: "  fracture run\n  fracture run --role all --trials 200 --json\n" +
			"  fracture run --trials 20 --rss-ballast 64MiB\n" +
			"  fracture run --trials 20 --calm 2s --budget 'downtime.p99<=15ms' --out run.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return runTrials(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.trials, "trials", 50, "kills of each role")
	flags.StringVar(&f.role, "role", "owner", "whom to kill: owner, splitter, standby or all three in turn")
	flags.DurationVar(&f.every, "every", 0, "at least so long from one fault to the next; 0: as soon as the calm is long enough")
	flags.IntVar(&f.nodes, "nodes", 5, "nodes of the cluster")
	flags.StringVar(&f.strategy, "strategy", "standby", fmt.Sprintf("how tasks are guarded, one of %v", work.Strategies))
	flags.StringVar(&f.load, "load", "half", "how much of all cores the cluster keeps busy, by the size of its pictures: idle, half or full")
	flags.BoolVar(&f.json, "json", false, "print one JSON object instead of the table")
	flags.Uint64Var(&f.seed, "seed", 0, "decides victims and moments; 0: from the clock, and printed")
	flags.DurationVar(&f.probe, "probe", 2*time.Millisecond, "period of the probe stream, one tile a node; 0: no probes")
	flags.StringArrayVar(&f.budgets, "budget", nil, "a limit for every row, such as downtime.p99<=10ms, lost<=0, needless<=6; replaces the default on the same figure")
	flags.StringVar(&f.out, "out", "", "write the JSON object, with every single trial, to this file too")
	flags.DurationVar(&f.calm, "calm", 10*time.Second, "how much quiet before a fault tells what is usual")
	flags.DurationVar(&f.window, "window", time.Second, "results due so long after a fault are looked at")
	flags.DurationVar(&f.grace, "grace", time.Second, "a result that has not come so long after the window is lost")
	flags.IntVar(&f.controls, "controls", 5, "trials of each control")
	f.register(cmd)
	flags.IntVar(&f.minimum, "min-counted", 0, "trials of a role that must count for a verdict; 0: four of five")
	return cmd
}

// runOptions is a command line that makes sense.
type runOptions struct {
	plan
	strategy work.Strategy
	load     load
	probe    time.Duration
	budgets  []meter.Budget
	minimum  int
	json     bool
	out      string
	args     nodeArgs
}

// roles are the components that can be killed, in the order of the report.
var roles = []meter.Component{meter.Owner, meter.Splitter, meter.Standby}

// options checks the flags, naming the first that makes no sense.
func (f runFlags) options() (runOptions, error) {
	o := runOptions{probe: f.probe, minimum: f.minimum, json: f.json, out: f.out, budgets: meter.DefaultBudgets(), args: f.nodeArgs}
	o.plan = plan{seed: f.seed, trials: f.trials, controls: f.controls, nodes: f.nodes, every: f.every, calm: f.calm,
		window: f.window, grace: f.grace, whole: 30 * time.Second, tiles: runTiles}
	for _, bound := range []struct {
		flag          string
		value, lo, hi int
	}{
		{"trials", f.trials, 1, maxTrials},
		{"controls", f.controls, 0, maxTrials},
		{"nodes", f.nodes, 2, maxNodes},
		{"min-counted", f.minimum, 0, f.trials},
	} {
		if bound.value < bound.lo || bound.value > bound.hi {
			return o, fmt.Errorf("--%s %d: want %d to %d", bound.flag, bound.value, bound.lo, bound.hi)
		}
	}
	for _, span := range []struct {
		flag          string
		value, lo, hi time.Duration
	}{
		{"every", f.every, 0, time.Hour},
		{"calm", f.calm, time.Second, time.Minute},
		{"window", f.window, 100 * time.Millisecond, 30 * time.Second},
		{"grace", f.grace, 100 * time.Millisecond, 30 * time.Second},
		{"probe", f.probe, 0, time.Second},
	} {
		if span.value < span.lo || span.value > span.hi {
			return o, fmt.Errorf("--%s %v: want %v to %v", span.flag, span.value, span.lo, span.hi)
		}
	}
	if f.probe > 0 && f.probe < time.Millisecond {
		return o, fmt.Errorf("--probe %v: want at least 1ms, or 0 for none", f.probe)
	}
	if err := f.fits(f.nodes); err != nil {
		return o, err
	}
	if o.minimum == 0 {
		o.minimum = (4*f.trials + 4) / 5
	}
	if o.seed == 0 {
		o.seed = uint64(clock.Now())
	}
	return o, o.words(f)
}

// words parses the flags that are names.
func (o *runOptions) words(f runFlags) error {
	var err error
	if o.strategy, err = work.ParseStrategy(f.strategy); err != nil {
		return fmt.Errorf("--strategy: %w", err)
	}
	o.standbys = !o.strategy.Single()
	if o.load, err = parseLoad(f.load); err != nil {
		return fmt.Errorf("--load: %w", err)
	}
	switch role := meter.Component(f.role); {
	case role == meter.All:
		o.roles = roles
	case slices.Contains(roles, role):
		o.roles = []meter.Component{role}
	default:
		return fmt.Errorf("--role %q: want one of %v, or all", f.role, roles)
	}
	if !o.standbys && slices.Contains(o.roles, meter.Standby) {
		return fmt.Errorf("--role %s: with --strategy %v nothing has a standby", f.role, o.strategy)
	}
	for _, text := range f.budgets {
		b, err := meter.ParseBudget(text)
		if err != nil {
			return fmt.Errorf("--budget: %w", err)
		}
		o.budgets = meter.WithBudget(o.budgets, b)
	}
	return nil
}
