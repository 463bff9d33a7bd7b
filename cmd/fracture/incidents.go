package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/tui"
)

// What becomes of a fault, as the scene sees it: who noticed, who took over, and how long the work stood still.

// maxDowntimes bounds how many incidents the figures rest on; the oldest are forgotten first.
const maxDowntimes = 10_000

// follow goes on with every incident that is not over, and begins new ones.
func (s *scene) follow(now clock.Instant) {
	s.mu.Lock()
	faults := slices.DeleteFunc(s.faults, s.ordinary)
	promoted := slices.DeleteFunc(s.promoted, func(t failover.Trace) bool { return s.statuses[t.Peer].leaving })
	s.faults, s.promoted = nil, nil
	s.mu.Unlock()
	quiet, gone := s.quiet(now)
	if gone {
		s.incidents, faults, promoted = nil, nil, nil
		clear(s.silences)
	}
	for _, f := range faults {
		s.begin(f)
	}
	for _, t := range promoted {
		s.takeover(t)
	}
	s.followSilences(now)
	s.overlook()
	for _, i := range s.incidents {
		if i.over {
			continue
		}
		if i.What == lost && !i.runs && s.spoke(i.Node, i.noticed) {
			s.blameLink(i)
		}
		// A stream that became known since the fault has no calm to be compared with: nothing of it is late.
		for len(i.calm) < len(s.schedules) {
			i.calm = append(i.calm, meter.Calm{P999: sceneMemory})
		}
		i.Downtime = max(i.Downtime, meter.Millis(s.rec.Read(i.soFar(now), i.calm).Downtime))
		s.lay(i)
		if now >= i.span.Horizon() && !quiet {
			s.end(i)
		}
	}
	s.broker.note(s.incidents)
	if n := len(s.incidents); n > 0 {
		s.broker.Incident(s.incidents[n-1].Incident)
	}
	s.incidents = slices.DeleteFunc(s.incidents, func(i *incident) bool {
		return i.over && now.Sub(i.At) > sceneMemory
	})
	s.tellLatency()
}

// end measures an incident whose results have come, or never will. One whose downtime cannot be told is in no figure.
func (s *scene) end(i *incident) {
	i.over, i.Open = true, false
	reading := s.rec.Read(i.span, i.calm)
	i.Downtime = meter.Millis(reading.Downtime)
	if i.runs {
		return // no node failed
	}
	missing := 0
	for _, stream := range reading.Streams {
		if stream.Calm.N > 0 {
			missing += stream.Lost
		}
	}
	switch {
	case i.Untold != "":
	case s.missed > i.missed:
		i.Untold = "more results came than could be read"
	case missing > 0 && reading.Downtime <= sceneBudget: // over it, what never came is in the figure
		i.Untold = fmt.Sprintf("%d results never came", missing)
	}
	if i.Untold != "" {
		s.untold++
		return
	}
	s.downtimes = append(s.downtimes, downtime{i.class(), reading.Downtime})
	if len(s.downtimes) > maxDowntimes {
		s.downtimes = slices.Delete(s.downtimes, 0, len(s.downtimes)-maxDowntimes)
	}
}

// doubt says why nobody can tell what a fault at an instant costs, as far as that is known when it begins; empty where it
// can be told. What is late by no more than calm p99.9 is not downtime, so a restless calm hides what is within the budget.
func (s *scene) doubt(at clock.Instant, calm []meter.Calm) string {
	if !slices.ContainsFunc(calm, func(c meter.Calm) bool { return c.N > 0 }) {
		return "no results came before it"
	}
	longest := time.Second
	for _, schedule := range s.schedules {
		longest = max(longest, 4*schedule.Period)
	}
	for _, c := range s.rec.Calm(at.Add(-longest), at) {
		if c.N == 0 {
			return "the work stood still before it"
		}
	}
	for _, c := range calm {
		if spread := c.P999 - c.P50; spread > sceneBudget {
			return fmt.Sprintf("uneven by %.0f ms before it", meter.Millis(spread))
		}
	}
	return ""
}

// begin opens an incident, unless the news belongs to one that is open on the same node.
func (s *scene) begin(f incident) {
	for _, i := range slices.Backward(s.incidents) {
		if i.of == f.Node && (!i.runs || f.What == lost) && f.At.Sub(i.At) < i.span.Window+i.span.Grace {
			i.join(f)
			return
		}
	}
	if f.What == lost && f.Signal == failover.Silence {
		s.hush(f)
		return
	}
	s.launch(f)
}

// launch opens an incident.
func (s *scene) launch(f incident) *incident {
	s.begun++
	f.Open, f.of, f.number, f.role = true, f.Node, s.begun, s.roleOf(f.Node)
	f.span = meter.Span{At: f.At, Window: sceneWindow, Grace: sceneGrace}
	f.calm = s.rec.Calm(f.At.Add(-sceneCalm), f.At)
	f.Untold, f.missed = s.doubt(f.At, f.calm), s.missed
	s.incidents = append(s.incidents, &f)
	s.unhush(&f)
	return &f
}

// join adds what another piece of news says of the same fault: the word of who caused it, and the first notice.
func (i *incident) join(f incident) {
	if f.What != lost && i.guessed() {
		i.What, i.At = f.What, f.At
	}
	if i.noticed == 0 {
		i.noticed, i.Signal = f.noticed, f.Signal
	}
	if i.noticed > i.At && !i.guessed() {
		i.Noticed = meter.Millis(i.noticed.Sub(i.At))
	}
}

