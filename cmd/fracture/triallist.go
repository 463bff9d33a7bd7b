package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"fracture/chaos/meter"
)

// trialList is a file that says what `fracture run` is to do: a list of trials, and what flags say otherwise. A key that is
// not there leaves the flag's default; a flag that is given beats the key.
type trialList struct {
	Trials   []listedTrial `yaml:"trials"`
	Load     string        `yaml:"load"`
	Strategy string        `yaml:"strategy"`
	Nodes    int           `yaml:"nodes"`
	Seed     uint64        `yaml:"seed"`
	Calm     listedSpan    `yaml:"calm"`
	Window   listedSpan    `yaml:"window"`
	Grace    listedSpan    `yaml:"grace"`
	Budgets  []string      `yaml:"budgets"`

	name string
	file *ast.File
}

// listedTrial is one series of trials.
type listedTrial struct {
	Component meter.Component `yaml:"component"`
	Fault     meter.Kind      `yaml:"fault"`
	Trials    *int            `yaml:"trials"` // none: as many as the flag says
	For       *listedSpan     `yaml:"for"`    // none: as the fault usually stands
}

// listedSpan is a duration in a scenario: "500ms".
type listedSpan time.Duration

// UnmarshalYAML reads a duration, and says where it is none.
func (s *listedSpan) UnmarshalYAML(node ast.Node) error {
	text, ok := node.(*ast.StringNode)
	if ok {
		d, err := time.ParseDuration(text.Value)
		*s = listedSpan(d)
		ok = err == nil
	}
	if !ok {
		return &yaml.SyntaxError{Message: "want a duration, such as 500ms", Token: node.GetToken()}
	}
	return nil
}

// Bounds of a scenario.
const (
	maxScenarioBytes = 64 << 10
	maxSeries        = 256
)

// errScenario: the file is no scenario; the text says where, and what would be.
var errScenario = errors.New("not a scenario")

// readTrialList reads a file over the defaults that are in f.
func readTrialList(name string, f runFlags) (*trialList, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxScenarioBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	return parseTrialList(name, text, f)
}

// parseTrialList reads the text of a file over the defaults that are in f, and looks at the list of trials; the other values
// are looked at as those of flags are.
func parseTrialList(name string, text []byte, f runFlags) (*trialList, error) {
	sc := &trialList{name: name, Load: f.load, Strategy: f.strategy, Nodes: f.nodes, Seed: f.seed,
		Calm: listedSpan(f.calm), Window: listedSpan(f.window), Grace: listedSpan(f.grace)}
	if len(text) > maxScenarioBytes {
		return nil, fmt.Errorf("%w: %s: more than %d bytes", errScenario, name, maxScenarioBytes)
	}
	for _, t := range lexer.Tokenize(string(text)) {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return nil, sc.wrong(t, "anchors, aliases, merges and tags are not for scenarios")
		default:
		}
	}
	var err error
	if sc.file, err = parser.ParseBytes(text, 0); err != nil {
		return nil, sc.unreadable(err)
	}
	if len(sc.file.Docs) != 1 || sc.file.Docs[0].Body == nil {
		return nil, fmt.Errorf("%w: %s: want one document with a list of trials", errScenario, name)
	}
	if err := yaml.NodeToValue(sc.file.Docs[0].Body, sc, yaml.Strict()); err != nil {
		return nil, sc.unreadable(err)
	}
	return sc, sc.check()
}

// check looks at the list of trials and at the budgets.
func (sc *trialList) check() error {
	if n := len(sc.Trials); n == 0 || n > maxSeries {
		return sc.wrongAt("$.trials", "trials: %d entries, want 1 to %d", n, maxSeries)
	}
	for i, t := range sc.Trials {
		entry := fmt.Sprintf("$.trials[%d]", i)
		length := time.Duration(0)
		if t.For != nil {
			length = time.Duration(*t.For)
		}
		switch {
		case !slices.Contains(meter.Components, t.Component):
			return sc.wrongAt(entry+".component", "component %q: want one of %s", t.Component, words(meter.Components))
		case !slices.Contains(meter.Kinds, t.Fault):
			return sc.wrongAt(entry+".fault", "fault %q: want one of %s", t.Fault, words(meter.Kinds))
		case !slices.Contains(t.Component.Suffers(), t.Fault):
			return sc.wrongAt(entry+".fault", "fault %s makes no sense: a %s suffers %s", t.Fault, t.Component, words(t.Component.Suffers()))
		case t.Trials != nil && (*t.Trials < 1 || *t.Trials > maxTrials):
			return sc.wrongAt(entry+".trials", "trials %d: want 1 to %d", *t.Trials, maxTrials)
		case t.For != nil && !t.Fault.Lasts():
			return sc.wrongAt(entry+".for", "for %v: a %s stands for no time", length, t.Fault)
		case t.For != nil && (length < shortestFor || length > longestFor):
			return sc.wrongAt(entry+".for", "for %v: want %v to %v", length, shortestFor, longestFor)
		}
		same := func(u listedTrial) bool { return u.Component == t.Component && u.Fault == t.Fault }
		if slices.IndexFunc(sc.Trials, same) != i {
			return sc.wrongAt(entry, "%s %s is in the list already", t.Component, t.Fault)
		}
	}
	var budgets []meter.Budget
	for i, text := range sc.Budgets {
		at := fmt.Sprintf("$.budgets[%d]", i)
		b, err := meter.ParseBudget(text)
		if err != nil {
			return sc.wrongAt(at, "budgets: %v", err)
		}
		if a, b, found := meter.Contradict(append(budgets, b)); found {
			return sc.wrongAt(at, "budgets: %v contradicts %v", b, a)
		}
		budgets = append(budgets, b)
	}
	return nil
}

