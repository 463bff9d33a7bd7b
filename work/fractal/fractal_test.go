package fractal

import (
	"bytes"
	"errors"
	"hash/fnv"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// tileOf splits and runs one tile through the bytes that travel.
func tileOf(t testing.TB, p Params, frame uint64, tile, tiles uint32) Tile {
	t.Helper()
	in, err := Function{}.Split(p.Append(nil), frame, tile, tiles, nil)
	if err != nil {
		t.Fatalf("Split: %v", err)
	}
	out, err := Function{}.Run(in, nil)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	got, err := DecodeTile(out)
	if err != nil {
		t.Fatalf("DecodeTile: %v", err)
	}
	return got
}

// joined is a whole frame, cut into tiles and joined.
func joined(t testing.TB, p Params, frame uint64, tiles uint32) Field {
	t.Helper()
	var j Joiner
	for i := range tiles {
		if err := j.Add(tileOf(t, p, frame, i, tiles)); err != nil {
			t.Fatalf("Add tile %d of %d: %v", i, tiles, err)
		}
	}
	if !j.Complete() {
		t.Fatalf("%d tiles do not complete the picture", tiles)
	}
	return j.Field()
}

func still(v View) Params { return Params{Kind: Mandelbrot, View: v, Supersample: 1} }

func anyParams(t *rapid.T) Params {
	p := CoralJourney(rapid.IntRange(1, 60).Draw(t, "w"), rapid.IntRange(1, 60).Draw(t, "h"))
	p.Kind = rapid.SampledFrom([]Kind{Mandelbrot, Julia, BurningShip}).Draw(t, "kind")
	p.Supersample = rapid.IntRange(1, 2).Draw(t, "s")
	p.Iterations = rapid.IntRange(0, 300).Draw(t, "iterations")
	p.CX, p.CY = -0.8, 0.156
	return p
}

func TestFunction_givesTheSamePictureHoweverItIsCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := anyParams(rt)
		frame := rapid.Uint64Range(0, 2000).Draw(rt, "frame")
		whole := joined(t, p, frame, 1)
		cut := joined(t, p, frame, rapid.Uint32Range(2, 40).Draw(rt, "tiles"))
		if whole.W != cut.W || whole.H != cut.H || whole.Max != cut.Max {
			rt.Fatalf("cut picture is %d×%d to %v, whole %d×%d to %v", cut.W, cut.H, cut.Max, whole.W, whole.H, whole.Max)
		}
		for i, v := range whole.Values {
			if math.Float32bits(v) != math.Float32bits(cut.Values[i]) {
				rt.Fatalf("sample %d is %v whole and %v cut", i, v, cut.Values[i])
			}
		}
	})
}

// plainCount is the original's escape_time (E-009), told by its definition.
func plainCount(cx, cy float64, limit int) (int, bool) {
	var x, y float64
	for i := range limit {
		if float64(x*x)+float64(y*y) > 4 {
			return i, true
		}
		x, y = float64(x*x)-float64(y*y)+cx, float64(x*y)+float64(y*x)+cy
	}
	return 0, false
}

func TestCount_isTheOriginalsForEverySample(t *testing.T) {
	views := []View{
		{Width: 90, Height: 70, Left: -2.5, Top: 1.5, Right: 1, Bottom: -1.5},
		{Width: 100, Height: 80, Left: -1.2, Top: 0.35, Right: -1, Bottom: 0.2},
		{Width: 64, Height: 64, Left: -500, Top: 500, Right: 500, Bottom: -500},
		{Width: 80, Height: 80, Left: -2.001, Top: 0.001, Right: -1.999, Bottom: -0.001},
	}
	for _, v := range views {
		p := still(v)
		p.Iterations = 255
		f := joined(t, p, 0, 7)
		for i, n := range f.Values {
			x, y := float64(i%f.W), float64(i/f.W)
			cx := v.Left + x*(v.Right-v.Left)/float64(v.Width)
			cy := v.Top - y*(v.Top-v.Bottom)/float64(v.Height)
			want, escaped := plainCount(cx, cy, 255)
			got, ok := Count(n)
			// A sample's place may differ in its last bit from the formula above; then a neighbour's count is right.
			if got != want || ok != escaped {
				if near, _ := plainCount(math.Nextafter(cx, 9), cy, 255); near == want {
					t.Fatalf("%+v, sample %d: count %d %v, want %d %v", v, i, got, ok, want, escaped)
				}
			}
		}
		f.Counts()
		for i, n := range f.Values {
			if n != Member && n != float32(int(n)) {
				t.Fatalf("after Counts sample %d is %v, want a whole number", i, n)
			}
		}
	}
}

func TestNumber_isSmooth(t *testing.T) {
	// Along a line that crosses many counts, next to nothing may jump between neighbours a millionth apart.
	var last float64
	for i := range 400_000 {
		e := quadratic(0, 0, -2.6+float64(i)*1e-6*4, 0.6, 0, 1000)
		if !e.escaped {
			t.Fatalf("step %d: a member on a line outside the set", i)
		}
		v := float64(number(e))
		if i > 0 && math.Abs(v-last) > 0.002 {
			t.Fatalf("step %d: from %v to %v", i, last, v)
		}
		last = v
	}
}

