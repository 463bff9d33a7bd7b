package failover

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// stage is a cluster in a test: cores and sinks that speak to each other over links of known length, on a clock that
// only the test moves. Every effect is one line of its transcript.
type stage struct {
	t        testing.TB
	now      clock.Instant
	actors   []*actor
	plan     []happening // in the order in which it was planned
	planned  int
	cut      map[[2]string]bool                    // links that the test broke, both ways
	lose     func(Message) bool                    // messages that are never sent; nil: none
	drop     func(from, to *actor, m Message) bool // messages that are lost on their way; nil: none
	names    map[NodeID]string
	script   strings.Builder
	taped    bool // effects go to the script
	cfg      Config
	livelock int // steps since time last passed
}

// The speeds of the stage.
const (
	stageWire  = 100 * time.Microsecond // a message, a beat, the news of a reset
	stageTask  = time.Millisecond       // a task
	stageBeats = 3 * time.Millisecond   // between two beats
)

type happening struct {
	at  clock.Instant
	seq int
	do  func()
}

// actor is a process of one incarnation.
type actor struct {
	name    string
	id      NodeID
	core    *Core
	sink    *Sink
	machine interface {
		Step(now clock.Instant, ev Event, out []Effect) []Effect
		Wake() clock.Instant
	}
	up, frozen bool
	leaving    bool // its beats say so
	idle       bool // it computes nothing
	slowness   int  // how many times as long its tasks take; 0: once
	liar       bool // its answers are wrong
	waiting    []Event
	told       map[string]int // effects by verb
	effects    []Effect       // all but Send and Execute
	delivered  map[work.TaskID]int
	kept       map[work.TaskID]Message       // the newest result of each task
	came       map[work.TaskID]clock.Instant // when a result was delivered
}

// echo answers a task with its own name and the stream's params, and cannot split what broken names.
type echo struct{ broken func(frame uint64) bool }

var errCannotSplit = errors.New("no such frame")

func (echo) Name() string { return "echo/1" }

func (f echo) Split(params []byte, frame uint64, tile, _ uint32, buf []byte) ([]byte, error) {
	if f.broken != nil && f.broken(frame) || string(params) == echoRefuses {
		return nil, errCannotSplit
	}
	buf = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(buf, frame), tile)
	return append(buf, params...), nil
}

// echoRefuses are params that echo cannot split a frame from.
const echoRefuses = "nonsense"

func (echo) Run(input, buf []byte) ([]byte, error) { return append(buf, input...), nil }

func echoes(name string) work.Function {
	if name == (echo{}).Name() {
		return echo{}
	}
	return nil
}

// echoStream is a stream of two tiles, 30 frames a second, guarded by one standby.
func echoStream(id work.StreamID) *work.Stream {
	return &work.Stream{
		ID: id, Function: "echo/1", Tiles: 2, Period: 33 * time.Millisecond, Strategy: work.Standby, Factor: 2,
	}
}

func newStage(t testing.TB, cfg Config) *stage {
	if cfg.Function == nil {
		cfg.Function = echoes
	}
	return &stage{
		t: t, cfg: cfg, now: clock.Instant(time.Second), cut: map[[2]string]bool{}, names: map[NodeID]string{},
	}
}

// node makes a node; nobody knows of it until meet.
func (s *stage) node(name string, incarnation uint64) *actor {
	cfg := s.cfg
	cfg.ID, cfg.Weight = Identify(name, incarnation), WeightOf(name)
	core := New(cfg)
	a := &actor{name: name, id: cfg.ID, core: core, machine: core}
	s.enter(a)
	return a
}

// receiver makes a sink.
func (s *stage) receiver(name string) *actor {
	id := Identify(name, 1)
	sink := NewSink(SinkConfig{ID: id})
	a := &actor{name: name, id: id, sink: sink, machine: sink}
	s.enter(a)
	return a
}

func (s *stage) enter(a *actor) {
	a.up, a.told, a.delivered, a.kept = true, map[string]int{}, map[work.TaskID]int{}, map[work.TaskID]Message{}
	a.came = map[work.TaskID]clock.Instant{}
	s.actors = append(s.actors, a)
	s.names[a.id] = a.name
	if a.core != nil {
		s.beatFrom(a)
	}
}

// crew makes nodes n1, n2 … and a sink, all linked with each other.
func (s *stage) crew(nodes int) (crew []*actor, sink *actor) {
	for i := range nodes {
		crew = append(crew, s.node("n"+string(rune('1'+i)), 1))
	}
	sink = s.receiver("sink")
	s.meet(s.actors...)
	return crew, sink
}

