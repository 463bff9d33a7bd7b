package failover

import (
	"fmt"
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// ask lets a sink ask for a stream's function to be told something else.
func (s *stage) ask(sink *actor, id work.StreamID, params string) {
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{
		Kind: Revise, Stream: &work.Stream{ID: id, Params: []byte(params)},
	}})
}

// answers are what a sink's owner was told of what a stream's function is told.
func (a *actor) answers() (list []Message) {
	for _, e := range a.all(Forward) {
		if e.Message.Kind == Revised {
			list = append(list, e.Message)
		}
	}
	return list
}

// params are what a result says that its task was split from.
func params(m *Message) string { return string(m.Payload[12:]) }

// holdsFrom checks that from the answer on no result of a frame from which the newest params hold is of others, and none before of
// these, and that results of both have come.
func (s *stage) holdsFrom(sink *actor, answer Message, want string) {
	s.t.Helper()
	before, after := 0, 0
	for _, e := range sink.all(Deliver) {
		m := e.Message
		got := params(&m)
		switch held := m.Task.Frame >= answer.Task.Frame; {
		case held != (got == want) || held != (m.Revision == answer.Stream.Revision):
			s.t.Fatalf("the result of %v is of %q, revision %x; want %q, revision %x, from frame %d on",
				m.Task, got, m.Revision, want, answer.Stream.Revision, answer.Task.Frame)
		case held:
			after++
		default:
			before++
		}
	}
	if before == 0 || after == 0 {
		s.t.Fatalf("%d results of before and %d of after, want both", before, after)
	}
}

// agree checks that every holder of a stream has one revision.
func (s *stage) agree(id work.StreamID, want work.Revision) {
	s.t.Helper()
	holders := 0
	for _, a := range s.living() {
		if a.core == nil || a.core.stream(id) == nil {
			continue
		}
		holders++
		if got := a.core.stream(id).spec.Revision; got != want {
			s.t.Errorf("%s has revision %x, want %x", a.name, got, want)
		}
	}
	if holders == 0 {
		s.t.Error("nobody holds the stream")
	}
}

func TestRevise_holdsFromAFrameOnWithoutAGap(t *testing.T) {
	for _, strategy := range work.Strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			factor, _ := strategy.Factors()
			s, _, sink, stream := guarded(t, 5, strategy, factor)
			s.ask(sink, stream.ID, "left")
			s.until("the answer", 100*time.Millisecond, func() bool { return len(sink.answers()) > 0 })
			s.run(100 * time.Millisecond)
			answers := sink.answers()
			if len(answers) != 1 || answers[0].Reason != 0 || string(answers[0].Stream.Params) != "left" {
				t.Fatalf("told %+v, want once that it holds", answers)
			}
			s.holdsFrom(sink, answers[0], "left")
			s.agree(stream.ID, answers[0].Stream.Revision)
			s.everyResultOnce(sink, stream, s.next(stream.ID)-3)
			for _, a := range s.living() {
				if n := a.told["mask"] + a.told["drop"] + a.told["stop"]; n > 0 {
					t.Errorf("%s masks, drops or stops %d times, want none", a.name, n)
				}
			}
		})
	}
}

