package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fracture/chaos/meter"
	"fracture/chaos/scenario"
	"fracture/tui"
	"fracture/work"
)

// playLive plays a scenario with the lab's screen on its cluster, where keys break what they like beside it. When it has been
// played, or the user quits, which interrupts it, the screen closes and the report is printed. The error carries the exit
// code.
func playLive(ctx context.Context, o runOptions, e *scenario.Experiment, stdout io.Writer) error {
	if drawable, why := tui.CanDraw(os.Environ(), unix.Stdin, unix.Stdout); !drawable {
		return &exitError{exitEnvironment, fmt.Errorf("--live: %s; without it the run prints lines", why)}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var p *player
	var m measured
	var failed error
	opened, seen := make(chan *labArena, 1), make(chan struct{})
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer cancel() // which closes the screen
		m, failed = perform(inner, o, func(a *labArena, watch meter.Watch) act {
			p = newPlayer(o, e, a, watch, io.Discard)
			opened <- a
			return act{runner: p.runner, carryOut: func(ctx context.Context) error {
				select {
				case <-seen:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				return p.carryOut(ctx)
			}}
		})
		return nil // it is told behind the screen
	})
	group.Go(func() error {
		defer cancel() // which interrupts the scenario
		return showArena(inner, o, opened, stdout, func() { close(seen) })
	})
	err := group.Wait()
	if p == nil || err != nil && !errors.Is(err, context.Canceled) {
		return errors.Join(failed, err)
	}
	return p.concluded(m, failed, stdout)
}

// showArena draws what the cluster of an arena computes, once it is there.
func showArena(ctx context.Context, o runOptions, opened <-chan *labArena, out io.Writer, ready func()) error {
	var a *labArena
	select {
	case a = <-opened:
	case <-ctx.Done():
		return nil
	}
	select {
	case <-a.joined:
	case <-ctx.Done():
		return nil
	}
	screen := screenFlags{color: "auto", fps: framerate, lookFlags: o.look}
	opts := screen.options(out)
	opts.Strategy, opts.Factor, opts.Store = o.strategy.String(), int(a.factor()), "the run's"
	opts.Cluster = a.home.node(nodeName(1)).Gossip
	return watchCluster(ctx, watchConfig{
		creds: a.home.creds, join: a.home.join(""), streams: []*work.Stream{{ID: pictureStream}, {ID: probeStream}}, options: opts,
		control: a.home, logDir: a.home.dir.Path, ready: ready,
	})
}
