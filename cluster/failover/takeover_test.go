package failover

import (
	"testing"
	"time"

	"fracture/work"
)

// standing is a node that stands by for a task placed by hand: owner n1, standby n2, splitter n3.
func standing(t *testing.T) (s *stage, crew []*actor, place Message) {
	t.Helper()
	s = newStage(t, Config{})
	crew, _ = s.crew(3)
	s.run(100 * time.Millisecond)
	s.quiet()
	place = Message{
		Kind: Copy, Task: work.TaskID{Stream: 0xc1, Frame: 4, Tile: 1}, Function: "echo/1", Payload: []byte("input"),
		Epoch:   Epoch{Term: Term(0).next(crew[2].id)},
		Holders: Holders{crew[0].id, crew[1].id}, Splitters: Holders{crew[2].id},
	}
	return s, crew, place
}

func (s *stage) receive(a, from *actor, m Message) {
	s.step(a, Event{Kind: Received, Peer: from.id, Message: m})
}

func TestCopy_thatArrivesAfterItsOwnersLinkBrokeIsRunAtOnce(t *testing.T) {
	s, crew, place := standing(t)
	standby := crew[1]
	s.kill(crew[0])
	s.run(2 * stageWire)
	s.receive(standby, crew[2], place)
	promoted := standby.all(Promote)
	if len(promoted) != 1 || promoted[0].Signal != Reset || promoted[0].Peer != crew[0].id {
		t.Fatalf("promotions %+v, want one from n1 by reset, in the very step in which the copy came", promoted)
	}
	if standby.told["execute"] != 1 {
		t.Errorf("the standby promoted itself and runs the task %d times, want once", standby.told["execute"])
	}
	if got, want := promoted[0].Message.Epoch, (Epoch{Term: place.Epoch.Term, Rank: 1}); got != want {
		t.Errorf("promoted under epoch %v, want %v: the rank fences the old owner", got, want)
	}
}

func TestCopy_thatArrivesAfterGossipForgotItsOwnerIsRunAtOnce(t *testing.T) {
	s, crew, place := standing(t)
	s.kill(crew[0])
	s.run(2 * stageWire)
	s.bury(crew[0])
	s.receive(crew[1], crew[2], place)
	if got := crew[1].told["execute"]; got != 1 {
		t.Errorf("a copy whose owner has left is run %d times, want once", got)
	}
}

func TestStandby_takesOverByTheFirstSignal(t *testing.T) {
	for _, c := range []struct {
		want  Signal
		fault func(s *stage, owner *actor)
	}{
		{Reset, func(s *stage, owner *actor) { s.kill(owner) }},
		{Silence, func(s *stage, owner *actor) { s.freeze(owner) }},
		{Overdue, func(_ *stage, owner *actor) { owner.idle = true }},
		{Gone, func(s *stage, owner *actor) { s.bury(owner) }},
	} {
		t.Run(c.want.String(), func(t *testing.T) {
			s, crew, place := standing(t)
			owner, standby := crew[0], crew[1]
			owner.idle = true // it is at work when the fault comes
			owned := place
			owned.Kind = Place
			s.receive(owner, crew[2], owned)
			s.receive(standby, crew[2], place)
			c.fault(s, owner)
			s.until("the standby takes over", time.Second, func() bool { return len(standby.all(Promote)) > 0 })
			if got := standby.all(Promote)[0]; got.Signal != c.want || got.Peer != owner.id {
				t.Errorf("promoted by %v from %s, want %v from n1", got.Signal, s.names[got.Peer], c.want)
			}
			s.run(time.Second)
			if n := len(standby.all(Promote)); n != 1 || standby.told["execute"] != 1 {
				t.Errorf("%d promotions, %d runs, want one of each", n, standby.told["execute"])
			}
		})
	}
}

func TestStandby_doesNotRunWhatTheOwnerHasDone(t *testing.T) {
	s, crew, place := standing(t)
	standby := crew[1]
	s.receive(standby, crew[2], place)
	s.receive(standby, crew[0], Message{Kind: Done, Task: place.Task, Epoch: place.Epoch})
	s.kill(crew[0])
	s.run(time.Second)
	if got := standby.told["execute"]; got != 0 {
		t.Errorf("the standby ran a task that was done %d times", got)
	}
	if n := len(standby.core.tasks.list); n != 0 {
		t.Errorf("%d tasks remembered long after they ended", n)
	}
}

