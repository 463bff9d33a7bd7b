package render

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func palette(t testing.TB, name string) *Palette {
	t.Helper()
	p, err := NewPalette(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ripples is a field with every kind of number in it.
func ripples(w, h int) Field {
	f := Field{W: w, H: h, Max: 255, Values: make([]float32, w*h)}
	for i := range f.Values {
		x, y := float64(i%w)/float64(w)-0.5, float64(i/w)/float64(h)-0.5
		f.Values[i] = float32(3 / (0.02 + x*x + y*y))
		if math.Hypot(x, y) < 0.2 {
			f.Values[i] = -1
		}
	}
	return f
}

func TestPalette_everyNameIsOne(t *testing.T) {
	for _, name := range PaletteNames {
		p := palette(t, name)
		if p.Name != name || len(p.colors) > paletteColors {
			t.Errorf("%s: named %q, with %d colours; want at most %d", name, p.Name, len(p.colors), paletteColors)
		}
	}
	if _, err := NewPalette("mauve"); !errors.Is(err, ErrUnknownPalette) {
		t.Errorf("NewPalette of another = %v, want ErrUnknownPalette", err)
	}
}

func TestPalette_membersAreBlackAndNothingPanics(t *testing.T) {
	for _, name := range PaletteNames {
		p := palette(t, name)
		member := p.Color(-1, 255)
		if !strings.HasPrefix(name, "rainbow") && member != (RGB{}) {
			t.Errorf("%s: a member is %v, want black", name, member)
		}
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		for _, v := range []float32{0, 1e-40, 0.5, 1, 254, 255, 1e4, 1e9, inf, -inf, nan} {
			for _, limit := range []float32{255, 0, -1, nan, inf} {
				p.Color(v, limit)
			}
		}
	}
}

func TestPalette_hasNoBands(t *testing.T) {
	for _, name := range PaletteNames {
		if strings.HasPrefix(name, "rainbow") {
			continue // whole counts, as the original shows them
		}
		p := palette(t, name)
		last := p.Color(0, 1000)
		for v := float32(0.001); v < 1000; v *= 1.0004 {
			c := p.Color(v, 1000)
			for _, d := range []int{int(c.R) - int(last.R), int(c.G) - int(last.G), int(c.B) - int(last.B)} {
				if d < -3 || d > 3 {
					t.Fatalf("%s: at %v the colour jumps from %v to %v", name, v, last, c)
				}
			}
			last = c
		}
	}
}

// The table's ends and middle are those that the documents of the original's library give for its rainbow.
func TestRainbow_isTheOriginalsTable(t *testing.T) {
	table := rainbow(255)
	for i, want := range map[int]RGB{0: {110, 64, 170}, 127: {175, 240, 91}, 254: {110, 64, 170}} {
		if table[i] != want {
			t.Errorf("colour %d is %v, want %v", i, table[i], want)
		}
	}
	first := palette(t, "rainbow")
	for _, c := range []struct {
		v    float32
		want int
	}{{-1, 0}, {1, 254}, {2, 253}, {254, 1}, {255, 0}, {300, 0}, {0, 254}} {
		if got := first.Color(c.v, 255); got != table[c.want] {
			t.Errorf("count %v is %v, want colour %d, %v (E-009)", c.v, got, c.want, table[c.want])
		}
	}
	third := palette(t, "rainbow-scaled")
	for _, c := range []struct {
		v    float32
		want int
	}{{-1, 0}, {0, 254}, {1, 253}, {100, 170}, {305, 1}} {
		if got := third.Color(c.v, 305); got != table[c.want] {
			t.Errorf("count %v of 305 is %v, want colour %d, %v (E-025)", c.v, got, c.want, table[c.want])
		}
	}
}

func TestPaint_averagesLightNotNumbers(t *testing.T) {
	p := palette(t, "ink")
	black, white := RGB{}, RGB{}
	v := float32(0)
	for x := float32(0); x < 100; x += 0.01 {
		if c := p.Color(x, 255); c.luma() > white.luma() {
			v, white = x, c
		}
	}
	var pic Picture
	Paint(&pic, Field{W: 2, H: 1, Max: 255, Values: []float32{-1, v}}, p, 1, 1)
	got := int(pic.Pix[0].G)
	want := int(channel(toScreen(toLight(float64(white.G)/255) / 2)))
	if got < want-1 || got > want+1 {
		t.Errorf("half %v and half %v is %v, want a green of %d", black, white, pic.Pix[0], want)
	}
}

func TestPaint_keepsASampleThatIsAPixel(t *testing.T) {
	f, p := ripples(31, 17), palette(t, "abyss")
	var pic Picture
	Paint(&pic, f, p, 31, 17)
	for i, v := range f.Values {
		if want := p.Color(v, f.Max); pic.Pix[i] != want {
			t.Fatalf("pixel %d is %v, want %v", i, pic.Pix[i], want)
		}
	}
}

func TestPaint_aFlatFieldIsFlatAtEverySize(t *testing.T) {
	p := palette(t, "glacier")
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 40)
		f := Field{W: size.Draw(t, "W"), H: size.Draw(t, "H"), Max: 255}
		for range f.W * f.H {
			f.Values = append(f.Values, 17)
		}
		var pic Picture
		Paint(&pic, f, p, size.Draw(t, "w"), size.Draw(t, "h"))
		want := p.Color(17, 255)
		for i, c := range pic.Pix {
			if d := max(c.R, want.R) - min(c.R, want.R); d > 1 {
				t.Fatalf("pixel %d is %v, want %v", i, c, want)
			}
		}
	})
}

