package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
	"fracture/work/fractal"
)

// The streams of a lab: the picture, and the probes that see what falls between two frames of it.
const (
	pictureStream work.StreamID = 1
	probeStream   work.StreamID = 2
)

// probePeriod is between two probes of a lab's nodes: at half of it, probes take more processor time than the picture.
const probePeriod = 10 * time.Millisecond

// Times of a scene.
const (
	lookEvery    = 100 * time.Millisecond // between two looks at what arrived
	sceneMemory  = 30 * time.Second       // of arrivals
	sceneCalm    = 10 * time.Second       // before an incident
	sceneWindow  = time.Second            // results due so long after a fault are looked at
	sceneGrace   = 500 * time.Millisecond // and are lost when they have not come so long after that
	noticeMargin = 100 * time.Millisecond // a fault that only the nodes noticed began at most so long before
	sceneBudget  = 10 * time.Millisecond  // of downtime: what a calm has to be even enough to show
	lateAfter    = time.Second            // a node that said nothing for so long is late
	goneAfter    = 3 * time.Second        // and so long, dead: on the screen, and nowhere else
	forgetAfter  = 5 * time.Second        // a node that left stands in the list for so long
	sceneBound   = 1 << 16                // deliveries between two looks
	sceneResults = 1 << 23                // of one stream within its memory: 64 MiB
	sceneTraces  = 1 << 12                // of what nodes tell of takeovers, between two looks and of all that is remembered

	complainEvery = 10 * time.Second // between two lines about what one node turned away
)

// latencyBuckets are the upper bounds of the histogram of downtimes, in ms.
var latencyBuckets = []float64{0.5, 1, 2, 3, 5, 7.5, 10, 15, 25, 50, 100, 500, math.Inf(1)}

// scene is what a screen shows: it takes what the client receives, measures it, and hands it to the broker.
type scene struct {
	broker feed
	client *cluster.Client
	child  func(name string) (tui.NodeState, bool)                         // of a process of ours; nil: none is
	breaks *injector                                                       // of what is asked for from outside; nil: nothing can be
	heal   healer                                                          // of all that stands; nil where breaks is
	monkey *monkey                                                         // nil where breaks is
	inject func(ctx context.Context, arguments []string) (tui.Heal, error) // as `fracture inject` has it; nil where breaks is

	recorder *recorder // of what is broken; nil: nothing can be

	deliveries *meter.Inbox[meter.Delivery]
	traces     *meter.Inbox[failover.Trace]
	curious    bool // the client's loop's: it was asked what the picture shows

	mu       sync.Mutex // guards what follows
	statuses map[string]seen
	promises map[work.StreamID]*promise // of the streams that are watched
	faults   []incident                 // reported since the last look
	promoted []failover.Trace
	heard    clock.Instant // when any node told its status last; 0 before
	replays  []string      // of the recordings that were written: how

	// Below: the goroutine's of watch.
	rec       *meter.Recorder
	log       *meter.Log
	open      map[work.StreamID]*opening // the streams that are watched, until their schedules are known
	incidents []*incident
	picture   tui.Stream          // as the screen was told
	silences  map[string]*silence // by name of the node that is silent
	downtimes []downtime
	needless  []clock.Instant // within the last minute
	wasted    uint64          // all needless takeovers
	begun     uint64          // incidents
	spare     []meter.Delivery
	unused    []failover.Trace // the same for traces
	untraced  uint64           // traces known to be dropped
	totals    tui.Totals
	missed    uint64 // deliveries known to be dropped
	untold    int    // incidents over whose downtime cannot be told
	last      struct {
		at       clock.Instant
		count    int
		rate     float64
		lateness float64 // NaN before the first
	}
	arrived   int
	frame     uint64
	schedules map[work.StreamID]meter.Schedule
	lateness  []time.Duration
}

// seen is the newest status of a node, and one of the last whose counters were told.
type seen struct {
	at     clock.Instant
	status telemetry.Status
	told   telemetry.Status
	toldAt clock.Instant

	leaving bool // it said that it leaves
	left    bool // and that was told
}

// opening is a stream whose schedule is not yet known: until a node has said what it promises nothing of it is looked at,
// and then its origin follows from the first results.
type opening struct {
	known    bool
	schedule meter.Schedule
	seen     []meter.Delivery
	until    clock.Instant
}

