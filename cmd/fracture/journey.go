package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fracture/work/fractal"
)

// The journeys of `fracture lab --journey`. The default is the original's zoom, its start, its depth and its evenness,
// towards another point: the original's own lies within the set, so that two thirds of the picture are black at a zoom of
// 3, 95 % at 10, and nothing else comes on the way to 100. Who wants to see the original's picture names it.
const (
	journeyOriginal = "original"
	journeyCoral    = "coral"
	journeyNone     = "none"
)

var journeyNames = []string{journeyCoral, journeyOriginal, journeyNone}

// params are those of the picture.
func (f *labFlags) params() (fractal.Params, error) {
	if f.supersize < 1 || f.supersize > fractal.MaxSupersample {
		return fractal.Params{}, fmt.Errorf("--supersample %d: want 1 to %d", f.supersize, fractal.MaxSupersample)
	}
	kind, err := fractal.ParseKind(f.kind)
	if err != nil {
		return fractal.Params{}, fmt.Errorf("--kind: %w", err)
	}
	p, err := f.travel(kind)
	if err != nil {
		return p, fmt.Errorf("--journey %s: %w", f.journey, err)
	}
	if f.view != "" {
		if strings.Count(f.view, ",") != 3 { // the parser counts the size of the picture too, which is the lab's
			return p, fmt.Errorf("--view %q: want four numbers, left,top,right,bottom, such as -1.6,1.2,1.6,-1.2", f.view)
		}
		text := fmt.Sprintf("%d,%d,%s", labWidth, labHeight, f.view)
		if p.View, err = fractal.ParseRequest([]byte(text)); err != nil {
			return p, fmt.Errorf("--view %q: %w; want left,top,right,bottom", f.view, err)
		}
	}
	p.Supersample = f.supersize
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("--kind %s --view %q --supersample %d: %w", f.kind, f.view, f.supersize, err)
	}
	return p, nil
}

// travel are the parameters of a kind with the journey that was asked for, or the kind's own where none was.
func (f *labFlags) travel(kind fractal.Kind) (fractal.Params, error) {
	still := fractal.Params{Kind: kind, View: fractal.Whole(kind, labWidth, labHeight).Fit(), CX: -0.8, CY: 0.156}
	journey := f.journey
	if journey == "" {
		journey = journeyNone
		if kind == fractal.Mandelbrot && f.view == "" {
			journey = journeyCoral
		}
	}
	switch {
	case !slices.Contains(journeyNames, journey):
		return still, fmt.Errorf("want one of %v", journeyNames)
	case journey == journeyNone:
		return still, nil
	case f.view != "":
		return still, errors.New("--view names a view that stays: leave one of the two out")
	case kind != fractal.Mandelbrot:
		return still, fmt.Errorf("it leads through the Mandelbrot set, not through %v; leave it out", kind)
	case journey == journeyOriginal:
		return fractal.OriginalJourney(labWidth, labHeight), nil
	}
	return fractal.CoralJourney(labWidth, labHeight), nil
}
