package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
)

// experiment reads the file that is named; nil where there is none, or it is a list of trials.
func (f *runFlags) experiment(args []string, stderr io.Writer) (*scenario.Experiment, error) {
	if len(args) == 0 {
		return nil, nil
	}
	text, err := scenario.ReadFile(args[0])
	if err != nil || scenario.FormOf(text) == scenario.Trials {
		return nil, err
	}
	return loadScenario(args[0], stderr)
}

// play is the verb run, where it was given a scenario.
func (f runFlags) play(cmd *cobra.Command, args []string, e *scenario.Experiment, err error) error {
	if err != nil {
		return &exitError{exitUsage, err}
	}
	given := cmd.Flags().Changed
	for _, flag := range []string{"role", "fault", "trials", "for", "every"} {
		if given(flag) {
			return &exitError{exitUsage, fmt.Errorf("--%s is for lists of trials; a scenario says itself what is broken, and when", flag)}
		}
	}
	o, err := f.under(e, given)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if f.dryRun {
		e.Fracture.Seed = o.seed
		return e.PrintPlan(cmd.OutOrStdout())
	}
	if err := o.netns.serves(e); err != nil {
		return wrongUse(err)
	}
	if err := o.netns.open(""); err != nil {
		return err
	}
	o.title, o.command, o.experiment = e.Title, repeating(cmd, args, o.seed), e.JSON()
	if err := canKeep("--out", o.out); err != nil {
		return err
	}
	if f.live {
		return playLive(cmd.Context(), o, e, cmd.OutOrStdout())
	}
	return playScenario(cmd.Context(), o, e, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// under makes options of the flags over what the scenario says.
func (f runFlags) under(e *scenario.Experiment, given func(flag string) bool) (runOptions, error) {
	x := e.Fracture
	for flag, set := range map[string]func(){
		"nodes":       func() { f.nodes = cmp.Or(x.Cluster.Nodes, f.nodes) },
		"strategy":    func() { f.strategy = cmp.Or(x.Cluster.Strategy, f.strategy) },
		"load":        func() { f.load = cmp.Or(x.Load, f.load) },
		"seed":        func() { f.seed = cmp.Or(x.Seed, f.seed) },
		"netns":       func() { f.netns.wanted = x.Cluster.NetNS },
		"calm":        func() { f.calm = cmp.Or(x.Calm, f.calm) },
		"window":      func() { f.window = cmp.Or(x.Window, f.window) },
		"grace":       func() { f.grace = cmp.Or(x.Grace, f.grace) },
		"controls":    func() { f.controls = 1 },
		"min-counted": func() { f.minimum = 1 },
	} {
		if !given(flag) {
			set()
		}
	}
	o, err := f.options(func() ([]series, error) { return nil, nil })
	if err != nil {
		return o, err
	}
	if err := f.control.check(o.nodes); err != nil {
		return o, err
	}
	o.control, o.zones, o.netns = f.control, x.Cluster.Zones, f.netns
	if x.Cluster.Factor > 0 {
		if o.factor, err = factorOf(o.strategy, x.Cluster.Factor); err != nil {
			return o, err
		}
		if x.Cluster.Factor > o.nodes {
			return o, fmt.Errorf("factor %d: more copies than the %d nodes", x.Cluster.Factor, o.nodes)
		}
	}
	o.minimum = f.minimum
	if len(x.Budgets) > 0 {
		o.budgets = nil
	}
	for _, b := range x.Budgets {
		o.budgets = meter.WithBudget(o.budgets, b)
	}
	for _, text := range f.budgets {
		b, err := meter.ParseBudget(text)
		if err != nil {
			return o, fmt.Errorf("--budget: %w", err)
		}
		o.budgets = meter.WithBudget(o.budgets, b)
	}
	return o, nil
}

// playScenario opens an arena, plays the scenario on it, and prints the report. The error carries the exit code.
func playScenario(ctx context.Context, o runOptions, e *scenario.Experiment, stdout, stderr io.Writer) error {
	var p *player
	m, failed := perform(ctx, o, func(a *labArena, watch meter.Watch) act {
		p = newPlayer(o, e, a, watch, stderr)
		return act{p.runner, p.carryOut}
	})
	if p == nil {
		return failed
	}
	m.activities = p.notes(m.report.Began)
	return o.conclude(m, p.deviated(), failed, stdout)
}

// newPlayer makes a player; nothing is done until carryOut.
func newPlayer(o runOptions, e *scenario.Experiment, a *labArena, watch meter.Watch, stderr io.Writer) *player {
	longest, faults := time.Duration(0), 0
	e.Fracture.Seed = o.seed
	for _, s := range e.Plan() {
		if s.Fault == "" {
			continue
		}
		faults++
		if h, err := parseHarm(s.Arguments); err == nil {
			longest = max(longest, min(h.last, longestRead))
		}
	}
	rec := meter.NewRecorder(o.calm + longest + o.window + o.grace + 10*time.Second)
	told := func(done, all int, t meter.Trial) {
		a.noteTrial(t)
		_, _ = fmt.Fprintln(stderr, progress(done, all, t))
	}
	p := &player{runner: newRunner(o.plan, a, rec, watch, told), e: e, seed: o.seed, lab: a, injector: a.injector, faults: faults * max(e.Fracture.Repeat, 1)}
	program, _ := os.Executable() // without it the shell's path finds one
	p.actor = &actor{program: cmp.Or(program, "fracture"), env: os.Environ(), heal: func(ctx context.Context) (string, error) {
		healed, err := p.injector.healAll(ctx)
		var words []string
		for _, f := range healed {
			words = append(words, f.harm.name+" at "+strings.Join(f.nodes, ", "))
		}
		return strings.Join(words, "; "), err
	}}
	if a.home.cfg.network != nil {
		p.actor.at = a.home.atHost
	}
	_, _ = fmt.Fprintf(stderr, "%s: %d faults, seed %d, on a cluster of %d nodes\n", e.Title, p.faults, o.seed, o.nodes)
	return p
}

// carryOut brings the load up, opens the recorder, makes the controls and plays.
func (p *player) carryOut(ctx context.Context) error {
	if err := p.lab.open(ctx, p.rec); err != nil {
		return err
	}
	if _, err := p.run(ctx); err != nil { // the controls
		return err
	}
	p.faults += len(p.done)
	return p.play(ctx)
}
