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
	at := len(buf)
	buf = buf[:at+4*head.Rect.W*head.Rect.H]
	pairs := pairing{task: &t, buf: buf}
	for y := head.Rect.Y; y < head.Rect.Y+head.Rect.H; y++ {
		py := t.view.Top - float64(float64(y)*(t.view.Top-t.view.Bottom))/float64(head.H)
		// The original renders each row as a band of its own and rounds the band's right edge first: so do we.
		right := t.view.Left + float64(float64(head.W)*(t.view.Right-t.view.Left))/float64(head.W)
		span := right - t.view.Left
		for x := head.Rect.X; x < head.Rect.X+head.Rect.W; x++ {
			px := t.view.Left + float64(float64(x)*span)/float64(head.W)
			pairs.sample(px, py, at)
			at += 4
		}
	}
	pairs.finish()
	return buf
}

// pairing calculates points two at a time: the steps of one point wait for each other, those of two do not, and a
// processor does both in the time of one.
type pairing struct {
	task   *task
	buf    []byte
	waits  bool // px, py at is a point that waits for another
	px, py float64
	at     int
}

// sample puts the number of one point at a place of the buffer: [number] of its escape, or [Member]. It may be put when
// the next one is, or by finish.
func (p *pairing) sample(px, py float64, at int) {
	t := p.task
	switch {
	case t.kind == BurningShip:
		p.put(at, burning(px, py, t.iterations))
	case t.kind == Mandelbrot && inBulbs(px, py):
		p.put(at, escape{})
	case !p.waits:
		p.waits, p.px, p.py, p.at = true, px, py, at
	default:
		p.waits = false
		e, f := t.both(p.px, p.py, px, py)
		p.put(p.at, e)
		p.put(at, f)
	}
}

// finish calculates the point that waits, if one does.
func (p *pairing) finish() {
	if p.waits {
		e, _ := p.task.both(p.px, p.py, 2, 2) // the other leaves at once
		p.put(p.at, e)
	}
}

func (p *pairing) put(at int, e escape) {
	v := Member
	if e.escaped {
		v = number(e)
	}
	binary.LittleEndian.PutUint32(p.buf[at:], math.Float32bits(v))
}

// both says how two points of a Mandelbrot or Julia set leave.
func (t *task) both(px, py, qx, qy float64) (e, f escape) {
	if t.kind == Julia {
		return quadratics(px, py, qx, qy, t.cx, t.cy, t.cx, t.cy, t.iterations)
	}
	return quadratics(0, 0, 0, 0, px, py, qx, qy, t.iterations)
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

// quadratics iterates z ← z² + c for two points, side by side until one of them leaves. It looks for no cycle that would
// give a member away early: under limits of a few hundred the looking costs more than it saves (4 to 9 % of a tile,
// measured).
func quadratics(x, y, u, v, cx, cy, cu, cv float64, limit int) (e, f escape) {
	for n := range limit {
		x2, y2, u2, v2 := float64(x*x), float64(y*y), float64(u*u), float64(v*v)
		if x2+y2 > radius2 || u2+v2 > radius2 {
			return quadratic(x, y, cx, cy, n, limit), quadratic(u, v, cu, cv, n, limit)
		}
		xy, uv := float64(x*y), float64(u*v)
		x, y = x2-y2+cx, xy+xy+cy
		u, v = u2-v2+cu, uv+uv+cv
	}
	return escape{}, escape{}
}

// quadratic goes on with one point after n steps.
func quadratic(x, y, cx, cy float64, n, limit int) escape {
	for ; n < limit; n++ {
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
