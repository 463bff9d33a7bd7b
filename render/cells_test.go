package render

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func row(pic *Picture, n int, depth Depth) string { return string(AppendRow(nil, pic, n, depth)) }

func pictureOf(w int, pix ...RGB) *Picture { return &Picture{W: w, H: len(pix) / w, Pix: pix} }

// blank is a black picture of w×h pixels.
func blank(w, h int) *Picture {
	var pic Picture
	pic.Resize(w, h)
	return &pic
}

var red, blue = RGB{255, 0, 0}, RGB{0, 0, 255}

func TestAppendRow_setsTheLowerPixelInFrontOfTheUpper(t *testing.T) {
	got := row(pictureOf(1, red, blue), 0, TrueColor)
	if want := "\x1b[38;2;0;0;255;48;2;255;0;0m▄\x1b[m"; got != want {
		t.Errorf("red over blue = %q, want %q", got, want)
	}
}

func TestAppendRow_saysOnlyWhatChanges(t *testing.T) {
	for _, c := range []struct {
		name string
		pic  *Picture
		want string
	}{
		{"equal halves", pictureOf(2, red, red, red, red), "\x1b[48;2;255;0;0m  \x1b[m"},
		{"the same cell again", pictureOf(2, red, red, blue, blue), "\x1b[38;2;0;0;255;48;2;255;0;0m▄▄\x1b[m"},
		{"a new lower half", pictureOf(2, red, red, blue, RGB{}), "\x1b[38;2;0;0;255;48;2;255;0;0m▄\x1b[38;2;0;0;0m▄\x1b[m"},
		{"a new upper half", pictureOf(2, red, RGB{}, blue, blue), "\x1b[38;2;0;0;255;48;2;255;0;0m▄\x1b[48;2;0;0;0m▄\x1b[m"},
		{"an odd last row", pictureOf(1, red), "\x1b[38;2;0;0;0;48;2;255;0;0m▄\x1b[m"},
	} {
		if got := row(c.pic, 0, TrueColor); got != c.want {
			t.Errorf("%s = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAppendRow_knowsTheDepths(t *testing.T) {
	black, white := RGB{}, RGB{255, 255, 255}
	pic := pictureOf(1, white, black)
	for depth, want := range map[Depth]string{
		ASCII:     "=",
		Colors16:  "\x1b[30;107m▄\x1b[m",
		Colors256: "\x1b[38;5;16;48;5;231m▄\x1b[m",
		TrueColor: "\x1b[38;2;0;0;0;48;2;255;255;255m▄\x1b[m",
	} {
		if got := row(pic, 0, depth); got != want {
			t.Errorf("white over black at %v = %q, want %q", depth, got, want)
		}
	}
	if got := row(pic, 1, TrueColor) + row(pic, -1, TrueColor); got != "" {
		t.Errorf("rows outside the picture = %q, want nothing", got)
	}
}

// terminal plays a row: the two colours that each cell shows, as the terminal was told them.
func terminal(t interface{ Fatalf(string, ...any) }, line string) (cells [][2]string) {
	fg, bg := "", ""
	for line != "" {
		if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
			codes, after, _ := strings.Cut(rest, "m")
			line = after
			args := strings.Split(codes, ";")
			for len(args) > 0 && args[0] != "" {
				n := 1
				if args[0] == "38" || args[0] == "48" {
					n = map[string]int{"2": 5, "5": 3}[args[1]]
				}
				code, _ := strconv.Atoi(args[0])
				value := strings.Join(args[1:n], ";")
				if n == 1 {
					value = strconv.Itoa(code%10 + code/90*8)
				}
				if code == 38 || code/10 == 3 || code/10 == 9 {
					fg = value
				} else {
					bg = value
				}
				args = args[n:]
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, halfBlock):
			cells, line = append(cells, [2]string{bg, fg}), line[len(halfBlock):]
		case line[0] == ' ':
			cells, line = append(cells, [2]string{bg, bg}), line[1:]
		case line[0] == hatch:
			cells, line = append(cells, [2]string{bg, fg}), line[1:]
		default:
			t.Fatalf("unexpected %q", line)
		}
	}
	return cells
}

func TestAppendRow_showsEveryPixel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.IntRange(1, 12).Draw(t, "w")
		few := rapid.SampledFrom([]RGB{{}, red, blue, {1, 2, 3}, {99, 100, 255}})
		pic := pictureOf(w, rapid.SliceOfN(few, 2*w, 2*w).Draw(t, "pixels")...)
		cells := terminal(t, row(pic, 0, TrueColor))
		if len(cells) != w {
			t.Fatalf("%d cells, want %d", len(cells), w)
		}
		for x, c := range cells {
			up, low := pic.Pix[x], pic.Pix[w+x]
			want := [2]string{fmt.Sprintf("2;%d;%d;%d", up.R, up.G, up.B), fmt.Sprintf("2;%d;%d;%d", low.R, low.G, low.B)}
			if c != want {
				t.Fatalf("cell %d shows %v, want %v", x, c, want)
			}
		}
	})
}

