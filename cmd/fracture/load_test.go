package main

import (
	"errors"
	"testing"
)

func TestLoad_sizesThePictureToTheShareOfTheCores(t *testing.T) {
	for _, c := range []struct {
		name string
		used [2]float64 // cores, at sizes 1 and 8
		came float64    // with the size of 8
		want float64
	}{
		{"half", [2]float64{0.44, 0.58}, 1, 29},
		{"half", [2]float64{1.20, 1.34}, 1, 1},    // the cluster alone takes more
		{"half", [2]float64{0.50, 0.40}, 1, 8},    // noise
		{"full", [2]float64{0.44, 0.58}, 1, 32},   // 49, but one step at a time
		{"half", [2]float64{0.44, 0.46}, 0.97, 4}, // a host that gives little of its cores: they are not idle, they are not there
	} {
		l, err := parseLoad(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.size(warmUp{1, c.used[0], 1}, warmUp{8, c.used[1], c.came}, 2); got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("size of %s with %v of 2 cores used = %.2f, want %.2f", c.name, c.used, got, c.want)
		}
	}
	if _, err := parseLoad("heavy"); !errors.Is(err, errUnknownLoad) {
		t.Errorf("parseLoad(heavy) = %v, want %v", err, errUnknownLoad)
	}
}

func TestLoad_isGoodOnlyWhereTheCoresAreBusyAsAskedAndAllThatWasDueCame(t *testing.T) {
	half, err := parseLoad("half")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		w    warmUp
		want bool
	}{
		{warmUp{29, 1.00, 1}, true},
		{warmUp{29, 1.14, 0.99}, true},
		{warmUp{29, 1.00, 0.90}, false},
		{warmUp{29, 0.80, 1}, false},
		{warmUp{29, 1.80, 1}, false},
	} {
		if got := half.good(c.w, 2); got != c.want {
			t.Errorf("half of 2 cores is well met by %+v = %v, want %v", c.w, got, c.want)
		}
	}
}

func TestLoad_takesTheWarmUpThatCameClosestAndDidAllThatWasDue(t *testing.T) {
	full, err := parseLoad("full")
	if err != nil {
		t.Fatal(err)
	}
	small, near, over, nearer := warmUp{1, 0.7, 1}, warmUp{32, 1.3, 1}, warmUp{64, 1.8, 0.9}, warmUp{40, 1.4, 0.99}
	best := small
	for _, c := range []struct{ tried, want warmUp }{{near, near}, {over, near}, {nearer, nearer}, {near, nearer}} {
		if best = full.better(best, c.tried, 2); best != c.want {
			t.Errorf("after %+v the best is %+v, want %+v", c.tried, best, c.want)
		}
	}
	if got := full.better(over, warmUp{16, 0.9, 0.95}, 2); got.size != 16 {
		t.Errorf("of two that did not keep up the best is %+v, want the one that did more", got)
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
