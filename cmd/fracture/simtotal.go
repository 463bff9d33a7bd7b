package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"fracture/chaos"
	"fracture/chaos/sim"
	"fracture/cluster/failover"
)

// simTotal is what became of many seeds.
type simTotal struct {
	First     uint64
	Nodes     int
	Bug       string
	Seeds     uint64
	Virtual   time.Duration
	Events    uint64
	Streams   int
	Accepted  int
	Orphaned  int
	Tasks     int
	Delivered int
	Repeated  int
	Excused   sim.Excused
	Needless  int
	Faults    [chaos.LastKind + 1]int
	Troubles  map[string]int
	Late      lateness                               // of the results of calm worlds
	Robbed    lateness                               // of those of which a message died with its sender
	Takeovers [failover.Handover + 1][]time.Duration // by signal
	Hash      uint64                                 // of the last run
	Broken    *simBroken                             // the lowest seed that broke a promise
	took      time.Duration
}

// simBroken is a seed that broke a promise.
type simBroken struct {
	Seed  uint64  `json:"seed"`
	Check string  `json:"check"`
	At    float64 `json:"at_ms"`
	Text  string  `json:"text"`
	text  string
}

// add takes in one run.
func (t *simTotal) add(out *sim.Outcome) {
	t.Seeds++
	t.Virtual += out.Virtual
	t.Events += uint64(out.Events)
	t.Streams += out.Streams
	t.Accepted += out.Accepted
	t.Orphaned += out.Orphaned
	t.Tasks += out.Tasks
	t.Delivered += out.Delivered
	t.Repeated += out.Repeated
	t.excuse(out.Excused)
	t.Needless += out.Needless
	t.Hash = out.Hash
	for k, n := range out.Faults {
		t.Faults[k] += n
	}
	for k, n := range out.Troubles {
		t.trouble(sim.Trouble(k).String(), n)
	}
	t.addLates(out.Lates)
	for _, took := range out.Takeovers {
		t.Takeovers[took.Signal] = append(t.Takeovers[took.Signal], took.After)
	}
	if v := out.Violation; v != nil {
		t.blame(&simBroken{Seed: out.Seed, Check: v.Check, At: float64(v.At) / 1e6, Text: v.Text, text: v.Error()})
	}
}

// excuse adds what need not have come.
func (t *simTotal) excuse(e sim.Excused) {
	t.Excused.Refused += e.Refused
	t.Excused.Orphaned += e.Orphaned
	t.Excused.Single += e.Single
}

// trouble counts some of a trouble.
func (t *simTotal) trouble(name string, n int) {
	if t.Troubles == nil {
		t.Troubles = make(map[string]int)
	}
	t.Troubles[name] += n
}

// blame keeps the lowest of the seeds that broke a promise.
func (t *simTotal) blame(b *simBroken) {
	if b != nil && (t.Broken == nil || b.Seed < t.Broken.Seed) {
		t.Broken = b
	}
}

// join adds what another worker saw.
func (t *simTotal) join(u *simTotal) {
	t.Seeds += u.Seeds
	t.Virtual += u.Virtual
	t.Events += u.Events
	t.Streams += u.Streams
	t.Accepted += u.Accepted
	t.Orphaned += u.Orphaned
	t.Tasks += u.Tasks
	t.Delivered += u.Delivered
	t.Repeated += u.Repeated
	t.excuse(u.Excused)
	t.Needless += u.Needless
	for k, n := range u.Faults {
		t.Faults[k] += n
	}
	for name, n := range u.Troubles {
		t.trouble(name, n)
	}
	t.Late.join(&u.Late)
	t.Robbed.join(&u.Robbed)
	for signal, took := range u.Takeovers {
		t.Takeovers[signal] = append(t.Takeovers[signal], took...)
	}
	t.blame(u.Broken)
}

// replay is the command that runs the broken seed again.
func (t *simTotal) replay() string {
	command := fmt.Sprintf("go run ./cmd/fracture sim --seed %d", t.Broken.Seed)
	if t.Nodes != 5 {
		command += fmt.Sprintf(" --nodes %d", t.Nodes)
	}
	if t.Bug != "" {
		command += " --bug " + t.Bug
	}
	return command
}

