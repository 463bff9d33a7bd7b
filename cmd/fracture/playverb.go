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
	"fracture/control"
)

// experiment reads the file that is named, or what this process has read of it before; nil where there is none.
func (f *runFlags) experiment(args []string, given func(flag string) bool, stderr io.Writer) (*scenario.Experiment, error) {
	if len(args) == 0 {
		return nil, nil
	}
	text, again := handed()
	if again {
		stderr = io.Discard // what is to be said of it was
	} else {
		var err error
		if text, err = scenario.ReadFile(args[0]); err != nil {
			return nil, err
		}
		f.text = text
	}
	return readScenario(args[0], text, scenarioOptions(*f, given), stderr)
}

// play is the verb run, where it was given a scenario.
func (f runFlags) play(cmd *cobra.Command, args []string, e *scenario.Experiment, err error) error {
	if err != nil {
		return &exitError{exitUsage, err}
	}
	given := cmd.Flags().Changed
	for _, flag := range []string{"role", "fault", "trials", "for", "every", "sample"} {
		if given(flag) && len(e.Fracture.Trials) == 0 {
			return &exitError{exitUsage, fmt.Errorf("--%s is for trials, and %s has none: it says itself what is broken, and when", flag, args[0])}
		}
	}
	o, err := f.under(e, given)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	o.experiment = e.JSON()
	e.Try(tried(o.series, e.Fracture.Trials))
	if f.dryRun {
		e.Fracture.Seed = o.seed
		// All of a hundred bound nothing, and are not told.
		e.Fracture.Limits = scenario.Limits{Nodes: o.control.maxNodes, Percent: o.control.maxPercent % 100, YesBreakIt: o.sure}
		return e.PrintPlan(cmd.OutOrStdout())
	}
	if err := o.netns.serves(e); err != nil {
		return wrongUse(err)
	}
	if err := f.look.check(); err != nil {
		return wrongUse(err)
	}
	if o.netns.wanted && f.text != nil {
		if err := handOn(f.text); err != nil {
			return err
		}
	}
	if err := o.netns.open(""); err != nil {
		return err
	}
	o.server = breaksServer(e)
	o.title, o.command = e.Title, repeating(cmd, args, o.seed)
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
	lists, plays := len(x.Trials) > 0, len(x.Timeline) > 0 || x.Nemesis != nil
	for flag, set := range map[string]func(){
		"nodes":            func() { f.nodes = cmp.Or(x.Cluster.Nodes, f.nodes) },
		"strategy":         func() { f.strategy = cmp.Or(x.Cluster.Strategy, f.strategy) },
		"load":             func() { f.load = cmp.Or(x.Load, f.load) },
		"seed":             func() { f.seed = cmp.Or(x.Seed, f.seed) },
		"netns":            func() { f.netns.wanted = x.Cluster.NetNS },
		"calm":             func() { f.calm = cmp.Or(x.Calm, f.calm) },
		"window":           func() { f.window = cmp.Or(x.Window, f.window) },
		"grace":            func() { f.grace = cmp.Or(x.Grace, f.grace) },
		"max-nodes":        func() { f.control.maxNodes = x.Limits.Nodes },
		"max-percent":      func() { f.control.maxPercent = cmp.Or(x.Limits.Percent, f.control.maxPercent) },
		control.YesBreakIt: func() { f.sure = x.Limits.YesBreakIt },
	} {
		if !given(flag) {
			set()
		}
	}
	if !lists && !given("controls") {
		f.controls = 1
	}
	o, err := f.options(func() ([]series, error) { return f.listed(x.Trials, given) })
	if err != nil {
		return o, err
	}
	o.lenient = false
	if err := f.control.check(o.nodes); err != nil {
		return o, err
	}
	o.control, o.zones, o.netns = f.control, x.Cluster.Zones, f.netns
	o.sure, o.unsure = f.sure, given(control.YesBreakIt) && !f.sure
	if x.Cluster.Factor > 0 {
		if o.factor, err = factorOf(o.strategy, x.Cluster.Factor); err != nil {
			return o, err
		}
		if x.Cluster.Factor > o.nodes {
			return o, wrongValue("factor", "%d: more copies than the %d nodes", x.Cluster.Factor, o.nodes)
		}
	}
	if o.minimum = f.minimum; !given("min-counted") && (plays || !lists) {
		o.minimum = 1
	}
	if len(x.Budgets) > 0 && !lists {
		o.budgets = nil
	}
	if err := o.guardedBy(e.Guards()); err != nil {
		return o, err
	}
	for _, b := range x.Budgets {
		o.budgets = meter.WithBudget(o.budgets, b)
	}
	for _, text := range f.budgets {
		b, err := meter.ParseBudget(text)
		if err != nil {
			return o, wrongFlag("budget", err)
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
	return p.concluded(m, failed, stdout)
}

// concluded tells what was measured of what was done and asked, and judges it.
func (p *player) concluded(m measured, failed error, stdout io.Writer) error {
	if m.report != nil {
		m.activities = p.notes(m.report.Began)
		m.report.Late = p.late()
	}
	return p.lab.options.conclude(m, p.deviated(), failed, stdout)
}

// late is how long after their time faults began; nil where none had a time.
func (p *player) late() *meter.Late {
	p.mu.Lock()
	defer p.mu.Unlock()
	var by []time.Duration
	for _, n := range p.diary {
		if n.planned > 0 && n.Failed == "" && len(n.Arguments) > 0 && n.Arguments[0] == "inject" {
			by = append(by, n.at.Sub(n.planned))
		}
	}
	if len(by) == 0 {
		return nil
	}
	return &meter.Late{N: len(by), Spread: meter.SpreadOf(by)}
}

// newPlayer makes a player; nothing is done until carryOut.
func newPlayer(o runOptions, e *scenario.Experiment, a *labArena, watch meter.Watch, stderr io.Writer) *player {
	longest, faults := time.Duration(0), total(o.series)
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
	told := a.teller(stderr, o.linesEach(stderr))
	p := &player{runner: newRunner(o.plan, a, rec, watch, told), e: e, seed: o.seed, lab: a, injector: a.injector}
	p.all = faults*max(e.Fracture.Repeat, 1) + total(p.ofControls())
	program, _ := os.Executable() // without it the shell's path finds one
	p.actor = &actor{program: cmp.Or(program, "fracture"), env: os.Environ(), guard: p.guard, heal: func(ctx context.Context) (string, error) {
		healed, err := a.lab.Mend(ctx)
		return strings.Join(healed, "; "), err
	}}
	if a.home.cfg.network != nil {
		p.actor.at = a.home.atHost
	}
	_, _ = fmt.Fprintf(stderr, "%s: %d faults, seed %d, on a cluster of %d nodes\n", e.Title, p.all-total(p.ofControls()), o.seed, o.nodes)
	if len(o.series) > 0 {
		_, _ = fmt.Fprintln(stderr, o.announce())
	}
	return p
}

// carryOut brings the load up, opens the recorder, makes the controls and plays.
func (p *player) carryOut(ctx context.Context) error {
	if err := p.lab.open(ctx, p.rec); err != nil {
		return err
	}
	if err := p.carry(ctx, p.ofControls()); err != nil {
		return err
	}
	return p.play(ctx)
}
