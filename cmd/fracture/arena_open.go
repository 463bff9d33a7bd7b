package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
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

// meterName is what the sink of a run is called.
const meterName = "meter"

// warmUpSpan is for how long the processor time of a warm-up is measured.
const warmUpSpan = 3 * time.Second

// Bounds of the steps until a run can begin, each for itself, so that a slow machine is told which of them it could not do.
// How long the nodes may take to start is for home to say; warm-ups take the time that they take.
const (
	tellTime   = 30 * time.Second // from the start of the nodes to a word of each
	resultTime = 30 * time.Second // from the last stream's submission to a result of each
)

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
	cfg := homeConfig{nodes: o.nodes, zones: o.zones, program: o.program, args: o.args.list(), sink: has(o.series, meter.Sink), network: o.netns.own}
	var err error
	if has(o.series, meter.Store) || o.server {
		if cfg.server, err = findServer(); err != nil {
			return nil, err
		}
	}
	if has(o.series, meter.Door) {
		cfg.http = anyPort
	}
	if a.home, err = openHome(ctx, cfg); err != nil {
		return nil, err
	}
	a.injector = newInjector(a.home, &a.book, a.Statuses, o.seed)
	a.lab = newArenaLab(a)
	if cfg.http != "" {
		a.door = newDoorLoad(a.home.door.Address, o.strategy, a.deliveries.Put)
	}
	return a, nil
}

// submit gives the cluster a stream, guarded as the run was told.
func (a *labArena) submit(s *work.Stream) {
	s.Strategy, s.Factor = a.options.strategy, a.factor()
	if s.Frames == 0 {
		a.mu.Lock()
		a.endless = append(a.endless, s)
		a.mu.Unlock()
	}
	a.client.Submit(s)
}

// factor is how many copies of each task there are.
func (a *labArena) factor() uint8 {
	fewest, _ := a.options.strategy.Factors()
	return max(fewest, a.options.factor)
}

