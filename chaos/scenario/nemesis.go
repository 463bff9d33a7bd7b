package scenario

import (
	"slices"
	"time"

	"fracture/chaos"
)

// Nemesis strikes again and again, each time with one of its faults, drawn by weight.
type Nemesis struct {
	Faults []Weighted
	Every  time.Duration // from one strike to the next; the first comes after so long
	For    time.Duration // no strike later than this; 0: Times says it
	Times  int           // so many strikes; 0: For says it
	Until  []Stop        // ends it early
	Seed   uint64        // 0: that of the scenario
}

// Weighted is a fault that is drawn as often as its weight says, beside those of the others.
type Weighted struct {
	Weight int
	Fault  Fault
}

// Stop is what ends a nemesis before its time.
type Stop string

// The stop conditions.
const (
	Broken  Stop = "broken"   // a budget is broken
	Deviate Stop = "deviated" // the hypothesis does not hold
)

// maxWeight bounds a weight.
const maxWeight = 1000

// nemesis reads one.
func (r *reader) nemesis(n *node) *Nemesis {
	f := r.fieldsOf(n, "nemesis", "faults", "every", "for", "times", "until", "seed")
	m := &Nemesis{Every: f.span("every", shortest), For: f.span("for", shortest), Times: f.whole("times", 1, maxStrikes)}
	if s := f.n.get("seed"); s != nil {
		var x Extension
		one := &node{kind: table, at: s.at}
		one.add("seed", s)
		r.settings(fields{r, one, "nemesis"}, &x)
		m.Seed = x.Seed
	}
	for _, n := range f.list("faults", maxKeys) {
		w := r.anyFields(n, "nemesis")
		weight := w.whole("weight", 1, maxWeight)
		m.Faults = append(m.Faults, Weighted{max(weight, 1), r.fault(w, []string{"fault", "weight", "for", "with"})})
	}
	for _, n := range f.list("until", 2) {
		one := &node{kind: table, at: n.at}
		one.add("until", n)
		m.Until = append(m.Until, Stop(fields{r, one, "nemesis"}.word("until", string(Broken), string(Deviate))))
	}
	switch {
	case len(m.Faults) == 0:
		r.wrong(f.at("faults"), "nemesis: no faults to draw from")
	case !f.has("every"):
		r.wrong(f.n.at, "nemesis: every is missing: how long from one strike to the next?")
	case !f.has("for") && !f.has("times"):
		r.wrong(f.n.at, "nemesis: it would never end; say for: 1m, or times: 20")
	case m.Every > 0 && m.For > 0 && m.For < m.Every:
		r.wrong(f.at("for"), "nemesis: for %v it never strikes, since it does every %v", m.For, m.Every)
	case m.count() > maxStrikes:
		r.wrong(f.at("every"), "nemesis: more than %d strikes", maxStrikes)
	case m.Every*time.Duration(m.count()) > longest:
		r.wrong(f.at("every"), "nemesis: its last strike would come after %v: want %v at most", m.Every*time.Duration(m.count()), longest)
	}
	return m
}

// count is how often it strikes, if nothing ends it early.
func (m *Nemesis) count() int {
	switch {
	case m.Every == 0:
		return 0
	case m.For == 0:
		return m.Times
	case m.Times == 0:
		return int(m.For / m.Every)
	}
	return min(m.Times, int(m.For/m.Every))
}

// Strikes are what it does under a seed, which its own goes before: the same each time.
func (m *Nemesis) Strikes(seed uint64) []Strike {
	if m.Seed != 0 {
		seed = m.Seed
	}
	all := 0
	for _, w := range m.Faults {
		all += w.Weight
	}
	strikes := make([]Strike, 0, m.count())
	for nth := range m.count() {
		luck := int(chaos.Draw(seed, chaos.Spot{}, 0, uint64(nth)).Below(uint64(all)))
		drawn := slices.IndexFunc(m.Faults, func(w Weighted) bool {
			luck -= w.Weight
			return luck < 0
		})
		f := m.Faults[drawn].Fault
		strikes = append(strikes, Strike{At: m.Every * time.Duration(nth+1), Fault: f, Place: f.Place})
	}
	return strikes
}
