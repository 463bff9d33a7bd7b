package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos/meter"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/work"
	"fracture/work/fractal"
	"fracture/work/probe"
)

// settle is how long the streams run before the recorder opens: their results of that time say where the schedules begin.
const settle = 2 * time.Second

// warmUpSpan is for how long the processor time of a warm-up is measured.
const warmUpSpan = 3 * time.Second

// openTime bounds how long the cluster may take to come up.
const openTime = 30 * time.Second

// errNoResults: streams were accepted but nothing came; the logs of the nodes say why.
var errNoResults = errors.New("no results came from the cluster")

// newLabArena prepares an arena with its directory; nothing runs until run, which also cleans up.
func newLabArena(ctx context.Context, o runOptions) (*labArena, error) {
	a := &labArena{
		options:    o,
		deliveries: meter.NewInbox[meter.Delivery](deliveryBound),
		traces:     meter.NewInbox[failover.Trace](traceBound),
		refused:    make(chan error, 1),
		joined:     make(chan struct{}),
	}
	var err error
	a.home, err = openHome(ctx, homeConfig{nodes: o.nodes, args: o.args.list()})
	return a, err
}

// submit gives the cluster a stream, guarded as the run was told.
func (a *labArena) submit(s *work.Stream) {
	s.Strategy = a.options.strategy
	s.Factor, _ = s.Strategy.Factors()
	a.client.Submit(s)
}

// submitMeasured gives the cluster a stream whose results the recorder will look at.
func (a *labArena) submitMeasured(name string, s *work.Stream) {
	a.submit(s)
	a.schedules = append(a.schedules, meter.Schedule{Stream: s.ID, Name: name, Period: s.Period, Tiles: s.Tiles})
}

// pictures is the stream of one steady picture, as large as size says, frames times over; 0 is without end.
func pictures(id work.StreamID, size float64, frames uint64) *work.Stream {
	params := steadyView(size)
	return &work.Stream{ID: id, Function: fractal.Function{}.Name(), Params: params.Append(nil),
		Tiles: tileCount, Period: time.Second / framerate, Frames: frames}
}

// calibrate finds the size of picture for the load, by what warm-ups take of this machine now.
func (a *labArena) calibrate(ctx context.Context) (size float64, err error) {
	l := a.options.load
	if l.share == 0 {
		return 1, nil
	}
	small, err := a.warmUp(ctx, 0, 1)
	if err != nil {
		return 0, err
	}
	size = firstGuess
	for guess := range guesses {
		large, err := a.warmUp(ctx, 1+guess, size)
		if err != nil {
			return 0, err
		}
		if size = l.size(small, large, runtime.NumCPU()); size == 1 {
			break
		}
	}
	return size, nil
}

// warmUp is the n-th warm-up: it lets the cluster draw pictures of a size for a while.
func (a *labArena) warmUp(ctx context.Context, n int, size float64) (warmUp, error) {
	a.submit(pictures(runWarmUps+work.StreamID(n), size, uint64((settle+warmUpSpan)*framerate/time.Second)))
	if err := a.Wait(ctx, a.Now().Add(settle)); err != nil {
		return warmUp{}, err
	}
	a.coresInUse()
	if err := a.Wait(ctx, a.Now().Add(warmUpSpan)); err != nil {
		return warmUp{}, err
	}
	return warmUp{size, a.coresInUse()}, nil
}

// run lives as long as the cluster: it starts the nodes and the client, and ends all of them with its context.
func (a *labArena) run(ctx context.Context) error {
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return a.home.run(inner) })
	group.Go(func() error {
		if err := a.home.start(inner); err != nil {
			return unlessTold(ctx, err)
		}
		var err error
		a.client, err = cluster.NewClient(cluster.ClientConfig{
			Name: "meter", Credentials: a.home.creds, Join: a.home.join(""),
			Log:     slog.New(slog.DiscardHandler),
			Deliver: a.deliver, Answer: a.answer, News: a.news,
		})
		if err != nil {
			return err
		}
		close(a.joined)
		return a.client.Run(inner)
	})
	return group.Wait()
}

// open brings the load up and opens the recorder on it.
func (a *labArena) open(ctx context.Context, rec *meter.Recorder) error {
	ctx, cancel := context.WithTimeoutCause(ctx, openTime, fmt.Errorf("%w in %v", errNotWhole, openTime))
	defer cancel()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.joined:
	}
	for len(a.Statuses()) < a.options.nodes {
		if err := a.Wait(ctx, a.Now().Add(pumpEvery)); err != nil {
			return err
		}
	}
	if o := a.options; o.probe > 0 {
		a.submitMeasured("probe", &work.Stream{ID: runProbes, Function: probe.Name, Tiles: uint32(o.nodes), Period: o.probe})
	}
	size, err := a.calibrate(ctx)
	if err != nil {
		return err
	}
	a.submitMeasured("tiles", pictures(runTiles, size, 0))
	var seen []meter.Delivery
	for until := a.Now().Add(openTime); ; {
		if err := a.Wait(ctx, a.Now().Add(settle)); err != nil {
			return err
		}
		select {
		case err := <-a.refused:
			return err
		default:
		}
		seen, _ = a.deliveries.Take(nil)
		if len(seen) > 0 || a.Now() > until {
			break
		}
	}
	// What came first may have come while the streams were still being set up; what settled since then counts.
	if err := a.Wait(ctx, a.Now().Add(settle)); err != nil {
		return err
	}
	a.coresInUse()
	seen, _ = a.deliveries.Take(nil)
	for _, s := range a.schedules {
		schedule, ok := meter.Anchor(s, seen)
		if !ok {
			return fmt.Errorf("%w: stream %s", errNoResults, s.Name)
		}
		rec.Open(schedule)
	}
	return nil
}
