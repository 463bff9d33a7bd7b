package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"fracture/work/fractal"
)

// load is how much of the machine a run's cluster keeps busy, with all that it does.
type load struct {
	name  string
	share float64 // of all cores; 0: the smallest picture, whatever it takes
}

// loads by name. Full leaves the meter what it needs.
var loads = []load{{"idle", 0}, {"half", 0.5}, {"full", 0.9}}

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

// The tile stream: as many tasks a second as the lab's 30 pictures of 24 tiles, but evenly, for what comes in bursts waits
// for itself, and that is not what a run is to measure. The smallest tile is the lab's on a terminal of 120×36 cells.
const (
	smallWidth, smallHeight = 80, 36
	framerate               = 90 // frames a second
	tileCount               = 8
)

// warmUps are the sizes of picture, in multiples of the smallest, at which the processor time in use is measured to find
// the size for a load.
var warmUps = [2]float64{1, 8}

// size is the multiple of the smallest picture that keeps the share of all cores busy, if used are the cores in use at
// the warm-ups' sizes: what the cluster needs for itself plus what the pixels cost. It is at least 1; where pixels seem to
// cost nothing, the machine is too noisy to tell, and it is that of the larger warm-up.
func (l load) size(used [2]float64, cores int) float64 {
	slope := (used[1] - used[0]) / (warmUps[1] - warmUps[0])
	if slope <= 0 {
		return warmUps[1]
	}
	return max(1, warmUps[0]+(l.share*float64(cores)-used[0])/slope)
}

// steadyView is a picture of a multiple of the smallest one's pixels: half-way down a journey, with the border of the set
// across it, standing still, so that the load does not depend on when a trial comes.
func steadyView(size float64) fractal.Params {
	side := math.Sqrt(size)
	p := fractal.CoralJourney(int(smallWidth*side), int(smallHeight*side))
	p.View = p.At(uint64(p.Journey.Frames) / 4)
	p.Journey = fractal.Journey{}
	return p
}
