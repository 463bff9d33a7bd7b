package chaos

import (
	"math/bits"
	"time"
)

// Luck is the randomness of one decision: 64 bits, uniform, that depend on nothing but what they were drawn for.
type Luck uint64

// Draw is the luck of a spot under a rule when it asks for the nth time in a run of the given seed: a counter-based
// generator in the manner of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), with the finaliser of
// splitmix64 (Steele et al. 2014) as its mixer. It costs a few nanoseconds and no memory.
func Draw(seed uint64, spot Spot, rule uint32, nth uint64) Luck {
	h := mix(seed + golden)
	h = mix(h ^ uint64(spot.From)<<32 ^ uint64(spot.To))
	h = mix(h ^ uint64(spot.Site)<<32 ^ uint64(rule))
	return Luck(mix(h ^ nth*golden))
}

// SeedAt is the seed of what draws at one place alone, under a rule, in a run of the given seed: from, and to where there is
// another end, name the place. Names outlive processes, so the same seed draws the same in another run.
func SeedAt(seed uint64, site Site, from, to string, rule uint32) uint64 {
	return uint64(Draw(seed, Spot{Site: site, From: called(from), To: called(to)}, rule, 0))
}

// called is a name as a number: FNV-1a.
func called(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// golden is 2^64 divided by the golden ratio: the step of splitmix64.
const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Next is a further luck of the same decision, for a decision that has several parts.
func (l Luck) Next() Luck { return Luck(mix(uint64(l) + golden)) }

// Share is the luck as a number from 0 up to, and not including, 1.
func (l Luck) Share() float64 { return float64(l>>11) / (1 << 53) }

// Hits reports whether something that has the chance p happens.
func (l Luck) Hits(p float64) bool { return l.Share() < p }

// Below is the luck as a number below n, which must be positive.
func (l Luck) Below(n uint64) uint64 {
	hi, _ := bits.Mul64(uint64(l), n)
	return hi
}

// Within is the luck as a duration of the span.
func (l Luck) Within(s Span) time.Duration {
	if s.Max <= s.Min {
		return s.Min
	}
	return s.Min + time.Duration(l.Below(uint64(s.Max-s.Min)+1))
}
