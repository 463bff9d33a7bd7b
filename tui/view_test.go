package tui

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"fracture/work"
	"fracture/work/fractal"
)

// revision is that of the fake's tiles.
func (f *fake) revision() work.Revision {
	if f.sight == nil {
		return 0
	}
	return f.sight.Revision
}

// shows has the fake compute something from its next frame on, and say so.
func (f *fake) shows(p fractal.Params) {
	f.params = p.Append(nil)
	f.sight = &Sight{Params: p, Revision: f.revision() + 1}
	f.news.Sight = f.sight
}

// Look pretends that the cluster is told what to compute.
func (f *fake) Look(_ context.Context, p fractal.Params) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("look %v %.4g", p.Kind, p.View.Right-p.View.Left))
	if f.deny == nil {
		f.shows(p)
	}
	return f.deny
}

// seaside is a view with something to see in it.
func seaside() fractal.Params {
	v := around(fractal.View{Width: 42, Height: 36}, -0.75, 0.1, 0.4)
	return fractal.Params{Kind: fractal.Mandelbrot, View: v, Supersample: 1}
}

// newViewStage is a stage whose screen knows what the picture shows.
func newViewStage(t testing.TB) *stage {
	t.Helper()
	s := newStage(t, 120, 36, Options{})
	s.fake.params = seaside().Append(nil)
	s.fake.sight = &Sight{Params: seaside()}
	s.fake.news.Sight = s.fake.sight
	s.play(300 * time.Millisecond)
	if s.state.gaze.sight == nil || !strings.Contains(s.text(), "at -0.7500,0.1000, 0.4 wide") {
		t.Fatalf("the screen does not say what it shows:\n%s", s.text())
	}
	return s
}

// looks counts the views that the cluster was asked for.
func (f *fake) looks() (n int) {
	for _, c := range f.calls {
		if strings.HasPrefix(c, "look ") {
			n++
		}
	}
	return n
}

