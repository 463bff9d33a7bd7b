package tui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/render"
)

func TestShape_goesRoundWhatTheTerminalShows(t *testing.T) {
	for _, c := range []struct {
		opts Options
		want []render.Shape
	}{
		{Options{Depth: render.TrueColor}, []render.Shape{render.Quadrants, render.Characters, render.Braille, render.Halves}},
		{Options{}, []render.Shape{render.Braille, render.Characters}},
		{Options{ASCII: true, Depth: render.TrueColor}, []render.Shape{render.Characters}},
	} {
		s := newStage(t, 120, 36, c.opts)
		s.play(time.Second)
		first := s.canvas.pic.Shape
		var got []render.Shape
		for range c.want {
			s.press("v")
			got = append(got, s.canvas.pic.Shape)
			lines := strings.Split(s.text(), "\n")
			if len(lines) != 36 {
				t.Errorf("%v: %d lines, want 36", s.canvas.pic.Shape, len(lines))
			}
			if r := s.canvas.pic.Rows(); r > s.lay.picture.h || s.canvas.pic.Columns() > s.lay.picture.w {
				t.Errorf("%v: %d×%d cells in a pane of %d×%d", s.canvas.pic.Shape, s.canvas.pic.Columns(), r, s.lay.picture.w, s.lay.picture.h)
			}
		}
		if !slices.Equal(got, c.want) || got[len(got)-1] != first {
			t.Errorf("%+v: after %v come %v, want %v", c.opts, first, got, c.want)
		}
	}
}

func TestShape_eachDrawsThePictureInItsOwnGlyphs(t *testing.T) {
	glyphs := map[render.Shape]string{render.Halves: "▄", render.Quadrants: "▝▖▞▗▐▟", render.Characters: ".:-=+*#%@"}
	for dot := rune(1); dot < 256; dot++ {
		glyphs[render.Braille] += string('\u2800' + dot)
	}
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor})
	for range render.Shapes() {
		s.press("v")
		s.play(time.Second)
		var picture strings.Builder
		for _, line := range strings.Split(s.text(), "\n")[s.lay.picture.y : s.lay.picture.y+s.lay.picture.h] {
			cells := []rune(line)
			picture.WriteString(string(cells[min(s.lay.picture.x, len(cells)):min(s.lay.picture.x+s.lay.picture.w, len(cells))]))
		}
		for shape, own := range glyphs {
			if drawn := strings.ContainsAny(picture.String(), own); drawn != (shape == s.canvas.pic.Shape) && !(shape == render.Halves && s.canvas.pic.Shape == render.Quadrants) {
				t.Errorf("in %v glyphs of %v are there: %v", s.canvas.pic.Shape, shape, drawn)
			}
		}
	}
}

func TestFlash_lightsWhatAStandbyComputedForAWhile(t *testing.T) {
	s := newStage(t, 120, 36, Options{Depth: render.TrueColor})
	s.play(time.Second)
	lit := func() (n int) {
		for _, m := range s.canvas.pic.Marks {
			if m.Blend > 0 {
				n++
			}
		}
		return n
	}
	n := s.fake.Collect(s.state.now.Add(fakePeriod))
	if len(n.Tiles) == 0 {
		t.Fatal("the fake has no tile")
	}
	n.Tiles[0].TakenOver = true
	s.Update(frame{n})
	one := lit()
	if all := s.canvas.pic.Columns() * s.canvas.pic.Rows(); one == 0 || one > all/8 {
		t.Errorf("%d of %d cells are lit, want those of one tile of 24", one, all)
	}
	s.play(flashFor / 2)
	if now := lit(); now != one {
		t.Errorf("half the time later %d cells are lit, want %d", now, one)
	}
	s.play(flashFor)
	if now := lit(); now != 0 {
		t.Errorf("after its time %d cells are lit, want none", now)
	}
}

func TestOwners_haveBordersWithoutColour(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	s.play(time.Second)
	bars := func() int { return strings.Count(s.text(), "|") }
	without := bars()
	s.press("o")
	if with := bars(); with < without+24 {
		t.Errorf("of 24 tiles %d bars are drawn:\n%s", with-without, s.text())
	}
	s.press("o")
	if now := bars(); now != without {
		t.Errorf("%d bars are left:\n%s", now-without, s.text())
	}
}
