package chaos

import (
	"fmt"
	"math"
	"time"
)

// Distribution is in what way something is spread around its mean.
type Distribution uint8

// The distributions, by the names of tc-netem.
const (
	// Uniform: all within one jitter of the mean is as likely.
	Uniform Distribution = iota
	// Normal: the jitter is the standard deviation.
	Normal
	// Pareto: the jitter is the standard deviation, of many that are a little early and few that are very late: a tail of
	// index 3, cut where it is worstPareto jitters late.
	Pareto
)

// Distributions lists every distribution by value.
var Distributions = []Distribution{Uniform, Normal, Pareto}

// String names the distribution as orders do.
func (d Distribution) String() string {
	switch d {
	case Uniform:
		return "uniform"
	case Normal:
		return "normal"
	case Pareto:
		return "pareto"
	}
	return fmt.Sprintf("distribution(%d)", uint8(d))
}

// MarshalText writes the distribution as String does. Its error wraps [ErrBadFault].
func (d Distribution) MarshalText() ([]byte, error) { return named(d, Distributions) }

// UnmarshalText reads what MarshalText wrote.
func (d *Distribution) UnmarshalText(text []byte) error { return lookUp(d, Distributions, text) }

// lateness is how late the fault makes something with luck: By, give or take Jitter, and neither early nor more than MaxLate late.
func (f Fault) lateness(luck Luck) time.Duration {
	late := f.By
	switch f.Distribution {
	case Uniform:
		late = luck.Within(Span{Min: f.By - f.Jitter, Max: f.By + f.Jitter})
	case Normal:
		late += time.Duration(float64(f.Jitter) * luck.normal())
	case Pareto:
		late += time.Duration(float64(f.Jitter) * luck.pareto())
	}
	return min(max(late, 0), MaxLate)
}

// normal is the luck as a number of mean 0 and deviation 1, all but normally distributed: twelve that are uniform, added
// up. It is within six, and the same on every machine, which a logarithm need not be.
func (l Luck) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += l.Share()
		l = l.Next()
	}
	return sum
}

// The mean and the deviation of a Pareto distribution of index 3 whose least value is 1, and how many deviations above the mean
// it is cut off.
const (
	meanPareto      = 1.5
	deviationPareto = 0.8660254037844386
	worstPareto     = 20.0
)

// pareto is the luck as a number of mean 0 and deviation 1, nearly, that is Pareto's with index 3.
func (l Luck) pareto() float64 {
	return min((1/math.Cbrt(1-l.Share())-meanPareto)/deviationPareto, worstPareto)
}
