package meter

// Attempts tells whoever carries out a series of trials when to go on. A trial that the machine spoilt is made again, but no
// more of them than the series has: a machine that stalls all the time is not to keep a run for ever.
type Attempts struct {
	left  int // trials still to make, but for those made again
	spare int // that may still be made again
	again bool
}

// NewAttempts makes those of a series of n trials.
func NewAttempts(n int) *Attempts { return &Attempts{left: n, spare: n} }

// Next reports whether there is a trial to make, and whether it stands in place of a spoilt one.
func (a *Attempts) Next() (more, again bool) { return a.left > 0, a.again }

// Made tells of the trial that was made, and reports whether it was one of the series' own count: not one to be made again.
func (a *Attempts) Made(t Trial) bool {
	a.again = t.Uncounted() == stalled && a.spare > 0
	if a.again {
		a.spare--
	} else {
		a.left--
	}
	return !a.again
}
