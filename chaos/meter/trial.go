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
	Link     Component = "link"     // between two nodes that share work
	Gossip   Component = "gossip"   // that of every node
	Store    Component = "store"    // where results are kept, a server of its own
	Sink     Component = "sink"     // a second receiver
	Door     Component = "door"     // a node's front door, where requests come in
	All      Component = "all"      // every node at once
	None     Component = "none"     // nobody
)

// Kind is the fault of a trial.
type Kind string

// The kinds. All but Kill, Reset and Noop stand for a known length, then are healed.
const (
	Kill      Kind = "kill"      // kill -9
	Freeze    Kind = "freeze"    // stopped, then continued
	Partition Kind = "partition" // nothing it says arrives, and nothing reaches it: messages, beats and gossip
	OneWay    Kind = "one-way"   // of a partition the one half: what it says is lost
	Slow      Kind = "slow"      // what it computes takes ten times as long
	Wrong     Kind = "wrong"     // of what it computes, one bit of each answer is flipped
	Loss      Kind = "loss"      // one in five of its messages and beats is lost, both ways
	Reset     Kind = "reset"     // its links break, and are made anew
	Noop      Kind = "noop"      // nothing at all: what the meter reads then is its floor
)

// Components and Kinds are the rows and the columns of the coverage.
var (
	Components = []Component{Owner, Standby, Splitter, Link, Gossip, Store, Sink, Door}
	Kinds      = []Kind{Kill, Freeze, Partition, OneWay, Slow, Wrong, Loss, Reset, Noop}
)

// Suffers lists the kinds that make sense for a component.
func (c Component) Suffers() []Kind {
	switch c {
	case Owner, Standby, Splitter:
		return Kinds
	case Door:
		return []Kind{Kill, Freeze, Partition, OneWay, Slow, Loss, Reset, Noop}
	case Link:
		return []Kind{Partition, OneWay, Loss, Reset, Noop}
	case Gossip:
		return []Kind{Partition, Loss, Noop}
	case Store, Sink:
		return []Kind{Kill, Freeze, Noop}
	case All:
		return []Kind{Freeze}
	case None:
		return []Kind{Noop}
	}
	return nil
}

// Lasts reports whether a fault of the kind stands for a while, and then is healed.
func (k Kind) Lasts() bool { return k != Kill && k != Reset && k != Noop }

// control reports whether trials of the component are there to tell what the meter is worth.
func (c Component) control() bool { return c == All || c == None }

// stallBefore is how long before a fault a stall still tells: what it held up is outstanding at the fault.
const stallBefore = 10 * time.Millisecond

// Limits of what counts.
const (
	MinRate     = 100 // results a second that must flow in the second before a fault
	MinCalm     = 200 // results that the calm of all streams must rest on
	HiccupLimit = 2 * time.Millisecond
	StallLimit  = 2 * time.Millisecond
	SlowLimit   = 2.0 // times as long as usual
)

// Trial is one fault and what came of it.
type Trial struct {
	Component Component
	Fault     Kind
	Victim    string        // a node's name, or how else what was broken is called; empty for None and All
	Held      string        // the roles that the victim held at that moment, in words; empty where it held none
	Phase     time.Duration // how long after the calm the fault came: drawn from the seed
	Before    clock.Instant // just before the call that injects
	After     clock.Instant // just after it
	Length    time.Duration // for which the fault stood, as it truly was; 0 where it does not stand
	Began     clock.Instant // the trial's own time: from the end of the one before it …
	Ended     clock.Instant // … to its own, when redundancy was restored
	RSS       int64         // bytes resident in the victim before the fault; 0 where unknown
	Failed    string        // why the fault could not be injected; empty where it was
	Strategy  string        // in force when the fault struck; empty: that of the run

	Rate       float64 // results a second before the fault
	Calm       []Calm
	Reading    Reading
	Timeline   Timeline
	Duplicates uint64        // delivered during the trial
	Wrong      uint64        // results delivered during the trial that are not what their function gives
	Needless   int           // needless takeovers during the trial
	Hiccup     time.Duration // how late the meter itself was at worst, between the fault and the horizon
	Stall      time.Duration // for how long a core ran nobody at worst, in that time and the calm's last stretch
	Slow       float64       // how many times as long as usual the same work took in the machine's slowest 20 ms of that time
	Again      bool          // in place of one that the machine spoilt
}

// course is the trial's timeline to its end.
func (t Trial) course() Timeline {
	line := t.Timeline
	line.Restored = t.Ended
	return line
}

// Read fills in what the sink saw of the fault, against the calm before it: the same of every system that is measured.
func (t *Trial) Read(rec *Recorder, watch Watch, span Span, calm time.Duration) {
	t.ReadAgainst(rec, watch, span, rec.Calm(t.Before.Add(-calm), t.Before))
}

// ReadAgainst fills in what the sink saw of the fault, against a calm that lay before other faults too.
func (t *Trial) ReadAgainst(rec *Recorder, watch Watch, span Span, calm []Calm) {
	t.Calm = calm
	t.Rate = rec.Rate(t.Before.Add(-time.Second), t.Before)
	t.Reading = rec.Read(span, t.Calm)
	t.Hiccup = watch.Hiccups.Worst(t.Before, span.Horizon())
	t.Stall = watch.Stalls.Worst(t.Before.Add(-stallBefore), span.Horizon())
	t.Slow = watch.Stalls.Speed.Slowest(t.Before.Add(-stallBefore), span.Horizon())
}

// Uncounted says why the trial proves nothing, or nothing where it counts: the victim must have held the role that it
// was picked for, and work must have flowed before the fault.
func (t Trial) Uncounted() string {
	calm, still := 0, ""
	for _, c := range t.Calm {
		calm += c.N
		if c.stands() {
			still = c.Stream
		}
	}
	switch {
	case t.Failed != "":
		return t.Failed
	case t.Held == "" && !t.Component.control():
		return fmt.Sprintf("the victim was no live %s any more", t.Component)
	case t.Rate < MinRate:
		return fmt.Sprintf("fewer than %d results/s flowed before it", MinRate)
	case calm < MinCalm:
		return fmt.Sprintf("the calm before it rests on fewer than %d results", MinCalm)
	case still != "":
		return fmt.Sprintf("most results of %s that were due before it did not come: give the machine rest, or less load", still)
	case t.Stalled():
		return stalled
	}
	return ""
}

// stalled is why a trial does not count that the machine spoilt.
var stalled = fmt.Sprintf("the machine stalled: a core ran nobody for more than %v, or took more than %g times as long as usual for the same work over %v",
	StallLimit, SlowLimit, slowSpell)

// Stalled reports whether the machine itself stood still for more than [StallLimit] during the trial, or was slower than
// [SlowLimit], as [Stalls] saw it. Nothing under test can bring that about or help it, so such a trial does not count. What it
// read is told beside the figures; whoever carries trials out makes another in its place.
func (t Trial) Stalled() bool { return t.Stall > StallLimit || t.Slow > SlowLimit }

// Late reports whether the meter itself was late by more than [HiccupLimit] during the trial. Such a trial counts; how
// many there were is told beside the figures.
func (t Trial) Late() bool { return t.Hiccup > HiccupLimit }
