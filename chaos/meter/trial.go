package meter

import (
	"fmt"
	"time"

	"fracture/clock"
)

// Component is the role that a trial's victim was picked for.
type Component string

// The components.
const (
	Owner    Component = "owner"    // runs tasks
	Standby  Component = "standby"  // holds copies of tasks that others run
	Splitter Component = "splitter" // owns the splitter of a stream
	All      Component = "all"      // every node at once
	None     Component = "none"     // nobody
)

// Kind is the fault of a trial.
type Kind string

// The kinds.
const (
	Kill   Kind = "kill"   // kill -9
	Freeze Kind = "freeze" // stopped for a known length, then continued
	Noop   Kind = "noop"   // nothing at all: what the meter reads then is its floor
)

// Limits of what counts.
const (
	MinRate     = 100 // results a second that must flow in the second before a fault
	MinCalm     = 200 // results that the calm of all streams must rest on
	HiccupLimit = 2 * time.Millisecond
)

// Trial is one fault and what came of it.
type Trial struct {
	Component Component
	Fault     Kind
	Victim    string        // a node's name; empty for None and All
	Held      string        // the roles that the victim held at that moment, in words; empty where it held none
	Phase     time.Duration // how long after the calm the fault came: drawn from the seed
	Before    clock.Instant // just before the call that injects
	After     clock.Instant // just after it
	Length    time.Duration // of a freeze, as it truly was
	Began     clock.Instant // the trial's own time: from the end of the one before it …
	Ended     clock.Instant // … to its own, when redundancy was restored
	RSS       int64         // bytes resident in the victim before the fault; 0 where unknown
	Failed    string        // why the fault could not be injected; empty where it was

	Rate       float64 // results a second before the fault
	Calm       []Calm
	Reading    Reading
	Timeline   Timeline
	Duplicates uint64        // delivered during the trial
	Needless   int           // needless takeovers during the trial
	Hiccup     time.Duration // how late the meter itself was at worst, between the fault and the horizon
}

// course is the trial's timeline to its end.
func (t Trial) course() Timeline {
	line := t.Timeline
	line.Restored = t.Ended
	return line
}

// Uncounted says why the trial proves nothing, or nothing where it counts: the victim must have held the role that it
// was picked for, and work must have flowed before the fault.
func (t Trial) Uncounted() string {
	calm := 0
	for _, c := range t.Calm {
		calm += c.N
	}
	switch {
	case t.Failed != "":
		return t.Failed
	case t.Held == "" && t.Component != None && t.Component != All:
		return fmt.Sprintf("the victim was no live %s any more", t.Component)
	case t.Rate < MinRate:
		return fmt.Sprintf("fewer than %d results/s flowed before it", MinRate)
	case calm < MinCalm:
		return fmt.Sprintf("the calm before it rests on fewer than %d results", MinCalm)
	}
	return ""
}

// Late reports whether the meter itself was late by more than [HiccupLimit] during the trial. Such a trial counts; how
// many there were is told beside the figures.
func (t Trial) Late() bool { return t.Hiccup > HiccupLimit }