// wantWhole checks that what the canvas shows is what its view holds, computed here.
func (s *stage) wantWhole() {
	s.t.Helper()
	p := s.state.gaze.target
	want := fractal.Field{}
	tiles := uint32(len(s.fake.owner))
	for i := range tiles {
		input, err := fractal.Function{}.Split(p.Append(nil), 0, i, tiles, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		output, err := fractal.Function{}.Run(input, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		tile, err := fractal.DecodeTile(output)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := want.Put(tile); err != nil {
			s.t.Fatal(err)
		}
	}
	for i, v := range want.Values {
		if got := s.canvas.numbers.Values[i]; got != v {
			s.t.Fatalf("sample %d,%d is %v, want %v", i%want.W, i/want.W, got, v)
		}
	}
}

func TestView_movesAtOnceAndIsThenComputed(t *testing.T) {
	for key, want := range map[string]string{
		"right": "at -0.7024,0.1000, 0.4 wide", "left": "at -0.7976,0.1000, 0.4 wide",
		"up": "at -0.7500,0.1381, 0.4 wide", "down": "at -0.7500,0.0619, 0.4 wide",
		"+": "at -0.7500,0.1000, 0.32 wide", "-": "at -0.7500,0.1000, 0.5 wide",
	} {
		s := newViewStage(t)
		before := s.canvas.numbers.Values
		s.press(key)
		if !strings.Contains(s.text(), want) {
			t.Errorf("%s: the caption does not say %q:\n%s", key, want, s.text())
		}
		moved := s.canvas.numbers.Values
		if &before[0] == &moved[0] {
			t.Errorf("%s: the picture has not moved before anything came", key)
		}
		if key == "right" { // by whole pixels: what is there is where it belongs
			for y := range 36 {
				if moved[y*42] != before[y*42+5] || moved[y*42+41] != fractal.Member {
					t.Fatalf("row %d begins with %v and ends with %v, want %v and nothing", y, moved[y*42], moved[y*42+41], before[y*42+5])
				}
			}
		}
		if s.fake.looks() != 1 {
			t.Errorf("%s: asked for %q, want one view", key, s.fake.calls)
		}
		s.play(100 * time.Millisecond)
		s.wantWhole()
		s.press("0")
		s.play(100 * time.Millisecond)
		if s.state.gaze.target != seaside() {
			t.Errorf("%s, 0: the picture shows %+v, want what it showed first", key, s.state.gaze.target)
		}
		s.wantWhole()
	}
}

func TestView_takesNoTileOfAnother(t *testing.T) {
	s := newViewStage(t)
	old := s.fake.Collect(s.state.now.Add(fakePeriod)).Tiles
	if len(old) == 0 {
		t.Fatal("no tiles to be late")
	}
	s.press("right")
	s.play(100 * time.Millisecond)
	s.wantWhole()
	late := News{Now: s.state.now, Tiles: old}
	for i := range late.Tiles {
		late.Tiles[i].Frame += 1000
	}
	s.Update(frame{late})
	s.wantWhole()

	ours := *s.state.gaze.sight
	others := Sight{Params: ours.Params, Revision: ours.Revision + 7}
	others.Params.View = shifted(others.Params.View, 3, 3)
	s.Update(frame{News{Now: s.state.now, Sight: &others}}) // another screen has moved it
	if s.state.gaze.target != others.Params || s.canvas.aim.view != others.Params.View {
		t.Errorf("the screen shows %+v, want what the stream computes now", s.canvas.aim.view)
	}
}

// roll lets frames pass, and carries out what is asked for meanwhile.
func (s *stage) roll(frames int) {
	for range frames {
		s.Update(frame{s.fake.Collect(s.state.now.Add(fakePeriod))})
		for len(s.deeds) > 0 {
			s.Update((<-s.deeds).perform(s.t.Context(), s.fake))
		}
	}
}

// A key that is held down asks for a view each 50 ms, and the last one comes.
func TestView_asksForTheNewestAlone(t *testing.T) {
	s := newViewStage(t)
	const presses = 30
	for i := range presses {
		s.press("+")
		if i%3 == 0 {
			s.play(fakePeriod)
		}
	}
	if n := s.fake.looks(); n == 0 || n > 14 {
		t.Errorf("asked for %d views in two thirds of a second, want at most one each 50 ms", n)
	}
	s.roll(20)
	want := 0.4 * math.Pow(zoomStep, -presses)
	v := s.state.gaze.sight.Params.View
	if got := v.Right - v.Left; math.Abs(got-want) > want/1e6 {
		t.Errorf("the stream computes a view %v wide, want %v", got, want)
	}
	s.wantWhole()
}

func TestView_zoomsAtTheMouseAndFollowsIt(t *testing.T) {
	s := newViewStage(t)
	a := s.place(panePicture)
	x, y := a.x+a.w/3, a.y+a.h/4
	re, im := s.canvas.pointAt(x-a.x, y-a.y)
	s.Update(tea.MouseWheelMsg{X: x, Y: y, Button: tea.MouseWheelUp})
	s.press("+")
	if gotRe, gotIm := s.canvas.pointAt(x-a.x, y-a.y); math.Abs(gotRe-re) > 1e-9 || math.Abs(gotIm-im) > 1e-9 {
		t.Errorf("under the mouse is %v,%v after two steps, want still %v,%v", gotRe, gotIm, re, im)
	}
	s.play(300 * time.Millisecond)
	before := s.state.gaze.target.View
	s.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	s.Update(tea.MouseMotionMsg{X: x + 12, Y: y + 3, Button: tea.MouseLeft})
	s.Update(tea.MouseReleaseMsg{X: x + 12, Y: y + 3, Button: tea.MouseLeft})
	s.Update(tea.MouseMotionMsg{X: x + 40, Y: y + 3, Button: tea.MouseLeft})
	after := s.state.gaze.target.View
	pixel := (before.Right - before.Left) / 42
	right, down := (before.Left-after.Left)/pixel, (after.Top-before.Top)/pixel
	wantRight, wantDown := float64(12*42/s.canvas.pic.W), float64(2*3*36/s.canvas.pic.H)
	if math.Abs(right-wantRight) > 1e-6 || math.Abs(down-wantDown) > 1e-6 {
		t.Errorf("dragged, the picture moved by %v,%v pixels, want %v,%v", right, down, wantRight, wantDown)
	}
}

func TestView_goesWhereItIsTold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"-0.5,0.25", "at -0.5000,0.2500, 0.4 wide"},
		{"-0.5,0.25,2e-3", "at -0.500000,0.250000, 0.002 wide"},
		{"-0.5", "want x,y or x,y,width"},
		{"-0.5,e,1", `"e" is not a number`},
		{"-0.5,0,0", "the width is 0, want one above 0"},
		{"-0.5,0,1e-17", "as deep as 64-bit numbers go"},
		{"-0.5,0,1e4", "nothing further out"},
	} {
		s := newViewStage(t)
		s.press("g")
		for _, r := range c.text {
			s.press(string(r))
		}
		if !strings.Contains(s.text(), "go to: "+c.text+"_") {
			t.Errorf("%s: the footer does not show what is written:\n%s", c.text, s.text())
		}
		s.press("enter")
		if !strings.Contains(s.text(), c.want) {
			t.Errorf("%s: the screen does not say %q:\n%s", c.text, c.want, s.text())
		}
	}
	s := newViewStage(t)
	s.press("g", "1", "esc")
	if s.state.gaze.target != seaside() {
		t.Error("esc goes somewhere")
	}
}