// series are the trials of the list, under the flags that were given: --role and --fault choose among them, --trials and
// --for hold for all.
func (sc *trialList) series(f runFlags, given func(flag string) bool) ([]series, error) {
	components, err := parseRoles(f.role, allFaults)
	if err != nil {
		return nil, err
	}
	kinds, err := parseFaults(f.fault)
	if err != nil {
		return nil, err
	}
	var chosen []series
	for _, t := range sc.Trials {
		if given("role") && !slices.Contains(components, t.Component) || given("fault") && !slices.Contains(kinds, t.Fault) {
			continue
		}
		s := series{component: t.Component, fault: t.Fault, n: f.trials, last: usualLength(t.Fault)}
		if t.Trials != nil && !given("trials") {
			s.n = *t.Trials
		}
		switch {
		case !t.Fault.Lasts():
		case given("for"):
			s.last = f.last
		case t.For != nil:
			s.last = time.Duration(*t.For)
		}
		chosen = append(chosen, s)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("--role %s --fault %s: %s lists no such trial", f.role, f.fault, sc.name)
	}
	return chosen, nil
}

// under puts the file's values into flags that were not given.
func (sc *trialList) under(f *runFlags, given func(flag string) bool) {
	for flag, set := range map[string]func(){
		"load":     func() { f.load = sc.Load },
		"strategy": func() { f.strategy = sc.Strategy },
		"nodes":    func() { f.nodes = sc.Nodes },
		"seed":     func() { f.seed = sc.Seed },
		"calm":     func() { f.calm = time.Duration(sc.Calm) },
		"window":   func() { f.window = time.Duration(sc.Window) },
		"grace":    func() { f.grace = time.Duration(sc.Grace) },
	} {
		if !given(flag) {
			set()
		}
	}
	f.budgets = append(slices.Clone(sc.Budgets), f.budgets...)
}

// blame turns an error about a flag's value into one about the place in the file that it came from.
func (sc *trialList) blame(err error, given func(flag string) bool) error {
	flag, rest, found := strings.Cut(strings.TrimPrefix(err.Error(), "--"), " ")
	flag = strings.TrimSuffix(flag, ":")
	if !found || given(flag) || sc.token("$."+flag) == nil {
		return err
	}
	return sc.wrongAt("$."+flag, "%s: %s", flag, rest)
}

// token finds the place of a value in the file; nil where it is not there.
func (sc *trialList) token(path string) *token.Token {
	p, err := yaml.PathString(path)
	if err != nil {
		return nil
	}
	node, err := p.FilterFile(sc.file)
	if err != nil || node == nil {
		return nil
	}
	return node.GetToken()
}

// wrongAt is an error about the value at a path, or about the whole file where the value is missing.
func (sc *trialList) wrongAt(path, format string, args ...any) error {
	for at := path; at != "$" && at != ""; {
		if t := sc.token(at); t != nil {
			return sc.wrong(t, format, args...)
		}
		at = at[:max(strings.LastIndexByte(at, '.'), 0)]
	}
	return fmt.Errorf("%w: %s: %s", errScenario, sc.name, fmt.Sprintf(format, args...))
}

func (sc *trialList) wrong(t *token.Token, format string, args ...any) error {
	where := sc.name
	if t != nil && t.Position != nil {
		where = fmt.Sprintf("%s:%d:%d", sc.name, t.Position.Line, t.Position.Column)
	}
	return fmt.Errorf("%w: %s: %s", errScenario, where, fmt.Sprintf(format, args...))
}

// unreadable spells an error of the YAML library on one line.
func (sc *trialList) unreadable(err error) error {
	var told yaml.Error
	if errors.As(err, &told) {
		return sc.wrong(told.GetToken(), "%s", told.GetMessage())
	}
	return fmt.Errorf("%w: %s: %w", errScenario, sc.name, err)
}
