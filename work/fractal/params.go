package fractal

import (
	"errors"
	"fmt"
	"math"
)

// ErrParams: the bytes are not parameters of this version; build them with [Params.Append].
var ErrParams = errors.New("not parameters of fractal/1")

// Params are a stream's parameters.
type Params struct {
	Kind        Kind
	View        View    // of every frame; of a journey, where it starts
	Supersample int     // samples a side of a pixel, 1 … MaxSupersample
	Iterations  int     // the limit; 0 means by the depth of each frame's view, as [Iterations] says
	CX, CY      float64 // of a Julia set: its c, within the circle of radius 2
	Journey     Journey // the zero Journey stays where it is
	Request     string  // the words of the request that asked for the picture, for who stores it; "" where none did
}

// MaxRequest bounds the words of a request, in bytes.
const MaxRequest = 512

// Journey zooms towards a point and back, for ever. The point keeps its place in the picture.
type Journey struct {
	X, Y   float64 // the point; it lies in the starting view
	Depth  float64 // the factor of the view's size at the deepest, above 0 and at most 1
	Frames int     // of one cycle, there and back; 0 means no journey
}

// The original's zoom: the view that it starts from (E-021), and how deep it goes (E-024). It takes 114 s each way, one
// step of 0.98 every half second; here the same way is gone in as many frames as one likes.
const (
	originalLeft, originalTop, originalRight, originalBottom = -2.5, 1.5, 1.0, -1.5
	originalX, originalY                                     = -0.7, 0.0
	originalDepth                                            = 0.01
)

// cycleFrames is a default cycle: 24 s at 30 frames a second.
const cycleFrames = 720

// OriginalJourney is the original's zoom over a picture of w×h pixels. Its point lies within the set: from a zoom of 30
// on there is nothing to see but black.
func OriginalJourney(w, h int) Params {
	return Params{
		Kind:        Mandelbrot,
		View:        View{Width: w, Height: h, Left: originalLeft, Top: originalTop, Right: originalRight, Bottom: originalBottom}.Fit(),
		Supersample: 1,
		Journey:     Journey{X: originalX, Y: originalY, Depth: originalDepth, Frames: cycleFrames},
	}
}

// Whole is a view of w×h pixels that shows the whole of a set. Its pixels may not be square: see [View.Fit].
func Whole(kind Kind, w, h int) View {
	v := View{Width: w, Height: h, Left: -1.6, Top: 1.2, Right: 1.6, Bottom: -1.2}
	switch kind {
	case Mandelbrot:
		return OriginalJourney(w, h).View
	case BurningShip:
		v.Left, v.Right, v.Top, v.Bottom = -2.2, 1.4, 1.0, -2.0
	case Julia:
	}
	return v
}

// CoralJourney is the original's zoom, start and depth, towards a point on the border of the set instead: there is
// something to see, and something to compute, in every frame.
func CoralJourney(w, h int) Params {
	p := OriginalJourney(w, h)
	p.Journey.X, p.Journey.Y = -0.5503, 0.6259
	return p
}

// Iterations is the original's limit for a view of that width (E-025): 255, and 50 more for each tenfold zoom.
func Iterations(width float64) int {
	if width >= 3.5 {
		return 255
	}
	more := float64(float64(50*math.Ln2/math.Ln10) * log2(3.5/max(width, 1e-300)))
	return min(10000, 255+int(more))
}

