package report

import (
	"fmt"
	"slices"

	"fracture/chaos/meter"
)

// part is one stretch of an incident, between two stages that were seen.
type part struct {
	name     string  // of what happened in it, in a word or two
	until    string  // as a sentence says it: "until the silence was noticed"
	from, to float64 // ms after the injection
	stage    int     // which of the course it ends with
}

func (p part) ms() float64 { return p.to - p.from }

// step is a stage, what is done until it is reached, and how a sentence says so.
type step struct{ stage, name, until string }

// course are the stages that a page draws, in order. Redundancy comes back a second later, off the axis.
var course = []step{
	{"effective", "the call", "until the call that breaks it had returned"},
	{"noticed", "noticing", "until it was noticed"},
	{"promoted", "promotion", "until a standby was promoted"},
	{"first result", "computing", "until the first result was computed"},
	{"delivered", "delivery", "until the first result had been delivered"},
}

// parts cuts a trial's timeline at its stages. One that was reached after a stage that follows it is left out: where a link is
// seen to break before the call that breaks it returns, nobody waited for the call.
func parts(t meter.TrialRow) (list []part) {
	at := 0.0
	for i, c := range course {
		ms, seen := t.Stage(c.stage)
		overtaken := slices.ContainsFunc(course[i+1:], func(later step) bool {
			after, seen := t.Stage(later.stage)
			return seen && after < ms
		})
		if !seen || overtaken {
			continue
		}
		p := part{name: c.name, until: c.until, from: at, to: ms, stage: i}
		if c.stage == "noticed" {
			p.until = noticed(t.Signal)
		}
		list, at = append(list, p), p.to
	}
	return list
}

// noticed says what the noticing waited for.
func noticed(signal string) string {
	switch signal {
	case "silence":
		return "until the silence was noticed"
	case "reset":
		return "until the broken link was noticed"
	case "overdue":
		return "until the task was overdue"
	}
	return "until it was noticed"
}

// What the kernel needs to free a killed process's memory before it closes its sockets: measured, docs/FAILOVER.md.
const (
	freeing  = 0.06 // ms for each MiB
	heavyRSS = 48   // MiB from which on that is worth a word
)

// explain says in one sentence where an incident's time went, and no more than was measured.
func explain(t meter.TrialRow) string {
	switch {
	case t.Downtime == 0 && t.Lost == 0:
		return "Nothing came later than it does on a quiet day."
	case t.Fault == meter.Noop:
		return fmt.Sprintf("%s ms late though nothing was broken: that is the meter's floor on this machine.", num(t.Downtime))
	case t.Control():
		return fmt.Sprintf("Every node stood for %s ms, so at least that much is to be seen.", num(t.Length))
	}
	cut := parts(t)
	if !slices.ContainsFunc(cut, func(p part) bool { return p.stage > 0 }) {
		return "No node told of noticing it, so where the time went is not known."
	}
	longest := slices.MaxFunc(cut, func(a, b part) int {
		if a.ms() < b.ms() {
			return -1
		}
		return 1
	})
	why := longest.until
	if longest.stage == 1 && freed(t, longest.ms()) {
		why = fmt.Sprintf("the kernel freed %s MiB before it closed the sockets", num(t.RSS))
	}
	return fmt.Sprintf("%s ms of %s: %s.%s", num(longest.ms()), num(cut[len(cut)-1].to), why, afterwards(t, cut))
}

// freed reports whether the memory of a killed process explains that noticing took so long: it was killed, it was its broken link
// that was noticed, and freeing what it held takes at least half of that time.
func freed(t meter.TrialRow, noticing float64) bool {
	return t.Fault == meter.Kill && t.Signal == "reset" && t.RSS >= heavyRSS && t.RSS*freeing >= noticing/2
}

// afterwards says how the downtime differs from the time until the first delivery of what was taken over, where that is worth
// a word.
func afterwards(t meter.TrialRow, cut []part) string {
	if t.Lost > 0 {
		return fmt.Sprintf(" %d results never came, and count to the horizon.", t.Lost)
	}
	switch more := t.Downtime - cut[len(cut)-1].to; {
	case more <= -1:
		return fmt.Sprintf(" Of that, %s ms is downtime: later than 999 of 1000 results before it.", num(t.Downtime))
	case more < 1:
		return ""
	}
	stretches := ""
	if t.Stretches > 1 {
		stretches = fmt.Sprintf(", in %d stretches", t.Stretches)
	}
	return fmt.Sprintf(" Results were late for %s ms in all%s.", num(t.Downtime), stretches)
}
