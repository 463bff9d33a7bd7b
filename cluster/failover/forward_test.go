package failover

import (
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/work"
)

// unlink breaks the link between two actors that live, for good.
func (s *stage) unlink(a, b *actor) {
	s.cut[[2]string{a.name, b.name}], s.cut[[2]string{b.name, a.name}] = true, true
	s.step(a, Event{Kind: LinkDown, Peer: b.id})
	s.step(b, Event{Kind: LinkDown, Peer: a.id})
}

// A standby that has just started, and of which gossip has not told the sink yet, takes over: of what it alone is told nothing
// is lost.
func TestForward_whomNoSinkHasReachedHasItPassedOn(t *testing.T) {
	s, _, sink, leader, stream := busy(t, work.Standby)
	standby := s.follower(leader, stream.ID)
	s.unlink(standby, sink)
	placed := leader.core.stream(stream.ID).next
	s.until("a frame is placed", time.Second, func() bool { return leader.core.stream(stream.ID).next > placed })
	s.kill(leader)
	s.run(700 * time.Millisecond)
	if now := s.leader(stream.ID); now != standby {
		t.Fatalf("%v leads, want %s, the standby", now, standby.name)
	}
	s.everyResultOnce(sink, stream, 48)
}

// A leader without a link to any sink is reached by one later: then it forwards by itself, and asks nobody any more.
func TestForward_asksNobodyOnceASinkIsThere(t *testing.T) {
	s, _, sink, leader, _ := busy(t, work.Standby)
	passed := 0
	s.lose = func(m Message) bool {
		if m.Kind == Result && m.Have > 0 {
			passed++
		}
		return false
	}
	s.unlink(leader, sink)
	s.run(100 * time.Millisecond)
	if passed == 0 {
		t.Error("without a sink the leader asks nobody to pass results on")
	}
	delete(s.cut, [2]string{leader.name, sink.name})
	delete(s.cut, [2]string{sink.name, leader.name})
	s.link(leader, sink)
	s.run(50 * time.Millisecond)
	passed = 0
	s.run(100 * time.Millisecond)
	if passed > 0 {
		t.Errorf("with a sink the leader asks %d times that a result be passed on, want never", passed)
	}
}

// What a node has computed for a splitter that died, whose standby it is not linked with, goes to the sinks.
func TestReport_goesToTheSinksWhereNoSplitterIsReached(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	standby := s.follower(leader, stream.ID)
	var worker *actor
	s.until("somebody else runs a task", time.Second, func() bool {
		for _, a := range crew {
			for i := range a.core.tasks.list {
				if h := &a.core.tasks.list[i]; a != leader && a != standby && h.state == running {
					worker = a
				}
			}
		}
		return worker != nil
	})
	s.unlink(worker, standby)
	s.kill(leader)
	s.taped = true
	s.run(stageTask)
	told := false
	for line := range strings.Lines(s.script.String()) {
		words := strings.Fields(line)
		told = told || words[1] == worker.name && words[2] == "result" && words[5] == sink.name
	}
	if !told {
		t.Errorf("%s tells the sink nothing of what it has run:\n%s", worker.name, s.script.String())
	}
}

// Nor is a splitter reached where that is the node itself, and it holds the stream no longer.
func TestReport_toItselfGoesToTheSinksWhereItHoldsNoStream(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	var others []*actor
	for _, a := range crew {
		if a != leader && a != s.follower(leader, stream.ID) {
			others = append(others, a)
		}
	}
	worker, splitter := others[0], others[1]
	s.kill(splitter)
	s.run(2 * stageWire)
	s.taped = true
	s.receive(worker, leader, Message{
		Kind: Place, Task: work.TaskID{Stream: stream.ID, Frame: leader.core.stream(stream.ID).next + 9}, Function: "echo/1",
		Strategy: work.Standby, Need: 1, Epoch: Epoch{Term: leader.core.stream(stream.ID).term.next(splitter.id)},
		Holders: Holders{worker.id}, Splitters: Holders{splitter.id, worker.id}, Payload: []byte("input"),
	})
	s.run(2 * stageTask)
	told := false
	for line := range strings.Lines(s.script.String()) {
		words := strings.Fields(line)
		told = told || words[1] == worker.name && words[2] == "result" && words[5] == sink.name
	}
	if !told {
		t.Errorf("%s tells the sink nothing of what it has run:\n%s", worker.name, s.script.String())
	}
}

// A standby that is asked late has not seen the results before. When it comes to lead it places anew what is missing, and not
// all that was placed since.
func TestHold_saysWhatIsComplete(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(9)
	stream := echoStream(0x1f)
	s.submit(sink, stream)
	s.run(200 * time.Millisecond)
	leader := s.leader(stream.ID)
	stuck := work.TaskID{Stream: stream.ID, Frame: leader.core.stream(stream.ID).next}
	s.lose = func(m Message) bool { return m.Kind == Result && m.Task == stuck }
	s.run(200 * time.Millisecond)
	s.kill(s.follower(leader, stream.ID))
	s.run(200 * time.Millisecond)
	base, next := leader.core.stream(stream.ID).base, leader.core.stream(stream.ID).next
	if base != stuck.Frame {
		t.Fatalf("the leader's oldest frame is %d, want %d, which is stuck", base, stuck.Frame)
	}
	s.kill(leader)
	s.quiet()
	s.run(900 * time.Millisecond)
	heir := s.leader(stream.ID)
	again := 0
	for _, e := range heir.all(Replace) {
		switch frame := e.Message.Task.Frame; {
		case frame == stuck.Frame: // of a frame that is not complete nobody says which results have come
			again++
		case frame < next-1:
			t.Errorf("%s places %v anew, whose frame was complete", heir.name, e.Message.Task)
		}
	}
	if again == 0 {
		t.Errorf("%s places nothing of frame %d anew, which is stuck", heir.name, stuck.Frame)
	}
}

// A node that watches a stream for somebody at its door gets what another passes on, and does not pass it back.
func TestForward_passesOnOnce(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	watch := Event{Kind: Received, Peer: crew[1].id, Message: Message{Kind: Subscribe, Task: work.TaskID{Stream: 0x1f}}}
	s.step(crew[0], watch)
	watch.Peer = sink.id
	s.step(crew[0], watch)
	for have, want := range []uint32{toPassOn: passedOn, passedOn: 0} {
		var told []uint32
		s.lose = func(m Message) bool {
			told = append(told, m.Have)
			return true
		}
		s.step(crew[0], Event{Kind: Received, Peer: crew[1].id, Message: Message{Kind: Result, Have: uint32(have), Task: work.TaskID{Stream: 0x1f}}})
		if have > 0 && !slices.Equal(told, slices.Repeat([]uint32{want}, 2*int(want)/passedOn)) {
			t.Errorf("what came with %d goes on with %v, want %d to each of two, and nothing of what was passed on", have, told, want)
		}
	}
}

// A stream that nobody watches any more costs its holders no messages.
func TestForward_asksNobodyInTheLongRun(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	stream := echoStream(0x1f)
	s.submit(sink, stream)
	s.run(longerThanGossip)
	s.kill(sink)
	s.run(100 * time.Millisecond)
	s.lose = func(m Message) bool {
		if m.Kind == Result && m.Have > 0 {
			t.Errorf("a result is to be passed on, %v after the start", longerThanGossip)
		}
		return false
	}
	s.run(300 * time.Millisecond)
}
