package meter

import (
	"fmt"
	"slices"
	"strings"
)

// Guarded is how the streams of a run were guarded from a moment on.
type Guarded struct {
	At       float64 `json:"at_ms"` // since the run's start; 0: from the beginning
	Strategy string  `json:"strategy"`
	Copies   int     `json:"copies"`
}

// String is the strategy with its copies: "standby ×2".
func (g Guarded) String() string { return fmt.Sprintf("%s ×%d", g.Strategy, g.Copies) }

// spelledOut is how many ways to guard are told one by one, with their times.
const spelledOut = 8

// InTurn says how streams were guarded one after the other: "standby ×2, then reschedule ×1". Of many changes it says between what.
func InTurn(all []Guarded) string {
	if len(all) <= spelledOut {
		words := make([]string, len(all))
		for i, g := range all {
			words[i] = g.String()
		}
		return strings.Join(words, ", then ")
	}
	var kinds []string
	for _, g := range all {
		if !slices.Contains(kinds, g.String()) {
			kinds = append(kinds, g.String())
		}
	}
	return fmt.Sprintf("%s in turn, changed %d times", strings.Join(kinds, " and "), len(all)-1)
}

// Since says how the streams were guarded, and since when; empty where it was one way from beginning to end.
func (r *Report) Since() string {
	var words []string
	for i, g := range r.Guarded {
		switch {
		case i == 0:
			words = append(words, g.String())
		case i < spelledOut:
			words = append(words, fmt.Sprintf("from %.2f s on %v", g.At/1e3, g))
		}
	}
	if more := len(r.Guarded) - spelledOut; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}
