package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"fracture/chaos"
	"fracture/control"
	"fracture/lab"
)

// breaker carries out what the control API orders: whatever inject can ask for.
type breaker struct {
	mu sync.Mutex // is held from the look at who is broken until one more is

	injector *injector
	limits   control.Limits
	stock    func() []control.Node      // every node that is known
	tiles    func(node string) []uint32 // that it runs or holds a copy of
}

// Inject implements control.Lab.
func (b *breaker) Inject(ctx context.Context, arguments []string) (control.Deed, error) {
	const yes = "--" + control.YesBreakIt
	sure := slices.Contains(arguments, yes) || slices.Contains(arguments, yes+"=true")
	arguments = slices.DeleteFunc(slices.Clone(arguments), func(a string) bool { return a == yes || a == yes+"=true" || a == yes+"=false" })
	h, err := parseHarm(arguments)
	if err != nil {
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrOrder, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f, err := b.injector.choose(h)
	switch {
	case errors.Is(err, errUnsuited):
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrConflict, err)
	case errors.Is(err, chaos.ErrNobody), errors.Is(err, chaos.ErrBadPartition), errors.Is(err, errNoSuchNode), errors.Is(err, errNotOurProcess),
		errors.Is(err, lab.ErrNoNetwork):
		return control.Deed{}, fmt.Errorf("%w: %w", control.ErrOrder, err)
	case err != nil:
		return control.Deed{}, err
	}
	if err := b.allow(f, sure); err != nil {
		return control.Deed{}, err
	}
	if err := b.injector.bring(ctx, f); err != nil {
		return control.Deed{}, err
	}
	if h.name == "kill" && h.deed != nil && h.signal == syscall.SIGKILL { // who asks next is to see it dead
		if err := forEach(f.nodes, func(node string) error { return b.injector.home.lab.Gone(ctx, node) }); err != nil {
			return control.Deed{}, errors.Join(err, b.injector.heal(context.WithoutCancel(ctx), f.id))
		}
	}
	d := control.Deed{What: h.name, Whom: f.nodes, For: h.last, Heal: func(ctx context.Context) error {
		if err := b.injector.heal(ctx, f.id); !errors.Is(err, errNoSuchFault) { // its time may have come first
			return err
		}
		return nil
	}}
	if h.once() {
		over := make(chan struct{})
		close(over)
		d.For, d.Over = 0, over
	}
	return d, nil
}

// allow checks whether so many nodes may be broken.
func (b *breaker) allow(f *standingFault, sure bool) error {
	breaks := f.harm.isolates()
	if d := f.harm.deed; d != nil {
		breaks = slices.Contains(d.suits, lab.Running) // what heals breaks nothing
	}
	if !breaks {
		return nil
	}
	var stock []control.Stock
	for _, n := range b.stock() {
		stock = append(stock, control.Stock{Name: n.Name, Broken: !n.Up(), Holds: b.tiles(n.Name)})
	}
	return b.limits.Check(stock, f.nodes, sure)
}

// Mend implements control.Lab: what was broken by key, or by hand, is healed too.
func (b *breaker) Mend(ctx context.Context) (mended []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.stock() {
		var failed error
		var what string
		switch {
		case !n.Ours:
			continue
		case n.State == "frozen":
			what, failed = "thawed", thawLiving(ctx, b.injector.home, n.Name)
		case n.State == "dead":
			what, failed = "started again", reviveDead(ctx, b.injector.home, n.Name)
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
