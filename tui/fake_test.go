package tui

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
	"fracture/work/fractal"
)

// fakeStart is the instant at which every fake begins, and fakeWall the time of day then.
const fakeStart = clock.Instant(1_000_000_000_000)

var fakeWall = time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)

// fakePeriod is the period of the fake stream.
const fakePeriod = time.Second / 30

// fake is a cluster that computes a real picture and pretends the rest: a Feed and a Control, the same for the same
// calls of Collect and of its deeds.
type fake struct {
	mu         sync.Mutex
	states     []NodeState
	takes      []uint64
	owner      []int // of each tile
	frame      uint64
	news       News
	lats       []float64
	lastAt     clock.Instant
	reschedule bool // tiles of a dead node wait
	told       clock.Instant
	calls      []string // deeds asked for
	deny       error
	names      []string
	params     []byte
	sight      *Sight // what it has told that it computes; nil: it keeps that to itself
	ahead      uint64 // where on the journey it begins
	recording  bool
	byClass    []Class
	kept       *Moment
	stands     []Fault
}

func newFake(nodes int) *fake {
	f := &fake{ahead: 150}
	f.params = journey(42, 36, 1)
	for i := range nodes {
		f.states = append(f.states, Alive)
		f.takes = append(f.takes, 0)
		f.names = append(f.names, fmt.Sprintf("n%d", i+1))
	}
	for i := range 24 {
		f.owner = append(f.owner, (i*7+i/5)%nodes)
	}
	return f
}

// Collect computes the next frame, or none where less than a period has passed.
func (f *fake) Collect(now clock.Instant) News {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lastAt == 0 {
		f.lastAt = now
		for i, n := range f.names {
			f.say(now, n, "join", fmt.Sprintf("joined with pid %d", 4100+i))
		}
		f.say(now, f.names[0], "lead", "leads stream 7f3a in reign 1")
	}
	if now.Sub(f.lastAt) >= fakePeriod || f.frame == 0 {
		f.frame++
		f.lastAt = now
		f.tiles(now)
	}
	if f.told == 0 || now.Sub(f.told) >= 250*time.Millisecond {
		f.told = now
		f.tell()
	}
	n := f.news
	n.Now = now
	f.news = News{}
	return n
}

func (f *fake) say(at clock.Instant, node, verb, text string) {
	f.news.Events = append(f.news.Events, telemetry.Event{Trace: failover.Trace{At: at, Node: node, Verb: verb}, Text: text})
}

// tiles computes one frame of the journey.
func (f *fake) tiles(now clock.Instant) {
	for i, o := range f.owner {
		if f.states[o] == Dead || f.states[o] == Frozen {
			continue
		}
		f.news.Tiles = append(f.news.Tiles, Tile{Index: uint32(i), Frame: f.frame, Owner: f.names[o], Arrived: now,
			Revision: f.revision(), Numbers: f.compute(uint32(i))})
	}
}

// compute runs the real function for one tile.
func (f *fake) compute(tile uint32) fractal.Tile {
	must := func(raw []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return raw
	}
	input := must(fractal.Function{}.Split(f.params, f.frame+f.ahead, tile, uint32(len(f.owner)), nil))
	t, err := fractal.DecodeTile(must(fractal.Function{}.Run(input, nil)))
	if err != nil {
		panic(err)
	}
	return t
}

func (f *fake) tell() {
	nodes := make([]Node, len(f.states))
	for i := range nodes {
		n := &nodes[i]
		n.State, n.Name, n.Takeovers = f.states[i], f.names[i], f.takes[i]
		n.PID, n.RSS = 4100+i, int64(23+i)<<20+int64(f.frame%7)<<17
		n.BeatGap = 1.1 + float64((int(f.frame)/8+i*3)%7)/10
		for _, o := range f.owner {
			if o == i {
				n.Owns++
			}
		}
		n.CPU, n.Uptime, n.OwnedOf = 0.05+float64(i)/20, float64(f.frame)/30, 0x7f3a
		for tile, o := range f.owner {
			switch i {
			case o:
				n.OwnedTiles = append(n.OwnedTiles, uint32(tile))
			case f.standby(tile):
				n.CopiedTiles = append(n.CopiedTiles, uint32(tile))
			}
		}
		n.StandsBy = len(n.CopiedTiles)
	}
	nodes[f.leader()].Leads = []uint64{0x7f3a}
	nodes[f.leader()].Streams = []telemetry.Stream{{ID: 0x7f3a, Strategy: "standby", Factor: 2}}
	f.news.Faults = &Faults{List: slices.Clone(f.stands)}
	nodes[(f.leader()+1)%len(nodes)].Follows = []uint64{0x7f3a}
	f.news.Nodes = nodes
	f.news.Totals = &Totals{Results: 720, Frame: f.frame, Lateness: 0.62 + float64(f.frame%5)/20}
}

