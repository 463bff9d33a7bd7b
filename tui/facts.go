package tui

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"fracture/clock"
)

// fact is one thing that the line mode tells: to people in words, to programs as the fields of a JSON object. Lengths of time are in
// milliseconds where the field does not say otherwise.
type fact interface{ words() string }

// asJSON is the line of a fact to programs: what kind of fact it is, when, and its fields.
func asJSON(kind string, at time.Time, f fact) ([]byte, error) {
	head, err := json.Marshal(struct {
		Kind string    `json:"kind"`
		At   time.Time `json:"at"`
	}{kind, at})
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	head[len(head)-1] = ',' // no fact is without fields
	return append(head, body[1:]...), nil
}

// nodeFact: a node is another way than before.
type nodeFact struct {
	Node  string `json:"node"`
	State string `json:"state"`
}

func (f nodeFact) words() string { return f.Node + " is " + f.State }

// streamFact: how a stream runs from now on.
type streamFact struct {
	Tiles    int     `json:"tiles"`
	Period   float64 `json:"period_ms"`
	Strategy string  `json:"strategy"`
	Copies   int     `json:"copies"`
	Stopped  string  `json:"stopped,omitempty"` // by what; empty while it runs
}

func (f streamFact) words() string {
	text := fmt.Sprintf("%s every %s ms, strategy %s ×%d", plural(f.Tiles, "tile"), ms(f.Period), f.Strategy, f.Copies)
	if f.Stopped != "" {
		text += "; stopped: " + f.Stopped
	}
	return text
}

// eventFact is what a node tells of itself, in its own words.
type eventFact struct {
	Node  string `json:"node"`
	Verb  string `json:"verb"`
	Text  string `json:"text"`
	Times int    `json:"times"` // it was told so often at once
}

func (f eventFact) words() string {
	text := fmt.Sprintf("%s %s: %s", f.Node, f.Verb, f.Text)
	if f.Times > 1 {
		text += fmt.Sprintf(" (%d times)", f.Times)
	}
	return text
}

// incidentFact is a fault that is over, and what it cost.
type incidentFact struct {
	Node      string  `json:"node"`
	What      string  `json:"what"`
	Signal    string  `json:"signal,omitempty"`     // what made the others notice
	Noticed   float64 `json:"noticed_ms,omitempty"` // from the fault on; none where that is not known, as below
	Heir      string  `json:"heir,omitempty"`       // who took over first
	Taken     float64 `json:"taken_over_ms,omitempty"`
	Sent      float64 `json:"first_result_ms,omitempty"` // of what was taken over, as it left the heir
	Delivered float64 `json:"delivered_ms,omitempty"`    // and as it came here
	Tasks     int     `json:"tasks"`
	Downtime  float64 `json:"downtime_ms"`
	Untold    string  `json:"untold,omitempty"` // why the downtime cannot be told, and is none
	Within    bool    `json:"within_budget"`

	heir, judged string // in words
}

// incidentFact tells of an incident.
func (s *state) incidentFact(i *Incident) incidentFact {
	_, heir, _ := told(s, i)
	budget := millis(s.opts.Budget)
	f := incidentFact{
		Node: i.Node, What: i.What, Noticed: i.Noticed, Heir: i.Heir, Taken: i.Taken, Sent: i.Sent, Delivered: i.Delivered, Tasks: i.Tasks, Downtime: i.Downtime, Untold: i.Untold,
		Within: i.Untold == "" && i.Downtime <= budget, heir: heir, judged: i.judged(budget),
	}
	if i.Signal != 0 {
		f.Signal = i.Signal.String()
	}
	return f
}

func (f incidentFact) words() string {
	downtime := ms(f.Downtime) + " ms" + f.judged
	if f.Untold != "" {
		downtime = "cannot be told: " + f.Untold
	}
	course := ""
	for _, stage := range []struct {
		name  string
		after float64
	}{{"first result", f.Sent}, {"delivered", f.Delivered}} {
		if stage.after > 0 {
			course += fmt.Sprintf("; %s after %s ms", stage.name, ms(stage.after))
		}
	}
	return fmt.Sprintf("%s %s; %s%s; downtime %s", f.Node, f.What, f.heir, course, downtime)
}

