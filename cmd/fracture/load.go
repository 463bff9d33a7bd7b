package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fracture/clock"
	"fracture/work/fractal"
)

// load is how much of the machine the tile stream keeps busy.
type load struct {
	name  string
	share float64 // of all cores; 0: the smallest picture, whatever it takes
}

// loads by name. Full is what the tiles may take at most: what the cluster itself needs comes on top.
var loads = []load{{"idle", 0}, {"half", 0.5}, {"full", 0.8}}

// errUnknownLoad: the name is none of the loads; the error offers them.
var errUnknownLoad = errors.New("unknown load")

func parseLoad(name string) (load, error) {
	var names []string
	for _, l := range loads {
		if l.name == name {
			return l, nil
		}
		names = append(names, l.name)
	}
	return load{}, fmt.Errorf("%w %q: one of %s", errUnknownLoad, name, strings.Join(names, ", "))
}

// The tile stream. The smallest picture is that of a terminal of 120×36 cells in half blocks.
const (
	smallWidth, smallHeight = 120, 72
	framerate               = 30 // frames a second
	tileCount               = 24
)

// calibrations is how often the cost of a frame is taken; the median of them counts.
const calibrations = 5

// params makes the parameters of a stream that keeps the share busy at fps frames a second: one view that stays where
// it is, so that the load does not depend on when a trial comes, in as many pixels as it takes. What a pixel costs is
// measured, on this thread and now; what the cluster itself needs comes on top, and the report tells the sum.
func (l load) params(fps float64, cores int) (fractal.Params, error) {
	p := steadyView(smallWidth, smallHeight)
	if l.share == 0 {
		return p, nil
	}
	cost, err := costOf(p)
	if err != nil {
		return p, err
	}
	scale := math.Sqrt(l.share * float64(cores) / (cost * fps))
	return steadyView(int(smallWidth*max(scale, 1)), int(smallHeight*max(scale, 1))), nil
}

// steadyView is a view half-way down a journey, with the border of the set across it, standing still.
func steadyView(w, h int) fractal.Params {
	p := fractal.CoralJourney(w, h)
	p.View = p.At(uint64(p.Journey.Frames) / 4)
	p.Journey = fractal.Journey{}
	return p
}

// costOf is what a frame costs, in seconds of one core.
func costOf(p fractal.Params) (float64, error) {
	var costs []float64
	params := p.Append(nil)
	var input, output []byte
	for range calibrations {
		begin := clock.Now()
		for tile := range uint32(tileCount) {
			var err error
			if input, err = (fractal.Function{}).Split(params, 0, tile, tileCount, input[:0]); err != nil {
				return 0, fmt.Errorf("split a frame to calibrate the load: %w", err)
			}
			if output, err = (fractal.Function{}).Run(input, output[:0]); err != nil {
				return 0, fmt.Errorf("run a tile to calibrate the load: %w", err)
			}
		}
		costs = append(costs, clock.Now().Sub(begin).Seconds())
	}
	slices.Sort(costs)
	return costs[len(costs)/2], nil
}
