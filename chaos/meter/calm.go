package meter

import (
	"slices"
	"time"

	"fracture/clock"
	"fracture/work"
)

// Calm is how late the results of one stream were when nothing was wrong. Lateness is arrival − due; a constant part of
// it (the way from the sink to the splitter and back) says nothing and is what calm takes away.
type Calm struct {
	Stream string        // the schedule's name
	N      int           // results it rests on
	P50    time.Duration // lateness
	P999   time.Duration
	Max    time.Duration
	Due    int // results that were due in that time
}

// stands reports whether the stream stood still, or went on so badly that nothing can be told of it: most results that were
// due did not come.
func (c Calm) stands() bool { return 2*c.N < c.Due }

// Calm sums up, stream by stream in the order of Open, the lateness of the results that arrived in [from, to).
func (r *Recorder) Calm(from, to clock.Instant) []Calm {
	calm := make([]Calm, 0, len(r.flows))
	var late []time.Duration
	for _, f := range r.flows {
		late = late[:0]
		asked := 0
		f.each(f.oldest(), f.next, func(_ work.TaskID, due, arrived clock.Instant) {
			if due >= from && due < to {
				asked++
			}
			if arrived >= from && arrived < to {
				late = append(late, arrived.Sub(due))
			}
		})
		slices.Sort(late)
		calm = append(calm, Calm{
			Stream: f.Name,
			N:      len(late),
			P50:    nearestRank(late, 500),
			P999:   nearestRank(late, 999),
			Max:    nearestRank(late, 1000),
			Due:    asked,
		})
	}
	return calm
}
