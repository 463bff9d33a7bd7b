package fractal

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestLog2_agreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-300, 1e300).Draw(t, "x")
		want := math.Log2(x)
		if got := log2(x); math.Abs(got-want) > 4e-15*max(1, math.Abs(want)) {
			t.Fatalf("log2(%v) = %v, want %v", x, got, want)
		}
	})
}

func TestExp2_agreesWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-900, 900).Draw(t, "x")
		want := math.Exp2(x)
		if got := exp2(x); math.Abs(got-want) > 4e-15*want {
			t.Fatalf("exp2(%v) = %v, want %v", x, got, want)
		}
	})
}

// The bits below are the contract between machines: a change of them is a change of the function's version.
func TestExact_hasTheseBitsEverywhere(t *testing.T) {
	for _, c := range []struct {
		name string
		got  float64
		want uint64
	}{
		{"log2(3)", log2(3), 0x3ff95c01a39fbd69},
		{"log2(1e-9)", log2(1e-9), 0xc03de5b8eaa8d7e0},
		{"exp2(-6.6)", exp2(-6.6), 0x3f851cb453b9536e},
		{"exp2(0.5)", exp2(0.5), 0x3ff6a09e667f3bcc},
	} {
		if got := math.Float64bits(c.got); got != c.want {
			t.Errorf("%s = %v (%#x), want %#x", c.name, c.got, got, c.want)
		}
	}
}
