package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fracture/work"
)

// Guard is how the streams of a run are guarded from a moment on. It is no fault: nothing of it is healed, and it counts for no limit.
// The zero value changes nothing.
type Guard struct {
	Strategy work.Strategy
	Factor   uint8 // copies of each task, the owner's included; 0: the fewest that the strategy takes
}

// guardKeys are those of an entry that is one.
var guardKeys = []string{"guard", "factor", "name", "at", "every", "times"}

// Copies are those of each task.
func (g Guard) Copies() uint8 {
	if g.Factor > 0 {
		return g.Factor
	}
	fewest, _ := g.Strategy.Factors()
	return fewest
}

// arguments are the command line of fracture that does it by hand: guard vote --factor 4.
func (g Guard) arguments() []string {
	words := []string{"guard", g.Strategy.String()}
	if g.Factor > 0 {
		words = append(words, "--factor", strconv.Itoa(int(g.Factor)))
	}
	return words
}

// Activity does it.
func (g Guard) Activity(name string) Activity {
	return Activity{Name: name, Provider: Provider{Type: Process, Path: "fracture", Arguments: g.arguments()}}
}

// put puts it into an entry.
func (g Guard) put(n *node) *node {
	return n.putText("guard", g.Strategy.String()).putWhole("factor", int(g.Factor))
}

// check tells whether the strategy takes so many copies.
func (g Guard) check() error {
	if err := g.Strategy.Check(g.Copies()); err != nil {
		return fmt.Errorf("factor %d: %w", g.Factor, err)
	}
	return nil
}

// parseGuard reads what `fracture guard` is told, of which a run understands the strategy, which comes first, and --factor.
func parseGuard(words []string) (g Guard, err error) {
	if g.Strategy, err = work.ParseStrategy(words[0]); err != nil {
		return g, err
	}
	for i := 1; i < len(words); i++ {
		value, found := strings.CutPrefix(words[i], "--factor=")
		if words[i] == "--factor" && i+1 < len(words) {
			i++
			value, found = words[i], true
		}
		if !found {
			return g, fmt.Errorf("%s: want a strategy, and --factor with a number behind it; a run guards all of its streams alike", words[i])
		}
		factor, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return g, fmt.Errorf("--factor %s: want as many copies as the strategy takes, or 0 for the fewest", value)
		}
		g.Factor = uint8(factor)
	}
	return g, g.check()
}

// Guard is what `fracture guard` is told, where that is what is run, with a strategy. A runner can do so itself.
func (p Provider) Guard() (g Guard, ok bool) {
	words, ok := p.own()
	if !ok || len(words) < 2 || words[0] != "guard" {
		return g, false
	}
	g, err := parseGuard(words[1:])
	return g, err == nil
}

// Guarding is the activity of an entry of the timeline that changes how the streams are guarded; false where it is a fault.
func (e *Experiment) Guarding(s Strike) (a Activity, ok bool) {
	if named := e.action(s.Action); s.Action != "" && named != nil {
		_, ok = named.Provider.Guard()
		return *named, ok && !named.Probe
	}
	if s.Guard.Strategy == 0 {
		return a, false
	}
	a = s.Guard.Activity("guard " + s.Guard.Strategy.String())
	a.Place = s.Place
	return a, true
}

// Guards are all that an experiment changes to, in no order; the cluster's own strategy is not among them.
func (e *Experiment) Guards() (all []Guard) {
	for _, a := range slices.Concat(e.Method, e.Rollbacks) {
		if g, ok := a.Provider.Guard(); ok {
			all = append(all, g)
		}
	}
	for _, s := range e.Fracture.Timeline {
		if s.Guard.Strategy != 0 {
			all = append(all, s.Guard)
		}
	}
	return all
}

// guard reads an entry that is one.
func (r *reader) guard(n *node, what string) (f fields, g Guard) {
	f = r.fieldsOf(n, what, guardKeys...)
	strategy, err := work.ParseStrategy(f.text("guard"))
	if err != nil {
		r.wrong(f.at("guard"), "guard: %v", err)
		return f, g
	}
	g = Guard{strategy, uint8(f.whole("factor", 1, work.MaxFactor))}
	if err := g.check(); err != nil {
		r.wrong(f.at("factor"), "%v", err)
	}
	return f, g
}

// guards looks at the arguments of an action that runs `fracture guard`. Without a strategy it lists the streams, and is run as it is.
func (r *reader) guards(provider *node, p Provider) {
	words, ok := p.own()
	if !ok || len(words) < 2 || words[0] != "guard" {
		return
	}
	at := provider.at
	if v := provider.get("arguments"); v != nil {
		at = v.at
	}
	named := func(word string) bool { _, err := work.ParseStrategy(word); return err == nil }
	if strings.HasPrefix(words[1], "-") {
		if slices.ContainsFunc(words, named) {
			r.wrong(at, "arguments: want the strategy behind guard, and its flags behind that")
		}
		return
	}
	if _, err := parseGuard(words[1:]); err != nil {
		r.wrong(at, "guard: %v", err)
	}
}

// guarding looks for what cannot be true together of how the streams are guarded.
func (r *reader) guarding(e *Experiment) {
	x := &e.Fracture
	at := map[time.Duration]Guard{}
	for _, s := range x.Timeline {
		a, ok := e.Guarding(s)
		if !ok {
			continue
		}
		g, _ := a.Provider.Guard()
		if other, two := at[s.At]; two && other != g {
			r.wrong(s.Place, "guard %v at %v: the streams are to be guarded by %v at the same time", g.Strategy, s.At, other.Strategy)
		}
		at[s.At] = g
		if x.End > 0 && s.At > x.End {
			r.wrong(s.Place, "guard %v at %v would come beyond the end, which is at %v", g.Strategy, s.At, x.End)
		}
		if s.Action == "" {
			r.affordable(g, s.Place, x.Cluster.Nodes)
		}
	}
	for _, a := range slices.Concat(e.Method, e.Rollbacks) {
		if g, ok := a.Provider.Guard(); ok {
			r.affordable(g, a.Place, x.Cluster.Nodes)
		}
	}
}

// affordable tells where there are fewer nodes than copies.
func (r *reader) affordable(g Guard, at Place, nodes int) {
	if copies := int(g.Copies()); nodes > 0 && copies > nodes {
		r.wrong(at, "guard %v: %d copies, more than the %d nodes", g.Strategy, copies, nodes)
	}
}
