package failover

import (
	"testing"
	"time"

	"fracture/work"
)

// A request is not over when its results were delivered, but when they are stored. Who comes to hold it between the two has
// seen none of them; where it is left with the request it gets them again, or the request would wait for the store for ever.
func TestRequest_isStoredByWhoHasSeenNoneOfItsResults(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(4)
	request := &work.Stream{ID: 0x57, Function: "echo/1", Tiles: 3, Frames: 1, Strategy: work.Standby, Factor: 2}
	s.submit(sink, request)
	s.until("every result is delivered", time.Second, func() bool { return len(sink.delivered) == 3 })
	s.run(50 * time.Millisecond)

	first := s.leader(request.ID)
	for _, a := range crew { // the store is slow, and its first standby dies; then the leader does
		if a != first && a.core.stream(request.ID) != nil {
			s.kill(a)
		}
	}
	s.run(100 * time.Millisecond)
	s.quiet()
	s.kill(first)
	s.run(200 * time.Millisecond)

	second := s.leader(request.ID)
	if second == nil {
		t.Fatal("nobody leads the request, and the store does not have it")
	}
	kept := map[work.TaskID]bool{}
	for _, e := range second.all(Keep) {
		kept[e.Message.Task] = true
	}
	if len(kept) != 3 {
		t.Errorf("the new leader has %d of 3 results for the store", len(kept))
	}
	s.everyResultOnce(sink, request, 1)
	s.step(second, Event{Kind: Saved, Message: Message{Task: work.TaskID{Stream: request.ID}}})
	s.run(50 * time.Millisecond)
	for _, a := range s.living() {
		if a.core != nil && a.core.stream(request.ID) != nil {
			t.Errorf("%s still holds the request after it was stored", a.name)
		}
	}
}

// Where standbys split beside a leader, the last frame can be answered and stored before its leader places it.
func TestRetire_ofAStreamThatIsStoredBeforeItsLastFrameIsPlaced(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(5)
	stream := echoStream(0xd7)
	stream.Frames, stream.Strategy = 4, work.Active
	s.submit(sink, stream)
	s.until("all but one frame is complete", time.Second, func() bool {
		a := s.leader(stream.ID)
		return a != nil && a.core.stream(stream.ID).base == stream.Frames-1
	})
	leader := s.leader(stream.ID)
	st := leader.core.stream(stream.ID)
	for i := range stream.Tiles {
		s.receive(leader, s.follower(leader, stream.ID), Message{
			Kind: Result, Task: work.TaskID{Stream: stream.ID, Frame: stream.Frames - 1, Tile: i}, Epoch: Epoch{Term: st.term},
			Strategy: work.Active, Need: 2, Holders: Holders{leader.id}, Payload: []byte("output"),
		})
	}
	s.step(leader, Event{Kind: Saved, Message: Message{Task: work.TaskID{Stream: stream.ID}}})
	if st.complete() {
		t.Fatal("the last frame is placed already: the test shows nothing")
	}
	s.run(2 * stream.Period)
	if leader.core.stream(stream.ID) != nil {
		t.Error("its leader still holds a stream of which everything is stored")
	}
}

// A request without standbys whose results have all come ends with its leader: submitted again, it would have nothing to run
// and wait for the store for ever.
func TestRequest_thatIsDeliveredIsNotSubmittedAgain(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	request := &work.Stream{ID: 0x58, Function: "echo/1", Tiles: 3, Frames: 1, Strategy: work.Reschedule, Factor: 1}
	s.submit(sink, request)
	s.until("every result is delivered", time.Second, func() bool { return len(sink.delivered) == 3 })
	leader := s.leader(request.ID)
	s.kill(leader)
	s.run(time.Second)
	s.bury(leader)
	s.run(time.Second)
	if again := s.leader(request.ID); again != nil {
		t.Errorf("%s leads a request that is over", again.name)
	}
}