func TestDone_thatOvertakesItsCopyIsRemembered(t *testing.T) {
	s, crew, place := standing(t)
	standby := crew[1]
	s.receive(standby, crew[0], Message{Kind: Done, Task: place.Task, Epoch: place.Epoch})
	s.receive(standby, crew[2], place)
	s.kill(crew[0])
	s.run(time.Second)
	if got := standby.told["execute"]; got != 0 {
		t.Errorf("the standby ran a task %d times whose end it had heard of before the copy came", got)
	}
}

func TestPlace_ofADeposedSplitterIsRefusedAndFenced(t *testing.T) {
	s, crew, place := standing(t)
	later := place
	later.Epoch.Term = place.Epoch.Term.next(crew[1].id)
	later.Task.Frame++
	s.receive(crew[0], crew[1], later)
	s.quiet()
	s.receive(crew[0], crew[2], place)
	if got := crew[0].told; got["refuse"] != 1 || got["fence"] != 1 || got["execute"] != 0 {
		t.Errorf("a placement under a lower term led to %v, want it refused, its sender fenced, and nothing run", got)
	}
}

// What a splitter gave to an owner before it died can be slower than its heir's first word to that owner.
func TestPlace_thatComesAfterTheNextReignIsPlacedAnew(t *testing.T) {
	s, _, sink, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	var slow Message
	var owner *actor
	s.drop = func(from, to *actor, m Message) bool {
		if owner != nil || from != leader || to == heir || m.Kind != Place {
			return false
		}
		owner, slow = to, m
		return true
	}
	s.until("a task is placed", time.Second, func() bool { return owner != nil })
	slow.Payload = append([]byte(nil), slow.Payload...)
	s.run(2 * stageWire) // its mark arrives
	s.kill(leader)
	s.run(2 * stageWire)
	reign := heir.core.stream(stream.ID)
	if !reign.leading() || sink.delivered[slow.Task] > 0 {
		t.Fatal("the heir does not lead, or the task is done: the test shows nothing")
	}
	s.receive(owner, heir, Message{Kind: Fence, Task: work.TaskID{Stream: stream.ID}, Epoch: Epoch{Term: reign.term}})
	s.receive(owner, leader, slow)
	s.run(2*stageTask + 4*stageWire)
	if got := sink.delivered[slow.Task]; got != 1 {
		t.Errorf("a task that its owner refused as of a reign before was delivered %d times in the time of two tasks, want once", got)
	}
}

// An heir is told of what was refused, and places nothing anew that somebody runs.
func TestDecline_isIgnoredWhereTheTaskIsRunOrPlacedAnew(t *testing.T) {
	s, crew, _, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	var others Holders
	for _, a := range crew {
		if a != leader && a != heir {
			others = others.with(a.id)
		}
	}
	frame := leader.core.stream(stream.ID).next
	s.until("a frame is placed", time.Second, func() bool { return leader.core.stream(stream.ID).next > frame })
	s.run(2 * stageWire)
	s.kill(leader)
	s.run(2 * stageWire)
	st := heir.core.stream(stream.ID)
	open := -1
	for i, tile := range st.frame(frame).tiles {
		if !tile.done && tile.epoch.Term < st.term {
			open = i
		}
	}
	if !st.leading() || open < 0 {
		t.Fatal("the heir does not lead, or waits for nothing: the test shows nothing")
	}
	decline := func(from NodeID, holders Holders) int {
		before := heir.told["replace"]
		s.step(heir, Event{Kind: Received, Peer: from, Message: Message{
			Kind: Decline, Task: work.TaskID{Stream: stream.ID, Frame: frame, Tile: uint32(open)}, Holders: holders,
		}})
		return heir.told["replace"] - before
	}
	if n := decline(others[1], Holders{others[0], others[1]}); n != 0 {
		t.Error("a task was placed anew whose owner lives, for a standby had refused it")
	}
	if n := decline(others[2], Holders{others[0], others[1]}); n != 0 {
		t.Error("a task was placed anew that was refused by a node which does not hold it")
	}
	if n := decline(others[1], Holders{leader.id, others[1]}); n != 1 {
		t.Errorf("a task of the dead leader's own, refused by its standby, was placed anew %d times, want once", n)
	}
	if n := decline(others[1], Holders{leader.id, others[1]}); n != 0 {
		t.Error("a task was placed anew twice for one placement that was refused")
	}
}