func TestPaintPart_inPartsIsPaintWhole(t *testing.T) {
	p := palette(t, "abyss")
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 50)
		f := ripples(size.Draw(t, "W"), size.Draw(t, "H"))
		w, h := size.Draw(t, "w"), size.Draw(t, "h")
		var whole, parts Picture
		Paint(&whole, f, p, w, h)
		parts.Resize(w, h)
		x, y := rapid.IntRange(0, f.W).Draw(t, "x"), rapid.IntRange(0, f.H).Draw(t, "y")
		for _, r := range []Rect{{0, 0, x, y}, {x, 0, f.W - x, y}, {0, y, x, f.H - y}, {x, y, f.W - x, f.H - y}} {
			PaintPart(&parts, f, p, r)
		}
		for i := range whole.Pix {
			if whole.Pix[i] != parts.Pix[i] {
				t.Fatalf("pixel %d is %v in parts, %v whole", i, parts.Pix[i], whole.Pix[i])
			}
		}
	})
}

func TestPaint_survivesNothing(t *testing.T) {
	p := palette(t, "abyss")
	var pic Picture
	Paint(&pic, Field{}, p, 3, 2)
	Paint(&pic, ripples(4, 4), p, 0, 0)
	PaintPart(&pic, Field{W: 9, H: 9}, p, Rect{-5, -5, 100, 100})
	PaintPart(blank(3, 3), ripples(4, 4), p, Rect{-5, -5, 100, 100})
}

func TestPicture_marksEachCellOnceWhateverTheCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 20).Draw(t, "w"), rapid.IntRange(2, 21).Draw(t, "h")
		cut := rapid.IntRange(0, h).Draw(t, "cut")
		pic := blank(w, h)
		pic.Mark(Rect{0, 0, w, cut}, Mark{Label: 'a'})
		pic.Mark(Rect{0, cut, w, h - cut}, Mark{Label: 'b'})
		if len(pic.Marks) != w*pic.Rows() {
			t.Fatalf("%d marks for %d cells", len(pic.Marks), w*pic.Rows())
		}
		for i, m := range pic.Marks {
			row := i / w
			want := byte('a')
			if 2*row+1 >= cut {
				want = 'b'
			}
			if 2*row+1 < h && m.Label != want {
				t.Fatalf("cell row %d of a cut at %d is marked %q, want %q", row, cut, m.Label, want)
			}
		}
	})
}

func TestEncodePNG_isThePicture(t *testing.T) {
	var pic Picture
	Paint(&pic, ripples(40, 30), palette(t, "ember"), 20, 15)
	raw, err := EncodePNG(&pic)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range pic.Pix {
		r, g, b, _ := img.At(i%20, i/20).RGBA()
		if got := (RGB{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}); got != c {
			t.Fatalf("pixel %d comes back as %v, want %v", i, got, c)
		}
	}
	if _, err := EncodePNG(&Picture{}); err == nil {
		t.Error("an empty picture becomes a PNG without an error")
	}
}

func BenchmarkPaint(b *testing.B) {
	p := palette(b, "abyss")
	for _, s := range []int{1, 2, 3} {
		b.Run(fmt.Sprintf("200x120/%dx%d", s, s), func(b *testing.B) {
			f := ripples(200*s, 120*s)
			var pic Picture
			for b.Loop() {
				Paint(&pic, f, p, 200, 120)
			}
		})
	}
}
