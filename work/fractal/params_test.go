package fractal

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParams_surviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyParams(t)
		got, err := DecodeParams(p.Append(nil))
		if err != nil || got != p {
			t.Fatalf("decoded %+v, %v; want %+v", got, err, p)
		}
	})
}

func TestParams_checkNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Params)
		want   error
	}{
		{"no kind", func(p *Params) { p.Kind = 0 }, ErrUnknownKind},
		{"no pixels", func(p *Params) { p.View.Width = 0 }, ErrNoPixels},
		{"no samples", func(p *Params) { p.Supersample = 0 }, ErrParams},
		{"many samples", func(p *Params) { p.View.Width, p.View.Height, p.Supersample = 4096, 2000, 2 }, ErrTooLarge},
		{"many iterations", func(p *Params) { p.Iterations = MaxIterations + 1 }, ErrParams},
		{"a far c", func(p *Params) { p.Kind, p.CX = Julia, 2.1 }, ErrParams},
		{"no c", func(p *Params) { p.Kind, p.CX = Julia, math.NaN() }, ErrParams},
		{"one frame", func(p *Params) { p.Journey.Frames = 1 }, ErrParams},
		{"no depth", func(p *Params) { p.Journey.Depth = 0 }, ErrParams},
		{"a point outside", func(p *Params) { p.Journey.X = 50 }, ErrParams},
		{"too deep in the end", func(p *Params) { p.Journey.Depth = 1e-15 }, ErrTooDeep},
	} {
		p := CoralJourney(320, 200)
		c.change(&p)
		if err := p.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: Check = %v, want %v", c.name, err, c.want)
		}
		if _, err := DecodeParams(p.Append(nil)); err == nil {
			t.Errorf("%s: decodes without an error", c.name)
		}
	}
}

func TestJourney_isTheOriginalsWayThereAndBack(t *testing.T) {
	p := OriginalJourney(350, 300)
	n := uint64(p.Journey.Frames)
	if first := p.At(0); first != p.View {
		t.Errorf("frame 0 shows %+v, want the start %+v", first, p.View)
	}
	deep := p.At(n / 2)
	if got, want := deep.Right-deep.Left, 3.5*0.01; math.Abs(got/want-1) > 1e-12 {
		t.Errorf("the deepest view is %v wide, want %v", got, want)
	}
	for k := range n {
		if there, back := p.At(k), p.At(2*n-k); there != back {
			t.Fatalf("frame %d shows %+v, and as far before the end %+v", k, there, back)
		}
	}
}

func TestJourney_movesEvenlyAndWithoutAJerk(t *testing.T) {
	p := CoralJourney(120, 72)
	rate := func(k uint64) float64 {
		a, b := p.At(k), p.At(k+1)
		return math.Log((b.Right - b.Left) / (a.Right - a.Left))
	}
	for k := uint64(0); k < 3*uint64(p.Journey.Frames); k++ {
		// One step of the original is a factor of 0.98; here each frame stays below two of those, and its rate next to
		// the last one's.
		if r := rate(k); math.Abs(r) > -2*math.Log(0.98) {
			t.Fatalf("frame %d zooms by %v", k, math.Exp(r))
		}
		if jerk := math.Abs(rate(k+1) - rate(k)); jerk > 0.001 {
			t.Fatalf("frame %d changes its rate by %v", k, jerk)
		}
	}
}

func TestJourney_keepsItsPointInPlace(t *testing.T) {
	p := CoralJourney(120, 72)
	place := func(v View) (float64, float64) {
		return (p.Journey.X - v.Left) / (v.Right - v.Left), (v.Top - p.Journey.Y) / (v.Top - v.Bottom)
	}
	x0, y0 := place(p.At(0))
	for k := range uint64(p.Journey.Frames) {
		if x, y := place(p.At(k)); math.Abs(x-x0) > 1e-9 || math.Abs(y-y0) > 1e-9 {
			t.Fatalf("frame %d has the point at %v, %v; frame 0 at %v, %v", k, x, y, x0, y0)
		}
	}
}

func TestIterations_followTheOriginal(t *testing.T) {
	for _, c := range []struct {
		width float64
		want  int
	}{{1000, 255}, {3.5, 255}, {0.3501, 304}, {0.3499, 305}, {0.034999, 355}, {3.5e-250, 10000}, {0, 10000}} {
		if got := Iterations(c.width); got != c.want {
			t.Errorf("Iterations(%v) = %d, want %d", c.width, got, c.want)
		}
	}
}

func TestParseKind_findsEachByItsName(t *testing.T) {
	for _, k := range []Kind{Mandelbrot, Julia, BurningShip} {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", k, got, err)
		}
	}
	if _, err := ParseKind("sierpinski"); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("ParseKind of another = %v, want ErrUnknownKind", err)
	}
}

func FuzzDecodeParams(f *testing.F) {
	f.Add(CoralJourney(120, 72).Append(nil))
	f.Add(still(View{Width: 1, Height: 1, Right: 1, Top: 1}).Append(nil))
	f.Add([]byte{paramsVersion, 1, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := DecodeParams(raw)
		if err != nil {
			return
		}
		if again := p.Append(nil); !bytes.Equal(again, raw) {
			t.Fatalf("%x decodes and encodes to %x", raw, again)
		}
		if v := p.At(12345); v.Check() != nil {
			t.Fatalf("%+v shows an impossible view in frame 12345: %v", p, v.Check())
		}
	})
}
