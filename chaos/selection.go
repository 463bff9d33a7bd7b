package chaos

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Role is a part that a node has in the cluster's work.
type Role string

// The roles.
const (
	Owner    Role = "owner"    // it runs tasks
	Standby  Role = "standby"  // it holds copies of tasks that others run
	Splitter Role = "splitter" // it owns the splitter of a stream
	Door     Role = "door"     // requests come in at it
)

// Roles lists every role.
var Roles = []Role{Owner, Standby, Splitter, Door}

// Candidate is a node that may be chosen, as it is now.
type Candidate struct {
	Name  string
	Zone  string // "" where it has none
	Roles []Role
	Tiles []uint32 // of the picture, that it owns
}

// Has reports whether the node has a role now.
func (c Candidate) Has(r Role) bool { return slices.Contains(c.Roles, r) }

// Selection says which nodes a fault is for: those that satisfy all that it names, and of these the Pick.
type Selection struct {
	Names []string // of nodes; none: any
	Roles []Role   // it has one of them; none: any
	Zones []string // it is in one of them; none: any
	Tiles []uint32 // it owns one of them; none: any
	Pick  Pick     // the zero Pick is all
}

// ErrNobody: a selection matches no node, so there is nothing to break; the text says who there is. Choose otherwise, or wait.
var ErrNobody = errors.New("no node matches")

// ErrBadPick: the text says no number or share of nodes; it says what would be one.
var ErrBadPick = errors.New("bad pick")

// From chooses among candidates, whose order matters to luck alone, and answers with names in their order. Who is named and
// is no candidate is an error, as is nobody at all.
func (s Selection) From(candidates []Candidate, luck Luck) ([]string, error) {
	var all, fit []string
	for _, c := range candidates {
		all = append(all, c.Name)
		if s.fits(c) {
			fit = append(fit, c.Name)
		}
	}
	for _, name := range s.Names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("%w: %s; the members are %s", ErrNobody, name, listed(all))
		}
	}
	if len(fit) == 0 {
		return nil, fmt.Errorf("%w: %v; the members are %s", ErrNobody, s, listed(all))
	}
	chosen := fit[:0:0]
	for n := s.Pick.of(len(fit), luck); len(chosen) < n; {
		luck = luck.Next()
		i := int(luck.Below(uint64(len(fit))))
		chosen = append(chosen, fit[i])
		fit = slices.Delete(fit, i, i+1)
	}
	slices.Sort(chosen)
	return chosen, nil
}

func (s Selection) fits(c Candidate) bool {
	return (len(s.Names) == 0 || slices.Contains(s.Names, c.Name)) &&
		(len(s.Roles) == 0 || slices.ContainsFunc(s.Roles, c.Has)) &&
		(len(s.Zones) == 0 || slices.Contains(s.Zones, c.Zone)) &&
		(len(s.Tiles) == 0 || slices.ContainsFunc(s.Tiles, func(t uint32) bool { return slices.Contains(c.Tiles, t) }))
}

// String says whom it means: "owner of tile 7 in zone z1".
func (s Selection) String() string {
	words := []string{s.Pick.String()}
	add := func(before string, list []string) {
		if len(list) > 0 {
			words = append(words, before+strings.Join(list, " or "))
		}
	}
	add("of ", s.Names)
	var roles, tiles []string
	for _, r := range s.Roles {
		roles = append(roles, string(r))
	}
	for _, t := range s.Tiles {
		tiles = append(tiles, strconv.FormatUint(uint64(t), 10))
	}
	add("with the role ", roles)
	add("that own tile ", tiles)
	add("in zone ", s.Zones)
	return strings.Join(words, " ")
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

// Pick says how many of those that match are chosen, in the modes of Chaos Mesh (one, all, fixed, fixed-percent and
// random-max-percent).
type Pick struct {
	Mode  PickMode
	Count int     // PickFixed: how many, at least 1; as many as there are, where those are fewer
	Share float64 // PickShare, PickUpTo: above 0 and up to 1
}

// PickMode is the way of a Pick.
type PickMode uint8

// The modes.
const (
	PickAll   PickMode = iota // all of them
	PickFixed                 // a number
	PickShare                 // a share, rounded up
	PickUpTo                  // at random from one up to a share, rounded down, but at least one
)

// nearly absorbs that 7 % of 100 is 7.000000000000001 to a computer.
const nearly = 1e-9

// of is how many of n are picked, n being 1 or more.
func (p Pick) of(n int, luck Luck) int {
	switch p.Mode {
	case PickFixed:
		return min(p.Count, n)
	case PickShare:
		return int(math.Ceil(p.Share*float64(n) - nearly))
	case PickUpTo:
		return 1 + int(luck.Below(uint64(max(int(p.Share*float64(n)+nearly), 1))))
	case PickAll:
	}
	return n
}

// String spells the pick as ParsePick reads it.
func (p Pick) String() string {
	percent := strconv.FormatFloat(100*p.Share, 'g', -1, 64) + "%"
	switch p.Mode {
	case PickFixed:
		return strconv.Itoa(p.Count)
	case PickShare:
		return percent
	case PickUpTo:
		return randomMax + percent
	case PickAll:
	}
	return "all"
}

const randomMax = "random-max-"

// maxPicked bounds a number of nodes.
const maxPicked = 10_000

// ParsePick reads one, all, a number, a share such as 50%, or random-max-50%. Its error wraps [ErrBadPick].
func ParsePick(text string) (Pick, error) {
	switch text {
	case "all":
		return Pick{}, nil
	case "one":
		return Pick{Mode: PickFixed, Count: 1}, nil
	}
	number, upTo := strings.CutPrefix(text, randomMax)
	if percent, ok := strings.CutSuffix(number, "%"); ok {
		share, err := strconv.ParseFloat(percent, 64)
		if err == nil && share > 0 && share <= 100 {
			mode := PickShare
			if upTo {
				mode = PickUpTo
			}
			return Pick{Mode: mode, Share: share / 100}, nil
		}
	} else if n, err := strconv.Atoi(number); err == nil && !upTo && n >= 1 && n <= maxPicked {
		return Pick{Mode: PickFixed, Count: n}, nil
	}
	return Pick{}, fmt.Errorf("%w %q: want one, all, a number such as 2, a share such as 50%%, or random-max-50%%", ErrBadPick, text)
}