// incident is one fault on its way.
type incident struct {
	tui.Incident
	number  uint64        // counted from 1
	role    string        // what its node was when it failed
	noticed clock.Instant // first; 0 while nobody has
	taken   clock.Instant // over first; 0 while nothing is
	teller  string        // who noticed it
	of      string        // whom the news is about; the same as Node unless it runs
	runs    bool          // the node runs: what broke was a link to it
	calm    []meter.Calm
	span    meter.Span
	over    bool
	missed  uint64 // deliveries known to be dropped when it began
}

// newScene makes a scene of streams. What they promise is told by the nodes that lead them.
func newScene(streams ...*work.Stream) *scene {
	s := &scene{
		deliveries: meter.NewInbox[meter.Delivery](sceneBound), traces: meter.NewInbox[failover.Trace](sceneTraces),
		statuses: map[string]seen{}, log: meter.NewLogOf(sceneTraces),
		rec: meter.NewRecorder(sceneMemory), open: map[work.StreamID]*opening{}, schedules: map[work.StreamID]meter.Schedule{},
		promises: map[work.StreamID]*promise{},
		silences: map[string]*silence{},
	}
	s.last.lateness = math.NaN()
	for _, stream := range streams {
		s.open[stream.ID], s.promises[stream.ID] = &opening{}, &promise{}
	}
	return s
}

// deliver takes a result from the client's loop.
func (s *scene) deliver(m *failover.Message, at clock.Instant) {
	if m.Failed { // whether it could not be computed or was given up: nothing has come
		return
	}
	s.deliveries.Put(meter.Delivery{Task: m.Task, At: at})
	if m.Task.Stream != pictureStream {
		return
	}
	numbers, err := fractal.DecodeTile(m.Payload)
	if err != nil {
		return // of another version; it is stale, and seen to be
	}
	owner := m.Holders[min(int(m.Epoch.Rank), len(m.Holders)-1)]
	s.broker.Tile(tui.Tile{
		Index: m.Task.Tile, Frame: m.Task.Frame, Owner: s.client.Name(owner), Arrived: at, Revision: m.Revision, Numbers: numbers,
		TakenOver: m.Epoch.Rank > 0 && m.Strategy != work.Hedge && !m.Strategy.Everyone(), // a hedge is of who is late, too
	})
	if !s.curious { // the first tile: somebody leads the stream
		s.curious = true
		s.client.Told(pictureStream)
	}
}

// news takes what a node tells of itself.
func (s *scene) news(n telemetry.News) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Status != nil {
		s.hear(clock.Now(), *n.Status)
		return
	}
	if s.breaks != nil {
		s.breaks.book.confirm(n.Event)
		s.overhear(n.Event)
	}
	e := n.Event.Trace
	node := s.statuses[e.Peer].status.Name != ""
	if (e.Verb == "detect" || e.Verb == "recover") && !node {
		return // a screen that comes or goes, or another that only asks: no incident, and nothing to log
	}
	s.broker.Event(*n.Event)
	s.traces.Put(e)
	switch e.Verb {
	case "detect":
		s.faults = append(s.faults, incident{noticed: e.At, teller: e.Node, Incident: tui.Incident{
			At: e.At.Add(-noticeMargin), Node: e.Peer, What: lost, Signal: e.Signal,
		}})
	case "drained":
		s.leaves(e.Node)
	case "promote":
		s.promoted = append(s.promoted, e)
	}
}

// hear takes a node's status; the caller holds mu.
func (s *scene) hear(now clock.Instant, status telemetry.Status) {
	word := s.statuses[status.Name]
	if word.status.Incarnation > status.Incarnation {
		return
	}
	if word.told.Incarnation != status.Incarnation {
		word.told = telemetry.Status{Incarnation: status.Incarnation}
	}
	if word.status.Incarnation != status.Incarnation {
		word.leaving, word.left = false, false
	}
	word.leaving = word.leaving || status.Draining
	word.at, word.status = now, status
	s.heard = now
	if now.Sub(word.toldAt) >= complainEvery {
		if text := complaint(word.told, status); text != "" {
			s.broker.Event(telemetry.Event{Trace: failover.Trace{At: now, Node: status.Name, Verb: "refuse"}, Text: text})
			word.told, word.toldAt = status, now
		}
	}
	s.statuses[status.Name] = word
}

