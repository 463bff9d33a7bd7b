package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/control"
	"fracture/work"
)

// runFlags are the command line of `fracture run`.
type runFlags struct {
	trials, controls, minimum, nodes  int
	sample                            int
	role, fault                       string
	strategy, load, out               string
	seed                              uint64
	dryRun, live, sure                bool
	every, probe, calm, window, grace time.Duration
	last                              time.Duration
	budgets                           []string
	json                              bool
	control                           controlFlags
	netns                             netnsFlag
	look                              lookFlags // of the screen, with live
	text                              []byte    // of the scenario; nil where there is none, or this process has begun again
	nodeArgs
}

// Bounds of the command line.
const (
	maxTrials = scenario.MaxTrials
	maxNodes  = scenario.MaxNodes
)

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [scenario.yaml|experiment.json]",
		Short: "break a cluster of its own on a schedule, measure downtime at the receiver, and judge it",
		Long: "Starts a cluster, puts it under load, breaks random live holders of a role at random moments, heals them, and\n" +
			"measures at the receiver how long the work stood still. What is broken, and how, say --role and --fault, or a\n" +
			"file: a scenario, of trials or of faults at their times, or an experiment of Chaos Toolkit; flags that are given beat it.\n\n" + describeFaults() +
			"\nEvery run measures two controls too: nothing at all, which is the meter's floor, and every node frozen for\n" +
			"20 ms, which must read 20. With a strategy that keeps one copy, faults lose results, and the default budget of\n" +
			"none is broken; a stream that failfast stops is started again at once. Each result is held against what its\n" +
			"function gives; only vote masks wrong ones, so only there is the default budget wrong<=0.\n\n" +
			"Where SCHED_FIFO is allowed, a thread on each core watches the machine. A trial in which a core ran nobody, or ran\n" +
			"everything at less than half its speed, tells of the machine: it does not count and is made again.\n\n" +
			"Exit codes: 0 budgets held, 1 a budget was broken, 2 wrong command line, 3 the environment failed, 4 too little\n" +
			"traffic or rest to judge, 130 interrupted (everything is healed, and what was measured until then is printed).",
		Example: "  fracture run\n  fracture run --role all --trials 200 --json\n" +
			"  fracture run --role door --fault kill,freeze --trials 10 --calm 5s\n" +
			"  fracture run --trials 20 --rss-ballast 64MiB\n" +
			"  fracture run --fault freeze,partition --for 300ms --trials 10\n" +
			"  fracture run --role link --fault all --budget 'loss: downtime.p99<=5ms'\n" +
			"  fracture run --fault wrong --strategy vote --trials 10\n" +
			"  fracture run scenarios/kpi.yaml --trials 3 --calm 3s --out kpi\n" +
			"  fracture run scenarios/kpi.yaml --trials 1 --sample 12\n" +
			"  fracture run scenarios/chaos-monkey.yaml --seed 7\n" +
			"  fracture run scenarios/slow-node.yaml --dry-run\n" +
			"  fracture run scenarios/split-brain.yaml --live",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e, err := f.experiment(args, cmd.Flags().Changed, cmd.ErrOrStderr()); e != nil || err != nil {
				return f.play(cmd, args, e, err)
			}
			o, err := f.prepared(cmd)
			if err != nil {
				return err
			}
			if err := o.leaveOut(cmd.ErrOrStderr()); err != nil {
				return err
			}
			return runTrials(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.trials, "trials", 50, "trials of each fault on each role")
	flags.StringVar(&f.role, "role", "owner", "what to break: "+words(meter.Components)+", several parted by commas, or all (with kills alone: owner, splitter, standby)")
	flags.StringVar(&f.fault, "fault", "kill", "how: "+words(meter.Kinds)+", several parted by commas, or all that make sense")
	flags.IntVar(&f.sample, "sample", 0, "so many pairs of component and fault alone, drawn from the seed; 0: all")
	flags.DurationVar(&f.every, "every", 0, "at least so long from one fault to the next; 0: as soon as the calm is long enough")
	flags.StringVar(&f.strategy, "strategy", "standby", fmt.Sprintf("how tasks are guarded, one of %v", work.Strategies))
	flags.StringVar(&f.load, "load", "half", "how much of all cores the cluster keeps busy, by the size of its pictures: idle, half (0.5) or full (0.7)")
	flags.Uint64Var(&f.seed, "seed", 0, "decides victims and moments; 0: from the clock, and printed")
	flags.DurationVar(&f.probe, "probe", runProbePeriod, "period of the probe stream, one tile a node; 0: no probes")
	flags.StringArrayVar(&f.budgets, "budget", nil, "a limit for every row, such as downtime.p99<=10ms or needless<=6, or for those of a fault: 'loss: lost<=3'; replaces the default on the same figure")
	flags.StringVar(&f.out, "out", "", "write a report to this directory: a page, texts, and files for machines; or to a file that ends in .json the one object alone")
	flags.IntVar(&f.controls, "controls", 5, "trials of each control")
	flags.BoolVar(&f.dryRun, "dry-run", false, "of a scenario: print what would be done when, and do none of it")
	flags.BoolVar(&f.live, "live", false, "of a scenario: show it on the screen while it is played, and the report when it is over")
	f.registerTrial(flags, 10*time.Second)
	f.register(cmd)
	f.control.register(flags)
	flags.BoolVar(&f.sure, control.YesBreakIt, false, "of a scenario: though a fault leaves no node, or no holder of a task")
	f.netns.register(flags)
	f.look.register(cmd, "with --live: ")
	flags.IntVar(&f.minimum, "min-counted", 0, "trials of a role that must count for a verdict; 0: four of five")
	return cmd
}