// standby is who holds a copy of a tile: one of those that are alive, and not its owner; -1 where there is none.
func (f *fake) standby(tile int) int {
	n := len(f.states)
	for k := range n - 1 {
		if i := (f.owner[tile] + 1 + (tile+k)%(n-1)) % n; f.states[i] == Alive {
			return i
		}
	}
	return -1
}

func (f *fake) leader() int { return max(slices.Index(f.states, Alive), 0) }

// fail takes a node's tiles away and gives them to the next alive one, after a downtime that is made up.
func (f *fake) fail(now clock.Instant, i int, what string, signal failover.Signal) {
	heir := -1
	moved := 0
	for k := 1; k < len(f.states) && heir < 0; k++ {
		if j := (i + k) % len(f.states); f.states[j] == Alive {
			heir = j
		}
	}
	downtime := 1.3 + float64(len(f.lats)*37%23)/5
	if signal == failover.Silence {
		downtime += 6.5
	}
	for t, o := range f.owner {
		if o == i && heir >= 0 && !f.reschedule {
			f.owner[t] = heir
			moved++
			f.takes[heir]++
			f.news.Events = append(f.news.Events, telemetry.Event{Trace: failover.Trace{
				At: now.Add(2 * time.Millisecond), Node: f.names[heir], Verb: "promote", Peer: f.names[i], Signal: signal,
				Task: work.TaskID{Stream: 0x7f3a, Frame: f.frame, Tile: uint32(t)}}})
		}
	}
	f.lats = append(f.lats, downtime)
	f.news.Latency = latencyOf(f.lats)
	f.news.Latency.Classes = f.classes(what, downtime)
	inc := Incident{At: now, Node: f.names[i], What: what, Signal: signal, Noticed: 0.4, Tasks: moved, Downtime: downtime}
	if heir >= 0 {
		inc.Heir = f.names[heir]
		inc.Taken = 1.9
		if moved > 0 {
			inc.Sent, inc.Delivered = 2.3, 2.6
		}
	}
	f.news.Incident = &inc
}

// classes counts one fault more, and tells of all.
func (f *fake) classes(what string, downtime float64) []Class {
	if i := slices.IndexFunc(f.byClass, func(c Class) bool { return c.Name == what }); i >= 0 {
		f.byClass[i].N++
		f.byClass[i].Max = max(f.byClass[i].Max, downtime)
	} else {
		f.byClass = append(f.byClass, Class{what, 1, downtime, downtime, downtime, downtime})
	}
	return slices.Clone(f.byClass)
}

// latencyOf sums made-up downtimes up.
func latencyOf(all []float64) *Latency {
	s := slices.Sorted(slices.Values(all))
	at := func(q float64) float64 { return s[min(int(q*float64(len(s))), len(s)-1)] }
	l := &Latency{N: len(s), Last: all[len(all)-1], P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: s[len(s)-1]}
	for _, up := range []float64{0.5, 1, 2, 3, 5, 10, 20, 50, math.Inf(1)} {
		b := Bucket{UpTo: up}
		for _, v := range s {
			if v <= up && (len(l.Buckets) == 0 || v > l.Buckets[len(l.Buckets)-1].UpTo) {
				b.Count++
			}
		}
		l.Buckets = append(l.Buckets, b)
	}
	return l
}

func (f *fake) deed(verb, node string, do func(i int)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, verb+" "+node)
	i := slices.Index(f.names, node)
	if f.deny != nil || i < 0 {
		return f.deny
	}
	do(i)
	f.told = 0
	return nil
}