// inFlight is how long an ordinary result may be on its way: younger ones say nothing yet.
const inFlight = 50 * time.Millisecond

// soFar is the part of the incident's span of which the results should have come by now.
func (i *incident) soFar(now clock.Instant) meter.Span {
	span := i.span
	span.Window = min(max(now.Sub(i.At)-inFlight, time.Millisecond), i.span.Window)
	span.Grace = max(now.Sub(i.At)-span.Window, 0)
	return span
}

// takeover notes who took over, and from whom; from a node that nobody broke it was needless.
func (s *scene) takeover(t failover.Trace) {
	if t.Signal == failover.Handover {
		return
	}
	for _, i := range slices.Backward(s.incidents) {
		if i.of == t.Peer && t.At.Sub(i.At) < sceneMemory {
			i.inherit(t)
			if i.runs {
				break
			}
			return
		}
	}
	if q := s.silences[t.Peer]; q != nil && t.Signal == failover.Silence {
		q.takeovers = append(q.takeovers, t)
		return
	}
	s.waste(t.At)
}

// waste counts a needless takeover.
func (s *scene) waste(at clock.Instant) {
	s.wasted++
	s.needless = append(s.needless, at)
}

// inherit notes a takeover from the node of the incident.
func (i *incident) inherit(t failover.Trace) {
	i.Tasks++
	if i.Heir == "" || t.At < i.taken { // what is told first need not be what came first
		i.Heir, i.taken = t.Node, t.At
		if !i.guessed() {
			i.Taken = meter.Millis(t.At.Sub(i.At))
		}
	}
	if i.Signal == 0 {
		i.Signal = t.Signal
	}
}

// guessed reports whether only the nodes tell of the incident, so that nobody knows when it began.
func (i *incident) guessed() bool { return i.What == lost || i.What == silent || i.runs }

// downtime is what a fault of a class cost.
type downtime struct {
	class string
	took  time.Duration
}

// classes sums up the incidents of each class of fault, those of which there are most first.
func classes(all []downtime) (list []tui.Class) {
	took := map[string][]time.Duration{}
	for _, d := range all {
		took[d.class] = append(took[d.class], d.took)
	}
	for class, some := range took {
		spread := meter.SpreadOf(some)
		list = append(list, tui.Class{Name: class, N: len(some), P50: spread.P50, P90: spread.P90, P99: spread.P99, Max: spread.Max})
	}
	slices.SortFunc(list, func(a, b tui.Class) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Name, b.Name)) })
	return list
}

// tellLatency sums up all incidents so far.
func (s *scene) tellLatency() {
	if len(s.downtimes) == 0 {
		if s.untold > 0 {
			s.broker.Latency(tui.Latency{Untold: s.untold})
		}
		return
	}
	all := make([]time.Duration, 0, len(s.downtimes))
	for _, d := range s.downtimes {
		all = append(all, d.took)
	}
	last := all[len(all)-1]
	spread := meter.SpreadOf(slices.Clone(all))
	l := tui.Latency{
		N: len(all), Untold: s.untold, Last: meter.Millis(last), P50: spread.P50, P90: spread.P90, P99: spread.P99, Max: spread.Max,
		Classes: classes(s.downtimes),
	}
	for _, upTo := range latencyBuckets {
		l.Buckets = append(l.Buckets, tui.Bucket{UpTo: upTo})
	}
	for _, d := range all {
		ms := meter.Millis(d)
		at := slices.IndexFunc(latencyBuckets, func(upTo float64) bool { return ms <= upTo })
		l.Buckets[at].Count++
	}
	s.broker.Latency(l)
}

// sumUp tells the sink's counters and rates.
func (s *scene) sumUp(now clock.Instant) {
	if quiet, gone := s.quiet(now); quiet {
		s.totals.Results, s.totals.Gone = 0, gone
		s.broker.Totals(s.totals)
		return
	}
	totals := s.rec.Totals(now.Add(-sceneGrace - sceneWindow))
	s.broker.count(totals, s.wasted)
	t := tui.Totals{Frame: s.frame, Lost: totals.Lost, Unmeasured: totals.Unmeasured, Duplicates: totals.Duplicates}
	every := max(time.Second, 4*s.schedules[pictureStream].Period) // a slow stream does not stand still between two frames
	if since := now.Sub(s.last.at); since > every {
		if s.last.at != 0 {
			s.last.rate = float64(s.arrived-s.last.count) / since.Seconds()
		}
		s.last.at, s.last.count = now, s.arrived
	} else if s.last.rate == 0 && since > 0 { // what began just now is told at once
		s.last.rate = float64(s.arrived-s.last.count) / since.Seconds()
	}
	t.Results = s.last.rate
	if len(s.lateness) > 0 {
		slices.Sort(s.lateness)
		s.last.lateness = meter.Millis(s.lateness[len(s.lateness)/2])
	}
	t.Lateness = s.last.lateness
	s.needless = slices.DeleteFunc(s.needless, func(at clock.Instant) bool { return now.Sub(at) > time.Minute })
	t.NeedlessPerMinute = float64(len(s.needless))
	s.totals = t
	s.broker.Totals(t)
}
