package scenario

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Step is one thing that happens in a run of a scenario.
type Step struct {
	At        time.Duration // since the method began
	InTurn    bool          // it is done when those before it are: At is when at the earliest
	Name      string        // of the action or probe; empty: it has none
	Fault     string        // empty: it is no fault of fracture's
	Arguments []string      // of `fracture inject`, the fault first; or the words of a command, or a request's method and URL
	For       time.Duration // how long it stands; 0: as it usually does
	Place     Place
}

// Plan is what a run does and when, in that order, once it has made the trials: the timeline, the method, and what the nemesis draws under the scenario's
// seed, where there is one. It is one round, whatever Repeat says.
func (e *Experiment) Plan() []Step {
	var steps []Step
	for _, s := range e.Fracture.Timeline {
		if a, guards := e.Guarding(s); guards {
			steps = append(steps, Step{At: s.At, Name: s.Action, Arguments: a.Provider.words(), Place: s.Place})
			continue
		}
		arguments := s.Fault.Arguments()
		if s.Action != "" {
			arguments, _ = e.action(s.Action).Inject() // both are there, or Parse would have told
		}
		steps = append(steps, faultStep(s, arguments))
	}
	if m := e.Fracture.Nemesis; m != nil && (e.Fracture.Seed != 0 || m.Seed != 0) {
		for _, s := range m.Strikes(e.Fracture.Seed) {
			steps = append(steps, faultStep(s, s.Fault.Arguments()))
		}
	}
	steps = append(steps, e.turns()...)
	slices.SortStableFunc(steps, func(a, b Step) int { return int(a.At - b.At) })
	return steps
}

func faultStep(s Strike, arguments []string) Step {
	kind, last := kindOf(arguments)
	return Step{At: s.At, Name: s.Action, Fault: kind, Arguments: arguments, For: last, Place: s.Place}
}

// turns are the activities of the method that have no time of their own.
func (e *Experiment) turns() (steps []Step) {
	now := time.Duration(0)
	for _, a := range e.Method {
		if e.Timed(a.Name) {
			continue
		}
		s := Step{At: now + a.Before, InTurn: true, Name: a.Name, Place: a.Place}
		if arguments, ok := a.Inject(); ok {
			s.Arguments = arguments
			s.Fault, s.For = kindOf(arguments)
		} else {
			s.Arguments = a.Provider.words()
		}
		if !a.Background {
			now = s.At + s.For + a.After
		}
		steps = append(steps, s)
	}
	return steps
}

// Timed reports whether the timeline begins an action of the method, or trials stand for it; then it is not begun in its turn.
func (e *Experiment) Timed(action string) bool {
	return e.Measured(action) || slices.ContainsFunc(e.Fracture.Timeline, func(s Strike) bool { return s.Action == action && action != "" })
}

// words are a provider on one line.
func (p Provider) words() []string {
	switch {
	case p.Type == HTTP && p.Method == "":
		return []string{"GET", p.URL}
	case p.Type == HTTP:
		return []string{p.Method, p.URL}
	case p.Line != "":
		return []string{p.Path, p.Line}
	}
	return append([]string{p.Path}, p.Arguments...)
}

// Length is how long a round lasts at the least: until its end is said to be, or the last of its faults is over.
func (e *Experiment) Length() time.Duration {
	last := e.Fracture.End
	for _, s := range e.Plan() {
		last = max(last, s.At+s.For)
	}
	if m := e.Fracture.Nemesis; m != nil {
		last = max(last, m.For, m.Every*time.Duration(m.count()))
	}
	return last
}

