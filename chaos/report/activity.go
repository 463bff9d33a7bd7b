package report

import "time"

// Activity is something that a scenario did or asked.
type Activity struct {
	Phase     Phase    `json:"phase"`
	Name      string   `json:"name"`
	Probe     bool     `json:"probe,omitempty"` // it asked; else it acted
	Provider  string   `json:"provider"`        // process or http
	Path      string   `json:"path"`            // the program, or the URL
	Arguments []string `json:"arguments"`
	Planned   float64  `json:"planned_ms,omitempty"` // since the run's start: when it was to begin; of what has a time
	Late      float64  `json:"late_us,omitempty"`    // how much later the call was made
	At        float64  `json:"at_ms"`                // since the run's start
	Took      float64  `json:"took_ms"`
	Output    string   `json:"output,omitempty"`
	Failed    string   `json:"failed,omitempty"` // why it could not be carried out
	Unmet     string   `json:"unmet,omitempty"`  // why its answer was not within its tolerance
	Judged    bool     `json:"judged,omitempty"` // it had a tolerance
}

// Phase is when in a scenario something was done.
type Phase string

// The phases.
const (
	Before   Phase = "before" // a probe of the steady state before the method
	Method   Phase = "method"
	During   Phase = "during"   // a probe of the steady state meanwhile
	After    Phase = "after"    // and after it
	Rollback Phase = "rollback" // what makes good again
)

// carriedOut is an activity as a journal has it.
func (a Activity) carriedOut(began time.Time) journalRun {
	start := began.Add(span(a.At))
	run := journalRun{Activity: activity{Type: "action", Name: a.Name, Provider: provider{Type: a.Provider, Path: a.Path, Arguments: a.Arguments}},
		Output: a.Output, Start: stamp(start), End: stamp(start.Add(span(a.Took))), Duration: a.Took / 1e3, Status: "succeeded"}
	if a.Provider == "http" {
		run.Activity.Provider = provider{Type: a.Provider, URL: a.Path}
	}
	if a.Probe {
		run.Activity.Type = "probe"
	}
	if a.Failed != "" {
		run.Status, run.Exception = "failed", []string{a.Failed}
	}
	if a.Judged {
		met := a.Failed == "" && a.Unmet == ""
		if run.Met = &met; a.Unmet != "" {
			run.Exception = append(run.Exception, a.Unmet)
		}
	}
	return run
}

// tell puts what a scenario did and asked into the journal, in place of its trials.
func (j *journal) tell(activities []Activity, began time.Time) {
	j.Run = []journalRun{}
	for _, a := range activities {
		run := a.carriedOut(began)
		switch a.Phase {
		case Method:
			j.Run = append(j.Run, run)
		case Rollback:
			j.Rollbacks = append(j.Rollbacks, run)
		case Before:
			j.SteadyStates.Before = j.SteadyStates.Before.with(run)
		case After:
			j.SteadyStates.After = j.SteadyStates.After.with(run)
		case During:
			j.SteadyStates.During = append(j.SteadyStates.During, *(*steadyState)(nil).with(run))
		}
	}
}

// with is the steady state with one probe more.
func (s *steadyState) with(probe journalRun) *steadyState {
	if s == nil {
		s = &steadyState{Met: true}
	}
	s.Met = s.Met && probe.Status == "succeeded" && (probe.Met == nil || *probe.Met)
	s.Probes = append(s.Probes, probe)
	return s
}
