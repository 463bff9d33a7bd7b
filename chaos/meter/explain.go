package meter

import "fmt"

// Explain says, for each stream whose downtime, gap and loss-derived figure lie more than two periods apart, why they
// do. It is empty where they agree.
func (r Reading) Explain() []string {
	var why []string
	for _, s := range r.Streams {
		high, low := max(s.Downtime, s.Gap, s.Loss), min(s.Downtime, s.Gap, s.Loss)
		if high-low <= 2*s.Period {
			continue
		}
		why = append(why, fmt.Sprintf("%s: downtime %.3f, gap %.3f, loss-derived %.3f ms: %s",
			s.Stream, Millis(s.Downtime), Millis(s.Gap), Millis(s.Loss), s.reason()))
	}
	return why
}

// reason names what sets a stream's three figures apart. Downtime joins all tiles, gap and loss are of the worst one;
// downtime and loss know due times, gap does not.
func (s StreamReading) reason() string {
	switch {
	case s.Lost > 0 && s.Lost == s.Due:
		return "nothing came back before the horizon"
	case s.Lost > 0:
		return fmt.Sprintf("each of %d lost results counts to the horizon, whatever came after it", s.Lost)
	case s.Downtime > s.Gap && s.Pieces > 1:
		return fmt.Sprintf("results were late in %d separate stretches, the longest %.3f ms", s.Pieces, Millis(s.Longest))
	case s.Downtime > s.Gap:
		return "results kept coming, but late, or different tiles stood still one after the other"
	}
	return fmt.Sprintf("calm p99.9 already allows results to be %.3f ms late", Millis(s.Calm.P999))
}
