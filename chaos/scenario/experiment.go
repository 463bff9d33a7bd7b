package scenario

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
)

// Experiment is a scenario in its long form: an experiment of Chaos Toolkit, and fracture's extension of it. What its
// configuration names has been put in; references to other activities have been replaced by these.
type Experiment struct {
	Title, Description string
	Tags               []string
	Hypothesis         *Hypothesis // nil: none
	Method             []Activity
	Rollbacks          []Activity
	Runtime            Runtime
	Fracture           Extension
	Warnings           []Finding // what of the file is passed over
}

// Hypothesis is the steady state that must hold before and after, or as [Runtime] says.
type Hypothesis struct {
	Title  string
	Probes []Activity // each with a tolerance
}

// Activity is something to do, or to ask.
type Activity struct {
	Probe         bool // it asks; else it acts
	Name          string
	Background    bool // the next one does not wait for it
	Before, After time.Duration
	Provider      Provider
	Tolerance     *Tolerance // of a hypothesis's probe; nil: none
	Place         Place
}

// Provider is how an activity is carried out: by a process, or by a request.
type Provider struct {
	Type    ProviderType
	Timeout time.Duration // 0: none

	Path      string // of a process: the program
	Arguments []string
	Line      string // in place of Arguments: what a shell is to read behind the path

	URL       string // of a request
	Method    string
	Headers   []Header
	Body      json.RawMessage // of GET the query, an object; else a form, or JSON where the content type says so; nil: none
	Expected  int             // status; 0: any
	UnsafeTLS bool            // the server's certificate is not looked at
}

// ProviderType names a way to carry an activity out.
type ProviderType string

// The types of provider.
const (
	Process ProviderType = "process"
	HTTP    ProviderType = "http"
)

// Header is one of a request.
type Header struct{ Name, Value string }

// Runtime says when the hypothesis is looked at, and when the rollbacks are made.
type Runtime struct {
	Hypothesis HypothesisStrategy
	Frequency  time.Duration // of Continuously and DuringMethod; 0: a second
	FailFast   bool          // of these: the method ends once the hypothesis does not hold
	Rollbacks  RollbackStrategy
}

// HypothesisStrategy says when the hypothesis is looked at. Empty is BeforeAndAfter.
type HypothesisStrategy string

// The strategies of a hypothesis.
const (
	BeforeAndAfter HypothesisStrategy = "default"
	BeforeMethod   HypothesisStrategy = "before-method-only"
	AfterMethod    HypothesisStrategy = "after-method-only"
	DuringMethod   HypothesisStrategy = "during-method-only"
	Continuously   HypothesisStrategy = "continuously" // before, during and after
)

// RollbackStrategy says when the rollbacks are made. Empty is UnlessInterrupted.
type RollbackStrategy string

// The strategies of rollbacks. Faults of fracture's own are leases, and heal whatever this says.
const (
	UnlessInterrupted RollbackStrategy = "default"
	Always            RollbackStrategy = "always"
	Never             RollbackStrategy = "never"
	Deviated          RollbackStrategy = "deviated" // where the hypothesis did not hold
)

// Extension is what the format of Chaos Toolkit cannot say. A zero is the usual value of `fracture run`.
type Extension struct {
	Seed                     uint64
	Cluster                  Cluster
	Load                     string // idle, half, full
	Calm, Window, Grace, End time.Duration
	Repeat                   int      // how often the whole is done; 0: once
	Trials                   []Series // in the order of the file; the timeline begins behind them
	Timeline                 []Strike // in the order of the file
	Nemesis                  *Nemesis // nil: none
	Budgets                  []meter.Budget
	Limits                   Limits
}

// Limits bound how much is broken at once. A fault that would break more is not brought about: its activity has failed.
type Limits struct {
	Nodes      int  // broken at once, at most; 0: all
	Percent    int  // of all nodes broken at once, at most; 0: all
	YesBreakIt bool // also the last node, and the last who holds a task
}

// yesBreakIt is the key of that, and the flag of `fracture inject`.
const yesBreakIt = "yes-break-it"

// Cluster is what the faults happen to.
type Cluster struct {
	Nodes, Zones int
	Strategy     string
	Factor       int  // copies of each task
	NetNS        bool // each node has a network interface of its own
}

// Strike is one fault at one time, or a change of how the streams are guarded.
type Strike struct {
	At     time.Duration // since the method began
	Action string        // the action of the method that is begun then, and not in its turn; empty: Guard, or Fault
	Guard  Guard         // zero: Fault
	Fault  Fault
	Place  Place
}

// Fault is what `fracture inject` is told.
type Fault struct {
	Kind  string
	Flags []Flag
	For   time.Duration // 0: as long as it usually stands, or no time
	Place Place
}

// Flag is one of `fracture inject`, without its dashes. Without values it stands alone.
type Flag struct {
	Name   string
	Values []string
}

// Arguments are the fault as the command line of `fracture inject` has it: loss --share 20% --for 2s.
func (f Fault) Arguments() []string {
	arguments := []string{f.Kind}
	for _, flag := range f.Flags {
		if len(flag.Values) == 0 {
			arguments = append(arguments, "--"+flag.Name)
		}
		for _, v := range flag.Values {
			arguments = append(arguments, "--"+flag.Name, v)
		}
	}
	if f.For > 0 {
		arguments = append(arguments, "--for", f.For.String())
	}
	return arguments
}

// Inject are the arguments of `fracture inject`, where that is what the activity runs: the fault first. Such an action can
// be carried out by the runner itself.
func (a Activity) Inject() (arguments []string, ok bool) {
	words, ok := a.Provider.own()
	if a.Probe || !ok || len(words) < 2 || words[0] != "inject" {
		return nil, false
	}
	return words[1:], true
}

// own are the words behind fracture, where that is what is run, and no shell is needed to read them.
func (p Provider) own() (words []string, ok bool) {
	switch {
	case p.Type != Process || path.Base(p.Path) != "fracture":
		return nil, false
	case p.Line != "":
		return split(p.Line)
	}
	return p.Arguments, true
}

// split parts a line as a shell does that knows blanks and quotes alone; false where it knows more.
func split(line string) (words []string, ok bool) {
	word, quote, open := "", rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'', quote != 0 && !strings.ContainsRune("$`\\", c):
			word += string(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t':
			if open {
				words = append(words, word)
			}
			word, open = "", false
		case strings.ContainsRune("$`\\|&;<>()*?[]#~!{}\n", c):
			return nil, false
		default:
			word, open = word+string(c), true
		}
	}
	if open {
		words = append(words, word)
	}
	return words, quote == 0
}

// kindOf is the fault that arguments of `fracture inject` name, and how long they say that it stands.
func kindOf(arguments []string) (kind string, last time.Duration) {
	for i, a := range arguments {
		value, found := strings.CutPrefix(a, "--for=")
		if a == "--for" && i+1 < len(arguments) {
			value, found = arguments[i+1], true
		}
		if found {
			last, _ = time.ParseDuration(value) // what is none is for Check to tell
		}
	}
	return arguments[0], max(last, 0)
}

// valuesOf are what arguments give a flag.
func valuesOf(arguments []string, flag string) (values []string) {
	for i, a := range arguments {
		if value, found := strings.CutPrefix(a, "--"+flag+"="); found {
			values = append(values, value)
		} else if a == "--"+flag && i+1 < len(arguments) {
			values = append(values, arguments[i+1])
		}
	}
	return values
}

// action finds an action of the method by its name; nil where there is none.
func (e *Experiment) action(name string) *Activity {
	i := slices.IndexFunc(e.Method, func(a Activity) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &e.Method[i]
}
