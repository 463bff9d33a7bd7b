package main

import (
	"errors"
	"testing"
)

func TestLoad_growsThePictureToTheShare(t *testing.T) {
	pixels := map[string]int{}
	for _, l := range loads {
		p, err := l.params(framerate, 2)
		if err != nil {
			t.Fatalf("params of %s: %v", l.name, err)
		}
		if err := p.Check(); err != nil {
			t.Errorf("params of %s: %v", l.name, err)
		}
		if p.At(0) != p.At(1000) {
			t.Errorf("params of %s: the view moves, so its load depends on the moment", l.name)
		}
		pixels[l.name] = p.View.Width * p.View.Height
	}
	if pixels["idle"] != smallWidth*smallHeight || pixels["half"] < pixels["idle"] {
		t.Errorf("pixels = %v, want the smallest picture when idle and no smaller one at half load", pixels)
	}
	if _, err := parseLoad("heavy"); !errors.Is(err, errUnknownLoad) {
		t.Errorf("parseLoad(heavy) = %v, want %v", err, errUnknownLoad)
	}
}
