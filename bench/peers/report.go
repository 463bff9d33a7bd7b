package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"fracture/chaos/meter"
)

// report is what all peers read, and what it rests on.
type report struct {
	Rows    []row     `json:"rows"`
	Absent  []absence `json:"absent,omitempty"`
	Command string    `json:"command"`
	Machine string    `json:"machine"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	Seed    uint64    `json:"seed"`
	Calm    float64   `json:"calm_s"`
	Started string    `json:"started"` // RFC 3339
	Took    float64   `json:"took_s"`

	began time.Time
}

// row is one peer under one fault.
type row struct {
	Peer     string     `json:"peer"`
	Versions []string   `json:"versions"`
	Signal   string     `json:"signal"`         // what tells the peer of the fault, in words
	Window   float64    `json:"window_s"`       // results due so long after a fault were looked at …
	Grace    float64    `json:"grace_s"`        // … and were lost when they had not come so long after that
	Calm     float64    `json:"calm_p999_ms"`   // lateness when nothing was wrong, the median over the trials
	Noop     *meter.Row `json:"noop,omitempty"` // the floor
	Figures  meter.Row  `json:"figures"`
}

// absence is a peer of which something could not be measured, and why.
type absence struct {
	Peer string `json:"peer"`
	Why  string `json:"why"`
}

func newReport(o options) *report {
	now := time.Now()
	return &report{Rows: []row{}, Command: strings.Join(append([]string{"peers"}, os.Args[1:]...), " "), Machine: machine(),
		Cores: runtime.NumCPU(), Go: runtime.Version(), Seed: o.seed, Calm: o.calm.Seconds(),
		Started: now.Format(time.RFC3339), began: now}
}

func (r *report) finish() { r.Took = time.Since(r.began).Round(time.Second).Seconds() }

// add sums the trials of a peer up.
func (r *report) add(ctx context.Context, p peer, trials []meter.Trial) {
	var noop *meter.Row
	for _, figures := range meter.Rows(trials) {
		if figures.Fault == meter.Noop {
			noop = &figures
			continue
		}
		figures.Error = nil // it compares with a freeze of known length, and ours lasts until the victim is replaced
		at := slices.IndexFunc(p.faults, func(t terms) bool { return t.fault == figures.Fault })
		t := p.faults[at]
		r.Rows = append(r.Rows, row{Peer: p.name, Versions: versions(ctx, p), Signal: t.signal, Window: t.window.Seconds(),
			Grace: t.grace.Seconds(), Calm: calmOf(trials, t.fault), Noop: noop, Figures: figures})
	}
}

// calmOf is the median of what counted as usual before each trial of a fault.
func calmOf(trials []meter.Trial, fault meter.Kind) float64 {
	var calm []time.Duration
	for _, t := range trials {
		if t.Fault == fault && len(t.Calm) > 0 {
			calm = append(calm, t.Calm[0].P999)
		}
	}
	return meter.SpreadOf(calm).P50
}

// addOurs takes the rows of `fracture run` as they are.
func (r *report) addOurs(reports []meter.Report, err error) {
	signals := map[meter.Kind]string{meter.Kill: "the reset link, silence, or the overdue task", meter.Freeze: "silence, or the overdue task"}
	for _, ours := range reports {
		for _, figures := range ours.Rows {
			line := row{Peer: oursName, Versions: []string{ours.Versions.Fracture}, Signal: signals[figures.Fault],
				Window: ours.Window, Grace: ours.Grace, Figures: figures}
			for _, calm := range ours.Calm {
				line.Calm = max(line.Calm, calm.P999)
			}
			for _, control := range ours.Controls {
				if control.Fault == meter.Noop {
					line.Noop = &control
				}
			}
			r.Rows = append(r.Rows, line)
		}
	}
	if err != nil {
		r.absent(oursName, err)
	}
}

// absent notes what could not be measured.
func (r *report) absent(peer string, why error) {
	r.Absent = append(r.Absent, absence{peer, strings.Join(strings.Fields(why.Error()), " ")})
}

// publish prints the report, and writes it to the file that was asked for.
func (r *report) publish(o options, out io.Writer) error {
	var text strings.Builder
	if o.json {
		if err := json.NewEncoder(&text).Encode(r); err != nil {
			return err
		}
	} else {
		r.writeMarkdown(&text)
	}
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(text.String()), 0o644); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// writeMarkdown writes the table as docs/BENCH.md has it.
func (r *report) writeMarkdown(b *strings.Builder) {
	fmt.Fprintf(b, "`%s`, %s, %d cores, %s, %s, seed %d; took %s. Milliseconds.\n\n", r.Command, r.Machine, r.Cores, r.Go, r.Started[:len(time.DateOnly)],
		r.Seed, time.Duration(r.Took*float64(time.Second)))
	b.WriteString("| system | broken | n | p50 | p90 | p99 | max | longest gap p50 | max | never came | calm p99.9 | noop p90 | victim's RSS, MiB | what tells it |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, x := range r.Rows {
		f := x.Figures
		n := strconv.Itoa(f.Counted)
		if f.Counted != f.N {
			n = fmt.Sprintf("%d of %d", f.Counted, f.N)
		}
		noop := "-"
		if x.Noop != nil {
			noop = figure(x.Noop.Downtime.P90)
		}
		cells := []string{x.Peer, fmt.Sprintf("%s, %s", f.Component, f.Fault), n,
			x.bounded(f.Downtime.P50), x.bounded(f.Downtime.P90), x.bounded(f.Downtime.P99), x.bounded(f.Downtime.Max),
			x.bounded(f.Gap.P50), x.bounded(f.Gap.Max), strconv.Itoa(f.Lost), figure(x.Calm), noop, figure(f.RSS.P50), x.Signal}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	b.WriteByte('\n')
	seen := map[string]bool{}
	for _, x := range r.Rows {
		if !seen[x.Peer] {
			seen[x.Peer] = true
			fmt.Fprintf(b, "- %s: %s\n", x.Peer, strings.Join(x.Versions, ", "))
		}
		if f := x.Figures; f.MeterLate > 0 {
			fmt.Fprintf(b, "- %s, %s: in %d of %d trials the meter itself was late by more than %v\n", x.Peer, f.Fault, f.MeterLate, f.Counted, meter.HiccupLimit)
		}
	}
	for _, a := range r.Absent {
		how := "could not be measured"
		if seen[a.Peer] {
			how = "was not measured to its end"
		}
		fmt.Fprintf(b, "- %s %s: %s\n", a.Peer, how, a.Why)
	}
}

// nearly is the share of its bound from which a figure is one: what was outstanding at the fault counts from a little
// after it.
const nearly = 0.95

// bounded prints a figure, with a sign where the trial ended before the work was back.
func (x row) bounded(ms float64) string {
	if x.Figures.Lost > 0 && ms >= nearly*1000*(x.Window+x.Grace) {
		return "> " + figure(ms)
	}
	return figure(ms)
}

// figure prints milliseconds or mebibytes with as many digits as a reader needs.
func figure(x float64) string {
	if x == 0 || x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// versions name what was measured: the Debian packages, and the clients that asked. They are found out after an interrupt,
// too.
func versions(ctx context.Context, p peer) (names []string) {
	ctx = context.WithoutCancel(ctx)
	for _, program := range p.programs {
		if version := debianVersion(ctx, program.debian); version != "" {
			names = append(names, program.debian+" "+version)
		}
	}
	build, ok := debug.ReadBuildInfo()
	for _, module := range p.modules {
		for i := 0; ok && i < len(build.Deps); i++ {
			if d := build.Deps[i]; d.Path == module {
				names = append(names, d.Path+" "+d.Version)
			}
		}
	}
	return slices.Compact(names)
}

// machine is the processor's name.
func machine() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	out, err := exec.Command("uname", "-m").Output()
	if err != nil {
		return runtime.GOARCH
	}
	return strings.TrimSpace(string(out))
}
