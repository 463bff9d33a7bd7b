package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"fracture/control"
	"fracture/lab"
)

// deeds carries out what the control API orders: today what a process can suffer.
type deeds struct {
	mu sync.Mutex // is held from the look at who is broken until one more is

	home   *home
	limits control.Limits
	stock  func() []control.Node      // every node that is known
	tiles  func(node string) []uint32 // that it runs or holds a copy of
	ending <-chan struct{}            // closed when the lab ends: then no node is started any more
}

// deedOrder is a command line that was understood.
type deedOrder struct {
	fault string
	nodes []string
	last  time.Duration
	yes   bool
}

// deedNames are what can be carried out: faults, and what ends them whoever caused them.
var deedNames = []string{"kill", "freeze", "thaw", "revive"}

// readDeed reads a command line of inject, as far as a process can suffer it.
func readDeed(arguments []string) (o deedOrder, err error) {
	flags := pflag.NewFlagSet("inject", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringArrayVar(&o.nodes, "node", nil, "")
	flags.DurationVar(&o.last, "for", usualInject, "")
	flags.BoolVar(&o.yes, control.YesBreakIt, false, "")
	if err := flags.Parse(arguments); err != nil {
		return o, explainFlag(err)
	}
	if flags.NArg() != 1 || !slices.Contains(deedNames, flags.Arg(0)) {
		return o, fmt.Errorf("no fault is called %q: want one of %s", strings.Join(flags.Args(), " "), strings.Join(deedNames, ", "))
	}
	o.fault = flags.Arg(0)
	switch {
	case len(o.nodes) == 0:
		return o, errors.New("--node is missing: name who suffers it, or all")
	case o.last < shortestFor || o.last > longestInject:
		return o, fmt.Errorf("--for %v: want %v to %v", o.last, shortestFor, longestInject)
	}
	return o, nil
}

// Inject implements control.Lab. A node that was killed is started again after --for, one that was frozen is thawed.
func (d *deeds) Inject(ctx context.Context, arguments []string) (control.Deed, error) {
	o, err := readDeed(arguments)
	if err != nil {
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrOrder, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	whom, err := d.aim(o)
	if err != nil {
		return control.Deed{}, err
	}
	deed := control.Deed{What: o.fault, Whom: whom, For: o.last}
	switch o.fault {
	case "kill":
		starts := map[string]int{}
		for _, n := range whom {
			starts[n] = d.starts(n)
		}
		deed.Heal = func(ctx context.Context) error {
			return each(whom, func(n string) error { return d.revive(ctx, n, starts[n]) })
		}
		err = each(whom, func(n string) error { return d.kill(ctx, n) })
	case "freeze":
		deed.Heal = func(ctx context.Context) error {
			return each(whom, func(n string) error { return d.thaw(ctx, n) })
		}
		err = each(whom, func(n string) error { return d.home.Freeze(ctx, n) })
	case "thaw":
		return atOnce(deed), each(whom, func(n string) error { return d.thaw(ctx, n) })
	case "revive":
		return atOnce(deed), each(whom, func(n string) error { return d.revive(ctx, n, d.starts(n)) })
	}
	if err != nil { // some of them may have it
		err = errors.Join(err, deed.Heal(ctx))
	}
	return deed, err
}

// atOnce makes a deed that is over once it is done.
func atOnce(d control.Deed) control.Deed {
	over := make(chan struct{})
	close(over)
	d.For, d.Over = 0, over
	return d
}

// aim finds the nodes that are meant, and whether they may be broken.
func (d *deeds) aim(o deedOrder) ([]string, error) {
	var names, there []string
	var stock []control.Stock
	known := d.stock()
	for _, n := range known {
		if n.Ours {
			there = append(there, n.Name)
		}
		stock = append(stock, control.Stock{Name: n.Name, Broken: !n.Up(), Holds: d.tiles(n.Name)})
	}
	names = wanted(o.nodes, there)
	for _, name := range names {
		if !slices.Contains(there, name) {
			return nil, fmt.Errorf("%w: --node %s: want one of %s, or %s", control.ErrOrder, name, strings.Join(there, ", "), everyNode)
		}
	}
	for _, n := range known {
		switch {
		case !slices.Contains(names, n.Name) || o.suits(n.State):
		case slices.Contains(o.nodes, everyNode) && len(names) > 1: // all are all that can have it
			names = slices.DeleteFunc(names, func(name string) bool { return name == n.Name })
		default:
			return nil, fmt.Errorf("%w: %s is %s, and %s does nothing to it", control.ErrConflict, n.Name, n.State, o.fault)
		}
	}
	if o.fault != "kill" && o.fault != "freeze" {
		return names, nil
	}
	return names, d.limits.Check(stock, names, o.yes)
}

// suits reports whether the deed can be done to a node in a state.
func (o deedOrder) suits(state string) bool {
	switch o.fault {
	case "kill":
		return state != "dead"
	case "freeze":
		return state != "dead" && state != "frozen"
	case "thaw":
		return state == "frozen"
	}
	return state == "dead"
}

// each does something to several nodes at once, and joins what went wrong.
func each(names []string, do func(name string) error) error {
	var group errgroup.Group
	failed := make([]error, len(names))
	for i, name := range names {
		group.Go(func() error { failed[i] = do(name); return nil })
	}
	_ = group.Wait() // each has its own
	return errors.Join(failed...)
}

// starts is how often a node was started.
func (d *deeds) starts(name string) int {
	child, _ := d.home.lab.Child(name) // one that never was has no starts
	return child.Starts
}

// kill ends a node and returns once it is dead, for who asks next is to see it so.
func (d *deeds) kill(ctx context.Context, name string) error {
	if err := d.home.Kill(ctx, name); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		child, err := d.home.lab.Child(name)
		if err != nil || child.State == lab.Dead {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to end: %w", name, context.Cause(ctx))
		}
	}
}

// thaw lets a node go on; one that is dead by now is as good.
func (d *deeds) thaw(ctx context.Context, name string) error {
	err := d.home.Thaw(ctx, name)
	if errors.Is(err, lab.ErrDead) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}

// revive starts a node again that was started so often before; where somebody else did meanwhile, that is as good, and where
// the lab ends it is to stay dead.
func (d *deeds) revive(ctx context.Context, name string, starts int) error {
	select {
	case <-d.ending:
		return nil
	default:
	}
	if d.starts(name) > starts {
		return nil
	}
	err := d.home.Revive(ctx, name)
	if errors.Is(err, lab.ErrAlive) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}

// Mend implements control.Lab.
func (d *deeds) Mend(ctx context.Context) (mended []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.stock() {
		var failed error
		var what string
		switch {
		case !n.Ours:
			continue
		case n.State == "frozen":
			what, failed = "thawed", d.thaw(ctx, n.Name)
		case n.State == "dead":
			what, failed = "started again", d.revive(ctx, n.Name, d.starts(n.Name))
		default:
			continue
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", n.Name, failed))
			continue
		}
		mended = append(mended, n.Name+" "+what)
	}
	return mended, err
}
