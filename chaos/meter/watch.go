package meter

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Watch looks on while a run measures: at the meter itself, and at the machine below it.
type Watch struct {
	Hiccups *Hiccups
	Stalls  *Stalls
}

// NewWatch makes one that has seen nothing.
func NewWatch() Watch { return Watch{NewHiccups(), NewStalls()} }

// Run watches until the context ends. Its threads sleep by themselves, which keeps a P each (see clock.Sleep), so meanwhile
// the process has so many more.
func (w Watch) Run(ctx context.Context) error {
	threads := 1 + w.Stalls.threads()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + threads)
	defer func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - threads) }()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.Hiccups.run(ctx) })
	group.Go(func() error { return w.Stalls.run(ctx) })
	return group.Wait()
}

// Tell writes what was seen in the whole run into its report.
func (w Watch) Tell(r *Report) {
	r.Hiccups = w.Hiccups.Spread()
	if blind := w.Stalls.Blind(); blind != nil {
		r.Unwatched = blind.Error()
		return
	}
	stalls := w.Stalls.Spread()
	r.Stalls = &stalls
}
