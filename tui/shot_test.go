package tui

import (
	"testing"
	"time"

	"fracture/render"
)

func TestShot_isTheScreenInPixels(t *testing.T) {
	for _, keys := range [][]string{nil, {"v"}, {"v", "v", "v"}, {"o"}, {"?"}} {
		s := newStage(t, 120, 36, Options{Depth: render.TrueColor})
		s.story()
		s.press(keys...)
		m, err := s.moment()
		if err != nil {
			t.Fatal(err)
		}
		pic, err := m.Shot()
		if err != nil {
			t.Fatal(err)
		}
		if pic.W != 120*shotCellW || pic.H != 36*shotCellH {
			t.Fatalf("%q: %d×%d pixels, want %d×%d", keys, pic.W, pic.H, 120*shotCellW, 36*shotCellH)
		}
		colors := map[render.RGB]int{}
		for _, c := range pic.Pix {
			colors[c]++
		}
		ground := render.RGB{R: shotGround.R, G: shotGround.G, B: shotGround.B}
		if n := colors[ground]; n == 0 || n == len(pic.Pix) || len(colors) < 20 {
			t.Errorf("%q: %d of %d pixels are the ground, in %d colours", keys, n, len(pic.Pix), len(colors))
		}
	}
}

func TestShot_showsEachPixelOfThePicture(t *testing.T) {
	s := newStage(t, 80, 24, Options{Depth: render.TrueColor})
	s.play(time.Second)
	s.View()
	m, err := s.moment()
	if err != nil {
		t.Fatal(err)
	}
	pic, err := m.Shot()
	if err != nil {
		t.Fatal(err)
	}
	at, c := s.lay.picture, s.canvas
	for y := range c.pic.H {
		for x := range c.pic.W {
			px, py := (at.x+c.left+x)*shotCellW+shotCellW/2, (at.y+c.over)*shotCellH+y*shotCellH/2+shotCellH/4
			if got, want := pic.Pix[py*pic.W+px], c.pic.Pix[y*c.pic.W+x]; got != want {
				t.Fatalf("pixel %d,%d of the picture is %v, want %v", x, y, got, want)
			}
		}
	}
}
