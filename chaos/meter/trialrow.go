package meter

import "fracture/clock"

// TrialRow is one trial, for a report that lists each.
type TrialRow struct {
	Component Component `json:"component"`
	Fault     Kind      `json:"fault"`
	Victim    string    `json:"victim,omitempty"`
	Held      string    `json:"held,omitempty"`
	Uncounted string    `json:"uncounted,omitempty"`
	Downtime  float64   `json:"downtime_ms"`
	Stretches int       `json:"stretches"`
	Longest   float64   `json:"longest_stretch_ms"`
	Gap       float64   `json:"gap_ms"`
	Loss      float64   `json:"loss_ms"`
	Lost      int       `json:"lost"`
	Wrong     uint64    `json:"wrong"`
	Rate      float64   `json:"results_per_s"`
	Signal    string    `json:"signal"`
	Hiccup    float64   `json:"meter_late_ms"`
	Stall     float64   `json:"machine_stall_ms"`
	Slow      float64   `json:"machine_slow_times"`
	Strategy  string    `json:"strategy,omitempty"` // in force when the fault struck; empty: that of the run
	Again     bool      `json:"again,omitempty"`    // in place of one that the machine spoilt
	RSS       float64   `json:"victim_rss_mib,omitempty"`
	Length    float64   `json:"length_ms,omitempty"`

	At       float64   `json:"at_ms"`              // just before the injection, since the run's start
	Took     float64   `json:"took_ms"`            // the trial's own time, from the end of the one before it to redundancy restored
	InFlight float64   `json:"in_flight_ms"`       // downtime of what the victim had in flight, alone
	Arrivals float64   `json:"arrivals_ms"`        // downtime of what was due after the fault, alone
	Dup      uint64    `json:"duplicates"`         // results that came again
	Needless int       `json:"needless_takeovers"` // from nodes that nobody broke
	Stages   []StageAt `json:"timeline,omitempty"` // those that were seen, in the order of [Timeline.Stages]
}

// StageAt is when one stage of a trial's timeline was reached: µs after the instant just before the injection.
type StageAt struct {
	Stage string  `json:"stage"`
	At    float64 `json:"us"`
}

// Counted reports whether the trial is among those that figures rest on.
func (t TrialRow) Counted() bool { return t.Uncounted == "" }

// Control reports whether the trial is there to tell what the meter is worth.
func (t TrialRow) Control() bool { return t.Component.control() }

// Stage is when a stage was reached, in ms after the injection; false where it was not seen.
func (t TrialRow) Stage(name string) (ms float64, seen bool) {
	for _, s := range t.Stages {
		if s.Stage == name {
			return s.At / 1e3, true
		}
	}
	return 0, false
}

// trialRow tells of a trial of a run that began at an instant.
func trialRow(t Trial, began clock.Instant) TrialRow {
	row := TrialRow{
		Component: t.Component,
		Fault:     t.Fault,
		Victim:    t.Victim,
		Held:      t.Held,
		Uncounted: t.Uncounted(),
		Downtime:  Millis(t.Reading.Downtime),
		Stretches: t.Reading.Pieces,
		Longest:   Millis(t.Reading.Longest),
		Gap:       Millis(t.Reading.Gap),
		Loss:      Millis(t.Reading.Loss),
		Lost:      t.Reading.Lost,
		Wrong:     t.Wrong,
		Rate:      float64(int(t.Rate)),
		Signal:    t.Timeline.Signal.String(),
		Hiccup:    Millis(t.Hiccup),
		Stall:     Millis(t.Stall),
		Slow:      float64(int(t.Slow*100)) / 100,
		Strategy:  t.Strategy,
		Again:     t.Again,
		RSS:       mebi(t.RSS),
		Length:    Millis(t.Length),
		At:        Millis(max(t.Before, t.Began).Sub(began)), // where nothing was injected, when it should have been
		Took:      Millis(t.Ended.Sub(t.Began)),
		InFlight:  Millis(t.Reading.InFlight),
		Arrivals:  Millis(t.Reading.Arrivals),
		Dup:       t.Duplicates,
		Needless:  t.Needless,
	}
	if t.Fault == Noop || t.Before == 0 {
		return row
	}
	for _, stage := range t.course().Stages() {
		if stage.After >= 0 {
			row.Stages = append(row.Stages, StageAt{Stage: stage.Name, At: float64(stage.After.Microseconds())})
		}
	}
	return row
}

// mebi is bytes in MiB, to a tenth.
func mebi(bytes int64) float64 { return float64(bytes*10>>20) / 10 }
