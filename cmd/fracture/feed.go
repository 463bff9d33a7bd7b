package main

import (
	"sync"
	"time"

	"fracture/chaos/meter"
	"fracture/control"
	"fracture/telemetry"
	"fracture/tui"
)

// feed hands what a scene sees to the screen and, where there is one, to the control API. The zero value is ready.
type feed struct {
	tui.Broker

	mu      sync.Mutex      // guards what follows
	out     *control.Server // nil where nobody asks from outside
	counted control.Totals
	counts  bool // something was counted
}

// openTo begins to tell the control API too.
func (f *feed) openTo(s *control.Server) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = s
}

// outside is the control API; nil where there is none.
func (f *feed) outside() *control.Server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out
}

// happening is an event as the control API tells of it.
type happening struct {
	At     time.Time `json:"at"`
	Verb   string    `json:"verb"`
	Node   string    `json:"node,omitempty"`
	Peer   string    `json:"peer,omitempty"`
	Signal string    `json:"signal,omitempty"`
	Text   string    `json:"text,omitempty"`
}

// Event tells both. The steps of single tasks are too many for those outside, and they may do without.
func (f *feed) Event(e telemetry.Event) {
	f.Broker.Event(e)
	if out := f.outside(); out != nil && (telemetry.News{Event: &e}).Must() {
		told := happening{At: wall(e.At), Verb: e.Verb, Node: e.Node, Peer: e.Peer, Text: e.Text}
		if e.Signal != 0 {
			told.Signal = e.Signal.String()
		}
		out.Tell("news", told)
	}
}

// count takes in what came since the scene began to measure. What was lost may still come: it was lost when it was missed.
func (f *feed) count(t meter.Totals, needless uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts = true
	f.counted = control.Totals{
		Results: max(f.counted.Results, t.Delivered), Lost: max(f.counted.Lost, t.Lost),
		Duplicates: max(f.counted.Duplicates, t.Duplicates), Needless: needless,
	}
}

// totals are what was counted.
func (f *feed) totals() (control.Totals, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counted, f.counts
}

// note tells the control API of incidents as they are now.
func (f *feed) note(incidents []*incident) {
	out := f.outside()
	if out == nil {
		return
	}
	for _, i := range incidents {
		out.Note(i.told())
	}
}

// told is an incident as the control API tells of it.
func (i *incident) told() control.Incident {
	t := control.Incident{
		Number: i.number, At: wall(i.At), Node: i.Node, Fault: i.class(), Role: i.role, Noticed: i.Noticed, Heir: i.Heir,
		Taken: i.Taken, Sent: i.Sent, Delivered: i.Delivered, Tasks: i.Tasks, Downtime: i.Downtime, Untold: i.Untold, Open: i.Open,
	}
	if i.Signal != 0 {
		t.Signal = i.Signal.String()
	}
	if i.runs && t.Untold == "" {
		t.Untold = "no node failed"
	}
	return t
}

// class is the fault as the catalogue names it, where a person or a script caused it; else what the others tell.
func (i *incident) class() string {
	switch {
	case i.runs:
		return "link"
	case i.What == killed:
		return "kill"
	case i.What == frozen:
		return "freeze"
	}
	return i.What
}
