package failover

import (
	"testing"
	"time"

	"fracture/work"
)

func TestSink_deliversOnceWhateverIsRepeated(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	stream := echoStream(0xe1)
	s.submit(sink, stream)
	s.run(200 * time.Millisecond)
	if sink.told["repeat"] == 0 {
		t.Error("nothing was repeated: the splitter's standby forwards nothing")
	}
	s.everyResultOnce(sink, stream, s.leader(stream.ID).core.stream(stream.ID).next-1)
}

func TestSink_submitsAgainWhenAllThatHeldItsStreamAreGone(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(4)
	stream := echoStream(0xe2)
	s.submit(sink, stream)
	s.run(200 * time.Millisecond)
	var dead []*actor
	for _, a := range crew {
		if a.core.stream(stream.ID) != nil {
			dead = append(dead, a)
		}
	}
	if len(dead) != 2 {
		t.Fatalf("%d nodes hold the stream, want 2", len(dead))
	}
	for _, a := range dead {
		s.kill(a)
	}
	before := len(sink.delivered)
	s.run(2 * time.Second)
	leader := s.leader(stream.ID)
	if leader == nil {
		t.Fatal("nobody leads the stream that the sink still wants")
	}
	if len(sink.delivered) < before+40 {
		t.Errorf("%d results in two seconds after both holders died, want the stream to flow", len(sink.delivered)-before)
	}
	if st := leader.core.stream(stream.ID); st.term.Count() < 2 {
		t.Errorf("the second submit reigns in term %d, want one above the first", st.term.Count())
	}
	for id, n := range sink.delivered {
		if n != 1 {
			t.Errorf("task %v was delivered %d times", id, n)
		}
	}
}

func TestSink_ofAFiniteStreamAsksForWhatIsMissing(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(4)
	stream := echoStream(0xe3)
	stream.Frames = 20
	s.submit(sink, stream)
	s.run(200 * time.Millisecond)
	for _, a := range crew {
		if a.core.stream(stream.ID) != nil {
			s.kill(a)
		}
	}
	s.run(3 * time.Second)
	s.everyResultOnce(sink, stream, stream.Frames)
}

func TestSink_watchesWhatAnotherSubmitted(t *testing.T) {
	stream := echoStream(0xe4)
	t.Run("every stream", func(t *testing.T) { watchesWhatAnotherSubmitted(t, stream, 0) })
	t.Run("this one", func(t *testing.T) { watchesWhatAnotherSubmitted(t, stream, stream.ID) })
}

func watchesWhatAnotherSubmitted(t *testing.T, stream *work.Stream, watched work.StreamID) {
	t.Helper()
	s := newStage(t, Config{})
	crew, first := s.crew(3)
	second := s.receiver("other")
	s.join(second)
	asks := func(kind MessageKind) {
		s.step(second, Event{Kind: Received, Peer: second.id, Message: Message{Kind: kind, Task: work.TaskID{Stream: watched}}})
	}
	asks(Subscribe)
	s.submit(first, stream)
	s.run(200 * time.Millisecond)
	frames := s.leader(stream.ID).core.stream(stream.ID).next - 1
	s.everyResultOnce(first, stream, frames)
	s.everyResultOnce(second, stream, frames)

	asks(Unsubscribe)
	s.run(10 * time.Millisecond)
	before := len(second.delivered)
	s.run(100 * time.Millisecond)
	if got := len(second.delivered); got != before {
		t.Errorf("%d results came after the sink looked away", got-before)
	}
	for _, a := range crew {
		for _, w := range a.core.watchers {
			if w.sink == second.id {
				t.Errorf("%s still counts the sink that looked away among its watchers", a.name)
			}
		}
	}
}

func TestSink_retireEndsTheStreamEverywhere(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	stream := echoStream(0xe5)
	s.submit(sink, stream)
	s.run(100 * time.Millisecond)
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Retire, Task: work.TaskID{Stream: stream.ID}}})
	s.run(100 * time.Millisecond)
	for _, a := range crew {
		if a.core.stream(stream.ID) != nil {
			t.Errorf("%s holds the retired stream", a.name)
		}
	}
}

func TestSink_dropsWhatIsOlderThanItsWindow(t *testing.T) {
	sink := NewSink(SinkConfig{ID: 9, Window: 8})
	stream := echoStream(0xe6)
	sink.Step(1, Event{Kind: Received, Peer: 9, Message: Message{Kind: Submit, Stream: stream}}, nil)
	give := func(frame uint64) EffectKind {
		out := sink.Step(2, Event{Kind: Received, Peer: 1, Message: Message{
			Kind: Result, Task: work.TaskID{Stream: stream.ID, Frame: frame},
		}}, nil)
		if len(out) != 1 {
			t.Fatalf("a result of frame %d gave %+v, want one effect", frame, out)
		}
		return out[0].Kind
	}
	for _, c := range []struct {
		frame uint64
		want  EffectKind
	}{{0, Deliver}, {10, Deliver}, {3, Deliver}, {3, Repeat}, {2, Drop}, {0, Drop}, {10, Repeat}, {11, Deliver}} {
		if got := give(c.frame); got != c.want {
			t.Errorf("a result of frame %d gave %v, want %v", c.frame, Effect{Kind: got}.Verb(), Effect{Kind: c.want}.Verb())
		}
	}
}
