package fractal

import (
	"encoding/binary"
	"math"
	"slices"
)

// run appends the tile's header and one number for each of its samples.
func (t task) run(buf []byte) []byte {
	s := t.supersample
	head := Tile{
		W: t.view.Width * s, H: t.view.Height * s,
		Rect:        Rect{X: t.rect.X * s, Y: t.rect.Y * s, W: t.rect.W * s, H: t.rect.H * s},
		Supersample: s, Iterations: t.iterations, View: t.view,
	}
	buf = head.appendHeader(slices.Grow(buf, tileHeader+4*head.Rect.W*head.Rect.H))
	for y := head.Rect.Y; y < head.Rect.Y+head.Rect.H; y++ {
		py := t.view.Top - float64(float64(y)*(t.view.Top-t.view.Bottom))/float64(head.H)
		// The original renders each row as a band of its own and rounds the band's right edge first: so do we.
		right := t.view.Left + float64(float64(head.W)*(t.view.Right-t.view.Left))/float64(head.W)
		span := right - t.view.Left
		for x := head.Rect.X; x < head.Rect.X+head.Rect.W; x++ {
			px := t.view.Left + float64(float64(x)*span)/float64(head.W)
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(t.sample(px, py)))
		}
	}
	return buf
}

// sample is the number of one point: [number] of its escape, or [Member].
func (t *task) sample(px, py float64) float32 {
	var e escape
	switch t.kind {
	case Julia:
		e = quadratic(px, py, t.cx, t.cy, t.iterations)
	case BurningShip:
		e = burning(px, py, t.iterations)
	case Mandelbrot:
		if inBulbs(px, py) {
			return Member
		}
		e = quadratic(0, 0, px, py, t.iterations)
	}
	if !e.escaped {
		return Member
	}
	return number(e)
}

// escape is how a point left: after count steps it was outside the circle of radius 2, after far steps outside that of
// radius 256, where norm is the square of its distance.
type escape struct {
	escaped    bool
	count, far int
	norm       float64
}

const (
	radius2 = 4.0     // square of the radius that decides
	far2    = 65536.0 // square of the radius at which the fraction is taken: the rest of c is 1e-5 there
	farMax  = 64      // steps between the two, at most; a point that just left doubles its lead each step
)

// inBulbs reports whether c lies in the main cardioid or in the disc to the left of it, together nine tenths of the
// set, by their equations.
func inBulbs(x, y float64) bool {
	y2 := float64(y * y)
	q := float64((x-0.25)*(x-0.25)) + y2
	return float64(q*(q+(x-0.25))) <= y2/4 || float64((x+1)*(x+1))+y2 <= 0.0625
}

// quadratic iterates z ← z² + c. It looks for no cycle that would give a member away early: under limits of a few
// hundred the looking costs more than it saves (4 to 9 % of a tile, measured).
func quadratic(x, y, cx, cy float64, limit int) escape {
	for n := range limit {
		x2, y2 := float64(x*x), float64(y*y)
		if x2+y2 > radius2 {
			return quadraticFar(x, y, cx, cy, n)
		}
		xy := float64(x * y)
		x, y = x2-y2+cx, xy+xy+cy
	}
	return escape{}
}

func quadraticFar(x, y, cx, cy float64, count int) escape {
	for far := count; ; far++ {
		x2, y2 := float64(x*x), float64(y*y)
		if norm := x2 + y2; norm > far2 || far-count == farMax {
			return escape{escaped: true, count: count, far: far, norm: norm}
		}
		xy := float64(x * y)
		x, y = x2-y2+cx, xy+xy+cy
	}
}

// burning iterates z ← (|Re z| + i|Im z|)² + c. The axis of its picture points down, as it is always shown.
func burning(cx, cy float64, limit int) escape {
	var x, y float64
	for n := range limit {
		x2, y2 := float64(x*x), float64(y*y)
		if x2+y2 > radius2 {
			return burningFar(x, y, cx, cy, n)
		}
		xy := math.Abs(float64(x * y))
		x, y = x2-y2+cx, xy+xy-cy
	}
	return escape{}
}

func burningFar(x, y, cx, cy float64, count int) escape {
	for far := count; ; far++ {
		x2, y2 := float64(x*x), float64(y*y)
		if norm := x2 + y2; norm > far2 || far-count == farMax {
			return escape{escaped: true, count: count, far: far, norm: norm}
		}
		xy := math.Abs(float64(x * y))
		x, y = x2-y2+cx, xy+xy-cy
	}
}

// Member is the number of a point that did not leave.
const Member float32 = -1

// A number's lowest bits, far below what an eye can tell, hold how many steps its [Count] lies from its whole part.
const (
	countBits = 7 // mask
	countBias = 4 // so that Count may lie up to 4 below and 3 above
)

// number is the smooth count of an escape, with the exact one in its lowest bits.
//
// The smooth count is far − log₂ log₂ |z| (García, Fernández, Barrallo, Martín 2009): where |z| would be just 2 after n
// steps it is n, and it rises evenly between. It is at least 0, and kept within what the lowest bits can say; only next
// to the tips of the set, over less than a pixel, would it lie further off.
func number(e escape) float32 {
	norm := min(e.norm, 1e300)
	smooth := float64(e.far) - log2(log2(norm)/2)
	smooth = min(max(smooth, 0, float64(e.count-3)), float64(e.count)+4.5)
	bits := math.Float32bits(float32(smooth)) &^ countBits
	whole := int(math.Float32frombits(bits))
	return math.Float32frombits(bits | uint32(e.count-whole+countBias))
}

// Count is the whole number of steps after which the point of a number was outside the circle of radius 2, counted as
// the original counts them (E-009), and false for a member.
func Count(v float32) (int, bool) {
	if !(v >= 0 && v <= MaxIterations+8) {
		return 0, false
	}
	return int(v) + int(math.Float32bits(v)&countBits) - countBias, true
}