// meet lets gossip tell all of each other, and links them.
func (s *stage) meet(all ...*actor) {
	s.gossip(all...)
	s.link(all...)
}

func (s *stage) gossip(all ...*actor) {
	for _, a := range all {
		for _, b := range all {
			if a != b {
				s.step(a, Event{Kind: Joined, Peer: b.id, Member: b.member()})
			}
		}
	}
}

func (s *stage) link(all ...*actor) {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.core != nil || b.core != nil {
				s.step(a, Event{Kind: LinkUp, Peer: b.id})
				s.step(b, Event{Kind: LinkUp, Peer: a.id})
			}
		}
	}
}

// join lets a newcomer meet all that live.
func (s *stage) join(newcomer *actor) {
	s.gossip(s.living()...)
	for _, a := range s.living() {
		if a != newcomer {
			s.link(a, newcomer)
		}
	}
}

func (s *stage) living() (list []*actor) {
	for _, a := range s.actors {
		if a.up {
			list = append(list, a)
		}
	}
	return list
}

// drain tells a node to leave, as SIGTERM does.
func (s *stage) drain(a *actor) {
	a.leaving = true
	s.step(a, Event{Kind: Drain})
}

func (a *actor) member() Member {
	return Member{ID: a.id, Weight: WeightOf(a.name), Sink: a.sink != nil}
}

// after plans something.
func (s *stage) after(d time.Duration, do func()) {
	s.planned++
	s.plan = append(s.plan, happening{s.now.Add(d), s.planned, do})
}

// beatFrom lets a node beat for as long as it lives.
func (s *stage) beatFrom(a *actor) {
	s.after(stageBeats, func() {
		if !a.up {
			return
		}
		if !a.frozen {
			for _, b := range s.actors {
				if b != a && b.core != nil && b.up && !s.cut[[2]string{a.name, b.name}] {
					s.after(stageWire, func() {
						s.step(b, Event{Kind: Beat, Peer: a.id, At: s.now, Heard: true, Leaving: a.leaving, Interval: stageBeats})
					})
				}
			}
		}
		s.beatFrom(a)
	})
}

// kill ends a process as kill -9 does: whoever was linked with it sees the reset.
func (s *stage) kill(victim *actor) {
	victim.up = false
	for _, a := range s.actors {
		if a.up {
			s.after(stageWire, func() { s.step(a, Event{Kind: LinkDown, Peer: victim.id}) })
		}
	}
}

// bury lets gossip find out that a process is gone.
func (s *stage) bury(victim *actor) {
	for _, a := range s.actors {
		if a.up && a != victim {
			s.step(a, Event{Kind: Left, Peer: victim.id})
		}
	}
}

func (s *stage) freeze(a *actor) { a.frozen = true }

// thaw lets a frozen process find all that came meanwhile.
func (s *stage) thaw(a *actor) {
	a.frozen = false
	waiting := a.waiting
	a.waiting = nil
	for _, ev := range waiting {
		s.step(a, ev)
	}
}

// submit lets a sink ask for a stream.
func (s *stage) submit(sink *actor, stream *work.Stream) {
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Submit, Stream: stream}})
}

// step tells an actor what happened and carries out what it answers.
func (s *stage) step(a *actor, ev Event) {
	switch {
	case !a.up:
		return
	case a.frozen:
		a.waiting = append(a.waiting, ev)
		return
	}
	for _, e := range a.machine.Step(s.now, ev, nil) {
		a.told[e.Verb()]++
		if s.taped {
			line := TraceOf(s.now, a.name, e, func(id NodeID) string { return s.names[id] }).Append(nil)
			s.script.WriteString(strings.TrimRight(string(line), " ") + "\n")
		}
		e.Message.Payload = slices.Clone(e.Message.Payload) // it is the machine's, until its next step
		s.carryOut(a, e)
	}
}