// PrintPlan prints what would happen when, and what is judged.
func (e *Experiment) PrintPlan(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "%s\n%s\n\n", e.Title, e.Description); err != nil {
		return err
	}
	if err := e.printTrials(out); err != nil {
		return err
	}
	steps := e.Plan()
	if len(steps) == 0 && len(e.Fracture.Trials) > 0 {
		return e.printRest(out)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "at\tfault\targuments\tfor") // an error comes again from Flush
	for _, s := range steps {
		at, last, fault := s.At.String(), "", s.Fault
		if s.InTurn {
			at = "≥ " + at
		}
		if s.For > 0 {
			last = s.For.String()
		}
		words := s.Arguments
		if fault != "" {
			words = words[1:]
		} else {
			fault = "·"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", at, fault, oneLine(words), last)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return e.printRest(out)
}

// printTrials prints the trials, which come first.
func (e *Experiment) printTrials(out io.Writer) error {
	if len(e.Fracture.Trials) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "trials\tcomponent\tfault\tfor\tby hand") // an error comes again from Flush
	for _, s := range e.Fracture.Trials {
		times, last, line := "·", "", ""
		if s.Trials > 0 {
			times = strconv.Itoa(s.Trials)
		}
		if s.For > 0 {
			last = s.For.String()
		}
		if a := e.action(s.Action); a != nil {
			line = "fracture " + oneLine(a.Provider.Arguments)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", times, s.Component, s.Fault, last, line)
	}
	return t.Flush()
}

// printRest prints what stands in no line of the table.
func (e *Experiment) printRest(out io.Writer) error {
	var lines []string
	x := &e.Fracture
	if m := x.Nemesis; m != nil {
		drawn := "which are drawn when it begins; a seed tells them now"
		if x.Seed != 0 || m.Seed != 0 {
			drawn = "drawn as above"
		}
		lines = append(lines, fmt.Sprintf("nemesis: every %v, %d times at most, one of %d faults, %s", m.Every, m.count(), len(m.Faults), drawn))
	}
	if h := e.Hypothesis; h != nil {
		strategy := h.Title
		if e.Runtime.Hypothesis != "" {
			strategy += " (" + string(e.Runtime.Hypothesis) + ")"
		}
		lines = append(lines, fmt.Sprintf("hypothesis: %s, %d probes", strategy, len(h.Probes)))
	}
	if len(x.Budgets) > 0 {
		var budgets []string
		for _, b := range x.Budgets {
			budgets = append(budgets, b.String())
		}
		lines = append(lines, "budgets: "+strings.Join(budgets, ", "))
	}
	if n := len(x.Trials); n > 0 {
		lines = append(lines, fmt.Sprintf("trials: of %d pairs, one at a time, each behind a calm; what has a time comes after them", n))
	}
	if limits := x.Limits.words(); limits != "" {
		lines = append(lines, "limits: "+limits)
	}
	rounds, length := "a round lasts", e.Length()
	if x.Repeat > 1 {
		rounds = fmt.Sprintf("each of %d rounds lasts", x.Repeat)
	}
	if length > 0 || len(x.Trials) == 0 {
		lines = append(lines, fmt.Sprintf("%s %v at the least", rounds, length))
	}
	_, err := fmt.Fprintln(out, "\n"+strings.Join(lines, "\n"))
	return err
}

// words say what may be broken; empty where nothing is said of it.
func (l Limits) words() string {
	var words []string
	if l.Nodes > 0 {
		words = append(words, fmt.Sprintf("at most %d nodes broken at once", l.Nodes))
	}
	if l.Percent > 0 {
		words = append(words, fmt.Sprintf("at most %d%% of them", l.Percent))
	}
	if l.YesBreakIt {
		words = append(words, "the last holder of a task may be broken too")
	}
	return strings.Join(words, ", ")
}

// oneLine joins words, quoted where a blank or a line's end would part them.
func oneLine(words []string) string {
	shown := make([]string, len(words))
	for i, w := range words {
		if shown[i] = w; strings.ContainsAny(w, " \t\n\"'") {
			shown[i] = quoteJSON(w)
		}
	}
	return strings.Join(shown, " ")
}

// ArgumentsOf are what `fracture inject` is told at a strike that is a fault, which comes first.
func (e *Experiment) ArgumentsOf(s Strike) []string {
	if a := e.action(s.Action); s.Action != "" && a != nil {
		arguments, _ := a.Inject()
		return arguments
	}
	return s.Fault.Arguments()
}
