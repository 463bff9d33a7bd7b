// Package fractal is the work that the lab does by default: pictures of escape-time fractals, cut into tiles.
//
// A stream's parameters ([Params]) say which fractal, which view and how the view moves; [Function.Split] turns them and
// a frame's number into the input of one tile, [Function.Run] turns that into numbers, and a [Joiner] puts the numbers
// together again. Numbers only: colour is decided where it is drawn. The same bytes in give the same bytes out on every
// machine, so results of two nodes can be compared bit by bit.
package fractal

import (
	"errors"
	"fmt"
	"math"

	"fracture/work"
)

// Bounds of a picture.
const (
	MaxSide        = 8192    // pixels a side
	MaxSamples     = 1 << 23 // samples of a picture, supersampling included: 32 MiB of numbers
	MaxSupersample = 8       // samples a side of a pixel
	MaxIterations  = 1 << 16 // beyond it a float32 could not say fractions of a count
)

var (
	// ErrNoPixels: a side of the picture is 0; ask for at least 1 pixel each way.
	ErrNoPixels = errors.New("picture without pixels")
	// ErrTooLarge: the picture exceeds MaxSide or MaxSamples; ask for fewer pixels or less supersampling.
	ErrTooLarge = errors.New("picture too large")
	// ErrNotFinite: a corner is NaN or infinite; give plain numbers.
	ErrNotFinite = errors.New("view is not finite")
	// ErrInverted: the view is empty or upside down; the first corner is the upper left, and y falls towards the second.
	ErrInverted = errors.New("view is inverted or empty")
	// ErrTooDeep: neighbouring samples fall on the same number; zoom out, or ask for fewer pixels.
	ErrTooDeep = errors.New("view is too deep")
)

// Kind is which fractal.
type Kind uint8

// The kinds.
const (
	Mandelbrot  Kind = iota + 1 // z ← z² + c from 0, c the point
	Julia                       // z ← z² + c from the point, c fixed
	BurningShip                 // z ← (|Re z| + i|Im z|)² + c from 0, c the point
)

// String is the kind's name as a user writes it.
func (k Kind) String() string {
	switch k {
	case Mandelbrot:
		return "mandelbrot"
	case Julia:
		return "julia"
	case BurningShip:
		return "burning-ship"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ErrUnknownKind: there is no such fractal; the error names those there are.
var ErrUnknownKind = errors.New("unknown fractal")

// ParseKind finds a kind by its name.
func ParseKind(name string) (Kind, error) {
	for k := Mandelbrot; k <= BurningShip; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w %q: one of %v, %v, %v", ErrUnknownKind, name, Mandelbrot, Julia, BurningShip)
}

// View is a picture's size in pixels and the part of the plane that it shows; y falls from Top to Bottom.
type View struct {
	Width, Height            int
	Left, Top, Right, Bottom float64
}

// Check reports what makes the view impossible to draw, with every bound that it breaks named in figures.
func (v View) Check() error {
	switch {
	case v.Width < 1 || v.Height < 1:
		return fmt.Errorf("%w: %d×%d; at least 1 pixel each way", ErrNoPixels, v.Width, v.Height)
	case v.Width > MaxSide || v.Height > MaxSide:
		return fmt.Errorf("%w: %d×%d; at most %d pixels a side", ErrTooLarge, v.Width, v.Height, MaxSide)
	case v.Width*v.Height > MaxSamples:
		return fmt.Errorf("%w: %d×%d is %d pixels; at most %d in all", ErrTooLarge, v.Width, v.Height, v.Width*v.Height, MaxSamples)
	case !finite(v.Left, v.Top, v.Right, v.Bottom):
		return fmt.Errorf("%w: corners (%v, %v) and (%v, %v)", ErrNotFinite, v.Left, v.Top, v.Right, v.Bottom)
	case v.Right <= v.Left:
		return fmt.Errorf("%w: x must rise from the upper left to the lower right corner, not go from %v to %v", ErrInverted, v.Left, v.Right)
	case v.Bottom >= v.Top:
		return fmt.Errorf("%w: y must fall from the upper left to the lower right corner, not go from %v to %v", ErrInverted, v.Top, v.Bottom)
	case !finite(v.Right-v.Left, v.Top-v.Bottom):
		return fmt.Errorf("%w: it is wider or higher than a number can say", ErrNotFinite)
	}
	return v.checkDepth(1)
}

// checkDepth reports whether s samples a pixel's side can still be told apart at the view's corners.
func (v View) checkDepth(s int) error {
	dx, dy := (v.Right-v.Left)/float64(v.Width*s), (v.Top-v.Bottom)/float64(v.Height*s)
	x, y := max(math.Abs(v.Left), math.Abs(v.Right)), max(math.Abs(v.Top), math.Abs(v.Bottom))
	if x+dx == x || y+dy == y {
		return fmt.Errorf("%w: %v × %v for %d×%d pixels is finer than a 64-bit number", ErrTooDeep,
			v.Right-v.Left, v.Top-v.Bottom, v.Width, v.Height)
	}
	return nil
}

// Fit widens the shorter side of the view, about its middle, until pixels are square.
func (v View) Fit() View {
	if v.Width < 1 || v.Height < 1 {
		return v
	}
	w, h := v.Right-v.Left, v.Top-v.Bottom
	if want := float64(h*float64(v.Width)) / float64(v.Height); want > w {
		mid := v.Left + w/2
		v.Left, v.Right = mid-want/2, mid+want/2
	} else {
		want := float64(w*float64(v.Height)) / float64(v.Width)
		mid := v.Bottom + h/2
		v.Bottom, v.Top = mid-want/2, mid+want/2
	}
	return v
}

func finite(vs ...float64) bool {
	for _, v := range vs {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// Function is the fractal as the cluster knows it; it implements [work.Function].
type Function struct{}

var _ work.Function = Function{}

// Name is the function's name and version.
func (Function) Name() string { return "fractal/1" }

// Split appends the input of one tile of a frame. The input is complete in itself: the tile's rectangle, the frame's
// view and how to calculate.
func (Function) Split(params []byte, frame uint64, tile, tiles uint32, buf []byte) ([]byte, error) {
	p, err := DecodeParams(params)
	if err != nil {
		return buf, err
	}
	t, err := p.task(frame, tile, tiles)
	if err != nil {
		return buf, err
	}
	return t.append(buf), nil
}

// Run appends the numbers of one tile, as [DecodeTile] reads them. It allocates nothing once buf is large enough.
func (Function) Run(input, buf []byte) ([]byte, error) {
	t, err := decodeTask(input)
	if err != nil {
		return buf, err
	}
	return t.run(buf), nil
}
