package main

import (
	"errors"
	"testing"
)

func TestLoad_sizesThePictureToTheShareOfTheCores(t *testing.T) {
	for _, c := range []struct {
		name string
		used [2]float64 // cores, at sizes 1 and 8
		want float64
	}{
		{"half", [2]float64{0.44, 0.58}, 29},
		{"half", [2]float64{1.20, 1.34}, 1}, // the cluster alone takes more
		{"half", [2]float64{0.50, 0.40}, 8}, // noise
		{"full", [2]float64{0.44, 0.58}, 69},
	} {
		l, err := parseLoad(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.size(warmUp{1, c.used[0]}, warmUp{8, c.used[1]}, 2); got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("size of %s with %v of 2 cores used = %.2f, want %.2f", c.name, c.used, got, c.want)
		}
	}
	if _, err := parseLoad("heavy"); !errors.Is(err, errUnknownLoad) {
		t.Errorf("parseLoad(heavy) = %v, want %v", err, errUnknownLoad)
	}
}

func TestSteadyView_standsStillAndGrows(t *testing.T) {
	small, large := steadyView(1), steadyView(9)
	for _, p := range []interface{ Check() error }{&small, &large} {
		if err := p.Check(); err != nil {
			t.Error(err)
		}
	}
	if small.At(0) != small.At(1000) {
		t.Error("the view moves, so its load depends on the moment")
	}
	if s, l := small.View, large.View; s.Width != smallWidth || s.Height != smallHeight || l.Width != 3*smallWidth || l.Height != 3*smallHeight {
		t.Errorf("%d×%d and %d×%d, want %d×%d and three times that", s.Width, s.Height, l.Width, l.Height, smallWidth, smallHeight)
	}
}