// Who has taken a placement in refuses its repeat, and declines nothing.
func TestDecline_isNotSaidOfWhatIsHeld(t *testing.T) {
	s, crew, place := standing(t)
	place.Strategy, place.Kind = work.Standby, Place
	s.receive(crew[0], crew[2], place)
	s.receive(crew[0], crew[1], Message{
		Kind: Fence, Task: work.TaskID{Stream: place.Task.Stream}, Epoch: Epoch{Term: place.Epoch.Term.next(crew[1].id)},
	})
	s.quiet()
	s.receive(crew[0], crew[2], place)
	if got := crew[0].told; got["decline"] != 0 || got["refuse"] != 1 {
		t.Errorf("a repeat of a placement that runs here led to %v, want it refused and not declined", got)
	}
	place.Task.Frame++
	s.receive(crew[0], crew[2], place)
	if got := crew[0].told; got["decline"] != 1 {
		t.Errorf("a placement that came too late led to %v, want it declined once", got)
	}
}

// The result of a task is one copy for as long as whoever became a standby of the splitter after it was placed has not seen it.
func TestResult_reachesTheStandbyThatCameAfterItsTaskWasPlaced(t *testing.T) {
	s, _, _, leader, stream := busy(t, work.Standby)
	st := leader.core.stream(stream.ID)
	frame := st.next
	s.until("a frame is placed", time.Second, func() bool { return st.next > frame })
	s.kill(s.follower(leader, stream.ID))
	s.run(2 * stageWire)
	newcomer := s.follower(leader, stream.ID)
	if !newcomer.up || newcomer.core.stream(stream.ID) == nil || newcomer.core.stream(stream.ID).base > frame {
		t.Fatal("there is no new standby, or it is told that the frame is complete: the test shows nothing")
	}
	s.until("the leader has the results", 20*time.Millisecond, func() bool { return st.base > frame })
	s.run(2 * stageWire)
	if got := newcomer.core.stream(stream.ID).frame(frame); got != nil && got.left > 0 {
		t.Errorf("the new standby misses %d results of frame %d, which is complete", got.left, frame)
	}
}

// P3: of two owners the sink takes the higher epoch's result only.
func TestResult_underALowerEpochIsRefusedAndCounted(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(2)
	stream := echoStream(0xc2)
	s.submit(sink, stream)
	s.until("the stream flows", time.Second, func() bool { return len(sink.delivered) >= 4 })
	leader := s.leader(stream.ID)
	s.quiet()

	task := work.TaskID{Stream: stream.ID, Frame: leader.core.stream(stream.ID).next, Tile: 0}
	term := leader.core.stream(stream.ID).term
	high := Message{Kind: Result, Task: task, Epoch: Epoch{Term: term, Try: 1}}
	low := Message{Kind: Result, Task: task, Epoch: Epoch{Term: term, Try: 0, Rank: 1}}
	for _, a := range []*actor{leader, sink} {
		s.receive(a, s.actors[0], high)
		s.receive(a, s.actors[0], low)
		s.receive(a, s.actors[0], high)
		if got := a.told; got["refuse"] != 1 || got["repeat"] != 1 {
			t.Errorf("%s: high, low, high gave %v, want the low one refused and the second high one dropped", a.name, got)
		}
	}
	if got := sink.delivered[task]; got != 1 {
		t.Errorf("delivered %d times, want once", got)
	}
}

