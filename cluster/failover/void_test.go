package failover

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/work"
)

// Two nodes are asked to lead a stream, for the first was slow to answer. It refuses, and its term, the higher one, deposes the
// second, which was accepted and whose copies are all there are. The second leads on.
func TestHeld_whomARefusedReignDeposesLeadsOn(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(4)
	slices.SortFunc(crew, func(a, b *actor) int { return cmp.Compare(b.id, a.id) }) // the highest first
	first, second := crew[0], crew[1]
	stream := echoStream(0xa7)
	ask := func(a *actor) {
		s.step(a, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Submit, Task: work.TaskID{Stream: stream.ID}, Stream: stream}})
	}
	s.lose = func(m Message) bool { return m.Kind == Hold }
	ask(first)
	term := first.core.stream(stream.ID).term
	s.until("the first refuses", 5*time.Second, func() bool { return first.core.stream(stream.ID) == nil })
	s.lose = nil
	way := [2]string{second.name, first.name}
	s.cut[way] = true // the first does not hear that it is to stand by, and so does not say what it knows
	ask(second)
	s.run(400 * time.Millisecond)
	delete(s.cut, way)
	if mine := second.core.stream(stream.ID); mine == nil || !mine.accepted || mine.term >= term {
		t.Fatalf("%s leads %+v, want the stream, accepted in a lower term than %v", second.name, mine, term)
	}
	s.step(second, Event{Kind: Received, Peer: first.id, Message: Message{
		Kind: Fence, Task: work.TaskID{Stream: stream.ID}, Epoch: Epoch{Term: term},
	}})
	s.run(20 * time.Millisecond)
	if now := s.leader(stream.ID); now != second {
		t.Fatalf("%v leads the stream, want %s", now, second.name)
	}
	split := second.core.stream(stream.ID).next
	s.run(200 * time.Millisecond)
	if second.core.stream(stream.ID).next == split {
		t.Error("nothing is split any more")
	}
}

// Who looks in vain for a standby passes over one that does not answer. If that one was accepted before, by the very sink that asked
// again, it is the stream's leader.
func TestRetire_ofACopyThatWasNotAcknowledgedLeavesTheStreamToWhoWasAccepted(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	var second, third *actor
	for _, a := range crew {
		if a != leader && a != s.follower(leader, stream.ID) {
			second, third = third, a
		}
	}
	before := leader.core.stream(stream.ID).term
	reign := Epoch{Term: before.next(second.id), Try: 1}
	for _, a := range []*actor{leader, third} {
		s.receive(a, second, Message{
			Kind: Hold, Task: work.TaskID{Stream: stream.ID}, Epoch: reign, Holders: Holders{second.id, a.id}, Stream: stream,
		})
		if st := a.core.stream(stream.ID); st == nil || st.leading() || st.term != reign.Term {
			t.Fatalf("%s does not follow the second: the test shows nothing", a.name)
		}
		s.receive(a, second, Message{Kind: Retire, Reason: NotCopied, Task: work.TaskID{Stream: stream.ID}, Epoch: reign})
	}
	if st := leader.core.stream(stream.ID); st == nil || !st.leading() || st.term <= reign.Term {
		t.Error("who was accepted does not lead the stream again")
	}
	if third.core.stream(stream.ID) != nil {
		t.Error("who was never told that the stream was accepted still holds it")
	}
	passed := false
	s.lose = func(m Message) bool {
		passed = passed || m.Kind == Retire && m.Reason == NotCopied
		return m.Kind == Held
	}
	other := echoStream(0xa8)
	s.receive(second, sink, Message{Kind: Submit, Task: work.TaskID{Stream: other.ID}, Stream: other})
	s.until("a standby that does not answer is passed over", time.Second, func() bool { return passed })
}

// Nobody is asked for a copy in the very moment in which the stream is refused: whom it deposes had perhaps been accepted.
func TestSubmit_thatIsRefusedAsksNoOneMore(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(7)
	stream := echoStream(0xa9)
	asked := map[string]bool{}
	s.lose = func(m Message) bool { return m.Kind == Held }
	s.drop = func(_, to *actor, m Message) bool {
		if m.Kind == Hold {
			asked[to.name] = true
		}
		return false
	}
	s.receive(crew[0], sink, Message{Kind: Submit, Task: work.TaskID{Stream: stream.ID}, Stream: stream})
	s.until("it is refused", 5*time.Second, func() bool { return crew[0].core.stream(stream.ID) == nil })
	if len(asked) != MaxFactor {
		t.Errorf("%d nodes were asked to stand by, want %d", len(asked), MaxFactor)
	}
}

// A standby of a reign that was refused, which asks whether its copy is wanted, is told to let it go.
func TestHeld_aRefusedReignWantsNoStandby(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	stream := echoStream(0xa7)
	s.lose = func(m Message) bool { return m.Kind == Hold }
	s.step(crew[0], Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Submit, Task: work.TaskID{Stream: stream.ID}, Stream: stream}})
	term := crew[0].core.stream(stream.ID).term
	s.until("it refuses", 5*time.Second, func() bool { return crew[0].core.stream(stream.ID) == nil })
	s.taped = true
	s.step(crew[0], Event{Kind: Received, Peer: crew[1].id, Message: Message{
		Kind: Held, Task: work.TaskID{Stream: stream.ID}, Epoch: Epoch{Term: term},
	}})
	if !strings.Contains(s.script.String(), " retire ") || strings.Contains(s.script.String(), " yield ") {
		t.Errorf("the answer is\n%swant retire", s.script.String())
	}
}
