package meter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"fracture/cluster/failover"
)

// Row sums up the trials of one component under one fault. Figures are over the trials that counted; needless takeovers over all
// but those that the machine spoilt; lost, duplicates and wrong results over all of them.
type Row struct {
	Component Component `json:"component"`
	Fault     Kind      `json:"fault"`
	N         int       `json:"n"`
	Counted   int       `json:"counted"`
	Needed    int       `json:"needed"` // counted trials that it takes to judge the row: four of five that were asked for, unless told
	Downtime  Spread    `json:"downtime_ms"`
	Gap       Spread    `json:"gap_ms"`
	Lost      int       `json:"lost"`
	Dup       uint64    `json:"duplicates"`
	Wrong     uint64    `json:"wrong"` // results delivered that are not what their function gives
	Needless  float64   `json:"needless_takeovers_per_min"`
	Signals   Signals   `json:"signals"`

	Longest          Spread     `json:"longest_stretch_ms"`                 // of the union that downtime is
	InFlight         Spread     `json:"in_flight_ms"`                       // downtime of what the victim had in flight, alone
	Arrivals         Spread     `json:"arrivals_ms"`                        // downtime of what was due after the fault, alone
	Loss             Spread     `json:"loss_ms"`                            // loss-derived
	Stood            *Spread    `json:"stood_ms,omitempty"`                 // for how long the fault stood, where it does
	Error            *Spread    `json:"error_ms,omitempty"`                 // of the control that freezes: how far downtime lies from the true length
	OffLong          *Spread    `json:"longest_stretch_error_ms,omitempty"` // and how far the longest stretch does
	RSS              RSS        `json:"victim_rss_mib"`
	MeterLate        int        `json:"meter_late"`                              // counted trials in which the meter itself was late
	Stalled          int        `json:"stalled"`                                 // trials that the machine spoilt, and that count for nothing else
	WithThem         *Spread    `json:"downtime_with_stalled_ms,omitempty"`      // the downtime if they counted; nil where there are none
	NeedlessWithThem *float64   `json:"needless_with_stalled_per_min,omitempty"` // the same of needless takeovers
	Stages           []StageRow `json:"timeline,omitempty"`
	Uncounted        []Reason   `json:"uncounted,omitempty"`
	Differ           []Reason   `json:"differ,omitempty"` // why figures lay more than two periods apart, with an example

	Streams []StreamRow `json:"streams,omitempty"` // each stream by itself, where that tells more than all together
}

// name is how the report calls the row.
func (r Row) name() string { return fmt.Sprintf("%s %s", r.Component, r.Fault) }

// Signals count by which signal each fault was noticed first.
type Signals struct {
	Reset   int `json:"reset"`
	Silence int `json:"silence"`
	Overdue int `json:"overdue"`
	Other   int `json:"other"` // gossip, or a handover
	None    int `json:"none"`  // nobody told of noticing
}

// RSS is how much memory victims held resident, in MiB.
type RSS struct {
	P50 float64 `json:"p50"`
	Max float64 `json:"max"`
}

// StageRow is one stage of the timelines: over the N trials in which it was seen, µs after the injection.
type StageRow struct {
	Stage string  `json:"stage"`
	N     int     `json:"n"`
	P50   float64 `json:"p50_us"`
	P99   float64 `json:"p99_us"`
}

// Reason is a sentence and in how many trials it held.
type Reason struct {
	Why string `json:"why"`
	N   int    `json:"n"`
}

// Rows sums trials up, a row for each pair of component and fault, in the order in which the pairs first appear.
func Rows(trials []Trial) []Row {
	var rows []Row
	var done []Trial
	for _, t := range trials {
		same := func(u Trial) bool { return u.Component == t.Component && u.Fault == t.Fault }
		if slices.ContainsFunc(done, same) {
			continue
		}
		done = append(done, t)
		var group []Trial
		for _, u := range trials {
			if same(u) {
				group = append(group, u)
			}
		}
		rows = append(rows, rowOf(group))
	}
	return rows
}