// P1: once a submit is acknowledged it survives the loss of all but one holder. Three nodes die one after the other.
func TestStream_survivesTheLossOfAllButOneHolder(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(4)
	stream := echoStream(0xc3)
	s.submit(sink, stream)
	s.until("the stream is accepted", time.Second, func() bool { return len(answers(sink)) > 0 })
	for range 3 {
		s.run(100 * time.Millisecond)
		victim := s.leader(stream.ID)
		if victim == nil {
			t.Fatal("nobody leads the stream")
		}
		s.kill(victim)
		s.run(100 * time.Millisecond)
		s.bury(victim)
	}
	s.run(200 * time.Millisecond)
	last := s.leader(stream.ID)
	if last == nil {
		t.Fatal("nobody leads the stream after three deaths")
	}
	st := last.core.stream(stream.ID)
	if st.next < 15 {
		t.Errorf("%d frames were placed in half a second at 30 a second", st.next)
	}
	s.everyResultOnce(sink, stream, st.next-1)
	if st.term.Count() != 4 {
		t.Errorf("the last splitter reigns in term %d, want 4: one for each that led", st.term.Count())
	}
}

// A splitter that was frozen, not dead, finds that it was deposed before it leads on.
func TestSplitter_thatThawsFindsItselfDeposed(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	stream := echoStream(0xc4)
	s.submit(sink, stream)
	s.until("the stream flows", time.Second, func() bool { return len(sink.delivered) >= 4 })
	old := s.leader(stream.ID)
	s.freeze(old)
	s.until("another leads", time.Second, func() bool {
		now := s.leaderBut(old, stream.ID)
		return now != nil
	})
	s.run(300 * time.Millisecond)
	s.quiet()
	s.thaw(old)
	s.run(300 * time.Millisecond)
	if st := old.core.stream(stream.ID); st != nil && st.leading() {
		t.Error("the thawed splitter still leads")
	}
	if got := old.told["place"]; got != 0 {
		t.Errorf("the deposed splitter placed %d tasks after its thaw", got)
	}
	s.everyResultOnce(sink, stream, s.leader(stream.ID).core.stream(stream.ID).next-1)
}

// leaderBut is a leader of a stream other than one that may believe it still is.
func (s *stage) leaderBut(old *actor, id work.StreamID) *actor {
	for _, a := range s.actors {
		if a != old && a.up && a.core != nil {
			if st := a.core.stream(id); st != nil && st.leading() {
				return a
			}
		}
	}
	return nil
}

// Who becomes a standby of the splitter late, while an old frame is still open, does not see the results of the frames in
// between. It must not believe, when it takes over long after, that they are still to come: placing them anew is a flood of
// work just when everybody waits.
func TestStandby_thatCameLateTakesOverWhatIsOpenAndNoMore(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(6)
	stream := echoStream(0xc7)
	stream.Period, stream.Tiles = 4*time.Millisecond, 12
	s.submit(sink, stream)
	s.run(300 * time.Millisecond)
	leader := s.leader(stream.ID)
	led := leader.core.stream(stream.ID)
	standby := s.by(led.holders[1])
	for _, a := range crew { // some tile loses both of its holders: its frame stays open for as long as the leader is patient
		if a != leader && a != standby {
			s.kill(a)
			s.kill(standby)
			break
		}
	}
	s.run(time.Second)
	if led.next-led.base > 2 {
		t.Fatalf("the leader itself has frames %d to %d open", led.base, led.next-1)
	}
	s.kill(leader)
	s.run(5 * time.Millisecond)
	heir := s.leaderBut(leader, stream.ID)
	if heir == nil {
		t.Fatal("nobody took the stream over")
	}
	if open := heir.core.stream(stream.ID); open.next-open.base > 3 {
		t.Errorf("%s takes frames %d to %d for open", heir.name, open.base, open.next-1)
	}
	s.run(time.Second)
	if got := len(heir.all(Replace)); got > 0 {
		t.Errorf("%s placed %d tasks anew", heir.name, got)
	}
}