// The splitter dies in the same instant. Either nobody has heard of it and the sink asks the next one, or the standby has it.
func TestRevise_survivesTheSplitter(t *testing.T) {
	for _, when := range []struct {
		name string
		lose func(Message) bool
		seen func(s *stage, sink *actor, leader *actor, heir *actor, id work.StreamID) bool
	}{
		{"before its standby has it", func(m Message) bool { return m.Kind == Hold && m.Stream.Revision > 0 },
			func(_ *stage, _, leader, _ *actor, id work.StreamID) bool {
				return leader.core.stream(id).spec.Revision > 0
			}},
		{"before the answer", func(m Message) bool { return m.Kind == Revised },
			func(_ *stage, _, _, heir *actor, id work.StreamID) bool {
				return heir.core.stream(id).spec.Revision > 0
			}},
		{"after the answer", nil,
			func(_ *stage, sink, _, _ *actor, _ work.StreamID) bool { return len(sink.answers()) > 0 }},
	} {
		for _, strategy := range []work.Strategy{work.Standby, work.Active} {
			t.Run(fmt.Sprint(strategy, " ", when.name), func(t *testing.T) {
				s, _, sink, stream := guarded(t, 4, strategy, 2)
				leader := s.leader(stream.ID)
				heir := s.by(leader.core.stream(stream.ID).holders[1])
				s.lose = when.lose
				s.ask(sink, stream.ID, "left")
				s.until(when.name, 50*time.Millisecond, func() bool { return when.seen(s, sink, leader, heir, stream.ID) })
				s.kill(leader)
				s.lose = nil
				s.run(200 * time.Millisecond)
				answers := sink.answers()
				if len(answers) != 1 || answers[0].Reason != 0 {
					t.Fatalf("told %+v, want once that it holds", answers)
				}
				s.holdsFrom(sink, answers[0], "left")
				s.agree(stream.ID, answers[0].Stream.Revision)
				s.everyResultOnce(sink, stream, s.next(stream.ID)-3)
			})
		}
	}
}

// No frame is split from what a standby has not said that it has: it is put off, and neither is there a gap.
func TestRevise_waitsForItsStandby(t *testing.T) {
	s, _, sink, stream := guarded(t, 4, work.Standby, 2)
	s.lose = func(m Message) bool { return m.Kind == Hold && m.Stream.Revision > 0 }
	s.ask(sink, stream.ID, "left")
	s.run(60 * time.Millisecond)
	if answers := sink.answers(); len(answers) > 0 {
		t.Fatalf("told %+v while no standby has it", answers)
	}
	for _, e := range sink.all(Deliver) {
		if got := params(&e.Message); got != "" {
			t.Fatalf("the result of %v is of %q while no standby has it", e.Message.Task, got)
		}
	}
	s.lose = nil
	s.run(150 * time.Millisecond)
	answers := sink.answers()
	if len(answers) != 1 {
		t.Fatalf("told %+v, want once that it holds", answers)
	}
	s.holdsFrom(sink, answers[0], "left")
	s.everyResultOnce(sink, stream, s.next(stream.ID)-3)
}

// Where every holder splits, none does from a revision that some have not: their results would be of either, and a vote never won.
func TestRevise_isSplitByNobodyBeforeEachStandbyHasIt(t *testing.T) {
	for _, strategy := range []work.Strategy{work.Standby, work.Active, work.Vote} {
		s, _, sink, stream := guarded(t, 5, strategy, 3)
		last := s.leader(stream.ID).core.stream(stream.ID).holders[2]
		s.drop = func(_, to *actor, m Message) bool { return m.Kind == Hold && m.Stream.Revision > 0 && to.id == last }
		s.ask(sink, stream.ID, "left")
		s.run(60 * time.Millisecond)
		if answers := sink.answers(); len(answers) > 0 {
			t.Fatalf("%v: told %+v while one standby has it not", strategy, answers)
		}
		for _, e := range sink.all(Deliver) {
			if got := params(&e.Message); got != "" {
				t.Fatalf("%v: the result of %v is of %q while one standby has it not", strategy, e.Message.Task, got)
			}
		}
		s.drop = nil
		s.run(150 * time.Millisecond)
		answers := sink.answers()
		if len(answers) != 1 {
			t.Fatalf("%v: told %+v, want once that it holds", strategy, answers)
		}
		s.holdsFrom(sink, answers[0], "left")
		s.everyResultOnce(sink, stream, s.next(stream.ID)-3)
	}
}

