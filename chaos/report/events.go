package report

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
)

// Event is one thing that happened in a run: one line of events.ndjson.
type Event struct {
	At   float64 `json:"at_ms"` // since the run's start
	Kind string  `json:"kind"`  // trace: a node did something; fault, heal: it was broken, and healed; guard: the streams are guarded otherwise; trial: what came of it; verdict
	Node string  `json:"node,omitempty"`
	Verb string  `json:"verb,omitempty"` // of a trace: a word of the path

	Task   string `json:"task,omitempty"` // stream/frame/tile
	Peer   string `json:"peer,omitempty"`
	Signal string `json:"signal,omitempty"`

	Trial    int     `json:"trial,omitempty"` // the place of the trial in report.json's list, from 1
	Fault    string  `json:"fault,omitempty"` // "owner kill"
	Downtime float64 `json:"downtime_ms,omitempty"`
	Text     string  `json:"text,omitempty"`
}

// Events lays what the nodes told beside the trials of a judged report and its verdict, in order of time.
func Events(r *meter.Report, told []failover.Trace) []Event {
	events := make([]Event, 0, len(told)+3*len(r.Trials)+1)
	end := r.Took * 1e3
	for _, t := range told {
		events = append(events, traced(t, r.Began))
	}
	for _, g := range r.Guarded[min(1, len(r.Guarded)):] {
		events = append(events, Event{At: g.At, Kind: "guard", Text: g.String()})
	}
	for i, t := range r.Trials {
		e := Event{At: t.At, Kind: "fault", Node: t.Victim, Trial: i + 1, Fault: rowName(t.Component, t.Fault), Text: t.Held}
		events = append(events, e)
		if t.Length > 0 {
			heal := e
			heal.Kind, heal.Text, heal.At = "heal", "", t.At+t.Length
			events = append(events, heal)
		}
		e.Kind, e.Text, e.Downtime, e.Signal = "trial", t.Uncounted, t.Downtime, t.Signal
		e.At += t.Length + 1e3*(r.Window+r.Grace)
		events = append(events, e)
		end = max(end, e.At)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return append(events, Event{At: end, Kind: "verdict", Text: string(r.Verdict)})
}

// traced is a line of the trace as an event.
func traced(t failover.Trace, began clock.Instant) Event {
	e := Event{At: meter.Millis(t.At.Sub(began)), Kind: "trace", Node: t.Node, Verb: t.Verb, Peer: t.Peer}
	if t.Task.Stream != 0 {
		e.Task = fmt.Sprintf("%x/%d/%d", uint64(t.Task.Stream), t.Task.Frame, t.Task.Tile)
	}
	if t.Signal != 0 {
		e.Signal = t.Signal.String()
	}
	return e
}

// WriteEvents writes events.ndjson: one object a line.
func (r *Run) WriteEvents(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	encode := json.NewEncoder(buffered)
	for _, e := range r.Events {
		if err := encode.Encode(e); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// Bounds of what [ReadEvents] takes.
const (
	maxEvents    = 1 << 20
	maxEventLine = 64 << 10 // bytes
)

// ErrNoEvents: a line is no event; the text of the error says which. Remove the file, or take another copy: nothing but the
// events themselves is lost.
var ErrNoEvents = errors.New("not the events of a report")

// ReadEvents reads what [Run.WriteEvents] wrote.
func ReadEvents(from io.Reader) ([]Event, error) {
	var events []Event
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxEventLine)
	for lines.Scan() {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNoEvents, len(events)+1, err)
		}
		if events = append(events, e); len(events) > maxEvents {
			return nil, fmt.Errorf("%w: more than %d lines", ErrNoEvents, maxEvents)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrNoEvents, len(events)+1, err)
	}
	return events, nil
}