// rowOf sums up trials of one component and one fault; there is at least one.
func rowOf(trials []Trial) Row {
	row := Row{Component: trials[0].Component, Fault: trials[0].Fault, N: len(trials)}
	asked := 0
	var counted, spoilt []Trial
	var needless, withSpoilt takeovers
	uncounted := map[string]int{}
	for _, t := range trials {
		if !t.Again {
			asked++
		}
		row.Lost += t.Reading.Lost
		row.Dup += t.Duplicates
		row.Wrong += t.Wrong
		withSpoilt.add(t)
		why := t.Uncounted()
		if why != stalled {
			needless.add(t)
		}
		if why != "" {
			uncounted[why]++
			if why == stalled {
				spoilt = append(spoilt, t)
			}
			continue
		}
		counted = append(counted, t)
		row.Signals.add(t)
		if t.Late() {
			row.MeterLate++
		}
	}
	row.Needless = needless.perMinute()
	row.Counted, row.Needed = len(counted), (4*asked+4)/5
	row.Downtime = spread(counted, func(t Trial) time.Duration { return t.Reading.Downtime })
	row.Gap = spread(counted, func(t Trial) time.Duration { return t.Reading.Gap })
	row.Longest = spread(counted, func(t Trial) time.Duration { return t.Reading.Longest })
	row.InFlight = spread(counted, func(t Trial) time.Duration { return t.Reading.InFlight })
	row.Arrivals = spread(counted, func(t Trial) time.Duration { return t.Reading.Arrivals })
	row.Loss = spread(counted, func(t Trial) time.Duration { return t.Reading.Loss })
	if row.Stalled = len(spoilt); row.Stalled > 0 {
		all := spread(slices.Concat(counted, spoilt), func(t Trial) time.Duration { return t.Reading.Downtime })
		every := withSpoilt.perMinute()
		row.WithThem, row.NeedlessWithThem = &all, &every
	}
	if row.Fault.Lasts() {
		stood := spread(counted, func(t Trial) time.Duration { return t.Length })
		row.Stood = &stood
	}
	if row.Component == All {
		off := spread(counted, func(t Trial) time.Duration { return (t.Reading.Downtime - t.Length).Abs() })
		long := spread(counted, func(t Trial) time.Duration { return (t.Reading.Longest - t.Length).Abs() })
		row.Error, row.OffLong = &off, &long
	}
	row.RSS = rss(counted)
	row.Stages = stages(counted)
	row.Uncounted = reasons(uncounted)
	row.Differ = differ(counted)
	row.Streams = byStream(counted)
	return row
}

// takeovers counts those that nobody needed, in trials of some length together.
type takeovers struct {
	needless int
	observed time.Duration
}

func (n *takeovers) add(t Trial) {
	n.needless += t.Needless
	n.observed += t.Ended.Sub(t.Began)
}

func (n *takeovers) perMinute() float64 {
	if n.observed <= 0 {
		return 0
	}
	return float64(n.needless) / n.observed.Minutes()
}

func spread(trials []Trial, of func(Trial) time.Duration) Spread {
	values := make([]time.Duration, 0, len(trials))
	for _, t := range trials {
		values = append(values, of(t))
	}
	return SpreadOf(values)
}

func (s *Signals) add(t Trial) {
	if t.Fault == Noop || t.Component.control() {
		return
	}
	switch t.Timeline.Signal {
	case failover.Reset:
		s.Reset++
	case failover.Silence:
		s.Silence++
	case failover.Overdue:
		s.Overdue++
	case failover.Gone, failover.Handover:
		s.Other++
	default:
		s.None++
	}
}

func rss(trials []Trial) RSS {
	sizes := make([]int64, 0, len(trials))
	for _, t := range trials {
		sizes = append(sizes, t.RSS)
	}
	slices.Sort(sizes)
	if len(sizes) == 0 {
		return RSS{}
	}
	return RSS{P50: mebi(sizes[(len(sizes)-1)/2]), Max: mebi(sizes[len(sizes)-1])}
}

// stages sums up how long after the injection each stage was reached, leaving out those that no trial saw.
func stages(trials []Trial) []StageRow {
	var rows []StageRow
	for i, stage := range (Timeline{}).Stages() {
		var seen []time.Duration
		for _, t := range trials {
			if after := t.course().Stages()[i].After; t.Fault != Noop && !t.Component.control() && after >= 0 {
				seen = append(seen, after)
			}
		}
		if len(seen) == 0 {
			continue
		}
		slices.Sort(seen)
		us := func(perMille int) float64 { return float64(nearestRank(seen, perMille).Microseconds()) }
		rows = append(rows, StageRow{Stage: stage.Name, N: len(seen), P50: us(500), P99: us(990)})
	}
	return rows
}

// differ names what set downtime, gap and loss apart, in how many trials, each with the widest example.
func differ(trials []Trial) []Reason {
	count, example, widest := map[string]int{}, map[string]string{}, map[string]time.Duration{}
	for _, t := range trials {
		for _, d := range t.Reading.Differ() {
			count[d.Cause]++
			if d.Apart > widest[d.Cause] {
				widest[d.Cause], example[d.Cause] = d.Apart, d.Text
			}
		}
	}
	why := map[string]int{}
	for _, cause := range slices.Sorted(maps.Keys(count)) {
		why[cause+"; "+example[cause]] = count[cause]
	}
	return reasons(why)
}

// reasons sorts sentences, the most frequent first.
func reasons(count map[string]int) []Reason {
	var list []Reason
	for _, why := range slices.Sorted(maps.Keys(count)) {
		list = append(list, Reason{Why: why, N: count[why]})
	}
	slices.SortStableFunc(list, func(a, b Reason) int { return cmp.Compare(b.N, a.N) })
	return list
}