func TestRevise_ofTwoSinksTheHigherHolds(t *testing.T) {
	s, _, sink, stream := guarded(t, 4, work.Standby, 3)
	other := s.receiver("other")
	s.join(other)
	s.step(other, Event{Kind: Received, Peer: other.id, Message: Message{Kind: Subscribe, Task: work.TaskID{Stream: stream.ID}}})
	s.run(20 * time.Millisecond)
	s.quiet()
	s.ask(sink, stream.ID, "left")
	s.ask(other, stream.ID, "right")
	s.run(100 * time.Millisecond)
	winner, want := sink, "left"
	if other.id > sink.id {
		winner, want = other, "right"
	}
	highest := nextRevision(0, winner.id)
	for _, a := range []*actor{sink, other} {
		told := a.sink.find(stream.ID, false).told
		if told == nil || told.Revision != highest || string(told.Params) != want {
			t.Errorf("%s knows of %+v, want %q, revision %x", a.name, told, want, highest)
		}
		if a.sink.find(stream.ID, false).revise != nil {
			t.Errorf("%s still waits for an answer", a.name)
		}
	}
	s.agree(stream.ID, highest)
	s.quiet()
	s.run(50 * time.Millisecond)
	for _, e := range sink.all(Deliver) {
		if got := params(&e.Message); got != want {
			t.Fatalf("the result of %v is of %q, want %q", e.Message.Task, got, want)
		}
	}
}

// Who submitted a stream submits it again as others have had it revised.
func TestRevise_isRememberedWhereAllHoldersDie(t *testing.T) {
	s, _, sink, stream := guarded(t, 5, work.Standby, 2)
	other := s.receiver("other") // which watches nothing
	s.join(other)
	s.ask(other, stream.ID, "left")
	s.run(50 * time.Millisecond)
	answers := other.answers()
	if len(answers) != 1 || answers[0].Reason != 0 {
		t.Fatalf("who asked is told %+v, want once that it holds", answers)
	}
	holders := s.leader(stream.ID).core.stream(stream.ID).holders
	for _, id := range holders[:holders.Len()] {
		s.kill(s.by(id))
	}
	s.quiet()
	s.run(500 * time.Millisecond)
	list := sink.all(Deliver)
	if len(list) < 100 {
		t.Fatalf("%d results after all holders died, want the stream to go on", len(list))
	}
	if last := list[len(list)-1].Message; params(&last) != "left" {
		t.Errorf("results are of %q, want of what it was revised to", params(&last))
	}
	s.agree(stream.ID, answers[0].Stream.Revision)
}

func TestRevise_tellsWhatItIsToldNow(t *testing.T) {
	s, _, _, stream := guarded(t, 3, work.Standby, 2)
	other := s.receiver("other")
	s.join(other)
	s.step(other, Event{Kind: Received, Peer: other.id, Message: Message{Kind: Revise, Have: 1, Stream: &work.Stream{ID: stream.ID}}})
	s.run(20 * time.Millisecond)
	answers := other.answers()
	if len(answers) != 1 || answers[0].Reason != 0 || answers[0].Stream.Revision != 0 || answers[0].Stream.Tiles != stream.Tiles {
		t.Errorf("told %+v, want the stream as it was submitted", answers)
	}
}

func TestRevise_refusesWhatTheFunctionDoesNotTake(t *testing.T) {
	s, _, sink, stream := guarded(t, 3, work.Standby, 2)
	s.ask(sink, stream.ID, echoRefuses)
	s.run(50 * time.Millisecond)
	answers := sink.answers()
	if len(answers) != 1 || answers[0].Reason != BadStream {
		t.Fatalf("told %+v, want once that it makes no sense", answers)
	}
	s.agree(stream.ID, 0)
	s.ask(sink, stream.ID, "left")
	s.run(50 * time.Millisecond)
	if answers = sink.answers(); len(answers) != 2 || answers[1].Reason != 0 {
		t.Errorf("told %+v of the next, want that it holds", answers[1:])
	}
}