// prepared makes options of a command line without a file, and sees to it that their report can be written.
func (f runFlags) prepared(cmd *cobra.Command) (runOptions, error) {
	if f.dryRun || f.live || f.sure || f.netns.wanted {
		return runOptions{}, wrongUse(errors.New("--dry-run, --live, --netns and --yes-break-it are for scenarios: name a file that is one"))
	}
	o, err := f.read()
	if err != nil {
		return o, &exitError{exitUsage, err}
	}
	if err := f.control.check(o.nodes); err != nil {
		return o, wrongUse(err)
	}
	o.control, o.title, o.command = f.control, o.called(), repeating(cmd, nil, o.seed)
	return o, canKeep("--out", o.out)
}

// registerTrial registers what every verb asks of a trial that breaks a cluster of its own, with the usual calm.
func (f *runFlags) registerTrial(flags *pflag.FlagSet, calm time.Duration) {
	flags.DurationVar(&f.last, "for", 0, "how long a fault stands; 0: a second, a freeze half of one")
	flags.IntVar(&f.nodes, "nodes", 5, "nodes of the cluster")
	flags.DurationVar(&f.calm, "calm", calm, "how much quiet before a fault tells what is usual")
	flags.DurationVar(&f.window, "window", time.Second, "results due so long after a fault are looked at")
	flags.DurationVar(&f.grace, "grace", time.Second, "a result that has not come so long after the window is lost")
	flags.BoolVar(&f.json, "json", false, "print one JSON object instead of the table")
}

// runOptions is a command line that makes sense.
type runOptions struct {
	plan
	strategy work.Strategy
	factor   uint8 // copies of each task; 0: the fewest that the strategy takes
	zones    int   // over which the nodes are spread; 0: none
	load     load
	probe    time.Duration
	budgets  []meter.Budget
	minimum  int           // trials of a row that must count; 0: four of five
	size     float64       // of the pictures; 0: found by warm-ups
	costSpan time.Duration // for how long costs are measured before the first fault; 0: they are not
	json     bool
	out      string
	title    string // of the report

	experiment json.RawMessage // of a scenario, in its long form; nil: it is none
	command    []string        // that does the same again
	args       nodeArgs
	program    string // of the nodes; empty: this one
	server     bool   // the store is to be a process of its own, which a scenario breaks
	lenient    bool   // what this machine cannot do may be left out
	control    controlFlags
	sure       bool // a scenario may break the last node, and the last who holds a task
	unsure     bool // whatever the scenario says, it may not
	netns      netnsFlag
	look       lookFlags // of the screen that shows it
}

// read makes options of the flags alone.
func (f runFlags) read() (runOptions, error) {
	return f.options(func() ([]series, error) { return chooseSeries(f.role, f.fault, f.trials, f.last) })
}

// leaveOut leaves out, and says so, what all would include and this machine cannot do; asked for by name it is an error.
func (o *runOptions) leaveOut(stderr io.Writer) error {
	if !has(o.series, meter.Store) {
		return nil
	}
	_, err := findServer()
	if err == nil || !o.lenient {
		return err
	}
	o.series = slices.DeleteFunc(o.series, func(s series) bool { return s.component == meter.Store })
	_, _ = fmt.Fprintf(stderr, "the store is left out: %v\n", err)
	return nil
}