// What a splitter had placed and not marked when it died its standby places again, for it cannot know. Who runs it by then
// goes on, and who has run it does not again: the answer counts, and nothing waits for a second one.
func TestSplitter_thatTakesOverDoesNotHaveWorkBegunAgain(t *testing.T) {
	for name, before := range map[string]time.Duration{
		"the work is being done":   stageWire,
		"the answer is on its way": stageTask - stageWire/2,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Config{})
			crew, sink := s.crew(5)
			stream := echoStream(0xc8)
			stream.Tiles = 12
			s.submit(sink, stream)
			s.until("the stream flows", time.Second, func() bool { return len(sink.delivered) >= 60 })
			leader := s.leader(stream.ID)
			open := s.next(stream.ID)
			s.lose = func(m Message) bool { return m.Kind == Mark && m.Task.Frame >= open }
			s.until("a frame is placed", time.Second, func() bool { return s.next(stream.ID) > open })
			s.run(stageWire + before)
			s.quiet()
			s.kill(leader)
			s.until("a standby leads", 10*stageWire, func() bool { return s.leaderBut(leader, stream.ID) != nil })
			heir := s.leaderBut(leader, stream.ID)
			s.lose = nil
			s.run(10 * time.Millisecond)
			ran := 0
			for _, a := range crew {
				ran += a.told["execute"]
			}
			orphans := len(tilesOf(leader, open)) // which their standbys run, and then their new owners
			if got := heir.told["refuse"]; got != 0 || ran > 2*orphans {
				t.Errorf("%s refused %d results, and %d tasks were begun after the death of a splitter that owned %d",
					heir.name, got, ran, orphans)
			}
			for tile := range stream.Tiles {
				if got := sink.delivered[work.TaskID{Stream: stream.ID, Frame: open, Tile: tile}]; got != 1 {
					t.Errorf("tile %d of frame %d was delivered %d times, want once", tile, open, got)
				}
			}
			s.run(100 * time.Millisecond)
			for _, a := range crew {
				for _, e := range a.all(Promote) {
					if e.Signal == Overdue {
						t.Errorf("%s ran tile %d of frame %d, for nobody told it that the answer had been given",
							a.name, e.Message.Task.Tile, e.Message.Task.Frame)
					}
				}
			}
		})
	}
}

// tilesOf are the tiles of a frame that a node was given to run.
func tilesOf(a *actor, frame uint64) (tiles []uint32) {
	for i := range a.core.tasks.list {
		if h := &a.core.tasks.list[i]; h.id.Frame == frame && h.rank == 0 {
			tiles = append(tiles, h.id.Tile)
		}
	}
	return tiles
}

// A task that is placed anew where it runs goes on running, and its answer is one to the newer placement.
func TestPlace_ofWhatRunsHereIsAnsweredByWhatRuns(t *testing.T) {
	s, crew, place := standing(t)
	owner, splitter := crew[0], crew[2]
	owner.idle = true // it is at work
	place.Kind = Place
	s.receive(owner, splitter, place)
	again := place
	again.Epoch.Term = place.Epoch.Term.next(crew[1].id)
	again.Splitters = Holders{crew[1].id}
	s.receive(owner, crew[1], again)
	if got := owner.told; got["execute"] != 1 || len(owner.all(Cancel)) != 0 {
		t.Fatalf("a task that runs was placed anew: %v, want it run once and not taken back", got)
	}
	done := place
	done.Kind = Result
	s.step(owner, Event{Kind: Computed, Message: done})
	s.run(2 * stageWire)
	h := owner.core.tasks.find(place.Task)
	if h.state != ended || h.epoch != again.Epoch {
		t.Errorf("after the answer the task is in state %v under epoch %v, want it ended under %v", h.state, h.epoch, again.Epoch)
	}
}