// print prints the summary for people.
func (t *simTotal) print(w io.Writer) error {
	var text bytes.Buffer
	line := func(label, format string, args ...any) {
		_, _ = fmt.Fprintf(&text, "%-10s %s\n", label, fmt.Sprintf(format, args...))
	}
	rate := float64(t.Seeds) / t.took.Seconds()
	line("seeds", "%d from %d, %d nodes, in %.1f s: %.0f a second", t.Seeds, t.First, t.Nodes, t.took.Seconds(), rate)
	line("virtual", "%.1f s, %d happenings", t.Virtual.Seconds(), t.Events)
	line("load", "%d streams, %d acknowledged, %d of them lost all holders at once and are excused",
		t.Streams, t.Accepted, t.Orphaned)
	line("results", "%d of %d delivered, %d further copies dropped at the sink", t.Delivered, t.Tasks, t.Repeated)
	if e := t.Excused; t.Delivered < t.Tasks {
		line("", "not delivered, and excused: %d of streams refused or stopped by a fault, %d of streams that lost all holders at once,",
			e.Refused, e.Orphaned)
		line("", "%d where a message was lost and the strategy keeps one copy; else missing: %d",
			e.Single, t.Tasks-t.Delivered-e.Refused-e.Orphaned-e.Single)
	}
	faults := ""
	for _, k := range sim.Kinds() {
		faults += fmt.Sprintf("%v %d  ", k, t.Faults[k])
	}
	line("faults", "%s", faults)
	troubles := ""
	for _, k := range sim.Troubles {
		troubles += fmt.Sprintf("%v %d  ", k, t.Troubles[k.String()])
	}
	line("troubles", "%s", troubles)
	line("takeovers", "%-9s %8s %8s %8s %8s  (ms of virtual time, from the owner's stop or the copy's coming)", "", "n", "p50", "p99", "max")
	for _, s := range failover.Signals {
		if took := t.Takeovers[s]; len(took) > 0 {
			p50, p99, most := percentiles(took)
			line("", "%-9v %8d %8.3f %8.3f %8.3f", s, len(took), p50, p99, most)
		}
	}
	line("", "%-9s %8d  (from an owner that lived)", "needless", t.Needless)
	t.printLates(line)
	if t.Seeds == 1 {
		line("trace", "%016x", t.Hash)
	}
	if t.Broken == nil {
		line("verdict", "every promise kept")
	} else {
		line("verdict", "seed %d: %s", t.Broken.Seed, t.Broken.text)
		line("replay", "%s --trace", t.replay())
	}
	_, err := w.Write(text.Bytes())
	return err
}

// percentiles sorts durations and reads them off in milliseconds.
func percentiles(took []time.Duration) (p50, p99, most float64) {
	slices.Sort(took)
	at := func(i int) float64 { return float64(took[i]) / 1e6 }
	return at(len(took) / 2), at(len(took) * 99 / 100), at(len(took) - 1)
}

// simReport is the summary as JSON.
type simReport struct {
	Seeds     uint64                  `json:"seeds"`
	First     uint64                  `json:"first"`
	Nodes     int                     `json:"nodes"`
	Bug       string                  `json:"bug,omitempty"`
	TookS     float64                 `json:"took_s"`
	VirtualS  float64                 `json:"virtual_s"`
	Events    uint64                  `json:"events"`
	Streams   int                     `json:"streams"`
	Accepted  int                     `json:"accepted"`
	Orphaned  int                     `json:"orphaned"`
	Tasks     int                     `json:"tasks"`
	Delivered int                     `json:"delivered"`
	Repeated  int                     `json:"repeated"`
	Excused   simExcused              `json:"excused"`
	Needless  int                     `json:"needless"`
	Faults    map[string]int          `json:"faults"`
	Troubles  map[string]int          `json:"troubles"`
	Takeovers map[string]simTakeovers `json:"takeovers"`
	Late      simTakeovers            `json:"late"`
	Robbed    simTakeovers            `json:"robbed"`
	Hash      string                  `json:"trace_hash,omitempty"`
	Broken    *simBroken              `json:"broken,omitempty"`
	Replay    string                  `json:"replay,omitempty"`
	Verdict   string                  `json:"verdict"`
}

// simExcused is how many results need not have come, by the reason.
type simExcused struct {
	Refused  int `json:"refused"`
	Orphaned int `json:"orphaned"`
	Single   int `json:"single_copy"`
}

// simTakeovers are the takeovers by one signal, in milliseconds from the owner's stop or the copy's coming.
type simTakeovers struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func (t *simTotal) report() simReport {
	r := simReport{
		Seeds: t.Seeds, First: t.First, Nodes: t.Nodes, Bug: t.Bug, TookS: t.took.Seconds(), VirtualS: t.Virtual.Seconds(),
		Events: t.Events, Streams: t.Streams, Accepted: t.Accepted, Orphaned: t.Orphaned, Tasks: t.Tasks,
		Delivered: t.Delivered, Repeated: t.Repeated, Excused: simExcused(t.Excused), Needless: t.Needless, Verdict: "held",
		Faults: map[string]int{}, Troubles: t.Troubles, Late: t.Late.sum(), Robbed: t.Robbed.sum(),
		Takeovers: map[string]simTakeovers{}, Broken: t.Broken,
	}
	for _, k := range sim.Kinds() {
		r.Faults[k.String()] = t.Faults[k]
	}
	for _, s := range failover.Signals {
		if took := t.Takeovers[s]; len(took) > 0 {
			p50, p99, most := percentiles(took)
			r.Takeovers[s.String()] = simTakeovers{len(took), p50, p99, most}
		}
	}
	if t.Seeds == 1 {
		r.Hash = fmt.Sprintf("%016x", t.Hash)
	}
	if t.Broken != nil {
		r.Verdict, r.Replay = "broken", t.replay()
	}
	return r
}
