// Package report lays a run out for those who were not there: a page to show, a text for a pull request, files for machines,
// and what changed since another run.
//
// A [Run] is what was measured, with what it takes to repeat it. [Run.Files] makes of it the files of a report, [Write] puts
// them into a directory as a whole, and [Read] takes up the one of them that holds everything, report.json. [Compare] holds
// runs against each other.
//
// Everything but [Check] and [Write] computes: the same run gives the same bytes. What the package does not do: it measures
// and judges nothing by itself; the verdict and the figures are the meter's.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
)

// Format is the version of report.json. It changes when a field's meaning does, not when one is added.
const Format = 1

// Bounds of what [Read] takes.
const (
	maxBytes  = 256 << 20 // of a report.json
	maxTrials = 200_000
	maxBins   = 1 << 14 // of a series
)

// Errors of reading a report.
var (
	// ErrNoReport: the text is no report.json, or one that was damaged; the text of the error says where. Run again with
	// --out, or take another copy.
	ErrNoReport = errors.New("not a report")
	// ErrNewer: another version of fracture wrote it. Read it with that one.
	ErrNewer = errors.New("a report of another format")
)

// Run is a run, judged, and what it takes to repeat it. Its JSON is report.json: the meter's object and the fields here.
type Run struct {
	Format     int             `json:"format"`               // [Format]; filled in where it is 0
	Title      string          `json:"title"`                // what was run, in a few words
	Command    []string        `json:"command"`              // that repeats it, seed and all; program first, as its arguments
	Host       string          `json:"host,omitempty"`       // where it ran
	Experiment json.RawMessage `json:"experiment,omitempty"` // the Chaos Toolkit experiment that was run, as it was read; none: journal.json makes one

	Activities []Activity `json:"activities,omitempty"` // of a scenario, in the order in which they ended; a list of trials has none

	meter.Report

	Events []Event `json:"-"` // what happened, in order of time; they stand in a file of their own
}

// File is one file of a report.
type File struct {
	Name    string
	Content []byte
}

// The names of a report's files.
const (
	Object   = "report.json"
	Page     = "report.html"
	Markdown = "report.md"
	JUnit    = "junit.xml"
	Journal  = "journal.json"
	Stream   = "events.ndjson"
)

// names are all of them, in the order in which they take their places: the one that holds everything is last.
var names = []string{Stream, Journal, JUnit, Markdown, Page, Object}

// Files makes the files of a report, but the events where there are none to write.
func (r *Run) Files() ([]File, error) {
	var files []File
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{Stream, r.WriteEvents}, {Journal, r.WriteJournal}, {JUnit, r.WriteJUnit}, {Markdown, r.WriteMarkdown}, {Page, r.WriteHTML}, {Object, r.WriteJSON},
	} {
		if f.name == Stream && len(r.Events) == 0 {
			continue
		}
		var b bytes.Buffer
		if err := f.write(&b); err != nil {
			return nil, fmt.Errorf("draw up %s: %w", f.name, err)
		}
		files = append(files, File{f.name, b.Bytes()})
	}
	return files, nil
}

// WriteJSON writes report.json: one object on one line, with every single trial.
func (r *Run) WriteJSON(w io.Writer) error {
	out := *r
	out.Format = Format
	if out.Rows == nil {
		out.Rows = []meter.Row{}
	}
	if out.Command == nil {
		out.Command = []string{}
	}
	return json.NewEncoder(w).Encode(out)
}

// Read reads what [Run.WriteJSON] wrote. Its errors are [ErrNoReport], with line and column where it has one, [ErrNewer], and
// those of the reader. What it accepts can be laid out: sizes are bounded, and whatever must fit together does.
func Read(from io.Reader) (*Run, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrNoReport, maxBytes>>20)
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoReport, where(text, err))
	}
	switch {
	case r.Format == 0:
		return nil, fmt.Errorf("%w: it says no format: want a %s that `fracture run --out` wrote", ErrNoReport, Object)
	case r.Format != Format:
		return nil, fmt.Errorf("%w: %d, and this fracture reads %d", ErrNewer, r.Format, Format)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	return &r, nil
}

// where says what is wrong with a JSON text, and in which line and column.
func where(text []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var at int64
	what := err.Error()
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at, what = kind.Offset, fmt.Sprintf("%s is a %s", kind.Field, kind.Value)
	default:
		return what
	}
	before := text[:min(max(at, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d: %s", line, len(before)-bytes.LastIndexByte(before, '\n')-1, what)
}

// check refuses what no run can have written.
func (r *Run) check() error {
	verdicts := []meter.Verdict{meter.Held, meter.Broken, meter.Thin, meter.Interrupted}
	switch {
	case !slices.Contains(verdicts, r.Verdict):
		return fmt.Errorf("verdict %q: want one of %q", r.Verdict, verdicts)
	case len(r.Trials) > maxTrials:
		return fmt.Errorf("each: %d trials, want at most %d", len(r.Trials), maxTrials)
	}
	for i, t := range r.Trials {
		for name, x := range map[string]float64{"at_ms": t.At, "downtime_ms": t.Downtime, "gap_ms": t.Gap, "length_ms": t.Length, "took_ms": t.Took} {
			if math.Abs(x) > longestMillis || x < 0 && name != "gap_ms" { // a gap is less its period
				return fmt.Errorf("each[%d].%s: %g: want 0 to %g", i, name, x, float64(longestMillis))
			}
		}
		for _, s := range t.Stages {
			if s.At < 0 || s.At > longestMillis*1e3 {
				return fmt.Errorf("each[%d].timeline: %s after %g µs", i, s.Stage, s.At)
			}
		}
	}
	for i, s := range r.Series {
		n := len(s.Due)
		if n > maxBins || len(s.Came) != n || len(s.P50) != n || len(s.Worst) != n {
			return fmt.Errorf("series[%d]: want due, came, p50_ms and worst_ms equally long, at most %d", i, maxBins)
		}
		if !(s.Width > 0 && s.Width < longestMillis) || math.Abs(s.From) > longestMillis {
			return fmt.Errorf("series[%d]: bins of %g ms from %g", i, s.Width, s.From)
		}
	}
	if _, err := r.Checks(); err != nil {
		return fmt.Errorf("budgets: %w", err)
	}
	return nil
}

// longestMillis is longer than any run: ten years.
const longestMillis = 10 * 366 * 24 * 3600e3

// shell is the command as one types it.
func (r *Run) shell() string {
	words := make([]string, len(r.Command))
	for i, w := range r.Command {
		plain := w != "" && strings.IndexFunc(w, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:,=+@%", c))
		}) < 0
		if words[i] = w; !plain {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// started is when the run began; the zero time where it does not say so.
func (r *Run) started() time.Time {
	at, err := time.Parse(time.RFC3339, r.Report.Started)
	if err != nil {
		return time.Time{}
	}
	return at
}

// counted are the trials that figures rest on, without the controls.
func (r *Run) counted() (list []meter.TrialRow) {
	for _, t := range r.Trials {
		if t.Counted() && !t.Control() {
			list = append(list, t)
		}
	}
	return list
}

// num prints a figure with as many digits as a reader needs: three or so.
func num(x float64) string {
	digits := 0
	switch a := math.Abs(x); {
	case a == math.Trunc(a):
	case a < 10:
		digits = 2
	case a < 100:
		digits = 1
	}
	return fmt.Sprintf("%.*f", digits, x)
}

// rowName is how a row is called.
func rowName(c meter.Component, k meter.Kind) string { return string(c) + " " + string(k) }
