package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/chaos/sim"
)

// simFlags are the command line of `fracture sim`.
type simFlags struct {
	seeds, first, seed uint64
	nodes              []int
	jobs               int
	trace, json        bool
	bug                string
}

// Bounds of the command line.
const (
	maxSeeds   = 100_000_000
	seedsAtime = 16 // how many seeds a worker takes in one go
)

// errSimBroken: a promise was broken; what is printed names the seed and the command that replays it.
var errSimBroken = errors.New("a promise was broken")

func newSimCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "a whole cluster in virtual time, from a seed: thousands of runs, checked against the promises",
		Long: "Runs the very machine that decides in a real node, five times over, with links, beats, gossip and workers in\n" +
			"virtual time, lets everything go wrong that a seed can think of, and checks after every step that the promises\n" +
			"hold. The same seed is the same run to the last byte of its trace. docs/SIM.md tells how to read one.\n\n" +
			"With several numbers of nodes, up to 10,000, it prints instead what a node's share of the work costs against them:\n" +
			"beats, messages, copies, links, and how long a takeover takes.\n\n" +
			"Exit codes: 0 all promises were kept, 1 one was broken, 2 wrong command line, 130 interrupted.",
		Example: "  fracture sim --seeds 20000\n  fracture sim --seed 4711\n  fracture sim --seed 4711 --trace | grep promote\n" +
			"  fracture sim --bug lost-promotion\n  fracture sim --nodes 10,100,1000,10000",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given := cmd.Flags().Changed
			if given("seed") && (given("seeds") || given("first")) {
				return wrongUse(errors.New("--seed runs one seed: leave --seeds and --first out"))
			}
			if given("seed") {
				f.first, f.seeds = f.seed, 1
			}
			if f.isField() {
				return f.runFields(cmd.Context(), cmd.OutOrStdout())
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seeds, "seeds", 2000, "how many seeds to run")
	flags.Uint64Var(&f.first, "first", 1, "the first of them")
	flags.Uint64Var(&f.seed, "seed", 0, "run this one seed instead")
	flags.IntSliceVar(&f.nodes, "nodes", []int{5}, "nodes of the cluster; several numbers, or one above 15: a table of what a node costs against them")
	flags.IntVar(&f.jobs, "jobs", 0, "worlds at once; 0: one for each core")
	flags.BoolVar(&f.trace, "trace", false, "print every line of the trace; with --seed")
	flags.BoolVar(&f.json, "json", false, "print one JSON object instead of the summary")
	flags.StringVar(&f.bug, "bug", "", "plant a mistake in the protocol, to see it caught: "+strings.Join(bugNames(), ", "))
	return cmd
}

// bugNames are the mistakes that can be planted.
func bugNames() []string {
	names := make([]string, len(sim.Bugs))
	for i, b := range sim.Bugs {
		names[i] = b.Name
	}
	return names
}

// config checks the flags, naming the first that makes no sense.
func (f simFlags) config() (sim.Config, error) {
	cfg := sim.Config{Nodes: f.nodes[0]}
	switch {
	case f.seeds < 1 || f.seeds > maxSeeds:
		return cfg, fmt.Errorf("--seeds %d: want 1 to %d", f.seeds, maxSeeds)
	case cfg.Nodes < sim.MinNodes:
		return cfg, fmt.Errorf("--nodes %d: want %d to %d, or up to %d for the table", cfg.Nodes, sim.MinNodes, sim.MaxNodes, sim.MaxFieldNodes)
	case f.jobs < 0 || f.jobs > 1024:
		return cfg, fmt.Errorf("--jobs %d: want 0 to 1024", f.jobs)
	case f.trace && f.seeds > 1:
		return cfg, errors.New("--trace prints one run: name it with --seed")
	case f.trace && f.json:
		return cfg, errors.New("--trace and --json both want the output: choose one")
	case f.bug == "":
		return cfg, nil
	}
	for _, b := range sim.Bugs {
		if b.Name == f.bug {
			cfg.Bug = b.Bug
			return cfg, nil
		}
	}
	return cfg, fmt.Errorf("--bug %q: want one of %s", f.bug, strings.Join(bugNames(), ", "))
}

// run runs the seeds and prints what became of them.
func (f simFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	cfg, err := f.config()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var unprinted error // the first that kept a line of the trace from being printed
	if f.trace {
		cfg.Trace = func(line []byte) {
			if _, err := fmt.Fprintf(stdout, "%s\n", line); unprinted == nil {
				unprinted = err
			}
		}
	}
	began := time.Now()
	total, err := f.runAll(ctx, cfg, stderr)
	total.Nodes, total.Bug, total.took = cfg.Nodes, f.bug, time.Since(began)
	if f.json {
		unprinted = json.NewEncoder(stdout).Encode(total.report())
	} else if unprinted == nil {
		unprinted = total.print(stdout)
	}
	if unprinted != nil {
		err = errors.Join(err, fmt.Errorf("printing what the seeds did: %w", unprinted))
	}
	if err == nil && total.Broken != nil {
		return &exitError{exitBroken, errSimBroken}
	}
	return err
}

// runAll shares the seeds among workers, each with a world of its own, until all have run or one is broken. The outcome
// does not depend on who ran what: of several broken seeds the lowest is reported.
func (f simFlags) runAll(ctx context.Context, cfg sim.Config, stderr io.Writer) (*simTotal, error) {
	jobs := f.jobs
	if jobs == 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	jobs = min(jobs, int(f.seeds))
	var next, done atomic.Uint64 // how many seeds were taken, and are done
	var broken atomic.Uint64     // the lowest broken seed's place, counted from 1
	parts := make([]*simTotal, jobs)
	workers, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		parts[i] = &simTotal{First: f.first}
		workers.Go(func() error {
			world := sim.New(cfg)
			for ctx.Err() == nil {
				from := next.Add(seedsAtime) - seedsAtime
				for n := from; n < min(from+seedsAtime, f.seeds); n++ {
					if lowest := broken.Load(); lowest != 0 && n >= lowest {
						return nil
					}
					out := world.Run(f.first + n)
					parts[i].add(&out)
					done.Add(1)
					if out.Violation != nil {
						lower(&broken, n+1)
					}
				}
				if from+seedsAtime >= f.seeds {
					return nil
				}
			}
			return ctx.Err()
		})
	}
	stop := showProgress(ctx, stderr, &done, f.seeds)
	err := workers.Wait()
	stop()
	total := parts[0]
	for _, part := range parts[1:] {
		total.join(part)
	}
	return total, err
}

// lower sets v to n unless it holds something lower already.
func lower(v *atomic.Uint64, n uint64) {
	for {
		old := v.Load()
		if old != 0 && old <= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}

// showProgress tells on a terminal how far the seeds are, until it is stopped. Elsewhere it says nothing.
func showProgress(ctx context.Context, w io.Writer, done *atomic.Uint64, all uint64) (stop func()) {
	if all < 100 || !isTerminal(w) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				_, _ = fmt.Fprint(w, "\r\x1b[K")
				return
			case <-ticker.C:
				n := done.Load()
				_, _ = fmt.Fprintf(w, "\r%d of %d seeds, %d %%", n, all, 100*n/all)
			}
		}
	}()
	return func() { cancel(); <-ended }
}
