package meter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fracture/clock"
	"fracture/work"
)

// Hole is a stretch of a stream of which results never came.
type Hole struct {
	Stream   string        // as its schedule names it
	N        uint64        // results that did not come
	From, To clock.Instant // when the first and the last of them were due
}

// Bounds on holes: results due so close together are missing from one, and so many are remembered of a stream.
const (
	oneHole  = 100 * time.Millisecond
	maxHoles = 64
)

// widen adds a hole that does not begin before the last one.
func widen(holes []Hole, h Hole) []Hole {
	if last := len(holes) - 1; last >= 0 && (h.From.Sub(holes[last].To) <= oneHole || len(holes) >= maxHoles) {
		holes[last].N += h.N
		holes[last].To = h.To
		return holes
	}
	return append(holes, h)
}

// lose notes that n results of the frames [from, to) never came.
func (f *flow) lose(from, to, n uint64) {
	if n > 0 {
		f.gone += n
		f.holes = widen(f.holes, Hole{Stream: f.Name, N: n, From: f.due(from), To: f.due(to - 1)})
	}
}

// Holes lists where the results due until an instant are missing, stream by stream: it is what Totals counts as lost. Beyond
// 64 of a stream they are told as one.
func (r *Recorder) Holes(until clock.Instant) (all []Hole) {
	for _, f := range r.flows {
		holes := slices.Clone(f.holes)
		f.each(f.oldest(), f.frameAfter(until), func(_ work.TaskID, due, arrived clock.Instant) {
			if arrived == 0 {
				holes = widen(holes, Hole{Stream: f.Name, N: 1, From: due, To: due})
			}
		})
		all = append(all, holes...)
	}
	return all
}

// LostRow is a hole as a report tells it: beside the fault before it.
type LostRow struct {
	Stream string  `json:"stream"`
	N      uint64  `json:"n"`
	Trial  int     `json:"trial"`   // of all that were made, controls and uncounted ones too, from 1; 0: before the first
	From   float64 `json:"from_ms"` // when the first of them was due, after that trial's fault, or before it; 0 without one
	To     float64 `json:"to_ms"`   // and the last
	after  string
}

// lostRows places holes among trials, which are in the order in which they were made. What a fault takes was due before it and
// after it, so a hole belongs to the last fault that had come when it ended.
func lostRows(holes []Hole, trials []Trial) (rows []LostRow) {
	for _, h := range holes {
		row, began := LostRow{Stream: h.Stream, N: h.N}, h.From
		for i, t := range trials {
			if t.Before != 0 && t.Before <= h.To {
				row.Trial, began, row.after = i+1, t.Before, strings.TrimSpace(fmt.Sprintf("%s %s %s", t.Component, t.Fault, t.Victim))
			}
		}
		row.From, row.To = Millis(h.From.Sub(began)), Millis(h.To.Sub(began))
		rows = append(rows, row)
	}
	return rows
}

// write says where results are missing.
func (l LostRow) write(b *strings.Builder) {
	if l.Trial == 0 {
		fmt.Fprintf(b, "lost: %d of %s, due before the first trial\n", l.N, l.Stream)
		return
	}
	fmt.Fprintf(b, "lost: %d of %s, due %s to %s ms after the fault of trial %d (%s)\n", l.N, l.Stream, figure(l.From), figure(l.To), l.Trial, l.after)
}
