package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/clock"
	"fracture/cluster/failover"
)

// runTrials is the verb: open an arena, carry the plan out, print the report. The error carries the exit code.
func runTrials(ctx context.Context, o runOptions, stdout, stderr io.Writer) error {
	m, failed := measure(ctx, o, stderr)
	return o.conclude(m, "", failed, stdout)
}

// conclude judges what was measured, prints the report, and answers with the exit code. Broken says what else did not hold;
// empty: nothing.
func (o runOptions) conclude(m measured, broken string, failed error, stdout io.Writer) error {
	if m.report == nil || failed != nil && len(m.trials) == 0 {
		return failed
	}
	m.report.Judge(m.trials, o.budgets, !m.whole)
	if broken != "" && m.whole {
		m.report.Verdict = meter.Broken
		m.report.Why = append(m.report.Why, broken)
	}
	if err := o.print(m, stdout); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if code := m.report.Verdict.ExitCode(); code != exitHeld {
		return &exitError{code, errors.New("")} // the report has said it all
	}
	return nil
}

// measured is what a plan that was carried out has found.
type measured struct {
	trials []meter.Trial
	report *meter.Report // not judged; nil where no cluster came up
	cost   meter.Cost    // where the options ask for it
	size   float64       // of the pictures, that makes the load
	whole  bool          // the plan was carried out to its end
	traces []failover.Trace

	activities []report.Activity // of a scenario
}

// act is what is done on an arena.
type act struct {
	*runner
	carryOut func(ctx context.Context) error
}

// measure opens an arena, carries the plan out, and ends all it started. The error says what failed; that the context ended
// is none.
func measure(ctx context.Context, o runOptions, stderr io.Writer) (measured, error) {
	return perform(ctx, o, func(a *labArena, watch meter.Watch) act {
		told := a.teller(stderr, o.linesEach(stderr))
		_, _ = fmt.Fprintln(stderr, o.announce())
		r := newRunner(o.plan, a, meter.NewRecorder(o.calm+o.window+o.grace+10*time.Second), watch, told)
		return act{runner: r, carryOut: func(ctx context.Context) error {
			if err := a.open(ctx, r.rec); err != nil {
				return err
			}
			if err := a.measureCost(ctx, r, o.costSpan); err != nil {
				return err
			}
			_, err := r.run(ctx)
			return err
		}}
	})
}

// linesEach is how many trials go by for each line that is printed: one to a person, and a tenth of all to a log.
func (o runOptions) linesEach(out io.Writer) int {
	if isTerminal(out) || len(o.series) == 0 {
		return 1
	}
	return max(1, (2*o.controls+total(o.series))/10)
}

// teller tells of trials: the control API of all of them, and who reads the lines of each so many.
func (a *labArena) teller(out io.Writer, each int) func(done, all int, t meter.Trial) {
	return func(done, all int, t meter.Trial) {
		a.noteTrial(t)
		if done%each == 0 {
			_, _ = fmt.Fprintln(out, progress(done, all, t))
		}
	}
}

// perform opens an arena, does on it what prepare says, and ends all it started. The error says what failed; that the
// context ended is none.
func perform(ctx context.Context, o runOptions, prepare func(a *labArena, watch meter.Watch) act) (m measured, err error) {
	began, started := clock.Now(), time.Now()
	a, err := newLabArena(ctx, o)
	if err != nil {
		return m, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(mostGC)) // a collection keeps the sink waiting
	watch := meter.NewWatch()
	// The cluster lives on when the run is interrupted, until the report is made; and the run ends when the cluster does.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, life := errgroup.WithContext(life)
	group.Go(func() error { return watch.Run(life) })
	group.Go(func() error { return a.run(life) })
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(life, func() { cancel(context.Cause(life)) })()

	d := prepare(a, watch)
	stop := alongside(life, a.injector.run) // it heals while there is a cluster to be healed
	runErr := d.carryOut(work)
	m = measured{trials: d.judgeNeedless(), report: a.report(o, d.runner), cost: a.cost, size: a.size, whole: runErr == nil, traces: d.log.Lines()}
	m.report.Began, m.report.Series = began, d.rec.Series(began, clock.Now().Add(-o.grace))
	a.tellGuards(m.report, m.trials)
	stopErr := stop()
	end()
	stopErr = errors.Join(stopErr, group.Wait())
	m.report.Started, m.report.Took = started.UTC().Format(time.RFC3339), float64(int(clock.Now().Sub(began).Seconds()))
	if ctx.Err() == nil {
		stopErr = errors.Join(runErr, stopErr)
	}
	return m, stopErr
}

// alongside runs something until it is stopped, or the context ends.
func alongside(ctx context.Context, run part) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// announce says what is about to happen, and how long it takes.
func (o runOptions) announce() string {
	each := max(o.calm+o.window+o.grace, o.every) + restart
	took := time.Duration(total(o.series)+o.controls)*each + time.Duration(o.controls)*(o.window+o.grace)
	return fmt.Sprintf("%d faults of %d kinds and 2×%d controls on a cluster of %d nodes: about %v",
		total(o.series), len(o.series), o.controls, o.nodes, took.Round(time.Second))
}

// restart is about how long a killed node takes to be back, for the announcement.
const restart = 1500 * time.Millisecond

// progress is one trial on one line.
func progress(done, all int, t meter.Trial) string {
	what := fmt.Sprintf("%d/%d  %s %s", done, all, t.Component, t.Fault)
	if t.Victim != "" {
		what += fmt.Sprintf("  %s (%s)", t.Victim, t.Held)
	}
	if why := t.Uncounted(); why != "" {
		return what + "  not counted: " + why
	}
	what = fmt.Sprintf("%s  %.2f ms  %s", what, meter.Millis(t.Reading.Downtime), t.Timeline.Signal)
	if t.Wrong > 0 {
		what += fmt.Sprintf("  %d wrong", t.Wrong)
	}
	return what
}

// print writes the report to where it was asked for. What cannot be written is printed all the same.
func (o runOptions) print(m measured, stdout io.Writer) error {
	failed := o.keep(m)
	if o.json {
		return errors.Join(failed, m.report.WriteJSON(stdout, false))
	}
	return errors.Join(failed, m.report.WriteText(stdout))
}

// versions say what is measured, and on what.
func versions() meter.Versions {
	return meter.Versions{Fracture: version(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Machine: machine()}
}

// machine is the processor's name and the kernel's version, as far as the system tells.
func machine() string {
	name := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return name
	}
	return fmt.Sprintf("%s, kernel %s", name, unix.ByteSliceToString(uts.Release[:]))
}