func TestReschedule_placesAnewOnceGossipSaysThatTheNodeIsGone(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	stream := echoStream(0xc5)
	stream.Strategy, stream.Factor = work.Reschedule, 1
	var leader, victim *actor
	s.submit(sink, stream)
	s.until("the stream flows", time.Second, func() bool { return len(sink.delivered) >= 4 })
	leader = s.leader(stream.ID)
	list := leader.core.candidates(s.now, stream.Strategy)
	for i := range stream.Tiles {
		if owner := choose(list, tileKey(stream.ID, i), Holders{}, 0, 1, evenly(stream.Tiles, len(list))).Owner(); owner != leader.id {
			victim = s.by(owner)
		}
	}
	if victim == nil {
		t.Fatal("the splitter owns every tile: choose another id for the stream")
	}
	s.kill(victim)
	s.run(100 * time.Millisecond)
	lost := leader.core.stream(stream.ID).next - leader.core.stream(stream.ID).base
	if lost < 2 {
		t.Fatalf("%d frames wait for the dead node, want some: reschedule waits for gossip", lost)
	}
	s.bury(victim)
	s.run(50 * time.Millisecond)
	if got := leader.all(Replace); len(got) == 0 || got[0].Signal != Gone {
		t.Errorf("placed anew: %d tasks, want some, by gone", len(got))
	}
	s.everyResultOnce(sink, stream, leader.core.stream(stream.ID).next-1)
}

// A function that cannot split some frames answers for them itself. Its standby has not heard of those answers, so whoever
// takes over meets the same frames again, with others after them complete.
func TestSplitter_thatTakesOverMeetsFramesThatCannotBeSplit(t *testing.T) {
	broken := func(frame uint64) bool { return frame%4 == 1 }
	s := newStage(t, Config{Function: func(string) work.Function { return echo{broken: broken} }})
	_, sink := s.crew(3)
	stream := echoStream(0xc6)
	s.submit(sink, stream)
	s.run(300 * time.Millisecond)
	s.kill(s.leader(stream.ID))
	s.run(2 * time.Second)
	s.everyResultOnce(sink, stream, s.leader(stream.ID).core.stream(stream.ID).next-1)
	for _, e := range sink.all(Deliver) {
		if want := broken(e.Message.Task.Frame); e.Message.Failed != want {
			t.Errorf("task %v: failed is %v, want %v", e.Message.Task, e.Message.Failed, want)
		}
	}
}

// Each takeover hands the schedule on. Were it handed on late by the way it takes, the frames of a stream would come later
// with every splitter that it had.
func TestStream_keepsItsScheduleWhereItsHoldersShareAClock(t *testing.T) {
	for _, shared := range []uint64{0, 7} {
		s := newStage(t, Config{Clock: shared})
		_, sink := s.crew(6)
		stream := echoStream(0xc8)
		s.submit(sink, stream)
		s.run(100 * time.Millisecond)
		first := s.leader(stream.ID).core.stream(stream.ID).start
		for range 4 {
			s.kill(s.leader(stream.ID))
			s.run(200 * time.Millisecond)
		}
		drift := s.leader(stream.ID).core.stream(stream.ID).start.Sub(first)
		if want := 4 * stageWire; shared == 0 && drift != want {
			t.Errorf("without a clock in common: frame 0 came %v later after four takeovers, want %v", drift, want)
		}
		if shared != 0 && drift != 0 {
			t.Errorf("with a clock in common: frame 0 came %v later after four takeovers, want 0s", drift)
		}
	}
}

// The holder between a leader that died and this node died before gossip could tell this node of it. Nobody will say so.
func TestTakeOver_doesNotWaitForAHolderThatIsNeverMet(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	stream := echoStream(0xa8)
	stream.Factor = 3
	s.submit(sink, stream)
	s.run(100 * time.Millisecond)
	leader := s.leader(stream.ID)
	var last *actor
	for _, a := range crew {
		if a.core.stream(stream.ID).holders.Rank(a.id) == 2 {
			last = a
		}
	}
	mine := last.core.stream(stream.ID)
	mine.holders[1] = Identify("stranger", 1)
	for _, a := range crew {
		if a != last {
			s.kill(a)
		}
	}
	s.run(windowTime / 2)
	s.bury(leader) // gossip tells of that one, whom this node has met
	term := mine.term
	if mine.leading() {
		t.Fatalf("%s waits for no holder that it may hear of yet, after %s has died", last.name, leader.name)
	}
	s.until("it leads", 3*windowTime, mine.leading)
	if mine.term <= term {
		t.Errorf("%s leads in the term of %s", last.name, leader.name)
	}
}
