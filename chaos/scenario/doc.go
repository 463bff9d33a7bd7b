// Package scenario reads scripts of faults. A scenario has two forms. The native one is for people: what the cluster is
// like, what goes wrong when, and what must still hold. The other is an experiment of Chaos Toolkit, in which every fault is
// an action that runs `fracture inject`, and what that format cannot say stands in an extension. [Parse] reads either, from
// YAML or JSON, into an [Experiment]; [Experiment.YAML] and [Experiment.JSON] write the long form. The vocabulary of a fault is
// the flags of `fracture inject`: the package does not know them, and is told by [Options] whether they are right.
//
// Nothing is run here.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// ErrScenario: the text is no scenario; show what [Wrong] says, which is where and why.
var ErrScenario = errors.New("not a scenario")

// Bounds of a scenario.
const (
	MaxBytes      = 256 << 10 // of a file, and of what it expands to
	MaxNodes      = 32        // of a cluster
	maxDepth      = 24        // of lists and tables in one another
	maxValues     = 20_000    // in a file
	maxKeys       = 256       // of a table
	maxStrikes    = 512       // of a scenario: a fault that comes every so often counts each time
	maxActivities = 1024      // of a method
	maxFlags      = 64        // values of a fault
	maxTextBytes  = 8 << 10   // of one text
	maxFindings   = 50        // that are told of one file
)

// Form is how a file says what is to be done.
type Form string

// The forms.
const (
	// Native is the short form: a list of faults or of trials, or a nemesis.
	Native Form = "native"
	// Toolkit is an experiment of Chaos Toolkit.
	Toolkit Form = "toolkit"
)

// FormOf tells the form of a text by its top keys. What it cannot read it takes for Native, as which [Parse] says what is
// wrong.
func FormOf(text []byte) Form { return formOf((&reader{}).tree(text)) }

func formOf(top *node) Form {
	switch {
	case top == nil || top.kind != table:
		return Native
	case top.get("faults") != nil || top.get("nemesis") != nil || top.get("trials") != nil:
		return Native
	case top.get("method") != nil || top.get("steady-state-hypothesis") != nil || top.get("extensions") != nil:
		return Toolkit
	}
	return Native
}

// Check tells whether arguments of `fracture inject`, such as [loss --share 20% --node n3], make sense. Its error is told at
// the place of the fault.
type Check func(arguments []string) error

// Options are what a reader needs to know from outside. The zero value takes any fault, and has an empty environment.
type Options struct {
	// Check looks at the arguments of each fault; nil: any will do.
	Check Check
	// Flags are those of `fracture inject` that a fault may have as keys; none: any will do, and Check judges.
	Flags []string
	// Environment finds what the configuration takes from there; nil: nothing is set.
	Environment func(name string) (value string, set bool)
	// Inject gives the arguments of `fracture inject` that do about what a trial does; empty: it cannot. nil: it never can.
	Inject func(Series) []string
	// NetNS says that nodes have network interfaces of their own whatever the experiment says.
	NetNS bool
	// Bounds looks at what an experiment says of the run as a whole, once it is sound in itself. Its error is told at the place of
	// the key that it names; nil: all is well.
	Bounds func(*Experiment) (key string, err error)
}

// Parse reads a text of either form. The name is for messages alone. Where the text is wrong the error is a *[Wrong], and
// wraps [ErrScenario].
func Parse(name string, text []byte, o Options) (*Experiment, error) {
	r := &reader{name: name, options: o}
	top := r.tree(text)
	if top == nil {
		return nil, r.verdict()
	}
	var e *Experiment
	switch formOf(top) {
	case Native:
		e = r.native(top)
	case Toolkit:
		e = r.toolkit(top)
	}
	if len(r.findings) == r.warnings {
		r.contradictions(e)
	}
	if r.options.Bounds != nil && len(r.findings) == r.warnings {
		if key, err := r.options.Bounds(e); err != nil {
			r.wrong(r.settingAt(top, key), "%s %v", key, err)
		}
	}
	if len(r.findings) == r.warnings && len(e.YAML()) > MaxBytes {
		r.wrong(top.at, "it expands to more than %d bytes", MaxBytes)
	}
	if err := r.verdict(); err != nil {
		return nil, err
	}
	e.Warnings = r.findings
	return e, nil
}

// Load reads a file of either form, as [Parse] does.
func Load(path string, o Options) (*Experiment, error) {
	text, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, o)
}

// ReadFile reads the text of a scenario, but no more than [MaxBytes] and one.
func ReadFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	return text, nil
}

// tree reads the text as JSON or YAML; nil where it is neither, which is told.
func (r *reader) tree(text []byte) *node {
	switch {
	case len(text) > MaxBytes:
		r.wrong(Place{1, 1}, "more than %d bytes", MaxBytes)
		return nil
	case !utf8.Valid(text):
		r.wrong(Place{1, 1}, "not UTF-8")
		return nil
	}
	var top *node
	if looksJSON(text) {
		top = r.fromJSON(text)
	} else {
		top = r.fromYAML(text)
	}
	if top != nil && top.kind != table {
		r.wrong(top.at, "want a table of keys, as `title: …`; this is %s", top.kind)
		return nil
	}
	return top
}

// looksJSON reports whether a text begins as an object of JSON does. A table of YAML may begin so as well; it is not for
// scenarios.
func looksJSON(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}
