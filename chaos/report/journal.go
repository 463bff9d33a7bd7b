package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"fracture/chaos/meter"
)

// The journal of Chaos Toolkit, as `chaos run` writes it.
type (
	journal struct {
		Version      string          `json:"chaoslib-version"`
		Platform     string          `json:"platform"`
		Node         string          `json:"node"`
		Experiment   json.RawMessage `json:"experiment"`
		Start        string          `json:"start"`
		Status       string          `json:"status"`
		Deviated     bool            `json:"deviated"`
		SteadyStates steadyStates    `json:"steady_states"`
		Run          []journalRun    `json:"run"`
		Rollbacks    []journalRun    `json:"rollbacks"`
		End          string          `json:"end"`
		Duration     float64         `json:"duration"` // s
	}
	steadyStates struct {
		Before *steadyState  `json:"before"`
		After  *steadyState  `json:"after"`
		During []steadyState `json:"during"`
	}
	steadyState struct {
		Met    bool         `json:"steady_state_met"`
		Probes []journalRun `json:"probes"`
	}
	journalRun struct {
		Activity  activity `json:"activity"`
		Output    any      `json:"output"`
		Start     string   `json:"start"`
		Status    string   `json:"status"`
		Met       *bool    `json:"tolerance_met,omitempty"`
		Exception []string `json:"exception,omitempty"`
		End       string   `json:"end"`
		Duration  float64  `json:"duration"` // s
	}
	activity struct {
		Type      string   `json:"type"`
		Name      string   `json:"name"`
		Tolerance any      `json:"tolerance,omitempty"`
		Provider  provider `json:"provider"`
	}
	provider struct {
		Type      string   `json:"type"`
		Path      string   `json:"path,omitempty"`
		Arguments []string `json:"arguments,omitempty"`
		URL       string   `json:"url,omitempty"`
	}
	experiment struct {
		Version     string     `json:"version"`
		Title       string     `json:"title"`
		Description string     `json:"description"`
		Method      []activity `json:"method"`
		Rollbacks   []activity `json:"rollbacks"`
	}
)

// WriteJournal writes journal.json, for whoever reads those of Chaos Toolkit: of a scenario what it did and asked, else every
// trial as an activity of the run; every budget is a probe of the steady state after it. chaoslib-version names fracture, which is no chaoslib.
func (r *Run) WriteJournal(w io.Writer) error {
	checks, err := r.Checks()
	if err != nil {
		return err
	}
	began := r.started()
	end := began.Add(span(r.Took * 1e3))
	j := journal{Version: "fracture " + r.Versions.Fracture, Platform: r.Versions.System, Node: r.Host, Experiment: r.Experiment,
		Start: stamp(began), End: stamp(end), Duration: r.Took, Status: "completed", Deviated: r.Verdict == meter.Broken,
		Run: []journalRun{}, Rollbacks: []journalRun{}, SteadyStates: steadyStates{During: []steadyState{}}}
	switch r.Verdict {
	case meter.Interrupted:
		j.Status = "interrupted"
	case meter.Broken, meter.Thin: // an experiment whose hypothesis does not hold after it has failed
		j.Status = "failed"
	case meter.Held:
	}
	if len(j.Experiment) == 0 {
		if j.Experiment, err = json.Marshal(r.asExperiment()); err != nil {
			return err
		}
	}
	after := &steadyState{Met: r.Verdict == meter.Held, Probes: []journalRun{}}
	for _, c := range checks {
		met := c.Verdict == meter.Held
		probe := journalRun{Activity: activity{Type: "probe", Name: c.Row + ": " + c.Budget.String(), Tolerance: c.Budget.String(), Provider: r.itself()},
			Output: c.Figure, Start: j.End, End: j.End, Status: "succeeded", Met: &met}
		if !met {
			probe.Status, probe.Exception = "failed", []string{c.Why}
		}
		after.Probes = append(after.Probes, probe)
	}
	j.SteadyStates.After = after
	for _, t := range r.Trials {
		if !t.Control() {
			j.Run = append(j.Run, r.activityOf(t, began))
		}
	}
	if len(r.Activities) > 0 {
		j.tell(r.Activities, began)
	}
	encode := json.NewEncoder(w)
	encode.SetIndent("", "  ")
	return encode.Encode(j)
}

// activityOf is one trial.
func (r *Run) activityOf(t meter.TrialRow, began time.Time) journalRun {
	start := began.Add(span(t.At))
	length := t.Length + 1e3*(r.Window+r.Grace)
	run := journalRun{Activity: activity{Type: "action", Name: rowName(t.Component, t.Fault), Provider: provider{Type: "process", Path: "fracture",
		Arguments: []string{"run", "--role", string(t.Component), "--fault", string(t.Fault), "--trials", "1"}}},
		Output: map[string]any{"victim": t.Victim, "held": t.Held, "downtime_ms": t.Downtime, "gap_ms": t.Gap, "lost": t.Lost, "signal": t.Signal},
		Start:  stamp(start), Status: "succeeded", End: stamp(start.Add(span(length))), Duration: length / 1e3}
	if !t.Counted() {
		run.Status, run.Exception = "failed", []string{t.Uncounted}
	}
	return run
}

// itself is the run as one process that can be started.
func (r *Run) itself() provider {
	p := provider{Type: "process", Path: "fracture", Arguments: []string{}}
	if len(r.Command) > 0 {
		p.Path, p.Arguments = r.Command[0], r.Command[1:]
	}
	return p
}

// asExperiment is the run as an experiment, where it was none: one that does the same when Chaos Toolkit carries it out.
func (r *Run) asExperiment() experiment {
	return experiment{Version: "1.0.0", Title: r.Title, Rollbacks: []activity{},
		Description: fmt.Sprintf("%d nodes, strategy %s, load %s, seed %d. fracture heals what it breaks.", r.Nodes, r.Strategy, r.Load, r.Seed),
		Method:      []activity{{Type: "action", Name: r.Title, Provider: r.itself()}}}
}

// stamp is an instant as Chaos Toolkit writes it: in UTC, without saying so.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000") }

// span is a time in ms as a duration; what does not fit into one is cut.
func span(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0), longestMillis) * float64(time.Millisecond))
}
