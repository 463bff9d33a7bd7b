package meter

import (
	"cmp"
	"slices"
	"time"

	"fracture/clock"
	"fracture/work"
)

// Span says what a reading looks at.
type Span struct {
	At     clock.Instant // just before the fault was injected
	Window time.Duration // results due in [At, At+Window) are looked at, and those outstanding at At
	Grace  time.Duration // a result that has not come by the horizon At+Window+Grace is lost

	// OnVictim reports whether the victim was to run a task. It tells the work in flight on the victim from the rest;
	// nil where that is not known, and then everything outstanding counts as in flight.
	OnVictim func(work.TaskID) bool
}

// Horizon is the instant at which what has not come is lost.
func (s Span) Horizon() clock.Instant { return s.At.Add(s.Window + s.Grace) }

// Reading is what one fault did to the work, as the sink saw it.
type Reading struct {
	// Downtime is the length of the union of [due + calm p99.9, arrival] over all results looked at, of all streams;
	// a lost result counts to the horizon. What lies before the fault is not counted.
	Downtime time.Duration
	Pieces   int           // separate stretches of that union
	Longest  time.Duration // the longest of them
	InFlight time.Duration // the same union over the results that were in flight on the victim, alone
	Arrivals time.Duration // the same union over the results that were due after the fault, alone
	Gap      time.Duration // the longest gap between two deliveries of one tile, less its period, in any stream
	Loss     time.Duration // the largest loss-derived figure of any tile: period × results lost or past the deadline
	Lost     int
	Streams  []StreamReading // in the order of Open
}

// StreamReading is the same for one stream.
type StreamReading struct {
	Stream   string
	Period   time.Duration
	Calm     Calm
	Due      int // results looked at
	Lost     int
	Downtime time.Duration
	Pieces   int
	Longest  time.Duration
	Gap      time.Duration
	Loss     time.Duration // a result is past its deadline a period after it would have been late
}

// interval is a stretch in which a result was late.
type interval struct{ from, to clock.Instant }

// Read measures what a fault did. It is to be asked at the horizon or later, with the calm before the fault as
// [Recorder.Calm] gave it.
func (r *Recorder) Read(s Span, calm []Calm) Reading {
	var out Reading
	var all, flight, arrivals []interval
	for i, f := range r.flows {
		sr := StreamReading{Stream: f.Name, Period: f.Period, Calm: calm[i]}
		begin := len(all)
		past := make([]int, f.Tiles)
		f.each(f.frameAfter(s.At.Add(-s.Grace)), f.frameAfter(s.At.Add(s.Window)-1), func(task work.TaskID, due, arrived clock.Instant) {
			lost := arrived == 0 || arrived > s.Horizon()
			if due < s.At && !lost && arrived <= s.At {
				return
			}
			sr.Due++
			if lost {
				sr.Lost++
				arrived = s.Horizon()
			}
			limit := due.Add(sr.Calm.P999)
			if lost || arrived > limit.Add(f.Period) {
				past[task.Tile]++
			}
			late := interval{from: max(limit, s.At), to: arrived}
			if late.to <= late.from {
				return
			}
			all = append(all, late)
			switch {
			case due >= s.At:
				arrivals = append(arrivals, late)
			case s.OnVictim == nil || s.OnVictim(task):
				flight = append(flight, late)
			}
		})
		sr.Downtime, sr.Pieces, sr.Longest = union(slices.Clone(all[begin:]))
		sr.Gap = f.gap(s)
		sr.Loss = time.Duration(slices.Max(past)) * f.Period
		out.Streams = append(out.Streams, sr)
		out.Lost += sr.Lost
		out.Gap = max(out.Gap, sr.Gap)
		out.Loss = max(out.Loss, sr.Loss)
	}
	out.Downtime, out.Pieces, out.Longest = union(all)
	out.InFlight, _, _ = union(flight)
	out.Arrivals, _, _ = union(arrivals)
	return out
}

// union measures what intervals cover together, counting what overlaps once: the sum, how many separate pieces it has,
// and the longest of them. It sorts its argument.
func union(in []interval) (sum time.Duration, pieces int, longest time.Duration) {
	slices.SortFunc(in, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	for i := 0; i < len(in); {
		piece := in[i]
		for i++; i < len(in) && in[i].from <= piece.to; i++ {
			piece.to = max(piece.to, in[i].to)
		}
		length := piece.to.Sub(piece.from)
		sum += length
		longest = max(longest, length)
		pieces++
	}
	return sum, pieces, longest
}

// gap is the longest time between two deliveries of one tile, less the period, among the gaps that end after the fault
// and begin within the window; the horizon ends the last one. Results that come out of order fill gaps as they come.
func (f *flow) gap(s Span) (longest time.Duration) {
	byTile := make([][]clock.Instant, f.Tiles)
	f.each(f.frameAfter(s.At.Add(-s.Grace-f.Period)), f.frameAfter(s.Horizon()), func(task work.TaskID, _, arrived clock.Instant) {
		if arrived != 0 && arrived <= s.Horizon() {
			byTile[task.Tile] = append(byTile[task.Tile], arrived)
		}
	})
	for _, arrived := range byTile {
		slices.Sort(arrived)
		last := s.At
		for _, at := range append(arrived, s.Horizon()) {
			if at > s.At && last < s.At.Add(s.Window) {
				longest = max(longest, at.Sub(last)-f.Period)
			}
			last = at
		}
	}
	return longest
}
