package chaos

import "fmt"

// String says in a few words what stands where.
func (s Standing) String() string {
	what := s.Fault.String() + " at " + s.Site.String()
	way, peer := " to ", s.Peer
	if s.Inward {
		way = " from "
	}
	if peer == "" {
		peer = "all"
	}
	if s.Site == Link || s.Site == Beat {
		what += way + peer
	}
	return what
}

// String says in a few words what goes wrong.
func (f Fault) String() string {
	what := f.Kind.String()
	switch f.Kind {
	case Loss, Wrong, Corrupt:
		what += f.share()
	case Deny:
		what += f.share()
		if f.Refusal != ReadOnly {
			what += " as " + f.Refusal.String()
		}
	case Delay, Duplicate, Reorder:
		what += f.share()
		if f.Writes {
			what += " of writes"
		}
		what += fmt.Sprintf(" by %v", f.By)
		if f.Jitter > 0 {
			what += fmt.Sprintf(" ± %v, %v", f.Jitter, f.Distribution)
		}
	case Slow:
		what += fmt.Sprintf(" by %g", f.Times)
	case Fail:
		what += " as " + f.Terms
	case Bandwidth:
		what += fmt.Sprintf(" of %d B/s", f.Rate)
	case Slicer:
		what += fmt.Sprintf(" into %d ± %d B, %v apart", f.Size, f.Vary, f.By)
	case LimitData:
		what += fmt.Sprintf(" after %d B", f.Bytes)
	case SlowClose:
		what += fmt.Sprintf(" by %v", f.By)
	case Reset, Blackhole:
		if f.Timeout > 0 {
			what += fmt.Sprintf(" after %v", f.Timeout)
		}
	case Skew, Jump:
		what += fmt.Sprintf(" by %v", f.By)
	case Strobe:
		what += fmt.Sprintf(" by %v each %v", f.By, f.Period)
	case Stress:
		what += fmt.Sprintf(" of %d cores", f.Cores)
	case Ballast:
		what += fmt.Sprintf(" of %d B", f.Bytes)
	case GC:
		if f.Rate > 0 {
			what += fmt.Sprintf(" of %d B/s", f.Rate)
		}
	case Kill, Restart, Freeze, Thaw, Cut, Wedge:
	}
	return what
}

// share says which messages are meant.
func (f Fault) share() string {
	of := fmt.Sprintf(" of %g %%", 100*f.Share)
	switch {
	case f.Burst > 1:
		of += fmt.Sprintf(" in bursts of %d in %d", f.Burst, f.Every)
	case f.Every > 1:
		of += fmt.Sprintf(" of one in %d", f.Every)
	}
	return of
}
