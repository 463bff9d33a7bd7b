package work

import (
	"errors"
	"fmt"
)

// Strategy says how many copies of a task there are and what happens when its owner fails. The first three keep one copy.
type Strategy uint8

// The strategies, from the least redundancy to the most: the order in which they are offered.
const (
	// FailFast keeps one copy; the first fault ends the stream, which says so.
	FailFast Strategy = iota + 1
	// Expendable keeps one copy; what a fault loses is dropped, the rest goes on.
	Expendable
	// Reschedule keeps one copy and places it anew once gossip says that the node is gone.
	Reschedule
	// Standby keeps a copy on each standby, promoted by the first signal that the owner failed.
	Standby
	// Hedge is Standby whose first standby also runs its copy once the task takes longer than nineteen of twenty do (Dean
	// and Barroso, The Tail at Scale, 2013).
	Hedge
	// Active has every holder run its copy at once and takes the first result, so that no fault need be noticed (as PRP and
	// HSR do with frames, IEC 62439-3).
	Active
	// Vote has every holder run its copy and takes the answer that most of them give: a wrong one is masked, and reported
	// (N-modular redundancy, von Neumann 1956).
	Vote
)

// Strategies lists every strategy by value.
var Strategies = []Strategy{FailFast, Expendable, Reschedule, Standby, Hedge, Active, Vote}

var (
	// ErrUnknownStrategy: the name is not one of [Strategies]; offer those.
	ErrUnknownStrategy = errors.New("unknown strategy")
	// ErrFactor: the strategy does not go with so many copies; the text says with how many it does.
	ErrFactor = errors.New("the factor does not suit the strategy")
)

// String is the strategy's name as a user writes it.
func (s Strategy) String() string {
	switch s {
	case FailFast:
		return "failfast"
	case Expendable:
		return "expendable"
	case Reschedule:
		return "reschedule"
	case Standby:
		return "standby"
	case Hedge:
		return "hedge"
	case Active:
		return "active"
	case Vote:
		return "vote"
	}
	return fmt.Sprintf("strategy(%d)", uint8(s))
}

// ParseStrategy finds a strategy by its name.
func ParseStrategy(name string) (Strategy, error) {
	for _, s := range Strategies {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w %q: one of %v", ErrUnknownStrategy, name, Strategies)
}

// MaxFactor is the largest number of copies of a task.
const MaxFactor = 4

// Factors are the fewest and the most copies of a task, the owner's included, that the strategy goes with; both are 0
// where s is none. The fewest is the default.
func (s Strategy) Factors() (fewest, most uint8) {
	switch s {
	case FailFast, Expendable, Reschedule:
		return 1, 1
	case Standby, Hedge, Active:
		return 2, MaxFactor
	case Vote:
		return 3, MaxFactor
	}
	return 0, 0
}

// Check tells whether the strategy exists and goes with so many copies. The error is [ErrUnknownStrategy] or [ErrFactor].
func (s Strategy) Check(factor uint8) error {
	fewest, most := s.Factors()
	switch {
	case most == 0:
		return fmt.Errorf("%w: one of %v", ErrUnknownStrategy, Strategies)
	case most == 1 && factor != 1:
		return fmt.Errorf("%w: %v keeps one copy, not %d", ErrFactor, s, factor)
	case factor < fewest || factor > most:
		return fmt.Errorf("%w: %v takes %d to %d copies, not %d", ErrFactor, s, fewest, most, factor)
	}
	return nil
}

// Single reports whether there is one copy only, which nobody can take over.
func (s Strategy) Single() bool {
	_, most := s.Factors()
	return most == 1
}

// Everyone reports whether every holder runs its copy unasked.
func (s Strategy) Everyone() bool { return s == Active || s == Vote }
