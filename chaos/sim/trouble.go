package sim

// Trouble is what goes wrong beside the faults of package chaos: at more than one spot at once, with the clocks, when something
// else has just gone wrong, or at the store.
type Trouble uint8

// The troubles.
const (
	// OneApart: a partition between one node and the others.
	OneApart Trouble = iota
	// Halves: a partition into a majority and the largest minority.
	Halves
	// Ring: a partition in which each node sees a majority, and no two the same one.
	Ring
	// Third: a partition between less than a third of the nodes, at least one, and the others.
	Third
	// Skew: clocks that are hours apart, and some faster than others.
	Skew
	// SecondKill: a death at most 100 ms after a promotion, of the node promoted or of another holder.
	SecondKill
	// SecondFreeze: a freeze then.
	SecondFreeze
	// StoreSlow: writes take up to 400 ms.
	StoreSlow
	// StoreFail: most writes fail.
	StoreFail
	// StoreEmpty: the store starts again and has nothing any more of what it did not have whole.
	StoreEmpty
	// Stall: the host stands still for a moment, or some of its cores do.
	Stall
	// Busy: loops wait for a core again and again.
	Busy
	// Hang: processes stand still for seconds.
	Hang
)

// Troubles lists every trouble by value.
var Troubles = []Trouble{OneApart, Halves, Ring, Third, Skew, SecondKill, SecondFreeze, StoreSlow, StoreFail, StoreEmpty, Stall, Busy, Hang}

// String names the trouble as reports do.
func (t Trouble) String() string {
	switch t {
	case OneApart:
		return "one apart"
	case Halves:
		return "halves"
	case Ring:
		return "ring"
	case Third:
		return "third"
	case Skew:
		return "skew"
	case SecondKill:
		return "second kill"
	case SecondFreeze:
		return "second freeze"
	case StoreSlow:
		return "store slow"
	case StoreFail:
		return "store fails"
	case StoreEmpty:
		return "store empty"
	case Stall:
		return "stall"
	case Busy:
		return "busy"
	case Hang:
		return "hang"
	}
	return "-"
}

// word is the trouble's verb in the trace, where the store is the node.
func (t Trouble) word() string {
	switch t {
	case StoreSlow:
		return "slow"
	case StoreFail:
		return "fails"
	case StoreEmpty:
		return "empty"
	case Stall:
		return "stall"
	case Hang:
		return "hang"
	case Busy, OneApart, Halves, Ring, Third, Skew, SecondKill, SecondFreeze:
	}
	return "-"
}
