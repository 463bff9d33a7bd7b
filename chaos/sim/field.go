package sim

import (
	"slices"
	"strconv"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// Field is a cluster of many nodes, to see what a node's share of the work costs as the cluster grows. Its nodes stand on a
// ring. A node gives work to the nearest on either side and to nobody else; it has links, and so leases, with these, and
// with whoever it meets in a task or a stream. A stream for each five nodes is submitted, each at a place of its own; some
// nodes die and some freeze, each once. Nothing else goes wrong, and nothing is checked but what [Field.Run] counts.
type Field struct {
	seed    uint64
	nodes   int
	now     clock.Instant
	queue   queue
	parcels parcels
	plots   []plot // the nodes, then the sinks
	byID    map[failover.NodeID]int32
	effects []failover.Effect
	fn      function
	out     FieldOutcome
}

// FieldOutcome is what became of a field between its start-up and its end.
type FieldOutcome struct {
	Nodes     int
	Window    time.Duration // how long it was counted
	Streams   int
	Stopped   int    // nodes that died or froze
	Beats     uint64 // sent from node to node
	Messages  uint64 // sent by nodes
	Copies    uint64 // of these, copies of tasks for a standby
	Delivered uint64 // results at the sinks: tasks
	Links     int    // between nodes, each counted once
	MostLinks int    // of one node
	Takeovers []Takeover
}

// MaxFieldNodes bounds a field.
const MaxFieldNodes = 10_000

// MinFieldNodes is the smallest ring on which a node has a neighbourhood of its own.
const MinFieldNodes = 2*fieldReach + 1

// The figures of a field.
const (
	fieldReach  = 3                      // how far to either side a node gives work
	fieldEach   = 5                      // nodes for each stream
	fieldStopOf = 25                     // of so many nodes one dies, and one freezes
	fieldFrom   = 100 * time.Millisecond // from here on it is counted; then nodes stop,
	fieldStop   = 150 * time.Millisecond // between here
	fieldStops  = 250 * time.Millisecond // and here;
	fieldTo     = 600 * time.Millisecond // and here it ends: later than any silence is borne
)

// plot is a process of a field.
type plot struct {
	index   int
	name    string
	id      failover.NodeID
	core    *failover.Core
	machine machine
	stream  work.Stream   // a sink's
	stopped clock.Instant // when it died or froze; Never before
	dead    bool
	tickAt  clock.Instant
	rhythm  time.Duration
	asked   uint64
	strands []strand
	tasks   []int32 // what its worker has before it, the first being run; parcels
	began   clock.Instant
}

// strand is a process's end of a link.
type strand struct {
	to   uint16
	up   bool
	near bool          // it is given work
	last clock.Instant // when the last message to it arrives: those behind it come later
}

// NewField makes a field of so many nodes, within its bounds.
func NewField(nodes int, seed uint64) *Field {
	nodes = min(max(nodes, MinFieldNodes), MaxFieldNodes)
	f := &Field{seed: seed, nodes: nodes, byID: make(map[failover.NodeID]int32)}
	f.out = FieldOutcome{Nodes: nodes, Window: fieldTo - fieldFrom, Streams: max(nodes/fieldEach, 1)}
	f.plots = make([]plot, nodes+f.out.Streams)
	for i := range f.plots {
		f.found(i)
	}
	for i := range nodes {
		p := &f.plots[i]
		for d := 1; d <= fieldReach; d++ {
			f.meet(p, &f.plots[(i+d)%nodes])
		}
		f.at(f.draw(p).Within(between(0, p.rhythm)), entry{kind: beats, a: uint16(i)})
	}
	for k := range f.out.Streams {
		sink := &f.plots[nodes+k]
		for d := range 3 {
			f.meet(sink, &f.plots[(k*fieldEach+d)%nodes])
		}
		f.at(f.draw(sink).Within(between(submitLow, submitHigh)), entry{kind: submits, a: uint16(nodes + k)})
	}
	f.planStops()
	return f
}

// found makes a process.
func (f *Field) found(i int) {
	p := &f.plots[i]
	*p = plot{index: i, name: "n" + strconv.Itoa(i+1), stopped: clock.Never, tickAt: clock.Never}
	if i >= f.nodes {
		p.name = "s" + strconv.Itoa(i-f.nodes+1)
	}
	for incarnation := uint64(1); p.id == 0; incarnation++ {
		id := failover.Identify(p.name, incarnation)
		if _, taken := f.byID[id]; !taken { // of ten thousand, two may share a hash
			p.id, f.byID[id] = id, int32(i)
		}
	}
	p.rhythm = f.draw(p).Within(between(beatFastest, beatSlowest))
	if i >= f.nodes {
		p.machine = failover.NewSink(failover.SinkConfig{ID: p.id})
		p.stream = work.Stream{
			ID: work.StreamID(streamIDs + i), Function: functionName, Tiles: streamTiles, Period: streamSlow,
			Strategy: work.Standby, Factor: 2, Params: make([]byte, 8),
		}
		return
	}
	p.core = failover.New(failover.Config{
		ID: p.id, Weight: failover.WeightOf(p.name), Function: f.function, SilenceCeiling: silenceCeiling,
		MaxTasks: maxTasks, MaxStreams: maxStreams,
	})
	p.machine = p.core
}

// planStops draws which nodes die and which freeze, far from each other where the field is large.
func (f *Field) planStops() {
	each := max(f.nodes/fieldStopOf, 1)
	first := int(f.luck(0, 1).Below(uint64(f.nodes)))
	for k := range 2 * each {
		at := f.luck(k, 2).Within(between(fieldStop, fieldStops))
		i := (first + k*f.nodes/(2*each)) % f.nodes
		f.at(at, entry{kind: strikes, a: uint16(i), arg: uint32(k % 2)})
	}
}

func (f *Field) function(string) work.Function { return f.fn }

func (f *Field) luck(a int, what uint64) chaos.Luck {
	return chaos.Draw(f.seed, chaos.Spot{Site: chaos.Process, From: uint32(a)}, luckField, what)
}

// draw is the luck of a process that asks again.
func (f *Field) draw(p *plot) chaos.Luck {
	p.asked++
	return f.luck(p.index, p.asked<<8)
}

func (f *Field) at(after time.Duration, e entry) {
	e.at = f.now.Add(after)
	f.queue.push(e)
}

// Run lets the field's time pass.
func (f *Field) Run() FieldOutcome {
	for f.queue.len() > 0 {
		e := f.queue.pop()
		if f.now = e.at; f.now >= clock.Instant(fieldTo) {
			break
		}
		f.happen(&f.plots[e.a], e)
	}
	for i := range f.nodes {
		n := 0
		for _, s := range f.plots[i].strands {
			if int(s.to) < f.nodes {
				n++
			}
		}
		f.out.Links += n
		f.out.MostLinks = max(f.out.MostLinks, n)
	}
	f.out.Links /= 2
	return f.out
}

// counts reports whether what happens now is counted.
func (f *Field) counts() bool { return f.now >= clock.Instant(fieldFrom) }

// happen makes one thing happen at a process. One that has stopped does nothing, and never does again.
func (f *Field) happen(p *plot, e entry) {
	if p.stopped != clock.Never {
		f.parcels.drop(e.slot)
		return
	}
	switch e.kind {
	case ticks:
		if p.tickAt == e.at {
			p.tickAt = clock.Never
			f.feed(p, &failover.Event{Kind: failover.Tick})
		}
	case beats:
		f.beat(p)
	case beaten:
		q := &f.plots[e.b]
		f.feed(p, &failover.Event{Kind: failover.Beat, Peer: q.id, Interval: q.rhythm, Heard: f.strand(p, q).near})
	case arrives:
		f.arrive(p, e)
	case linked:
		f.linked(p, &f.plots[e.b])
	case severed:
		f.strand(p, &f.plots[e.b]).up = false
		f.feed(p, &failover.Event{Kind: failover.LinkDown, Peer: f.plots[e.b].id})
	case computes:
		f.computed(p)
	case submits:
		spec := p.stream
		f.feed(p, &failover.Event{Kind: failover.Received, Peer: p.id, Message: failover.Message{
			Kind: failover.Submit, Task: work.TaskID{Stream: spec.ID}, Stream: &spec,
		}})
	case strikes:
		f.stop(p, e.arg == 0)
	default: // the rest happens in a World
	}
}

// stop kills or freezes a node, for good.
func (f *Field) stop(p *plot, dies bool) {
	p.stopped, p.dead = f.now, dies
	f.out.Stopped++
	if !dies {
		return
	}
	for _, s := range p.strands {
		if s.up {
			f.at(f.draw(p).Within(between(resetLow, resetHigh)), entry{kind: severed, a: s.to, b: uint16(p.index)})
		}
	}
}

// feed tells a machine what happened and carries out what it answers.
func (f *Field) feed(p *plot, ev *failover.Event) {
	f.effects = p.machine.Step(f.now, *ev, f.effects[:0])
	for i := range f.effects {
		f.carryOut(p, &f.effects[i])
	}
	wake := p.machine.Wake()
	if wake != clock.Never && p.tickAt > wake.Add(timerLate) {
		p.tickAt = max(wake, f.now).Add(f.draw(p).Within(between(time.Microsecond, timerLate)))
		f.queue.push(entry{at: p.tickAt, kind: ticks, a: uint16(p.index)})
	}
}

// carryOut does what a machine asks for.
func (f *Field) carryOut(p *plot, e *failover.Effect) {
	switch e.Kind {
	case failover.Send:
		f.send(p, e)
	case failover.Execute:
		p.tasks = append(p.tasks, f.parcels.keep(&e.Message))
		if len(p.tasks) == 1 {
			f.work(p)
		}
	case failover.Cancel:
		for i := 1; i < len(p.tasks); i++ {
			if m := &f.parcels.at(p.tasks[i]).message; m.Task == e.Message.Task && m.Epoch == e.Message.Epoch {
				f.parcels.drop(p.tasks[i])
				p.tasks = slices.Delete(p.tasks, i, i+1)
				break
			}
		}
	case failover.Lead, failover.Follow: // who holds a stream is met by its sink
		if e.Message.Holders.Len() > 0 {
			f.meet(p, &f.plots[int(e.Message.Task.Stream)-streamIDs])
		}
	case failover.Promote:
		if q := &f.plots[f.byID[e.Peer]]; q.stopped != clock.Never {
			f.out.Takeovers = append(f.out.Takeovers, Takeover{e.Signal, f.now.Sub(q.stopped)})
		}
	case failover.Deliver:
		if f.counts() {
			f.out.Delivered++
		}
	default: // told, and nothing to be done
	}
}

// work lets the worker run the first of its tasks.
func (f *Field) work(p *plot) {
	p.began = f.now
	f.at(f.draw(p).Within(between(serviceLow, serviceHigh)), entry{kind: computes, a: uint16(p.index)})
}

// computed reports the end of the first task and goes on to the next.
func (f *Field) computed(p *plot) {
	slot := p.tasks[0]
	p.tasks = p.tasks[:copy(p.tasks, p.tasks[1:])]
	done := f.parcels.at(slot).message
	var buf [inputBytes]byte
	done.Payload, _ = f.fn.Run(done.Payload, buf[:0]) // which split it
	done.Ran = f.now.Sub(p.began)
	if len(p.tasks) > 0 {
		f.work(p)
	}
	f.feed(p, &failover.Event{Kind: failover.Computed, Message: done})
	f.parcels.drop(slot)
}