func (s *stage) carryOut(a *actor, e Effect) {
	switch e.Kind {
	case Send:
		s.send(a, e.Peer, e.Message)
		if e.Message.Kind == Accepted {
			s.tellKept(a, e.Peer, e.Message)
		}
	case Keep:
		m := e.Message
		m.Payload = slices.Clone(m.Payload)
		a.kept[m.Task] = m
		a.effects = append(a.effects, e)
	case Follow:
		a.effects = append(a.effects, e)
		if e.Message.Stream == nil {
			maps.DeleteFunc(a.kept, func(id work.TaskID, _ Message) bool { return id.Stream == e.Message.Task.Stream })
		}
	case Execute:
		if !a.idle {
			ran := stageTask * time.Duration(max(a.slowness, 1))
			for so := FirstLag; so < ran; so = NextLag(so) {
				s.after(so, func() {
					lags := e.Message
					lags.Payload, lags.Ran = nil, so
					s.step(a, Event{Kind: Lags, Message: lags})
				})
			}
			s.after(ran, func() {
				out, _ := echo{}.Run(e.Message.Payload, nil)
				if a.liar {
					out[0] ^= 0x80
				}
				done := e.Message
				done.Payload, done.Ran = out, ran
				s.step(a, Event{Kind: Computed, Message: done})
			})
		}
	case Deliver:
		a.delivered[e.Message.Task]++
		a.came[e.Message.Task] = s.now
		a.effects = append(a.effects, e)
	default:
		a.effects = append(a.effects, e)
	}
}

// tellKept follows up an acceptance with the results that are here already, as a node does of what it keeps for the store.
func (s *stage) tellKept(from *actor, to NodeID, accepted Message) {
	stream := from.core.stream(accepted.Task.Stream)
	if stream == nil || stream.spec.Frames != 1 {
		return
	}
	for tile := range stream.spec.Tiles {
		if m, ok := from.kept[work.TaskID{Stream: stream.spec.ID, Tile: tile}]; ok {
			m.Epoch = accepted.Epoch
			s.send(from, to, m)
		}
	}
}

func (s *stage) send(from *actor, to NodeID, m Message) {
	if s.lose != nil && s.lose(m) {
		return
	}
	if m.Stream != nil {
		copied := *m.Stream
		m.Stream = &copied
	}
	for _, b := range s.actors {
		if b.id == to && !s.cut[[2]string{from.name, b.name}] && (s.drop == nil || !s.drop(from, b, m)) {
			s.after(stageWire, func() { s.step(b, Event{Kind: Received, Peer: from.id, Message: m}) })
		}
	}
}

// run lets time pass.
func (s *stage) run(d time.Duration) {
	s.t.Helper()
	until := s.now.Add(d)
	for {
		at := until
		next := -1
		for i := range s.plan {
			if p := &s.plan[i]; p.at <= at && (next < 0 || p.at < s.plan[next].at) {
				next, at = i, p.at
			}
		}
		var sleeper *actor
		for _, a := range s.actors {
			if a.up && !a.frozen {
				if wake := a.machine.Wake(); wake < at {
					sleeper, at = a, wake
				}
			}
		}
		if s.livelock++; at > s.now {
			s.now, s.livelock = at, 0
		} else if s.livelock > 10_000 {
			s.t.Fatal("time stands still: somebody wants to be woken in the past for ever")
		}
		switch {
		case sleeper != nil:
			s.step(sleeper, Event{Kind: Tick})
		case next >= 0:
			do := s.plan[next].do
			s.plan = slices.Delete(s.plan, next, next+1)
			do()
		default:
			return
		}
	}
}

// quiet forgets what was told so far.
func (s *stage) quiet() {
	for _, a := range s.actors {
		clear(a.told)
		a.effects = nil
	}
}

// until lets time pass until something is true, and fails where it takes too long.
func (s *stage) until(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	for end := s.now.Add(within); !ok(); {
		if s.now >= end {
			s.t.Fatalf("%s: not within %v of the stage's time", what, within)
		}
		s.run(stageWire)
	}
}

// all lists an actor's effects of one kind.
func (a *actor) all(kind EffectKind) []Effect {
	var list []Effect
	for _, e := range a.effects {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	return list
}

// leader is the one living actor that leads a stream, or nil.
func (s *stage) leader(id work.StreamID) *actor {
	for _, a := range s.actors {
		if a.up && a.core != nil {
			if st := a.core.stream(id); st != nil && st.leading() {
				return a
			}
		}
	}
	return nil
}

// by finds an actor by its id.
func (s *stage) by(id NodeID) *actor {
	for _, a := range s.actors {
		if a.id == id {
			return a
		}
	}
	return nil
}

// everyResultOnce checks that the sink has each result of the frames before `frames` exactly once.
func (s *stage) everyResultOnce(sink *actor, stream *work.Stream, frames uint64) {
	s.t.Helper()
	for k := range frames {
		for i := range stream.Tiles {
			id := work.TaskID{Stream: stream.ID, Frame: k, Tile: i}
			if n := sink.delivered[id]; n != 1 {
				s.t.Errorf("task %v was delivered %d times, want once", id, n)
			}
		}
	}
}
