package render

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// shaped is a picture of a shape with pixels in rows of w.
func shaped(s Shape, w int, pix ...RGB) *Picture {
	pic := pictureOf(w, pix...)
	pic.Shape = s
	return pic
}

func TestQuadrants_showFourPixelsOfTwoColoursAsTheyAre(t *testing.T) {
	for mask := range 16 {
		pix := make([]RGB, 4)
		for i := range pix {
			pix[i] = red
			if mask>>i&1 == 1 {
				pix[i] = blue
			}
		}
		line := row(shaped(Quadrants, 2, pix...), 0, TrueColor)
		if got := playQuadrant(t, line); got != [4]RGB(pix) {
			t.Errorf("%v is drawn as %q, which shows %v", pix, line, got)
		}
	}
}

// playQuadrant is what a terminal shows of one cell of quadrants.
func playQuadrant(t *testing.T, line string) (pix [4]RGB) {
	t.Helper()
	var fg, bg RGB
	codes, glyph, _ := strings.Cut(strings.TrimSuffix(line, reset), "m")
	codes = strings.TrimPrefix(codes, "\x1b[")
	for _, c := range []struct {
		code string
		to   *RGB
	}{{"38;2;", &fg}, {"48;2;", &bg}} {
		if _, rest, found := strings.Cut(codes, c.code); found {
			if _, err := fmt.Sscanf(rest, "%d;%d;%d", &c.to.R, &c.to.G, &c.to.B); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
	}
	for mask, g := range quadrants {
		if g != glyph {
			continue
		}
		pix = [4]RGB{bg, bg, bg, bg}
		for i := range 3 {
			if mask>>i&1 == 1 {
				pix[i+1] = fg
			}
		}
		return pix
	}
	t.Fatalf("%q is no quadrant", line)
	return pix
}

func TestBraille_hasMoreDotsTheBrighter(t *testing.T) {
	last := -1
	for v := range 256 {
		pix := make([]RGB, 16*16)
		for i := range pix {
			pix[i] = RGB{uint8(v), uint8(v), uint8(v)}
		}
		count := 0
		pic := shaped(Braille, 16, pix...)
		for r := range pic.Rows() {
			for _, glyph := range row(pic, r, ASCII) {
				for i := range 8 {
					if glyph >= '\u2800' && glyph>>i&1 == 1 {
						count++
					}
				}
			}
		}
		if count < last {
			t.Fatalf("at a brightness of %d there are %d dots, fewer than the %d before", v, count, last)
		}
		last = count
	}
	if last != 16*16 {
		t.Errorf("white has %d dots of %d", last, 16*16)
	}
	if got := row(shaped(Braille, 2, make([]RGB, 8)...), 0, ASCII); got != " " {
		t.Errorf("black is %q, want a space", got)
	}
	dot := make([]RGB, 8)
	dot[3] = RGB{255, 255, 255} // the second of the right column: dot 5 of Unicode's numbering
	if got := row(shaped(Braille, 2, dot...), 0, TrueColor); got != "\x1b[38;2;255;255;255;48;2;0;0;0m⠐"+reset {
		t.Errorf("one dot is %q", got)
	}
}

func TestShapes_haveACellForEachOfTheirPixels(t *testing.T) {
	colors := palette(t, "abyss")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(Shapes()).Draw(t, "shape")
		depth := rapid.SampledFrom([]Depth{ASCII, Colors16, Colors256, TrueColor}).Draw(t, "depth")
		w, h := rapid.IntRange(1, 13).Draw(t, "w"), rapid.IntRange(1, 13).Draw(t, "h")
		pic := &Picture{Shape: s}
		Paint(pic, ripples(20, 20), colors, w, h)
		cw, ch := s.Cell()
		if pic.Columns() != (w+cw-1)/cw || pic.Rows() != (h+ch-1)/ch {
			t.Fatalf("%v: %d×%d pixels are %d×%d cells", s, w, h, pic.Columns(), pic.Rows())
		}
		pic.Mark(Rect{0, 0, w/2 + 1, h}, Mark{Tint: red, Blend: 90, Label: '1', Stale: rapid.Bool().Draw(t, "stale")})
		pic.Outline(Rect{w / 2, 0, w, h}, Mark{Tint: blue, Blend: 200})
		for r := range pic.Rows() {
			line := row(pic, r, depth)
			glyphs := 0
			for line != "" {
				if rest, code := strings.CutPrefix(line, "\x1b["); code {
					_, line, _ = strings.Cut(rest, "m")
					continue
				}
				_, size := utf8.DecodeRuneInString(line)
				glyphs, line = glyphs+1, line[size:]
			}
			if glyphs != pic.Columns() {
				t.Fatalf("%v at %v: row %d has %d cells, want %d", s, depth, r, glyphs, pic.Columns())
			}
		}
	})
}

func TestOutline_isTheFirstRowAndColumn(t *testing.T) {
	pic := blank(8, 8)
	pic.Shape = Characters
	pic.Outline(Rect{2, 2, 4, 4}, Mark{})
	var got []string
	for r := range pic.Rows() {
		got = append(got, row(pic, r, ASCII))
	}
	want := []string{"        ", "  +---  ", "  |     ", "        "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("an outline is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	pic.ClearMarks()
	pic.Shape = Halves
	pic.Outline(Rect{0, 0, 8, 8}, Mark{Tint: red, Blend: 255})
	if got := row(pic, 1, TrueColor); !strings.HasPrefix(got, "\x1b[48;2;255;0;0m \x1b[48;2;0;0;0m ") {
		t.Errorf("in colour it is %q, want its tint and then the picture", got)
	}
}

func BenchmarkAppendRow_ofEachShape(b *testing.B) {
	for _, s := range Shapes() {
		for _, depth := range []Depth{TrueColor, Colors256} {
			b.Run(fmt.Sprintf("200x60/%v/%v", s, depth), func(b *testing.B) {
				w, h := s.Cell()
				pic := &Picture{Shape: s}
				Paint(pic, ripples(400, 240), palette(b, "abyss"), 200*w, 60*h)
				buf := make([]byte, 0, 1<<20)
				for b.Loop() {
					buf = buf[:0]
					for r := range pic.Rows() {
						buf = AppendRow(buf, pic, r, depth)
					}
				}
				b.ReportMetric(float64(len(buf)), "bytes/frame")
			})
		}
	}
}
