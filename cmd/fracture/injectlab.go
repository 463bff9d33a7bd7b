package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/control"
	"fracture/lab"
)

// askedFor are the flags of a fault that were given, as the control API takes them.
func askedFor(given *pflag.FlagSet) map[string]any {
	asked := map[string]any{}
	known := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(harmFlags).register(known)
	given.Visit(func(f *pflag.Flag) {
		many, several := f.Value.(pflag.SliceValue)
		switch {
		case known.Lookup(f.Name) == nil:
		case several:
			asked[f.Name] = many.GetSlice()
		default:
			asked[f.Name] = f.Value.String()
		}
	})
	return asked
}

// injectByLab has the lab that started the nodes do to their processes what is asked for, renews that while it shall stand,
// and heals it, also where it is interrupted.
func injectByLab(ctx context.Context, f injectFlags, h harm, asked map[string]any, out io.Writer) error {
	dir := f.cluster.dir
	if dir == "" {
		found, err := lab.FindDir()
		if err != nil {
			return fmt.Errorf("%w; name a cluster directory with --cluster", err)
		}
		dir = found.Path
	}
	client, err := control.Dial(dir)
	if err != nil {
		return err
	}
	defer client.Close()
	lease := chaos.MaxLease
	if h.once() {
		lease = 0
	}
	began := clock.Now()
	stands, err := client.Inject(ctx, h.name, asked, lease)
	if errors.Is(err, syscall.ECONNREFUSED) { // the directory is a copy of another host's
		err = fmt.Errorf("%w: %w", control.ErrNoControl, err)
	}
	if last := (*control.LastError)(nil); errors.As(err, &last) && agrees(ctx, last.Why+". Do it all the same?") {
		asked[control.YesBreakIt] = true
		began = clock.Now()
		stands, err = client.Inject(ctx, h.name, asked, lease)
	}
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	tell := func(verb string) error {
		for _, node := range stands.Whom {
			what := stands.What
			if h.deed == nil { // then it is as the node would say it
				what = map[string]string{"fault": describe(h.stand), "heal": "as ordered"}[verb]
			}
			w := word{meter.Millis(clock.Now().Sub(began)), node, verb, node + ": " + verb + ": " + what, h.sentence(node, verb == "heal")}
			if err := printWord(out, f.json, w); err != nil {
				return err
			}
		}
		return nil
	}
	if err := tell("fault"); err != nil || h.once() {
		return err
	}
	until := clock.Now().Add(h.last)
	failed := holdLease(ctx, client, stands.ID, until)
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
	defer cancel()
	if err := client.Heal(short, stands.ID); err != nil && !errors.Is(err, control.ErrNoFault) { // the lab may have done so in time
		return errors.Join(failed, fmt.Errorf("healing: %w; the lab does so when the lease is over, within %v", err, chaos.MaxLease))
	}
	return errors.Join(tell("heal"), failed)
}

// holdLease renews a fault's lease until then, or until the context ends, whose error it answers with.
func holdLease(ctx context.Context, client *control.Client, id string, until clock.Instant) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	over := time.NewTimer(until.Sub(clock.Now()))
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return nil
		case <-tick.C:
		}
		if _, err := client.Renew(ctx, id, chaos.MaxLease); errors.Is(err, control.ErrNoFault) {
			return nil // its time has come, or somebody has healed it
		} else if err != nil {
			return err
		}
	}
}

// printWord prints what became of a fault at a node.
func printWord(out io.Writer, asJSON bool, w word) error {
	line := fmt.Sprintf("%9.1f ms  %s", w.AtMS, w.line)
	if asJSON {
		text, _ := json.Marshal(w) // numbers and strings always encode
		line = string(text)
	}
	_, err := fmt.Fprintln(out, line)
	return err
}