// Check reports the first thing that makes the parameters impossible to compute.
func (p Params) Check() error {
	if p.Kind < Mandelbrot || p.Kind > BurningShip {
		return fmt.Errorf("%w %v", ErrUnknownKind, p.Kind)
	}
	if err := p.View.Check(); err != nil {
		return err
	}
	s := p.Supersample
	if s < 1 || s > MaxSupersample {
		return fmt.Errorf("%w: supersampling %d; 1 to %d", ErrParams, s, MaxSupersample)
	}
	if n := p.View.Width * p.View.Height * s * s; n > MaxSamples {
		return fmt.Errorf("%w: %d×%d pixels of %d×%d samples are %d samples; at most %d", ErrTooLarge,
			p.View.Width, p.View.Height, s, s, n, MaxSamples)
	}
	if p.Iterations < 0 || p.Iterations > MaxIterations {
		return fmt.Errorf("%w: %d iterations; 0 to %d", ErrParams, p.Iterations, MaxIterations)
	}
	if p.Kind == Julia && !(float64(p.CX*p.CX)+float64(p.CY*p.CY) <= 4) {
		return fmt.Errorf("%w: c of a Julia set is (%v, %v); within 2 of the origin", ErrParams, p.CX, p.CY)
	}
	if len(p.Request) > MaxRequest {
		return fmt.Errorf("%w: a request of %d bytes; at most %d", ErrParams, len(p.Request), MaxRequest)
	}
	if err := p.Journey.check(p.View); err != nil {
		return err
	}
	deepest := p.At(uint64(p.Journey.Frames) / 2)
	return deepest.checkDepth(s)
}

func (j Journey) check(v View) error {
	if j.Frames == 0 {
		return nil
	}
	if j.Frames < 2 || j.Frames > 1<<30 {
		return fmt.Errorf("%w: a journey of %d frames; 2 to %d", ErrParams, j.Frames, 1<<30)
	}
	if !(j.Depth >= 1e-15 && j.Depth <= 1) {
		return fmt.Errorf("%w: a journey to a depth of %v; 1e-15 to 1", ErrParams, j.Depth)
	}
	if !(j.X >= v.Left && j.X <= v.Right && j.Y >= v.Bottom && j.Y <= v.Top) {
		return fmt.Errorf("%w: the journey's point (%v, %v) is outside its view", ErrParams, j.X, j.Y)
	}
	return nil
}

// At is the view of frame k. Each frame's size is the last one's times a factor, so the zoom looks even; near the turning
// points the factor eases towards 1.
func (p Params) At(k uint64) View {
	j, v := p.Journey, p.View
	if j.Frames == 0 {
		return v
	}
	n := uint64(j.Frames)
	k %= n
	k = min(k, n-k) // back the same way
	way := float64(2*k) / float64(n)
	factor := exp2(float64(eased(way) * log2(j.Depth)))
	v.Left = j.X + float64((v.Left-j.X)*factor)
	v.Right = j.X + float64((v.Right-j.X)*factor)
	v.Top = j.Y + float64((v.Top-j.Y)*factor)
	v.Bottom = j.Y + float64((v.Bottom-j.Y)*factor)
	return v
}

// eased goes from 0 to 1 as its argument does: speeding up over the first part, even, and slowing down over the last.
func eased(u float64) float64 {
	const part = 0.2
	const norm = 1 / (2 * part * (1 - part))
	switch {
	case u < part:
		return float64(float64(u*u) * norm)
	case u > 1-part:
		rest := 1 - u
		return 1 - float64(float64(rest*rest)*norm)
	}
	return (u - part/2) / (1 - part)
}

const paramsVersion = 1

// Append appends the parameters as [DecodeParams] reads them. Parameters that [Params.Check] refuses may lose digits.
func (p Params) Append(buf []byte) []byte {
	w := writer{append(buf, paramsVersion, byte(p.Kind), byte(p.Supersample))}
	w.u32(uint32(p.Iterations))
	w.view(p.View)
	w.f64(p.CX, p.CY)
	w.f64(p.Journey.X, p.Journey.Y, p.Journey.Depth)
	w.u32(uint32(p.Journey.Frames), uint32(len(p.Request)))
	return append(w.buf, p.Request...)
}

// DecodeParams reads what [Params.Append] wrote, and checks it.
func DecodeParams(raw []byte) (Params, error) {
	r := reader{buf: raw}
	if r.u8() != paramsVersion {
		return Params{}, ErrParams
	}
	p := Params{Kind: Kind(r.u8()), Supersample: int(r.u8()), Iterations: int(r.u32()), View: r.view()}
	p.CX, p.CY = r.f64(), r.f64()
	p.Journey = Journey{X: r.f64(), Y: r.f64(), Depth: r.f64(), Frames: int(r.u32())}
	p.Request = string(r.take(int(min(r.u32(), MaxRequest+1))))
	if r.short || len(r.buf) != 0 {
		return Params{}, ErrParams
	}
	return p, p.Check()
}