func TestView_showsAJuliaSetAndComesBack(t *testing.T) {
	s := newViewStage(t)
	s.press("right")
	s.play(300 * time.Millisecond)
	from := s.state.gaze.target
	s.press("j")
	s.play(300 * time.Millisecond)
	p := s.state.gaze.sight.Params
	x, y := middle(from.View)
	if p.Kind != fractal.Julia || p.CX != x || p.CY != y || !strings.Contains(s.text(), "julia at 0.000,0.000, ") {
		t.Fatalf("the stream computes %+v, want the Julia set of %v,%v:\n%s", p, x, y, s.text())
	}
	s.wantWhole()
	s.press("j")
	s.play(300 * time.Millisecond)
	if s.state.gaze.sight.Params != from {
		t.Errorf("the stream computes %+v, want what it did before", s.state.gaze.sight.Params)
	}
	s.wantWhole()
}

func TestView_stopsAJourneyOfTheStreamsOwn(t *testing.T) {
	s := newStage(t, 120, 36, Options{})
	p, err := fractal.DecodeParams(s.fake.params)
	if err != nil {
		t.Fatal(err)
	}
	s.fake.sight = &Sight{Params: p}
	s.fake.news.Sight = s.fake.sight
	s.play(300 * time.Millisecond)
	at := s.canvas.aim.view
	s.press("up")
	s.play(300 * time.Millisecond)
	if got := s.state.gaze.sight.Params; got.Journey.Frames != 0 || got.View != shifted(at, 0, 36/panParts) {
		t.Errorf("the stream computes %+v, want %+v without a journey", got, shifted(at, 0, 36/panParts))
	}
	s.wantWhole()
	s.press("0")
	s.play(300 * time.Millisecond)
	if got := s.state.gaze.sight.Params; got != p {
		t.Errorf("the stream computes %+v, want the journey it began with", got)
	}
}

func TestView_travels(t *testing.T) {
	s := newViewStage(t)
	there := func(p place) bool {
		v := s.state.gaze.target.View
		x, y := middle(v)
		return math.Abs(x-p.x) < p.width/50 && math.Abs(y-p.y) < p.width/50 && v.Right-v.Left < 1.01*p.width
	}
	s.press("J")
	for _, p := range sights()[:2] {
		for frames := 0; !there(p); frames++ {
			if frames > 600 {
				t.Fatalf("%s is not reached: %+v", p.name, s.state.gaze.target.View)
			}
			s.roll(1)
		}
		s.roll(30)
		if !strings.Contains(s.text(), p.name) {
			t.Errorf("the screen does not name %s:\n%s", p.name, s.text())
		}
	}
	s.press("left")
	at := s.state.gaze.target
	s.play(tripRest + time.Second)
	if s.state.gaze.trip.on || s.state.gaze.target != at {
		t.Error("a key of the view does not end the journey")
	}
}

func TestPlaces_areReachedFromEachOther(t *testing.T) {
	p := wholeOf(seaside())
	for _, to := range append(sights(), sights()...) {
		there := false
		for steps := 0; !there; steps++ {
			if p.View, there = towards(p.View, to); steps > 200 {
				t.Fatalf("%s is not reached within %d steps: %+v", to.name, steps, p.View)
			}
			if err := p.Check(); err != nil {
				t.Fatalf("on the way to %s: %v", to.name, err)
			}
		}
		if x, y := middle(p.View); math.Abs(x-to.x) > to.width/1e6 || math.Abs(y-to.y) > to.width/1e6 {
			t.Errorf("%s is at %v,%v, want %v,%v", to.name, x, y, to.x, to.y)
		}
	}
}

func TestView_staysWhereTheClusterDoesNotGo(t *testing.T) {
	s := newViewStage(t)
	s.fake.deny = errors.New("not now")
	s.press("+")
	s.play(100 * time.Millisecond)
	if s.state.gaze.target != seaside() || !strings.Contains(s.text(), "view: not now") {
		t.Errorf("the screen shows %+v, want what the stream computes, and why:\n%s", s.state.gaze.target, s.text())
	}
	s.wantWhole()

	s = newStage(t, 120, 36, Options{})
	s.play(100 * time.Millisecond)
	s.press("+")
	if !strings.Contains(s.text(), "zoom: it is not known yet what the picture shows") {
		t.Errorf("the screen does not say why nothing moves:\n%s", s.text())
	}
}
