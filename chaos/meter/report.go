package meter

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"fracture/clock"
)

// Verdict is what a run proved.
type Verdict string

// The verdicts.
const (
	Held        Verdict = "held"               // every budget was kept
	Broken      Verdict = "broken"             // one was not
	Thin        Verdict = "too little traffic" // fewer trials counted than the verdict needs
	Interrupted Verdict = "interrupted"        // the run ended before its last trial
)

// ExitCode is the code with which a run of this verdict ends.
func (v Verdict) ExitCode() int {
	switch v {
	case Held:
		return 0
	case Broken:
		return 1
	case Thin:
		return 4
	case Interrupted:
	}
	return 130
}

// Report is a run, judged. Its JSON is one object.
type Report struct {
	Seed     uint64  `json:"seed"`
	Strategy string  `json:"strategy"` // where it was changed: one after the other, in words
	Load     string  `json:"load"`
	Nodes    int     `json:"nodes"`
	Rows     []Row   `json:"rows"`
	Verdict  Verdict `json:"verdict"`

	Guarded []Guarded `json:"guarded,omitempty"` // by what, and since when; none where Strategy held from beginning to end

	Why      []string `json:"why,omitempty"`      // what broke, or what is missing
	Unjudged []string `json:"unjudged,omitempty"` // wrong results that were delivered and that no budget limits
	Budgets  []string `json:"budgets"`
	Asked    int      `json:"trials"`      // trials asked for, a row
	Needed   int      `json:"min_counted"` // counted trials that a row needs to be judged; 0, before Judge: four of five
	Coverage Coverage `json:"coverage"`    // which pairs of component and fault were tried
	Controls []Row    `json:"controls"`    // noop: the meter's floor; freeze: a known length
	Totals   Totals   `json:"results"`     // of the whole run, trials or not

	Holes []Hole    `json:"-"`                 // where the lost are missing
	Lost  []LostRow `json:"lost_at,omitempty"` // the same, beside the trials

	Calm       []CalmRow  `json:"calm"`
	CalmSpan   float64    `json:"calm_s"`   // how long the calm before each fault was
	Window     float64    `json:"window_s"` // results due so long after a fault are looked at
	Grace      float64    `json:"grace_s"`  // and are lost when they have not come so long after that
	Hiccups    Spread     `json:"meter_hiccups_ms"`
	Stalls     *Spread    `json:"machine_stalls_ms,omitempty"` // for how long a core ran nobody; nil where that was not watched
	Unwatched  string     `json:"machine_unwatched,omitempty"` // why not
	Late       *Late      `json:"faults_late_ms,omitempty"`    // of those that had a time; nil where none had
	LogDropped uint64     `json:"telemetry_dropped"`
	RSS        float64    `json:"rss_max_mib"`               // the largest a node was
	Ballast    float64    `json:"rss_ballast_mib,omitempty"` // of that, what each was told to fill
	Door       *DoorLoad  `json:"door,omitempty"`            // of what was asked for at the front door; nil where nothing was
	Cores      int        `json:"cores"`
	CPU        float64    `json:"cpu_cores"`                 // in use by all nodes together, mean of what they told
	CPUAsked   float64    `json:"cpu_cores_asked,omitempty"` // by the load; 0 where that asked for none
	Scheduler  string     `json:"scheduler"`
	Versions   Versions   `json:"versions"`
	Started    string     `json:"started"` // RFC 3339
	Took       float64    `json:"took_s"`
	Figures    string     `json:"figures"` // how the percentiles are computed
	Trials     []TrialRow `json:"each,omitempty"`

	Began  clock.Instant `json:"-"`                // the run's start, from which instants are counted; 0: that of the first trial
	Series []Series      `json:"series,omitempty"` // how late each stream was all along; in the file that lists each trial alone
}

// Late is how long after their time faults began, by when the call was made.
type Late struct {
	N int `json:"n"`
	Spread
}

// CalmRow is the calm of one stream: the median over the trials that counted, or over all where none did.
type CalmRow struct {
	Stream string  `json:"stream"`
	N      int     `json:"n"` // results that each of these rests on, at least
	P50    float64 `json:"p50_ms"`
	P999   float64 `json:"p999_ms"`
}

// Versions say what was measured.
type Versions struct {
	Fracture string `json:"fracture"`
	Go       string `json:"go"`
	System   string `json:"system"`
	Machine  string `json:"machine"`
}

