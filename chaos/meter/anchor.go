package meter

import "fracture/clock"

// Anchor finds the origin of a schedule from results that came while nothing was wrong: the latest instant at which
// frame 0 can have been due if no result came before it was. What all results share in lateness, such as the way from
// the splitter to the sink, is then not seen; calm would take it away in any case. Expected from then on is every frame
// after those seen. It reports whether there was any result to go by.
func Anchor(s Schedule, seen []Delivery) (Schedule, bool) {
	found := false
	for _, d := range seen {
		if d.Task.Stream != s.Stream {
			continue
		}
		origin := d.At - clock.Instant(d.Task.Frame)*clock.Instant(s.Period)
		if !found || origin < s.Start {
			s.Start = origin
		}
		s.First = max(s.First, d.Task.Frame+1)
		found = true
	}
	return s, found
}
