package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"fracture/clock"
	"fracture/work"
)

// Bounds of what the screen remembers.
const (
	maxLog      = 1000 // lines of the log
	mergeWindow = 250 * time.Millisecond
	messageFor  = 4 * time.Second // how long the footer shows an answer
	questionFor = 8 * time.Second // and a question
)

// state is what the screen knows. Panes read it and draw; only the model writes it.
type state struct {
	opts     Options
	now      clock.Instant
	nodes    []Node // by name, as people count: n2 before n10
	latency  Latency
	incident *Incident
	totals   *Totals // nil until the first
	log      []entry // newest last
	missed   uint64  // events that were dropped before they reached the screen

	picked   string        // name of the picked node; empty until there is one
	owners   bool          // tiles are tinted by owner
	help     bool          // help is shown, or what is found of it
	find     finder        // of the actions that it lists
	unmoused bool          // the mouse is left to the terminal
	full     bool          // the panel with the focus fills the screen
	focus    pane          // the panel that has the focus
	turned   int           // so many nodes of the topology are above those that are shown
	held     clock.Instant // since when the display is held; 0 where it is not
	message  string        // the footer's answer to the last deed
	alarm    bool          // the message tells of a refusal
	until    clock.Instant // when the message goes
	fps      float64       // pictures drawn in the last second
	timed    bool          // fps holds for at least one second
	limited  string        // what of the picture is held back; empty: nothing
	stopped  string        // the fault that has ended the picture's stream; empty while it runs
	changing bool          // a change of strategy is on its way
	asked    question      // what the message asks; zero: it asks nothing
	undos    []done        // what can be taken back, the last one last
	loose    bool          // something breaks at random again and again
	filter   string        // what lines of the log must hold to be shown; empty: nothing
	typing   bool          // it is being written
	back     int           // so many newer lines of the log are not shown
	parting  string        // the node of which it is asked from whom it is to be cut off
	tape     *Recording    // what is recorded; nil: nothing is
	faults   *Faults       // that stand; nil: not known

	gaps       map[string]gaps // of beats, by name of the node
	longestGap float64         // ms, of those that are drawn: the scale of all

	stale staleness
	gaze  gaze
}

// question is whether a deed is meant though it would break the last one: the same again means yes.
type question struct{ verb, node string }

// staleness counts the tiles of the picture that are older than they should be.
type staleness struct {
	tiles int
	worst time.Duration // age of the oldest
}

// promise takes in what the stream promises, in place of what the options said of it.
func (s *state) promise(stream *Stream) {
	s.opts.Strategy, s.opts.Factor, s.opts.Period = stream.Strategy, stream.Factor, stream.Period
	s.stopped = stream.Stopped
}

// nextStrategy is the strategy after the one in force, of those that the living nodes can give; 0 where that is not known.
func (s *state) nextStrategy() work.Strategy {
	now, err := work.ParseStrategy(s.opts.Strategy)
	if err != nil {
		return 0
	}
	alive, _, _ := s.census()
	for i := range work.Strategies {
		next := work.Strategies[(slices.Index(work.Strategies, now)+1+i)%len(work.Strategies)]
		if fewest, _ := next.Factors(); int(fewest) <= alive {
			return next
		}
	}
	return 0
}

// storeAway is for how long the store has not answered a node that lives; 0 where it answers them all.
func (s *state) storeAway() (longest time.Duration) {
	for i := range s.nodes {
		if n := &s.nodes[i]; n.State != Dead {
			longest = max(longest, time.Duration(n.StoreAway*float64(time.Second)))
		}
	}
	return longest
}

// recording reports whether what is done is recorded.
func (s *state) recording() bool { return s.tape != nil && s.tape.Since != 0 }

// gone reports whether no node of the cluster answers any more.
func (s *state) gone() bool { return s.totals != nil && s.totals.Gone }

// target is the picked node, nil while there is none.
func (s *state) target() *Node {
	for i := range s.nodes {
		if s.nodes[i].Name == s.picked {
			return &s.nodes[i]
		}
	}
	return nil
}

// ordinal is the place of a node in the list from 0, or -1: its key is one more, its tint the same.
func (s *state) ordinal(name string) int {
	for i := range s.nodes {
		if s.nodes[i].Name == name {
			return i
		}
	}
	return -1
}

// stake says what a node's failure would hit, as a clause to put behind its name.
func (s *state) stake(n *Node) string {
	switch {
	case len(n.Leads) > 0 && n.Owns > 0:
		return ", splitter and owner of " + plural(n.Owns, "tile")
	case len(n.Leads) > 0:
		return ", splitter"
	case n.Owns > 0:
		return ", owner of " + plural(n.Owns, "tile")
	case n.StandsBy > 0:
		return ", standby for " + plural(n.StandsBy, "tile")
	}
	return ""
}

// census counts the nodes by how they are.
func (s *state) census() (alive, ill, dead int) {
	for i := range s.nodes {
		switch s.nodes[i].State {
		case Alive:
			alive++
		case Starting, Late, Frozen, Leaving:
			ill++
		case Dead:
			dead++
		}
	}
	return alive, ill, dead
}

// setNodes replaces the nodes and picks one if none is picked, so that a key has a target from the first second on.
func (s *state) setNodes(nodes []Node) {
	s.nodes = slices.Clone(nodes)
	slices.SortFunc(s.nodes, func(a, b Node) int { return compareNames(a.Name, b.Name) })
	if s.target() == nil && len(s.nodes) > 0 {
		s.picked = s.nodes[0].Name
	}
}

// compareNames orders names as people count: a trailing number by its value.
func compareNames(a, b string) int {
	ap, an := splitNumber(a)
	bp, bn := splitNumber(b)
	return cmp.Or(cmp.Compare(ap, bp), cmp.Compare(an, bn), cmp.Compare(a, b))
}

func splitNumber(name string) (prefix string, number int) {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	number, _ = strconv.Atoi(name[i:]) // no number, or one too large to count, orders as 0
	return name[:i], number
}

// say puts an answer into the footer for a while.
func (s *state) say(alarm bool, format string, args ...any) {
	s.message, s.alarm = fmt.Sprintf(format, args...), alarm
	s.until, s.asked, s.parting = s.now.Add(messageFor), question{}, ""
}

// ask puts a question into the footer for a while.
func (s *state) ask(q question, format string, args ...any) {
	s.say(true, format, args...)
	s.until, s.asked = s.now.Add(questionFor), q
}