func TestAppendRow_keepsMembersBlackAtEveryDepth(t *testing.T) {
	pic := blank(16, 8)
	for depth, want := range map[Depth]string{Colors16: "0", Colors256: "5;16", TrueColor: "2;0;0;0"} {
		for r := range pic.Rows() {
			for x, c := range terminal(t, row(pic, r, depth)) {
				if c != [2]string{want, want} {
					t.Fatalf("cell %d of row %d at %v shows %v, want %q", x, r, depth, c, want)
				}
			}
		}
	}
}

func TestAppendRow_hatchesStaleCellsAtEveryDepth(t *testing.T) {
	for _, ground := range []RGB{{}, red, {128, 128, 128}, {255, 255, 255}} {
		pic := blank(16, 8)
		for i := range pic.Pix {
			pic.Pix[i] = ground
		}
		pic.Mark(Rect{8, 0, 8, 8}, Mark{Stale: true})
		for depth := ASCII; depth <= TrueColor; depth++ {
			for r := range pic.Rows() {
				line := row(pic, r, depth)
				if n := strings.Count(line, string(hatch)); n != 2 {
					t.Errorf("row %d on %v at %v has %d hatches, want 2: %q", r, ground, depth, n, line)
				}
				if depth == ASCII {
					continue
				}
				for x, c := range terminal(t, line) {
					if hatched := x >= 8 && (x+r)%4 == 0; hatched && c[0] == c[1] {
						t.Errorf("the hatch of cell %d, row %d on %v at %v is invisible: %v", x, r, ground, depth, c)
					}
				}
			}
		}
	}
}

func TestAppendRow_showsOwners(t *testing.T) {
	pic := blank(16, 12)
	pic.Mark(Rect{0, 0, 16, 12}, Mark{Tint: red, Blend: 255, Label: '3'})
	if got := row(pic, 1, ASCII); !strings.Contains(got, "3") {
		t.Errorf("the owner's label is not in %q", got)
	}
	if got, want := row(pic, 1, TrueColor), "\x1b[48;2;255;0;0m"+strings.Repeat(" ", 16)+reset; got != want {
		t.Errorf("tinted all over = %q, want %q", got, want)
	}
	pic.ClearMarks()
	if got, want := row(pic, 1, ASCII), strings.Repeat(" ", 16); got != want {
		t.Errorf("without marks = %q, want blanks", got)
	}
}

func TestAppendRow_doesNotAllocate(t *testing.T) {
	var pic Picture
	Paint(&pic, ripples(80, 40), palette(t, "abyss"), 80, 40)
	pic.Mark(Rect{0, 0, 40, 40}, Mark{Tint: red, Blend: 60, Stale: true})
	buf := make([]byte, 0, 1<<16)
	for depth := ASCII; depth <= TrueColor; depth++ {
		if n := testing.AllocsPerRun(20, func() { buf = AppendRow(buf[:0], &pic, 7, depth) }); n != 0 {
			t.Errorf("%v: %v allocations a row, want none", depth, n)
		}
	}
}

func TestIndex256_isCloseToWhatItStandsFor(t *testing.T) {
	for v := range 256 {
		for i := range 16 {
			c := RGB{uint8(v), uint8(255 - v), uint8(v / 2)}
			k := int(index256(c, i&3, i>>2)) - 16
			if k < 0 || k >= 216 {
				continue
			}
			got := [3]int{cubeLevels[k/36], cubeLevels[k/6%6], cubeLevels[k%6]}
			for j, want := range [3]int{v, 255 - v, v / 2} {
				if d := got[j] - want; d < -72 || d > 72 {
					t.Fatalf("%v at %d becomes %v", c, i, got)
				}
			}
		}
	}
}

func BenchmarkAppendRow(b *testing.B) {
	for _, depth := range []Depth{TrueColor, Colors256, Colors16, ASCII} {
		b.Run("200x60/"+depth.String(), func(b *testing.B) {
			var pic Picture
			Paint(&pic, ripples(400, 240), palette(b, "abyss"), 200, 120)
			var buf []byte
			for b.Loop() {
				buf = buf[:0]
				for r := range pic.Rows() {
					buf = AppendRow(buf, &pic, r, depth)
				}
			}
			b.ReportMetric(float64(len(buf)), "bytes/frame")
		})
	}
}