// options checks the flags, naming the first that makes no sense. choose says what is to be tried.
func (f runFlags) options(choose func() ([]series, error)) (runOptions, error) {
	o := runOptions{probe: f.probe, minimum: f.minimum, json: f.json, out: f.out,
		args: f.nodeArgs, lenient: f.role == allRoles, look: f.look}
	o.plan = plan{seed: f.seed, controls: f.controls, nodes: f.nodes, every: f.every, calm: f.calm,
		window: f.window, grace: f.grace, whole: 30 * time.Second, tiles: runTiles}
	for _, bound := range []struct {
		flag          string
		value, lo, hi int
	}{
		{"trials", f.trials, 1, maxTrials},
		{"controls", f.controls, 0, maxTrials},
		{"nodes", f.nodes, 2, maxNodes},
		{"min-counted", f.minimum, 0, maxTrials},
		{"sample", f.sample, 0, maxTrials},
	} {
		if bound.value < bound.lo || bound.value > bound.hi {
			return o, wrongValue(bound.flag, "%d: want %d to %d", bound.value, bound.lo, bound.hi)
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
			return o, wrongValue(span.flag, "%v: want %v to %v", span.value, span.lo, span.hi)
		}
	}
	if f.probe > 0 && f.probe < time.Millisecond {
		return o, wrongValue("probe", "%v: want at least 1ms, or 0 for none", f.probe)
	}
	if err := f.fits(f.nodes); err != nil {
		return o, err
	}
	if f.last != 0 && (f.last < shortestFor || f.last > longestFor) {
		return o, wrongValue("for", "%v: want %v to %v, or 0 for what is usual", f.last, shortestFor, longestFor)
	}
	if o.seed == 0 {
		o.seed = uint64(clock.Now())
	}
	var err error
	if o.series, err = choose(); err != nil {
		return o, err
	}
	if err = o.words(f); err != nil {
		return o, err
	}
	o.series = doorsLast(sampled(o.series, f.sample, o.seed))
	return o, nil
}

// words parses the flags that are names.
func (o *runOptions) words(f runFlags) error {
	var err error
	if o.strategy, err = work.ParseStrategy(f.strategy); err != nil {
		return wrongFlag("strategy", err)
	}
	if copies, _ := o.strategy.Factors(); int(copies) > f.nodes {
		return wrongValue("strategy", "%v with --nodes %d: it needs %d nodes, one for each copy", o.strategy, f.nodes, copies)
	}
	o.standbys, o.budgets = !o.strategy.Single(), meter.DefaultBudgets(o.strategy)
	if o.load, err = parseLoad(f.load); err != nil {
		return wrongFlag("load", err)
	}
	for _, s := range o.series {
		switch {
		case s.last > f.window:
			return wrongValue("window", "%v: a %s stands for %v, and only what is due within the window is looked at", f.window, s.fault, s.last)
		case !o.standbys && (s.component == meter.Standby || s.component == meter.Link):
			return wrongValue("role", "%s: with --strategy %v nothing has a standby", s.component, o.strategy)
		case s.n < f.minimum:
			return wrongValue("min-counted", "%d: there are %d trials of %s %s", f.minimum, s.n, s.component, s.fault)
		}
	}
	if n := total(o.series); n > maxTrials {
		return wrongFlag("trials", fmt.Errorf("%d in all, want at most %d", n, maxTrials))
	}
	for _, text := range f.budgets {
		b, err := meter.ParseBudget(text)
		if err != nil {
			return wrongFlag("budget", err)
		}
		o.budgets = meter.WithBudget(o.budgets, b)
	}
	return nil
}

// describeFaults says for the help what can be broken, and how.
func describeFaults() string {
	var b strings.Builder
	for _, c := range meter.Components {
		fmt.Fprintf(&b, "  %-9s %s\n", c, words(c.Suffers()))
	}
	b.WriteString("A kill is kill -9, a freeze SIGSTOP and SIGCONT; a partition loses all that goes to and comes from the victim,\n" +
		"one-way only what it says; slow makes tasks take ten times as long, wrong flips a bit of every answer, loss\n" +
		"loses a fifth of messages and beats, reset breaks links, noop does nothing. A link is one between two nodes\n" +
		"that share work; gossip is that of all nodes; the store is a redis-server of the run's own, the sink a second\n" +
		"receiver. The door is a node that serves a client of the run's own, which asks for 50 small pictures a second\n" +
		"at the address that all front doors share.\n")
	return b.String()
}
