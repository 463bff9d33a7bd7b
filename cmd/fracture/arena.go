package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/control"
	"fracture/telemetry"
	"fracture/work"
)

// The streams of a run.
const (
	runTiles   work.StreamID = 1
	runProbes  work.StreamID = 2
	runWarmUps work.StreamID = 3 // and those after it
)

// runProbePeriod is between two probes of a run's nodes, unless told otherwise. At half of it probes take a quarter of a core
// more, and two cores are more than half loaded before there is a picture.
const runProbePeriod = 2 * time.Millisecond

// Bounds of what the sink leaves for the runner between two pumps, in items: two seconds of the fastest probe stream.
const (
	deliveryBound = 1 << 17
	traceBound    = 1 << 15
)

// statusAge is how old a node's last word may be before the node counts as gone.
const statusAge = 2 * time.Second

// errRefused: the cluster would not take a stream; the reason is in the text.
var errRefused = errors.New("the cluster refused the stream")

// labArena is an arena of child processes, with a client of the cluster as its sink.
type labArena struct {
	options    runOptions
	schedules  []meter.Schedule
	home       *home
	client     *cluster.Client               // set before joined is closed
	joined     chan struct{}                 // closed once every node is ready and the client runs
	checker    atomic.Pointer[meter.Checker] // of the measured streams; nil until all of them are submitted
	deliveries *meter.Inbox[meter.Delivery]
	traces     *meter.Inbox[failover.Trace]
	refused    chan error // of the first stream that was refused
	door       *doorLoad  // nil where no door is to be broken

	spareDeliveries []meter.Delivery // the runner's
	spareTraces     []failover.Trace
	missed          uint64 // traces known to be dropped
	unread          uint64 // deliveries known to be dropped
	book            orderBook
	injector        *injector      // of whatever a trial orders, and a scenario or the control API asks for
	struck          *standingFault // by the trial that is on, where it ordered one; the runner's
	lab             *arenaLab      // that has it break what limits allow
	asks            asker          // for the streams to be guarded otherwise
	guarding        sync.Mutex     // held while it does: one change after the other
	cost            meter.Cost
	outside         atomic.Pointer[control.Server] // nil where nobody asks
	noted           uint64                         // trials that it was told of; the runner's
	size            float64                        // of the pictures

	mu    sync.Mutex // guards all below
	nodes []nodeWord // by name

	rss     int64   // the largest of any node
	cores   float64 // sum of all words' cores
	words   int
	sched   string
	endless []*work.Stream // submitted, to be submitted again where failfast has stopped them
	guards  []guardFrom    // how they are guarded since, one after the other; none: as at the beginning
}

// nodeWord is the newest status of a node.
type nodeWord struct {
	at     clock.Instant
	dead   uint64 // the incarnation that was killed; its last words may still come
	status telemetry.Status
}

// Now implements arena.
func (a *labArena) Now() clock.Instant { return clock.Now() }

// Wait implements arena.
func (a *labArena) Wait(ctx context.Context, until clock.Instant) error {
	timer := time.NewTimer(until.Sub(clock.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Pump implements arena.
func (a *labArena) Pump(rec *meter.Recorder, log *meter.Log) {
	a.book.renew()
	deliveries, unread := a.deliveries.Take(a.spareDeliveries)
	for _, d := range deliveries {
		rec.Deliver(d)
	}
	rec.Missed(unread - a.unread)
	a.spareDeliveries, a.unread = deliveries, unread
	traces, dropped := a.traces.Take(a.spareTraces)
	for _, t := range traces {
		log.Observe(t)
	}
	log.Missed(dropped - a.missed)
	a.spareTraces, a.missed = traces, dropped
}

// Statuses implements arena.
func (a *labArena) Statuses() []telemetry.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	var up []telemetry.Status
	for _, n := range a.nodes {
		if clock.Now().Sub(n.at) < statusAge && n.status.Incarnation != n.dead {
			up = append(up, n.status)
		}
	}
	return up
}

// Meet implements arena.
func (a *labArena) Meet(until clock.Instant) { meet(until) }

// deliver and answer are called on the client's loop, news on the goroutines of its links. A result is checked here, where
// it still lies in the processor's cache, for to keep it until it is pumped would fill the memory of who measures.
func (a *labArena) deliver(m *failover.Message, arrival clock.Instant) {
	if !m.Failed { // what was given up has not come
		a.deliveries.Put(meter.Delivery{Task: m.Task, At: arrival, Wrong: a.checker.Load().Wrong(m.Task, m.Payload)})
	}
}

func (a *labArena) news(n telemetry.News) {
	if n.Event != nil {
		a.book.confirm(n.Event)
		if g, ok := guardTold(n.Event); ok && n.Event.Task.Stream == runTiles {
			a.noteGuard(guardFrom{n.Event.At, g.Strategy, g.Copies()})
		}
		a.traces.Put(n.Event.Trace)
		return
	}
	s := *n.Status
	s.Leads, s.Follows = withoutRequests(s.Leads), withoutRequests(s.Follows)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rss = max(a.rss, s.RSS)
	a.cores += s.CPU
	a.words++
	a.sched = s.Scheduler
	i, known := slices.BinarySearchFunc(a.nodes, s.Name, func(n nodeWord, name string) int { return cmp.Compare(n.status.Name, name) })
	switch {
	case !known:
		a.nodes = slices.Insert(a.nodes, i, nodeWord{at: clock.Now(), status: s})
	case s.Incarnation >= a.nodes[i].status.Incarnation:
		a.nodes[i].at, a.nodes[i].status = clock.Now(), s
	}
}

func (a *labArena) answer(m *failover.Message) {
	if m.Kind != failover.Refused {
		return
	}
	select {
	case a.refused <- fmt.Errorf("%w: %v (%d of %d)", errRefused, m.Reason, m.Have, m.Need):
	default: // one is enough
	}
}

// coresInUse is how many cores the nodes used together since the last call, as they told.
func (a *labArena) coresInUse() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	used := a.cores / float64(max(a.words, 1)) * float64(a.options.nodes)
	a.cores, a.words = 0, 0
	return used
}

// report is what the arena and the runner know at the end, not yet judged.
func (a *labArena) report(o runOptions, r *runner) *meter.Report {
	a.Pump(r.rec, r.log)
	used := a.coresInUse()
	lost := clock.Now().Add(-o.grace) // what was due until then, and has not come
	a.mu.Lock()
	defer a.mu.Unlock()
	report := &meter.Report{
		Seed: o.seed, Strategy: o.strategy.String(), Load: o.load.name, Nodes: o.nodes, Asked: o.most(), Needed: o.minimum,
		Totals: r.rec.Totals(lost), Holes: r.rec.Holes(lost),
		CalmSpan: o.calm.Seconds(), Window: o.window.Seconds(), Grace: o.grace.Seconds(),
		Coverage:   meter.Coverage{Played: len(o.series) == 0},
		LogDropped: r.log.Dropped(), Door: a.door.told(),
		RSS: float64(a.rss*10>>20) / 10, Ballast: float64(o.args.ballast*10/mebi) / 10, Cores: runtime.NumCPU(), CPU: math.Round(used*100) / 100,
		CPUAsked:  o.coresAsked(),
		Scheduler: a.sched, Versions: versions(),
	}
	r.watch.Tell(report)
	return report
}
