// Command peers measures how long foreign systems stand still when a worker or a leader of theirs is killed or frozen,
// with the meter that fracture measures itself with: an open loop, stamped at the receiver, downtime as docs/BENCH.md
// defines it. So an engineer can compare.
//
// Its shape: [peer] describes a system, and each has one file that starts it, asks it and finds its victim. A [stand]
// holds its processes, [offer] its load, [runner] its trials, [report] the table. It is a module of its own, so that who
// uses fracture inherits none of these systems' clients.
//
// What it does not do: it judges nobody. These systems promise other things than fracture does, and most of them keep
// promises that fracture does not make.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
)

// options are the command line.
type options struct {
	trials, controls int
	peers            []string // none: all
	faults           []meter.Kind
	calm             time.Duration
	seed             uint64
	json, install    bool
	out, fracture    string
}

// wants tells whether a fault is among those asked for.
func (o options) wants(fault meter.Kind) bool { return slices.Contains(o.faults, fault) }

// Exit codes, as those of `fracture run`.
const (
	exitUsage       = 2
	exitNothingRan  = 3
	exitInterrupted = 130
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == workerWord {
		fmt.Fprintln(os.Stderr, serve(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	preferMemory()
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian puts haproxy, and not every user looks
	r := measureAll(ctx, o, os.Stderr)
	if err := r.publish(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitNothingRan)
	}
	switch {
	case ctx.Err() != nil:
		os.Exit(exitInterrupted)
	case len(r.Rows) == 0:
		os.Exit(exitNothingRan)
	}
}

const usage = `Usage: peers [flags]

Kills and freezes workers and leaders of foreign systems on loopback, measures at the receiver how long the work stood
still, and prints the table of docs/BENCH.md. What cannot run is told below the table.

  peers --install                              all of them, 50 trials each; installs what is missing (root or sudo)
  peers --peer etcd,haproxy --trials 5         a quick look at two
  peers --peer beanstalkd --fault kill --json

Exit codes: 0 something was measured, 2 wrong command line, 3 nothing could run, 130 interrupted (what was measured
until then is printed).

`

// parse reads the command line and refuses what makes no sense.
func parse(args []string, say io.Writer) (options, error) {
	var o options
	var names, fault string
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(say)
	flags.Usage = func() {
		_, _ = fmt.Fprint(say, usage)
		flags.PrintDefaults()
	}
	flags.IntVar(&o.trials, "trials", 50, "trials of each fault; fewer where one takes minutes")
	flags.IntVar(&o.controls, "controls", 5, "trials in which nothing is done, which read the floor")
	flags.StringVar(&names, "peer", "", "only these, with commas between: "+strings.Join(peerNames(), ", "))
	flags.StringVar(&fault, "fault", "", "only this: kill or freeze")
	flags.DurationVar(&o.calm, "calm", 2*time.Second, "how much quiet before a fault tells what is usual")
	flags.Uint64Var(&o.seed, "seed", 0, "decides the moments; 0: from the clock, and printed")
	flags.BoolVar(&o.json, "json", false, "print one JSON object instead of the table")
	flags.BoolVar(&o.install, "install", false, "install what is missing from Debian first")
	flags.StringVar(&o.out, "out", "", "write what is printed to this file, too")
	flags.StringVar(&o.fracture, "fracture", "", "the fracture binary; default: bin/fracture of the project, or the one in PATH")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see --help", flags.Arg(0))
	}
	if o.trials < 1 || o.controls < 0 || o.calm < time.Second || o.calm > time.Minute {
		return o, errors.New("want --trials of at least 1, --controls of at least 0, --calm of 1s to 1m")
	}
	if names != "" {
		o.peers = strings.Split(names, ",")
	}
	for _, name := range o.peers {
		if !slices.Contains(peerNames(), name) {
			return o, fmt.Errorf("--peer %s: one of %s", name, strings.Join(peerNames(), ", "))
		}
	}
	o.faults = []meter.Kind{meter.Kill, meter.Freeze}
	if fault != "" {
		if !o.wants(meter.Kind(fault)) {
			return o, fmt.Errorf("--fault %s: kill or freeze", fault)
		}
		o.faults = []meter.Kind{meter.Kind(fault)}
	}
	if o.seed == 0 {
		o.seed = uint64(clock.Now())
	}
	return o, nil
}

// peerNames are what can be asked for.
func peerNames() []string {
	names := []string{oursName}
	for _, p := range peers() {
		names = append(names, p.name)
	}
	return names
}

// preferMemory has the peers' files lie in memory where there is such a place, so that no disk is measured.
func preferMemory() {
	const memory = "/dev/shm"
	probe, err := os.CreateTemp(memory, "peers-*")
	if err != nil {
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	_ = os.Unsetenv("XDG_RUNTIME_DIR")
	_ = os.Setenv("TMPDIR", memory)
}

// measureAll measures one peer after the other and tells of its progress.
func measureAll(ctx context.Context, o options, say io.Writer) *report {
	r := newReport(o)
	wanted := func(name string) bool { return len(o.peers) == 0 || slices.Contains(o.peers, name) }
	if o.install {
		var packages []string
		for _, p := range peers() {
			if wanted(p.name) {
				packages = append(packages, lacking(p.programs)...)
			}
		}
		slices.Sort(packages)
		install(ctx, slices.Compact(packages), say)
	}
	if wanted(oursName) {
		r.addOurs(measureOurs(ctx, o, say))
	}
	for _, p := range peers() {
		if !wanted(p.name) || ctx.Err() != nil {
			continue
		}
		if packages := lacking(p.programs); len(packages) > 0 {
			r.absent(p.name, fmt.Errorf("not installed: apt-get install %s", strings.Join(packages, " ")))
			continue
		}
		_, _ = fmt.Fprintf(say, "%s: starting\n", p.name)
		trials, err := measure(ctx, p, o, func(t meter.Trial, n, all int) {
			_, _ = fmt.Fprintf(say, "%s: %d of %d: %s\n", p.name, n, all, told(t))
		})
		r.add(ctx, p, trials)
		if err != nil {
			_, _ = fmt.Fprintf(say, "%s: %v\n", p.name, err)
			r.absent(p.name, err)
		}
	}
	r.finish()
	return r
}

// told is a trial in a line of progress.
func told(t meter.Trial) string {
	what := string(t.Fault)
	if t.Victim != "" {
		what = fmt.Sprintf("%s %s", t.Fault, t.Victim)
	}
	if why := t.Uncounted(); why != "" {
		return fmt.Sprintf("%s: not counted: %s", what, why)
	}
	return fmt.Sprintf("%s: downtime %s ms, longest gap %s ms, calm p99.9 %s ms, lost %d", what, figure(meter.Millis(t.Reading.Downtime)),
		figure(meter.Millis(t.Reading.Gap)), figure(meter.Millis(t.Calm[0].P999)), t.Reading.Lost)
}

// defaultBinary is where `make build` leaves the program, seen from the project's root and from this module.
func defaultBinary() string {
	for _, path := range []string{"bin/fracture", "../../bin/fracture"} {
		if absolute, err := filepath.Abs(path); err == nil {
			if _, err := os.Stat(absolute); err == nil {
				return absolute
			}
		}
	}
	return "fracture"
}