func TestRevise_ofWhatDoesNotRunIsRefused(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(2)
	s.ask(sink, 0xd3, "left")
	s.run(maxRevises * 300 * time.Millisecond)
	answers := sink.answers()
	if len(answers) != 1 || answers[0].Reason != NoStream {
		t.Errorf("told %+v, want once that no such stream runs", answers)
	}
}

// A standby that runs a task and, in the same step, comes to lead its stream and places that task anew, of another revision: the
// worker is given both, and each as it is.
func TestRevise_leavesTheInputOfATaskThatRuns(t *testing.T) {
	own, other := Identify("n1", 1), Identify("n2", 1)
	core := New(Config{ID: own, Weight: WeightOf("n1"), Function: echoes})
	now := clock.Instant(time.Second)
	place := func(try uint16, revision work.Revision, input string) []byte {
		t.Helper()
		for _, e := range core.Step(now, Event{Kind: Received, Peer: other, Message: Message{
			Kind: Place, Task: work.TaskID{Stream: 7}, Epoch: Epoch{Term: Term(0).next(other), Try: try}, Function: "echo/1",
			Holders: Holders{own}, Strategy: work.Standby, Need: 2, Revision: revision, Payload: []byte(input),
		}}, nil) {
			if e.Kind == Execute && e.Message.Revision == revision {
				return e.Message.Payload
			}
		}
		t.Fatalf("%q is not run", input)
		return nil
	}
	first := place(0, 0, "left")
	second := place(1, 1<<32, "right")
	if string(first) != "left" || string(second) != "right" {
		t.Errorf("the worker is given %q and %q, want both as they came", first, second)
	}
}

// Keys that are held down ask many times a second. Each takes the place of the one before, and the last one holds.
func TestRevise_manyTimesKeepsItsBounds(t *testing.T) {
	s, _, sink, stream := guarded(t, 3, work.Standby, 2)
	version := s.leader(stream.ID).core.stream(stream.ID).version
	const times = 300
	for i := range times {
		s.ask(sink, stream.ID, fmt.Sprint(i))
		s.run(time.Millisecond)
	}
	s.run(50 * time.Millisecond)
	answers := sink.answers()
	if n := len(answers); n == 0 || string(answers[n-1].Stream.Params) != fmt.Sprint(times-1) {
		t.Fatalf("%d answers, want the last to be of the last that was asked for", n)
	}
	for _, a := range s.living() {
		if a.core == nil || a.core.stream(stream.ID) == nil {
			continue
		}
		led := a.core.stream(stream.ID)
		if n := len(led.revisions); n > maxRevisions {
			t.Errorf("%s keeps %d revisions, want at most %d", a.name, n, maxRevisions)
		}
		if led.version != version {
			t.Errorf("%s counts %d changes of the holders, want %d", a.name, led.version, version)
		}
	}
	s.everyResultOnce(sink, stream, s.next(stream.ID)-3)
}

// A view is asked for, and the splitter dies in the same instant: its standby has it, and answers.
func playRevise(s *stage) {
	stream := echoStream(0xf9)
	leader, sink := s.began(3, stream)
	s.taped = true
	s.note("a sink asks for the stream to be told something else; the standby gets it before the answer goes")
	s.ask(sink, stream.ID, "left")
	s.until("the answer", 20*time.Millisecond, func() bool { return len(sink.answers()) > 0 })
	s.note("it asks once more, and the splitter dies before it answers")
	heir := s.by(leader.core.stream(stream.ID).holders[1])
	before := heir.core.stream(stream.ID).spec.Revision
	s.lose = func(m Message) bool { return m.Kind == Revised }
	s.ask(sink, stream.ID, "right")
	s.until("the copy", 20*time.Millisecond, func() bool { return heir.core.stream(stream.ID).spec.Revision > before })
	s.kill(leader)
	s.lose = nil
	s.run(60 * time.Millisecond)
	answers := sink.answers()
	if n := len(answers); n != 2 || string(answers[1].Stream.Params) != "right" {
		s.t.Errorf("told %+v, want twice that it holds", answers)
	}
}
