package failover

import (
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// treadmill is one core in a steady stream: it leads one stream, owns and stands by for the tasks of another, and is told
// of beats, placements, results and their ends, all without an allocation of the treadmill's own.
type treadmill struct {
	core   *Core
	now    clock.Instant
	out    []Effect
	events []Event // that follow from a step
	steps  int

	peers  [2]NodeID
	sink   NodeID
	theirs work.StreamID // led by the first peer
	term   Term
	frame  uint64
	output []byte
}

func newTreadmill() *treadmill {
	m := &treadmill{
		now: clock.Instant(time.Second), sink: Identify("sink", 1), theirs: 0x7e,
		peers:  [2]NodeID{Identify("n2", 1), Identify("n3", 1)},
		output: make([]byte, 512),
	}
	own := Identify("n1", 1)
	m.core = New(Config{ID: own, Weight: WeightOf("n1"), Function: echoes})
	m.term = Term(0).next(m.peers[0])
	for i, name := range []string{"n2", "n3"} {
		m.step(Event{Kind: Joined, Peer: m.peers[i], Member: Member{ID: m.peers[i], Weight: WeightOf(name)}})
		m.step(Event{Kind: LinkUp, Peer: m.peers[i]})
	}
	m.step(Event{Kind: Joined, Peer: m.sink, Member: Member{ID: m.sink, Sink: true}})
	m.step(Event{Kind: LinkUp, Peer: m.sink})
	led := echoStream(0x7f)
	led.Tiles = 24
	m.step(Event{Kind: Received, Peer: m.sink, Message: Message{Kind: Submit, Stream: led}})
	theirs := echoStream(m.theirs)
	m.step(Event{Kind: Received, Peer: m.peers[0], Message: Message{
		Kind: Hold, Stream: theirs, Epoch: Epoch{Term: m.term}, Holders: Holders{m.peers[0], own}, Have: 1,
	}})
	return m
}

// step steps the core and turns what it asks for into events.
func (m *treadmill) step(ev Event) {
	m.out = m.core.Step(m.now, ev, m.out[:0])
	m.steps++
	for i := range m.out {
		e := &m.out[i]
		switch {
		case e.Kind == Execute:
			m.events = append(m.events, Event{Kind: Computed, Message: Message{
				Task: e.Message.Task, Epoch: e.Message.Epoch, Payload: m.output,
			}})
		case e.Kind == Send && e.Message.Kind == Hold:
			m.events = append(m.events, Event{Kind: Received, Peer: e.Peer, Message: Message{
				Kind: Held, Task: work.TaskID{Stream: e.Message.Task.Stream}, Epoch: e.Message.Epoch,
			}})
		case e.Kind == Send && e.Message.Kind == Place:
			m.events = append(m.events, Event{Kind: Received, Peer: e.Peer, Message: Message{
				Kind: Result, Task: e.Message.Task, Epoch: e.Message.Epoch, Payload: m.output,
			}})
			if e.Message.Holders.Rank(m.core.cfg.ID) > 0 {
				m.events = append(m.events, Event{Kind: Received, Peer: e.Peer, Message: Message{
					Kind: Done, Task: e.Message.Task, Epoch: e.Message.Epoch,
				}})
			}
		}
	}
}

// settle handles what followed.
func (m *treadmill) settle() {
	for i := 0; i < len(m.events); i++ {
		m.step(m.events[i])
	}
	m.events = m.events[:0]
}

// round is 33 ms: eleven beats of each peer, one frame of each stream.
func (m *treadmill) round() {
	for range 11 {
		m.now = m.now.Add(3 * time.Millisecond)
		for _, peer := range m.peers {
			m.step(Event{Kind: Beat, Peer: peer, Heard: true, Interval: 3 * time.Millisecond})
		}
		m.settle()
	}
	own := m.core.cfg.ID
	for tile := range uint32(2) {
		place := Message{
			Kind: Place, Task: work.TaskID{Stream: m.theirs, Frame: m.frame, Tile: tile}, Epoch: Epoch{Term: m.term},
			Function: "echo/1", Payload: m.output[:12], Splitters: Holders{m.peers[0], own},
		}
		if place.Holders = (Holders{own, m.peers[1]}); tile == 1 {
			place.Kind, place.Holders = Copy, Holders{m.peers[1], own}
		}
		m.step(Event{Kind: Received, Peer: m.peers[0], Message: place})
	}
	m.step(Event{Kind: Received, Peer: m.peers[0], Message: Message{
		Kind: Mark, Task: work.TaskID{Stream: m.theirs, Frame: m.frame}, Epoch: Epoch{Term: m.term},
		Holders: Holders{m.peers[0], own},
	}})
	late := work.TaskID{Stream: m.theirs, Frame: m.frame, Tile: 1}
	m.step(Event{Kind: Received, Peer: m.peers[1], Message: Message{Kind: Result, Task: late, Epoch: Epoch{Term: m.term}, Payload: m.output}})
	m.step(Event{Kind: Received, Peer: m.peers[1], Message: Message{Kind: Done, Task: late, Epoch: Epoch{Term: m.term}}})
	m.settle()
	m.core.Wake()
	m.frame++
}

func TestStep_allocatesNothingInASteadyStream(t *testing.T) {
	m := newTreadmill()
	for range 500 {
		m.round()
	}
	led := m.core.stream(0x7f)
	if led == nil || !led.accepted || led.next < 400 || led.next-led.base > 2 {
		t.Fatalf("the treadmill does not run: %+v", led)
	}
	if followed := m.core.stream(m.theirs); followed == nil || followed.next-followed.base > 1 {
		t.Fatalf("the followed stream does not flow: %+v", followed)
	}
	before := m.steps
	if got := testing.AllocsPerRun(500, m.round); got != 0 {
		t.Errorf("%v allocations a round of %d steps, want none", got, (m.steps-before)/501)
	}
}

func BenchmarkStep(b *testing.B) {
	m := newTreadmill()
	for range 500 {
		m.round()
	}
	m.steps = 0
	b.ReportAllocs()
	for b.Loop() {
		m.round()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(m.steps), "ns/step")
	b.ReportMetric(float64(m.steps)/float64(b.N), "steps/op")
}

func TestCore_dropsAndCountsWhatIsBeyondItsTable(t *testing.T) {
	core := New(Config{ID: 1, MaxTasks: 4, Function: echoes})
	drops := 0
	for frame := range uint64(10) {
		for _, e := range core.Step(1, Event{Kind: Received, Peer: 2, Message: Message{
			Kind: Place, Task: work.TaskID{Stream: 5, Frame: frame}, Epoch: Epoch{Term: 1 << 32}, Function: "echo/1",
			Holders: Holders{1, 2},
		}}, nil) {
			if e.Kind == Drop {
				drops++
			}
		}
	}
	if len(core.tasks.list) != 4 || drops != 6 {
		t.Errorf("%d tasks held and %d dropped of 10 under a bound of 4", len(core.tasks.list), drops)
	}
}

func TestCore_dropsWatchersBeyondTheBound(t *testing.T) {
	core := New(Config{ID: 1, Function: echoes})
	drops := 0
	for stream := range work.StreamID(maxWatchers + 10) {
		out := core.Step(1, Event{Kind: Received, Peer: 2, Message: Message{
			Kind: Subscribe, Task: work.TaskID{Stream: stream},
		}}, nil)
		drops += len(out)
	}
	if len(core.watchers) != maxWatchers || drops != 10 {
		t.Errorf("%d watchers and %d drops, want %d and 10", len(core.watchers), drops, maxWatchers)
	}
}
