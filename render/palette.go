package render

import (
	"errors"
	"fmt"
	"math"
)

// ErrUnknownPalette: the name is not one of [PaletteNames]; offer those.
var ErrUnknownPalette = errors.New("unknown palette")

// PaletteNames are the palettes in the order in which a key cycles them; the first is the default.
var PaletteNames = []string{"abyss", "ember", "glacier", "orchid", "ink", "rainbow", "rainbow-scaled"}

// paletteColors bounds the colours of a palette, the member's black included.
const paletteColors = 4096

// Palette gives every number a colour. It does not change once made and may be shared.
type Palette struct {
	Name   string
	colors []RGB // of a member first
	lights []light
	curve  []uint16 // number → colour, by curveSlot; nil for the two that count
	scaled bool     // without a curve: the index is of E-025, else of E-009
}

// NewPalette makes the palette of that name. It costs about a millisecond; keep what it returns.
func NewPalette(name string) (*Palette, error) {
	p := &Palette{Name: name}
	if g, ok := gradientOf(name); ok {
		p.colors = g.colors(paletteColors)
		p.curve = tabulateCurve(g, len(p.colors)-1)
	} else if name == "rainbow" || name == "rainbow-scaled" {
		p.colors = rainbow(255)
		p.scaled = name == "rainbow-scaled"
	} else {
		return nil, fmt.Errorf("%w %q: one of %v", ErrUnknownPalette, name, PaletteNames)
	}
	p.lights = make([]light, len(p.colors))
	for i, c := range p.colors {
		p.lights[i] = c.light()
	}
	return p, nil
}

// Color is the colour of one number under an iteration limit.
func (p *Palette) Color(v, limit float32) RGB {
	return p.colors[p.indexer(limit).at(v)]
}

// The curve is a table over the bits of v+1: its exponent and the first curveBits of its mantissa. So a step of the
// table is the same fraction of v everywhere, and no logarithm is taken while painting.
const (
	curveBits    = 11
	curveOctaves = 18 // counts up to 2^18; what lies above takes the last colour
	curveShift   = 23 - curveBits
	curveBase    = 127 << curveBits // of v = 0
)

func tabulateCurve(g gradient, n int) []uint16 {
	curve := make([]uint16, curveOctaves<<curveBits)
	for i := range curve {
		v := float64(math.Float32frombits(uint32(i+curveBase)<<curveShift)) - 1
		_, phase := math.Modf(g.turns(v))
		curve[i] = uint16(1 + min(int(phase*float64(n)), n-1))
	}
	return curve
}

// indexer is a palette made ready for one iteration limit.
type indexer struct {
	*Palette
	limit float32
}

func (p *Palette) indexer(limit float32) indexer {
	if !(limit >= 1 && limit <= countMax) {
		limit = 1
	}
	return indexer{p, limit}
}

// countMax bounds counts and limits where they are divided; nobody computes as many.
const countMax = 1 << 24

// at is the index of the colour of v.
func (ix indexer) at(v float32) int {
	if !(v >= 0) {
		return 0
	}
	if ix.curve == nil {
		return ix.counted(v)
	}
	slot := int(math.Float32bits(v+1)>>curveShift) - curveBase
	return int(ix.curve[min(slot, len(ix.curve)-1)])
}

// counted is the index of a palette that goes by whole counts.
func (ix indexer) counted(v float32) int {
	count := float32(math.Round(float64(min(v, countMax))))
	if ix.scaled {
		// E-025: clamp(254 − 254·count/max, 1, 254), truncated as an integer is made of it.
		return int(min(max(254-254*count/ix.limit, 1), 254))
	}
	// E-009: 255 − count under a limit of 255, at which a point counts as a member.
	return int(min(max(255-count, 0), 254))
}

// rainbow is the original's table: n colours of the "less angry rainbow", hues at full turn on Green's cubehelix (Green
// 2011, "A colour scheme for the display of astronomical intensity images"; Bostock's parameters).
func rainbow(n int) []RGB {
	colors := make([]RGB, n)
	for i := range colors {
		t := float64(i) / float64(n-1)
		off := math.Abs(t - 0.5)
		hue := (360*t - 100 + 120) * math.Pi / 180
		sat, l := 1.5-1.5*off, 0.8-0.9*off
		amp, cos, sin := sat*l*(1-l), math.Cos(hue), math.Sin(hue)
		colors[i] = RGB{
			channel(l + amp*(-0.14861*cos+1.78277*sin)),
			channel(l + amp*(-0.29227*cos-0.90649*sin)),
			channel(l + amp*(1.97294*cos)),
		}
	}
	return colors
}
