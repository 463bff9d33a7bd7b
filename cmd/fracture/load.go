package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"fracture/work/fractal"
)

// load is how much of the machine a run's cluster keeps busy, with all that it does.
type load struct {
	name  string
	share float64 // of all cores; 0: the smallest picture, whatever it takes
}

// loads by name. Full leaves room for the meter and the kernel, with which two cores are 90 to 95 % busy. Closer to all that there
// is an open loop waits for itself, whoever fails: at 0.8 the calm's p99.9 was 68 ms and not 20, at 0.9 it was 108.
var loads = []load{{"idle", 0}, {"half", 0.5}, {"full", 0.7}}

// errUnknownLoad: the name is none of the loads; the error offers them.
var errUnknownLoad = errors.New("unknown load")

// coresAsked is how many cores a run's nodes are to keep busy together; 0 where no load was looked for.
func (o runOptions) coresAsked() float64 {
	if o.size > 0 {
		return 0
	}
	return math.Round(100*o.load.share*float64(runtime.NumCPU())) / 100
}

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

// warmUp is what came of drawing pictures of a size, in multiples of the smallest one.
type warmUp struct {
	size  float64
	cores float64 // in use meanwhile
	came  float64 // the share of the results due meanwhile that came
}

// How the size is found. The first warm-up has the smallest picture; each one after tries what those before it make likely,
// until one keeps the machine as busy as was asked for. A single one would not do: a host that shares its cores gives less
// of them, or slower ones, for seconds after heavy work, and a size found then is several times too large.
const (
	firstGuess = 8
	guesses    = 8
	within     = 0.15 // of the share asked for
	keptUp     = 0.98 // of the results due: below it, the pictures are too large, however little of the cores they took
	largest    = 4    // times the size before
)

// good reports whether a warm-up kept the share of all cores busy, and did all that was due.
func (l load) good(w warmUp, cores int) bool {
	asked := l.share * float64(cores)
	return w.came >= keptUp && math.Abs(w.cores-asked) <= within*asked
}

// better is the one of two warm-ups that did all that was due and, of two that did, came closer to the share of all cores.
func (l load) better(a, b warmUp, cores int) warmUp {
	asked := l.share * float64(cores)
	switch {
	case a.came < keptUp && b.came > a.came, b.came >= keptUp && math.Abs(b.cores-asked) < math.Abs(a.cores-asked):
		return b
	}
	return a
}

// size is the multiple of the smallest picture that keeps the share of all cores busy, by what two warm-ups took: what the
// cluster needs for itself plus what the pixels cost. It is at least 1. Where the larger one did not keep up, it is half of
// that; where pixels seem to cost nothing, the machine is too noisy to tell, and it is that of the larger one.
func (l load) size(small, large warmUp, cores int) float64 {
	if large.came < keptUp {
		return max(1, large.size/2)
	}
	slope := (large.cores - small.cores) / (large.size - small.size)
	if !(slope > 0) {
		return large.size
	}
	return min(max(1, small.size+(l.share*float64(cores)-small.cores)/slope), largest*large.size)
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