// complaint says what a node turned away or gave up since it was last told; empty where that is nothing.
func complaint(before, now telemetry.Status) string {
	var parts []string
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{now.Strangers - before.Strangers, "strangers turned away: %d"},
		{now.Malformed - before.Malformed, "messages that could not be read: %d"},
		{now.Refused - before.Refused, "requests refused: %d"},
		{now.Unstored - before.Unstored, "results given up on their way to the store: %d"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf(c.what, c.n))
		}
	}
	return strings.Join(parts, ", ")
}

// fault notes that a person broke a node, between two instants of which before is the first.
func (s *scene) fault(node, what string, before clock.Instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, incident{Incident: tui.Incident{At: before, Node: node, What: what}})
}

// watch measures, and tells the broker, until ctx ends.
func (s *scene) watch(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := clock.Now()
		s.learnPromises(now)
		s.pump(now)
		s.broker.Nodes(s.nodes(now))
		s.broker.Recording(s.recorder.state())
		if s.breaks != nil {
			s.broker.Faults(s.breaks.shown())
		}
		s.follow(now)
		s.sumUp(now)
	}
}

// pump takes over what arrived since the last look.
func (s *scene) pump(now clock.Instant) {
	deliveries, missed := s.deliveries.Take(s.spare)
	s.rec.Missed(missed - s.missed)
	s.missed = missed
	s.note(deliveries)
	s.lateness = s.lateness[:0]
	for _, d := range deliveries {
		if d.Task.Stream == pictureStream {
			s.arrived++
			s.frame = max(s.frame, d.Task.Frame)
		}
		if o := s.open[d.Task.Stream]; o != nil {
			if o.known {
				s.learn(o, d)
			}
			continue
		}
		s.rec.Deliver(d)
		if schedule, ok := s.schedules[d.Task.Stream]; ok && d.Task.Stream == pictureStream {
			due := schedule.Start.Add(time.Duration(d.Task.Frame) * schedule.Period)
			s.lateness = append(s.lateness, d.At.Sub(due))
		}
	}
	s.spare = deliveries
	for id, o := range s.open {
		if o.until == 0 || now < o.until {
			continue
		}
		if schedule, ok := meter.Anchor(o.schedule, o.seen); ok {
			s.rec.Open(schedule)
			s.schedules[id] = schedule
			delete(s.open, id)
		}
	}
}

// note tells the promises of streams what has come of them.
func (s *scene) note(deliveries []meter.Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range deliveries {
		if p := s.promises[d.Task.Stream]; p != nil {
			p.came = max(p.came, d.At)
		}
	}
}

// learnTime is how long a stream is watched before its schedule is taken for known.
const learnTime = time.Second

// learn collects the first results of a stream, from which its due times follow.
func (s *scene) learn(o *opening, d meter.Delivery) {
	if o.until == 0 {
		o.until = d.At.Add(learnTime)
	}
	o.seen = append(o.seen, d)
}

// nodes lists every node that was ever heard of, with how it is. Who knows the processes may be busy with starting one, and
// is asked while news can come.
func (s *scene) nodes(now clock.Instant) []tui.Node {
	s.mu.Lock()
	words := make([]seen, 0, len(s.statuses))
	for name, word := range s.statuses {
		if word.leaving && now.Sub(word.at) > forgetAfter {
			delete(s.statuses, name)
			continue
		}
		words = append(words, word)
	}
	s.mu.Unlock()
	nodes := make([]tui.Node, 0, len(words))
	for _, word := range words {
		node := tui.Node{Status: word.status, State: tui.Alive}
		switch silent := now.Sub(word.at); {
		case word.leaving:
			node.State = tui.Leaving
		case silent > goneAfter:
			node.State = tui.Dead
		case silent > lateAfter:
			node.State = tui.Late
		}
		node.Foreign = true
		if s.child != nil {
			state, ours := s.child(node.Name)
			node.Foreign = !ours
			if ours && state != tui.Alive {
				node.State = state
			}
		}
		nodes = append(nodes, node)
	}
	slices.SortFunc(nodes, func(a, b tui.Node) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return nodes
}
