package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where in a file something stands, counted from 1; the zero Place is nowhere.
type Place struct{ Line, Column int }

// Finding is something to say about a place of a file.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Text    string `json:"text"`
	Warning bool   `json:"warning"` // it can be run all the same
}

// String prints the finding on one line, as compilers do.
func (f Finding) String() string {
	text := f.Text
	if f.Warning {
		text = "warning: " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, text)
}

// Wrong is the error of a text that is no scenario: all that was found, warnings too, in the order of the file.
type Wrong struct{ Findings []Finding }

// Error has a line for each finding that is not a warning.
func (w *Wrong) Error() string {
	var lines []string
	for _, f := range w.Findings {
		if !f.Warning {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Unwrap has the error be an [ErrScenario].
func (w *Wrong) Unwrap() error { return ErrScenario }

// reader reads one file, and collects what is to be said about it.
type reader struct {
	name     string
	options  Options
	findings []Finding
	warnings int   // among them
	values   int   // read so far
	extended *node // fracture's own extension; nil where there is none
	referred int   // bytes of activities that others refer to, each time they do
}

// wrong tells of something without which the scenario cannot be run.
func (r *reader) wrong(at Place, format string, args ...any) { r.find(at, false, format, args...) }

// warn tells of something that is passed over.
func (r *reader) warn(at Place, format string, args ...any) { r.find(at, true, format, args...) }

// find keeps a finding, once at each place. Past the bound the rest is dropped: who mends the first will be told it then. The
// first that is wrong is always kept.
func (r *reader) find(at Place, warning bool, format string, args ...any) {
	f := Finding{File: r.name, Line: max(at.Line, 1), Column: max(at.Column, 1), Text: fmt.Sprintf(format, args...), Warning: warning}
	f.Text = strings.ReplaceAll(f.Text, "\n", " ")
	full := len(r.findings) >= maxFindings && (warning || len(r.findings) > r.warnings)
	if full || slices.Contains(r.findings, f) {
		return
	}
	r.findings = append(r.findings, f)
	if warning {
		r.warnings++
	}
}

// verdict is an error where something is wrong. It puts the findings into the order of the file.
func (r *reader) verdict() error {
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if len(r.findings) == r.warnings {
		return nil
	}
	return &Wrong{r.findings}
}

// Nearest is the known word that a mistyped one is most like, by the fewest letters to change; empty where none is near.
func Nearest(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is that of Levenshtein, by bytes. Words of more than 64 bytes are far from any.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(before+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