// summaryFact is how all is, once a second.
type summaryFact struct {
	Alive  int  `json:"alive"`
	Unwell int  `json:"unwell"`
	Dead   int  `json:"dead"`
	Tiles  int  `json:"tiles"`
	Stale  int  `json:"stale"`
	Gone   bool `json:"gone,omitempty"` // no node answers any more

	*counts
	Downtime *downtimes `json:"downtime,omitempty"`
	Untold   int        `json:"untold,omitempty"` // incidents whose downtime cannot be told
	Away     int        `json:"store_away_s,omitempty"`
	Missed   int        `json:"missed,omitempty"` // events that were not told, for there were too many
}

// counts are the receiver's.
type counts struct {
	Frame      uint64   `json:"frame"`
	Results    float64  `json:"results_per_s"`
	Lateness   *float64 `json:"lateness_ms"` // null where none was measured
	Lost       uint64   `json:"lost"`
	Duplicates uint64   `json:"duplicates"`
	Needless   float64  `json:"needless_takeovers_per_min"`
	Unmeasured uint64   `json:"unmeasured,omitempty"` // that came and were not measured: among those lost
}

// downtimes are those of all incidents so far.
type downtimes struct {
	N    int     `json:"n"`
	Last float64 `json:"last_ms"`
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	Max  float64 `json:"max_ms"`
}

// countsOf are the counters of a receiver; nil where none counts.
func countsOf(t *Totals) *counts {
	if t == nil {
		return nil
	}
	c := &counts{t.Frame, t.Results, nil, t.Lost, t.Duplicates, t.NeedlessPerMinute, t.Unmeasured}
	if late := t.lateness(); !math.IsNaN(late) {
		c.Lateness = &late
	}
	return c
}

// summaryFact tells how all is, with so many tiles of which some are stale.
func (s *state) summaryFact(tiles, stale int) summaryFact {
	f := summaryFact{
		Tiles: tiles, Stale: stale, Gone: s.gone(), counts: countsOf(s.totals), Untold: s.latency.Untold,
		Away: int(s.storeAway().Seconds()), Missed: int(s.missed), //nolint:gosec // far fewer
	}
	f.Alive, f.Unwell, f.Dead = s.census()
	if l := s.latency; l.N > 0 {
		f.Downtime = &downtimes{l.N, l.Last, l.P50, l.P90, l.P99, l.Max}
	}
	return f
}

func (f summaryFact) words() string {
	text := fmt.Sprintf("nodes %d alive, %d unwell, %d dead; tiles %d, %d stale", f.Alive, f.Unwell, f.Dead, f.Tiles, f.Stale)
	if c := f.counts; c != nil {
		late := math.NaN()
		if c.Lateness != nil {
			late = *c.Lateness
		}
		text += fmt.Sprintf("; frame %d; %.0f results/s; lateness %s ms; lost %d; duplicates %d; needless takeovers %.1f/min",
			c.Frame, c.Results, ms(late), c.Lost, c.Duplicates, c.Needless)
	}
	if d := f.Downtime; d != nil {
		text += fmt.Sprintf("; downtime n %d, last %s ms, p50 %s ms, p99 %s ms, max %s ms", d.N, ms(d.Last), ms(d.P50), ms(d.P99), ms(d.Max))
	}
	if f.Untold > 0 {
		text += "; downtime that cannot be told n " + strconv.Itoa(f.Untold)
	}
	if c := f.counts; c != nil && c.Unmeasured > 0 {
		text += fmt.Sprintf("; %d results came and were not measured: among those lost", c.Unmeasured)
	}
	if f.Gone {
		text = "the cluster is gone: no node answers any more"
	}
	if f.Away > 0 {
		text += fmt.Sprintf("; store away for %d s", f.Away)
	}
	if f.Missed > 0 {
		text += fmt.Sprintf("; %d events missed", f.Missed)
	}
	return text
}

// wall is the time of day at an instant.
func (a Anchor) wall(at clock.Instant) time.Time { return a.Wall.Add(at.Sub(a.At)) }