func (f *fake) Kill(_ context.Context, node string, sure bool) error {
	if f.isLast(node) && !sure {
		return &Doubt{"no node would be left"}
	}
	return f.deed("kill", node, func(i int) {
		f.states[i] = Dead
		f.say(f.lastAt, node, "kill", "killed by hand")
		f.fail(f.lastAt, i, "killed", failover.Reset)
	})
}

// isLast reports whether no other node is alive.
func (f *fake) isLast(node string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !slices.ContainsFunc(f.names, func(n string) bool { return n != node && f.states[slices.Index(f.names, n)] == Alive })
}

// Record pretends that a recording of no faults begins, or ends.
func (f *fake) Record(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "record")
	if f.recording = !f.recording; !f.recording {
		f.news.Recording = &Recording{}
		f.say(f.lastAt, "lab", "record", "recorded 0 faults; replay: fracture run ~/.local/state/fracture/recorded-20261127-151633.yaml")
		return "recorded 0 faults", nil
	}
	f.news.Recording = &Recording{Since: f.lastAt}
	return "recording", nil
}

// Inject pretends that a fault stands.
func (f *fake) Inject(_ context.Context, arguments []string, _ bool) (Heal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := strings.Join(arguments, " ")
	f.calls = append(f.calls, "inject "+what)
	if f.deny == nil {
		f.stands = append(f.stands, f.fault(arguments))
		f.told = 0
	}
	return func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, "heal "+what)
		return f.deny
	}, f.deny
}

// fault is what is asked for in the words of inject; a cut and a delay are at links.
func (f *fake) fault(arguments []string) Fault {
	of := func(flag string) string {
		if i := slices.Index(arguments, flag); i >= 0 {
			return arguments[i+1]
		}
		return ""
	}
	fault := Fault{What: arguments[0], Nodes: []string{of("--node")}, Peer: of("--peer"), Until: f.lastAt.Add(faultFor)}
	way := Way{From: fault.Nodes[0], To: fault.Peer, State: Slowed}
	switch fault.What {
	case "cut":
		way.State = Shut
		fault.Ways = []Way{way, {From: way.To, To: way.From, State: Shut}}
	case "delay":
		fault.Ways = []Way{way}
	}
	return fault
}

// Keep pretends that a moment is written.
func (f *fake) Keep(_ context.Context, m *Moment) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "keep")
	f.kept = m
	return "kept in ~/moment", f.deny
}

// Monkey pretends that something breaks at random.
func (f *fake) Monkey(_ context.Context, loose bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("monkey %v", loose))
	return f.deny
}

func (f *fake) Freeze(_ context.Context, node string, _ bool) error {
	return f.deed("freeze", node, func(i int) {
		f.states[i] = Frozen
		f.say(f.lastAt, node, "freeze", "stopped by hand")
		f.fail(f.lastAt, i, "frozen", failover.Silence)
	})
}

func (f *fake) Thaw(_ context.Context, node string) error {
	return f.deed("thaw", node, func(i int) {
		f.states[i] = Alive
		f.say(f.lastAt, node, "thaw", "runs again")
	})
}

func (f *fake) Revive(_ context.Context, node string) error {
	return f.deed("revive", node, func(i int) {
		f.states[i] = Alive
		f.say(f.lastAt, node, "revive", "started with a new incarnation")
		for t := range f.owner {
			if t%len(f.states) == i {
				f.owner[t] = i
			}
		}
	})
}

func (f *fake) Heal(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, "heal")
	if f.deny != nil {
		return "", f.deny
	}
	for i := range f.states {
		f.states[i] = Alive
	}
	return "healed: all", nil
}

func (f *fake) Guard(_ context.Context, strategy work.Strategy, factor uint8) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf("guard %v %d", strategy, factor))
	if f.deny != nil {
		return "", f.deny
	}
	return fmt.Sprintf("picture: %v, %d", strategy, factor), nil
}

func eventOf(at clock.Instant, node, verb, text string) telemetry.Event {
	return telemetry.Event{Trace: failover.Trace{At: at, Node: node, Verb: verb}, Text: text}
}

func eventsOf(e ...telemetry.Event) []telemetry.Event { return e }

// journey is the zoom that a fake computes, over w × h pixels of samples² each.
func journey(w, h, samples int) []byte {
	p := fractal.CoralJourney(w, h)
	p.Supersample = samples
	return p.Append(nil)
}