func TestInBulbs_areMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Float64Range(-1.3, 0.4).Draw(t, "x"), rapid.Float64Range(-0.7, 0.7).Draw(t, "y")
		if inBulbs(x, y) {
			if n, escaped := plainCount(x, y, 3000); escaped {
				t.Fatalf("(%v, %v) is held for a member and leaves after %d", x, y, n)
			}
		}
	})
}

// The picture's bits are the contract between nodes of different machines.
func TestFunction_hasTheseBitsEverywhere(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		want uint64
	}{{Mandelbrot, 0xb26ce17526543633}, {Julia, 0xda7bbdc2c77caa71}, {BurningShip, 0x8f1bfb0704803448}} {
		p := CoralJourney(97, 61)
		p.Kind, p.CX, p.CY, p.Supersample = c.kind, -0.8, 0.156, 2
		hash := fnv.New64a()
		for _, frame := range []uint64{0, 123, 360} {
			in, err := Function{}.Split(p.Append(nil), frame, 0, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			out, err := Function{}.Run(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = hash.Write(out)
		}
		if got := hash.Sum64(); got != c.want {
			t.Errorf("%v hashes to %#x, want %#x", c.kind, got, c.want)
		}
	}
}

func TestFunction_refusesForeignBytes(t *testing.T) {
	if _, err := (Function{}).Split([]byte("nonsense"), 0, 0, 1, nil); !errors.Is(err, ErrParams) {
		t.Errorf("Split of nonsense = %v, want ErrParams", err)
	}
	if _, err := (Function{}).Run([]byte("nonsense"), nil); !errors.Is(err, ErrTask) {
		t.Errorf("Run of nonsense = %v, want ErrTask", err)
	}
	if _, err := DecodeTile([]byte("nonsense")); !errors.Is(err, ErrTile) {
		t.Errorf("DecodeTile of nonsense = %v, want ErrTile", err)
	}
	if _, err := (Function{}).Split(CoralJourney(8, 8).Append(nil), 0, 5, 5, nil); !errors.Is(err, ErrTiles) {
		t.Errorf("Split of tile 5 of 5 = %v, want ErrTiles", err)
	}
}

func TestFunction_runsWithoutAllocation(t *testing.T) {
	in, err := Function{}.Split(CoralJourney(120, 72).Append(nil), 300, 9, DefaultTiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := Function{}.Run(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() { buf, _ = Function{}.Run(in, buf[:0]) }); n != 0 {
		t.Errorf("Run allocates %v times, want never", n)
	}
}

func TestRun_appendsToWhatIsThere(t *testing.T) {
	in, err := Function{}.Split(CoralJourney(20, 20).Append(nil), 0, 3, 6, []byte("in"))
	if err != nil || !bytes.HasPrefix(in, []byte("in")) {
		t.Fatalf("Split = %q…, %v; want what was there first", in[:2], err)
	}
	out, err := Function{}.Run(in[2:], []byte("out"))
	if err != nil || !bytes.HasPrefix(out, []byte("out")) {
		t.Fatalf("Run = %v; want what was there first", err)
	}
}

func FuzzDecodeTask(f *testing.F) {
	in, _ := Function{}.Split(CoralJourney(40, 30).Append(nil), 7, 1, 6, nil)
	f.Add(in)
	f.Add([]byte{taskVersion})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if task, err := decodeTask(raw); err == nil {
			if again := task.append(nil); !bytes.Equal(again, raw) {
				t.Fatalf("%x decodes and encodes to %x", raw, again)
			}
		}
	})
}

func FuzzDecodeTile(f *testing.F) {
	in, _ := Function{}.Split(CoralJourney(9, 7).Append(nil), 7, 1, 6, nil)
	out, _ := Function{}.Run(in, nil)
	f.Add(out)
	f.Add(out[:len(out)-1])
	f.Fuzz(func(t *testing.T, raw []byte) {
		tile, err := DecodeTile(raw)
		if err != nil || tile.W*tile.H > 1<<16 {
			return
		}
		var field Field
		if err := field.Put(tile); err != nil {
			t.Fatalf("a decoded tile does not fit its own picture: %v", err)
		}
		field.Counts()
	})
}

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name  string
		frame uint64
		s     int
	}{{"start", 0, 1}, {"start/2x2", 0, 2}, {"deepest", 360, 1}, {"deepest/2x2", 360, 2}} {
		b.Run(c.name, func(b *testing.B) {
			p := CoralJourney(120, 72)
			p.Supersample = c.s
			var ins [DefaultTiles][]byte
			for i := range ins {
				ins[i], _ = Function{}.Split(p.Append(nil), c.frame, uint32(i), DefaultTiles, nil)
			}
			var buf []byte
			i := 0
			for b.Loop() {
				buf, _ = Function{}.Run(ins[i%DefaultTiles], buf[:0])
				i++
			}
		})
	}
}
