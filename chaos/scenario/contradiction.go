package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ofProcesses are the faults of which a process can bear one at a time.
var ofProcesses = []string{"kill", "freeze", "restart", "replace", "stop"}

// blow is a strike as it is looked at for contradictions.
type blow struct {
	at, last  time.Duration
	arguments []string
	place     Place
}

// contradictions looks for what cannot be true together, in an experiment that is sound in each of its parts.
func (r *reader) contradictions(e *Experiment) {
	x := &e.Fracture
	var timed []blow
	for _, s := range x.Timeline {
		b := blow{at: s.At, last: s.Fault.For, place: s.Place}
		if _, guards := e.Guarding(s); guards {
			r.onlyOne(e, s.Action, "timeline", s.Place)
			continue
		}
		if s.Action == "" {
			b.arguments = s.Fault.Arguments()
		} else if !r.referTo(e, s, "timeline", &b) {
			continue
		}
		if x.End > 0 && b.at+b.last > x.End {
			r.wrong(b.place, "%s at %v for %v would last beyond the end, which is at %v", b.arguments[0], b.at, b.last, x.End)
		}
		timed = append(timed, b)
	}
	for _, s := range x.Trials {
		if s.Action != "" {
			r.referTo(e, Strike{Action: s.Action, Place: s.Place}, "trials", &blow{})
		}
		if x.Window > 0 && s.For > x.Window {
			r.wrong(s.Place, "%s stands for %v, and only what is due within the window, %v, is looked at", s, s.For, x.Window)
		}
	}
	r.guarding(e)
	r.overlaps(timed)
	r.besidesDead(timed)
	all := timed
	for _, a := range e.Method {
		if arguments, ok := a.Inject(); ok {
			all = append(all, blow{arguments: arguments, place: a.Place})
		}
	}
	if m := x.Nemesis; m != nil {
		for _, w := range m.Faults {
			all = append(all, blow{arguments: w.Fault.Arguments(), place: w.Fault.Place})
		}
		if x.End > 0 && m.Every*time.Duration(m.count()) > x.End {
			r.wrong(m.Faults[0].Fault.Place, "the nemesis would strike beyond the end, which is at %v", x.End)
		}
	}
	for _, b := range all {
		r.strangers(b, x.Cluster.Nodes)
		r.interfaces(b, x.Cluster.NetNS)
	}
}

// referTo finds the action of a strike of the timeline, or of one of trials.
func (r *reader) referTo(e *Experiment, s Strike, what string, b *blow) bool {
	a := e.action(s.Action)
	if a == nil {
		var names []string
		for _, a := range e.Method {
			names = append(names, a.Name)
		}
		near := Nearest(s.Action, names)
		if near != "" {
			near = "; did you mean " + near + "?"
		}
		r.wrong(s.Place, "%s: the method has no action %q%s", what, s.Action, near)
		return false
	}
	arguments, ok := a.Inject()
	if !ok {
		r.wrong(s.Place, "%s: %q is no fault of fracture's; let the method do it in its turn", what, s.Action)
		return false
	}
	_, b.last = kindOf(arguments)
	b.arguments = arguments
	return r.onlyOne(e, s.Action, what, s.Place)
}

// onlyOne tells where a name means several actions; an empty one means none.
func (r *reader) onlyOne(e *Experiment, name, what string, at Place) bool {
	same := 0
	for _, a := range e.Method {
		if a.Name == name {
			same++
		}
	}
	if same > 1 && name != "" {
		r.wrong(at, "%s: the method has %d actions %q", what, same, name)
		return false
	}
	return true
}

// bodiesOf names the processes that a fault strikes as a whole, and that are known before it does: named nodes, and the store's.
func bodiesOf(arguments []string) (names []string) {
	if !slices.Contains(ofProcesses, arguments[0]) {
		return nil
	}
	return sufferers(arguments)
}

// overlaps finds two faults at the process of one named node, or of the store, at the same time, of which the second finds nothing to strike.
func (r *reader) overlaps(blows []blow) {
	type hit struct {
		*blow
		node string
	}
	var hits []hit
	for i := range blows {
		b := &blows[i]
		for _, body := range bodiesOf(b.arguments) {
			hits = append(hits, hit{b, body})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		if c := strings.Compare(a.node, b.node); c != 0 {
			return c
		}
		return int(a.at - b.at)
	})
	for i := 1; i < len(hits); i++ {
		a, b := hits[i-1], hits[i]
		if a.node != b.node {
			continue
		}
		if a.blow == b.blow {
			r.wrong(b.place, "%s is named twice", b.node)
		} else if b.at < a.at+a.last || b.at == a.at {
			r.wrong(b.place, "%s of %s at %v: the %s at %v stands until %v", b.arguments[0], b.node, b.at, a.arguments[0], a.at, a.at+a.last)
		}
		if a.at+a.last > b.at+b.last { // the longer one goes on beside those that follow
			hits[i].blow = &blow{at: b.at, last: a.at + a.last - b.at, arguments: a.arguments, place: b.place}
		}
	}
}

// strangers finds nodes that the cluster does not have: its own are n1, n2 and so on.
func (r *reader) strangers(b blow, nodes int) {
	if nodes == 0 {
		return
	}
	for _, flag := range []string{"node", "peer"} {
		for _, name := range valuesOf(b.arguments, flag) {
			digits, found := strings.CutPrefix(name, "n")
			n, err := strconv.Atoi(digits)
			if found && err == nil && (n < 1 || n > nodes) {
				r.wrong(b.place, "%s: %s is none of the %d nodes, which are n1 to %s", b.arguments[0], name, nodes, fmt.Sprintf("n%d", nodes))
			}
		}
	}
}
