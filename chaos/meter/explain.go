package meter

import (
	"fmt"
	"time"
)

// Difference is why one stream's downtime, gap and loss-derived figure lie more than two periods apart.
type Difference struct {
	Apart time.Duration
	Cause string // the kind of reason, the same for all such readings
	Text  string // this one in figures
}

// Differ lists the streams whose three figures lie more than two periods apart. Downtime joins all tiles while gap and
// loss are of the worst one; downtime and loss know due times while gap does not.
func (r Reading) Differ() []Difference {
	var list []Difference
	for _, s := range r.Streams {
		apart := max(s.Downtime, s.Gap, s.Loss) - min(s.Downtime, s.Gap, s.Loss)
		if apart <= 2*s.Period {
			continue
		}
		list = append(list, Difference{Apart: apart, Cause: s.cause(), Text: fmt.Sprintf(
			"e.g. downtime %.3f ms in %d stretches, the longest %.3f, gap %.3f, loss-derived %.3f, %d lost, calm p99.9 %.3f",
			Millis(s.Downtime), s.Pieces, Millis(s.Longest), Millis(s.Gap), Millis(s.Loss), s.Lost, Millis(s.Calm.P999))})
	}
	return list
}

func (s StreamReading) cause() string {
	switch {
	case s.Downtime < min(s.Gap, s.Loss) && s.Calm.P999 > 2*s.Period:
		return s.Stream + ": the calm before it was so restless that most of what was late or lost is no more than usual"
	case s.Lost > 0:
		return s.Stream + ": a lost result counts to the horizon, whatever came after it"
	case s.Downtime > s.Gap && s.Pieces > 1:
		return s.Stream + ": results were late in several stretches"
	case s.Downtime > s.Gap:
		return s.Stream + ": results kept coming but late, or tiles stood still one after the other"
	}
	return s.Stream + ": the calm before it already was as uneven"
}