// answered starts a stream again at once that failfast has stopped, unless the run ends with it: what a fault costs is how
// long that takes. It is called on the client's loop.
func (a *labArena) answered(m *failover.Message) {
	if m.Kind == failover.Changed {
		a.asks.answered(m)
		return
	}
	if m.Reason != failover.Stopped || a.options.stops {
		a.answer(m)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.endless {
		if s.ID == m.Task.Stream {
			a.client.Submit(s)
		}
	}
}

// submitMeasured gives the cluster a stream whose results the recorder will look at.
func (a *labArena) submitMeasured(name string, s *work.Stream) {
	a.submit(s)
	a.schedules = append(a.schedules, meter.Schedule{Stream: s.ID, Name: name, Period: s.Period, Tiles: s.Tiles})
}

// knowAnswers computes what the results of the measured streams must be; those that come from now on are held against it.
func (a *labArena) knowAnswers() error {
	a.mu.Lock()
	streams := slices.Clone(a.endless)
	a.mu.Unlock()
	checker, err := meter.NewChecker(functions, streams...)
	if err != nil {
		return err
	}
	a.checker.Store(checker)
	return nil
}

// pictures is the stream of one steady picture, as large as size says, frames times over; 0 is without end.
func pictures(id work.StreamID, size float64, frames uint64) *work.Stream {
	params := steadyView(size)
	return &work.Stream{ID: id, Function: fractal.Function{}.Name(), Params: params.Append(nil),
		Tiles: tileCount, Period: time.Second / framerate, Frames: frames}
}

// calibrate finds the size of picture for the load, by what warm-ups take of this machine now. Where none of them was good,
// it is the best of them, and the report says what it came to.
func (a *labArena) calibrate(ctx context.Context) (size float64, err error) {
	o, l := a.options, a.options.load
	switch {
	case a.options.size > 0:
		return a.options.size, nil
	case l.share == 0:
		return 1, nil
	}
	small, err := a.warmUp(ctx, 0, 1)
	if err != nil {
		return 0, err
	}
	best := small
	size = firstGuess
	for guess := 0; guess < guesses && !l.good(best, runtime.NumCPU()); guess++ {
		tried, err := a.warmUp(ctx, 1+guess, size)
		if err != nil {
			return 0, err
		}
		best = l.better(best, tried, runtime.NumCPU())
		switch {
		case size == 1 && tried.cores >= o.coresAsked(): // the cluster takes more by itself, and says so twice
			return 1, nil
		case size == 1:
			small, size = tried, firstGuess
		case tried.came < keptUp && best.came >= keptUp && best.size < size:
			size = (best.size + size) / 2
		default:
			size = l.size(small, tried, runtime.NumCPU())
		}
	}
	return best.size, nil
}

// warmUp is the n-th warm-up: it lets the cluster draw pictures of a size for a while.
func (a *labArena) warmUp(ctx context.Context, n int, size float64) (warmUp, error) {
	stream := pictures(runWarmUps+work.StreamID(n), size, uint64((settle+warmUpSpan)*framerate/time.Second))
	a.submit(stream)
	if err := a.pause(ctx, settle); err != nil {
		return warmUp{}, err
	}
	a.coresInUse()
	a.deliveries.Take(nil)
	if err := a.pause(ctx, warmUpSpan); err != nil {
		return warmUp{}, err
	}
	w := warmUp{size: size, cores: a.coresInUse()}
	seen, _ := a.deliveries.Take(nil)
	for _, d := range seen {
		if d.Task.Stream == stream.ID {
			w.came++
		}
	}
	w.came /= float64(stream.Tiles) * warmUpSpan.Seconds() / stream.Period.Seconds()
	return w, nil
}

// run lives as long as the cluster: it starts the nodes and the client, and ends all of them with its context.
func (a *labArena) run(ctx context.Context) error {
	group, inner := errgroup.WithContext(ctx)
	a.lab.toxics = newToxicLinks(a.lab.breaker, inner.Done())
	server, _, err := openControl(ctx, a.options.control, a.home, a.lab)
	if err != nil {
		return errors.Join(err, a.home.letDoorGo(), a.home.clear())
	}
	if server != nil {
		a.outside.Store(server)
		group.Go(func() error { return server.Run(inner) })
	}
	if address := a.options.control.toxiproxy; address != "" {
		group.Go(func() error { return serveLinks(inner, address, a.lab.toxics, nil) })
	}
	group.Go(func() error { return a.home.run(inner) })
	if a.door != nil {
		group.Go(func() error { return a.door.ask(inner) })
	}
	group.Go(func() error {
		if err := a.home.start(inner); err != nil {
			return unlessTold(ctx, err)
		}
		var err error
		a.client, err = cluster.NewClient(cluster.ClientConfig{
			Name: meterName, Credentials: a.home.creds, Join: a.home.join(""),
			Log:     slog.New(slog.DiscardHandler),
			Deliver: a.deliver, Answer: a.answered, News: a.news,
		})
		if err != nil {
			return err
		}
		a.book.client, a.book.order = meterName, a.client.Order
		a.asks.client = a.client
		close(a.joined)
		return a.client.Run(inner)
	})
	return group.Wait()
}

// open brings the load up and opens the recorder on it.
func (a *labArena) open(ctx context.Context, rec *meter.Recorder) error {
	if err := a.awaitNodes(ctx); err != nil {
		return err
	}
	if o := a.options; o.probe > 0 {
		a.submitMeasured("probe", &work.Stream{ID: runProbes, Function: probe.Name, Tiles: uint32(o.nodes), Period: o.probe})
	}
	size, err := a.calibrate(ctx)
	if err != nil {
		return err
	}
	a.size = size
	a.submitMeasured("tiles", pictures(runTiles, size, 0))
	if err := a.knowAnswers(); err != nil {
		return err
	}
	if err := a.awaitResults(ctx); err != nil {
		return err
	}
	// What came first may have come while the streams were still being set up; what settled since then counts.
	if err := a.pause(ctx, settle); err != nil {
		return err
	}
	a.coresInUse()
	var seen []meter.Delivery
	seen, a.unread = a.deliveries.Take(nil)
	for _, s := range a.schedules {
		schedule, ok := meter.Anchor(s, seen)
		if !ok {
			return fmt.Errorf("%w: stream %s", errNoResults, s.Name)
		}
		rec.Open(schedule)
	}
	return nil
}

// awaitNodes waits until every node has told of itself, and the second receiver, where there is to be one, is a member.
func (a *labArena) awaitNodes(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.joined:
	}
	for until := a.Now().Add(tellTime); ; {
		told, want := len(a.Statuses()), a.options.nodes
		if told >= want && (!a.home.cfg.sink || a.Stands(meter.Sink) != "") {
			return nil
		}
		if a.Now() > until {
			return fmt.Errorf("%w: %d of %d nodes told of themselves in %v", errNotWhole, told, want, tellTime)
		}
		if err := a.pause(ctx, pumpEvery); err != nil {
			return err
		}
	}
}

// awaitResults waits until results of every measured stream have come.
func (a *labArena) awaitResults(ctx context.Context) error {
	missing := slices.Clone(a.schedules)
	for until := a.Now().Add(resultTime); ; {
		seen, _ := a.deliveries.Take(nil)
		missing = slices.DeleteFunc(missing, func(s meter.Schedule) bool {
			return slices.ContainsFunc(seen, func(d meter.Delivery) bool { return d.Task.Stream == s.Stream })
		})
		if len(missing) == 0 {
			return nil
		}
		if a.Now() > until {
			return fmt.Errorf("%w in %v: stream %s", errNoResults, resultTime, missing[0].Name)
		}
		if err := a.pause(ctx, pumpEvery); err != nil {
			return err
		}
	}
}

// pause waits for a while. A stream that the cluster refuses meanwhile is an error at once.
func (a *labArena) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-a.refused:
		return err
	case <-timer.C:
		return nil
	}
}