// Judge sums trials up into r and fills Rows, Controls, Calm, Verdict, Why, Unjudged, Budgets and Figures; the
// rest is the caller's. A lost, duplicated or wrong result breaks its budget however few trials counted; a percentile is
// judged only where enough did.
func (r *Report) Judge(trials []Trial, budgets []Budget, interrupted bool) {
	r.Figures = "exact, by nearest rank: below n = 100 the p99 is the maximum"
	r.Calm = calmOf(trials)
	r.Lost = lostRows(r.Holes, trials)
	for _, b := range budgets {
		r.Budgets = append(r.Budgets, b.String())
	}
	for _, row := range Rows(trials) {
		if row.Component.control() {
			r.Controls = append(r.Controls, row)
			continue
		}
		if r.Needed > 0 {
			row.Needed = r.Needed
		}
		r.Rows = append(r.Rows, row)
	}
	r.Needed = 0
	for _, row := range r.Rows {
		if r.Needed == 0 || row.Needed < r.Needed {
			r.Needed = row.Needed
		}
	}
	r.Coverage = coverageOf(r.Rows, r.Coverage.Played)
	if r.Began == 0 && len(trials) > 0 {
		r.Began = trials[0].Began
	}
	for _, t := range trials {
		r.Trials = append(r.Trials, trialRow(t, r.Began))
	}
	broken, thin := r.judgeRows(budgets)
	r.tellWrong(budgets)
	switch {
	case interrupted:
		r.Verdict = Interrupted
		r.Why = append(r.Why, "interrupted before the last trial")
	case r.Totals.Unmeasured > 0: // whatever else was seen, the meter did not see all
		r.Why = append(r.Why, fmt.Sprintf("%d results came and were not read: the meter was too slow, and what it calls lost may be theirs", r.Totals.Unmeasured))
		r.Verdict = Thin
	case len(broken) > 0:
		r.Verdict = Broken
	case len(r.Rows) == 0:
		r.Verdict = Thin
		r.Why = append(r.Why, "no fault began, not even a noop, so there is nothing to judge")
	case thin:
		r.Verdict = Thin
	default:
		r.Verdict = Held
	}
}

// unrest says where the calm was so uneven that a downtime within the budget would not be seen: what is late by no more
// than calm p99.9 is not downtime, so a restless calm hides what it should be compared with.
func (r *Report) unrest(budgets []Budget) (why []string) {
	for _, b := range budgets {
		for _, c := range r.Calm {
			if spread := c.P999 - c.P50; strings.HasPrefix(b.Metric, "downtime.") && spread > b.Limit {
				why = append(why, fmt.Sprintf("calm of %s: p99.9 lies %s ms above p50, so %s cannot be judged; give the machine rest, or less load",
					c.Stream, figure(spread), b))
			}
		}
	}
	return why
}

// blind says where the control of a known length read so much less that a downtime beyond the budget could hide as well.
// That it reads more is the load's doing, and hides nothing.
func (r *Report) blind(budgets []Budget) (why []string) {
	for _, row := range r.Controls {
		if row.Component != All || row.Counted == 0 {
			continue
		}
		stood, read := row.Stood.P50, row.Downtime.P50
		for _, b := range budgets {
			if strings.HasPrefix(b.Metric, "downtime.") && (stood-read > b.Limit || read < stood/2) {
				why = append(why, fmt.Sprintf("the control that must read %s ms read %s (%s): no downtime here can be judged; give the machine rest, or less load",
					figure(stood), figure(read), row.name()))
				break
			}
		}
	}
	return why
}

// judgeRows lists what broke and what is missing in Why.
func (r *Report) judgeRows(budgets []Budget) (broken []string, thin bool) {
	r.Why = append(append(r.Why, r.unrest(budgets)...), r.blind(budgets)...)
	thin = len(r.Why) > 0
	for _, row := range r.Rows {
		if row.Counted < row.Needed {
			thin = true
			r.Why = append(r.Why, row.few())
		}
		for _, c := range row.checks(budgets) {
			if c.Verdict == Broken {
				broken = append(broken, c.Why)
			}
		}
	}
	for _, c := range r.wholeChecks(budgets) {
		if c.Verdict == Broken {
			broken = append(broken, c.Why)
		}
	}
	r.Why = append(r.Why, broken...)
	return broken, thin
}

// tellWrong says where wrong results were delivered, or should have been, that no budget limits: nobody is to take them for
// masked.
func (r *Report) tellWrong(budgets []Budget) {
	limited := func(budgets []Budget) bool {
		return slices.ContainsFunc(budgets, func(b Budget) bool { return b.Metric == "wrong" })
	}
	rest := r.Totals.Wrong
	for _, row := range r.Rows {
		rest -= min(row.Wrong, rest)
		if (row.Fault == Wrong || row.Wrong > 0) && !limited(budgetsOf(budgets, row.Fault)) {
			r.Unjudged = append(r.Unjudged, fmt.Sprintf("%s: %d wrong results were delivered; only the strategy vote masks them, and this is %s",
				row.name(), row.Wrong, r.Strategy))
		}
	}
	if rest > 0 && !limited(budgetsOf(budgets, "")) {
		r.Unjudged = append(r.Unjudged, fmt.Sprintf("whole run: %d more wrong results were delivered", rest))
	}
}

// WriteJSON writes the report as one object on one line, with the single trials and the series where each is set.
func (r *Report) WriteJSON(w io.Writer, each bool) error {
	out := *r
	if !each {
		out.Trials, out.Series = nil, nil
	}
	if out.Rows == nil {
		out.Rows = []Row{}
	}
	return json.NewEncoder(w).Encode(out)
}

func calmOf(trials []Trial) []CalmRow {
	counts := func(t Trial) bool { return t.Uncounted() == "" }
	if slices.ContainsFunc(trials, counts) {
		trials = slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !counts(t) })
	}
	var rows []CalmRow
	for i := 0; ; i++ {
		var p50, p999 []time.Duration
		row := CalmRow{}
		for _, t := range trials {
			if i >= len(t.Calm) {
				continue
			}
			c := t.Calm[i]
			if len(p50) == 0 || c.N < row.N {
				row.N = c.N
			}
			row.Stream = c.Stream
			p50, p999 = append(p50, c.P50), append(p999, c.P999)
		}
		if len(p50) == 0 {
			return rows
		}
		row.P50, row.P999 = SpreadOf(p50).P50, SpreadOf(p999).P50
		rows = append(rows, row)
	}
}
