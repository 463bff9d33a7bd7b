package failover

import (
	"testing"
	"time"

	"fracture/work"
)

// guarded is a crew with a stream of six tiles every 4 ms, guarded as told, that has run for a while.
func guarded(t *testing.T, nodes int, strategy work.Strategy, factor uint8) (s *stage, crew []*actor, sink *actor, stream *work.Stream) {
	t.Helper()
	s = newStage(t, Config{Clock: 7})
	crew, sink = s.crew(nodes)
	stream = echoStream(0xd1)
	stream.Period, stream.Tiles, stream.Strategy, stream.Factor = 4*time.Millisecond, 6, strategy, factor
	s.submit(sink, stream)
	s.run(300 * time.Millisecond)
	if s.leader(stream.ID) == nil || len(sink.delivered) < 300 {
		t.Fatalf("the stream did not come up: %d results", len(sink.delivered))
	}
	s.quiet()
	return s, crew, sink, stream
}

// anOwner is a node that runs tiles of a stream and leads it not.
func (s *stage) anOwner(crew []*actor, id work.StreamID) *actor {
	led := s.leader(id).core.stream(id)
	for _, a := range crew {
		for i := range led.ring {
			for _, tl := range led.ring[i].tiles {
				if a.up && tl.holders.Owner() == a.id && a.id != led.self {
					return a
				}
			}
		}
	}
	return nil
}

// latest is how late the latest result of the frames [from, to) came, and how many of them are missing.
func (s *stage) latest(sink *actor, stream *work.Stream, from, to uint64) (late time.Duration, missing int) {
	start := s.leader(stream.ID).core.stream(stream.ID).start
	for k := from; k < to; k++ {
		due := start.Add(time.Duration(k) * stream.Period)
		for i := range stream.Tiles {
			at, ok := sink.came[work.TaskID{Stream: stream.ID, Frame: k, Tile: i}]
			if !ok {
				missing++
				continue
			}
			late = max(late, at.Sub(due))
		}
	}
	return late, missing
}

// next is the frame that the leader places next.
func (s *stage) next(id work.StreamID) uint64 { return s.leader(id).core.stream(id).next }

func TestFailFast_stopsAndSaysSo(t *testing.T) {
	for _, whom := range []string{"an owner", "the splitter"} {
		s, crew, sink, stream := guarded(t, 4, work.FailFast, 1)
		victim := s.anOwner(crew, stream.ID)
		if whom == "the splitter" {
			victim = s.leader(stream.ID)
		}
		// Between a task's coming and its end: it was outstanding.
		s.until("a task at the victim", time.Second, func() bool { return victim.core.tasks.live() > 0 })
		s.kill(victim)
		s.run(10 * time.Millisecond)
		told := sink.all(Forward)
		if len(told) != 1 || told[0].Message.Kind != Refused || told[0].Message.Reason != Stopped {
			t.Errorf("%s dies: the sink's owner is told %+v, want that the stream has stopped", whom, told)
		}
		s.run(time.Second)
		if s.leader(stream.ID) != nil {
			t.Errorf("%s dies: the stream goes on", whom)
		}
	}
}

// A stream that was stopped and is submitted again is the same stream, for whoever watches it too: its frames go on where
// they would be by now, under a higher term, at a leader that was started anew and knows nothing of it.
func TestFailFast_isStartedAgainWhereItWouldBeByNow(t *testing.T) {
	s, crew, sink, stream := guarded(t, 4, work.FailFast, 1)
	other := s.receiver("other")
	s.join(other)
	s.step(other, Event{Kind: Received, Peer: other.id, Message: Message{Kind: Subscribe, Task: work.TaskID{Stream: stream.ID}}})
	s.run(50 * time.Millisecond)
	victim := s.leader(stream.ID)
	start, term := victim.core.stream(stream.ID).start, victim.core.stream(stream.ID).term
	s.quiet()
	s.kill(victim)
	s.run(100 * time.Millisecond)
	for _, a := range []*actor{sink, other} {
		told := a.all(Forward)
		if len(told) != 1 || told[0].Message.Reason != Stopped || told[0].Message.Holders.Owner() != victim.id || told[0].Message.Have != uint32(Reset) {
			t.Fatalf("%s is told %+v, want that the end of %s has stopped the stream", a.name, told, victim.name)
		}
	}
	for _, a := range crew {
		if a.up && a.core.stream(stream.ID) != nil {
			t.Errorf("%s holds the stream that has stopped", a.name)
		}
	}
	s.join(s.node(victim.name, 2)) // first in the stream's ranking, as its predecessor was
	s.quiet()
	again := *stream
	again.Strategy, again.Factor = work.Standby, 2
	s.submit(sink, &again)
	submitted := s.now
	s.run(200 * time.Millisecond)
	led := s.leader(stream.ID)
	if led == nil {
		t.Fatal("nobody leads the stream that was submitted again")
	}
	now := led.core.stream(stream.ID)
	if now.term <= term || now.spec.Strategy != work.Standby || now.holders.Len() != 2 || now.start != start {
		t.Errorf("it is led in term %x after %x by %v with %d holders, from %v; want a higher term, standby, 2, and from %v",
			now.term, term, now.spec.Strategy, now.holders.Len(), now.start, start)
	}
	first := uint64(submitted.Sub(start)/stream.Period) + 2
	for _, a := range []*actor{sink, other} {
		for k := first; k < now.next-3; k++ {
			for tile := range stream.Tiles {
				if id := (work.TaskID{Stream: stream.ID, Frame: k, Tile: tile}); a.delivered[id] != 1 {
					t.Fatalf("%s has %v %d times, want once", a.name, id, a.delivered[id])
				}
			}
		}
	}
}

// Whoever asked for a stream goes by how it is guarded now, also where somebody else had that changed.
func TestChange_byAnotherSinkIsLearnedFromTheResults(t *testing.T) {
	s, _, sink, stream := guarded(t, 4, work.FailFast, 1)
	other := s.receiver("other") // which watches nothing
	s.join(other)
	changed := *stream
	changed.Strategy, changed.Factor = work.Active, 2
	s.step(other, Event{Kind: Received, Peer: other.id, Message: Message{Kind: Change, Stream: &changed}})
	s.run(50 * time.Millisecond)
	if told := other.all(Forward); len(told) != 1 || told[0].Message.Kind != Changed || told[0].Message.Reason != 0 {
		t.Fatalf("who asked is told %+v, want once that it was changed", told)
	}
	s.kill(s.leader(stream.ID))
	s.run(100 * time.Millisecond)
	if told := sink.all(Forward); len(told) != 0 {
		t.Errorf("who submitted the stream takes it for stopped: %+v", told)
	}
	if s.leader(stream.ID) == nil {
		t.Error("nobody leads the stream any more")
	}
}

func TestChange_ofWhatDoesNotRunIsRefused(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(2)
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Change, Stream: echoStream(0xd2)}})
	s.run(maxChanges*300*time.Millisecond + 100*time.Millisecond)
	told := sink.all(Forward)
	if len(told) != 1 || told[0].Message.Kind != Changed || told[0].Message.Reason != NoStream {
		t.Errorf("told %+v, want once that no such stream runs", told)
	}
}

func TestExpendable_dropsWhatIsLostAndGoesOn(t *testing.T) {
	s, crew, sink, stream := guarded(t, 4, work.Expendable, 1)
	victim := s.anOwner(crew, stream.ID)
	victim.idle = true // so that tasks of it are outstanding for sure
	s.run(3 * stream.Period)
	s.kill(victim)
	s.run(200 * time.Millisecond)
	lost := 0
	for _, e := range sink.all(Deliver) {
		if e.Message.Failed {
			lost++
		}
	}
	if lost == 0 || lost > 6*int(stream.Tiles) {
		t.Errorf("%d tasks were given up, want those that the victim had", lost)
	}
	s.quiet()
	s.run(200 * time.Millisecond)
	for _, e := range sink.all(Deliver) {
		if e.Message.Failed {
			t.Fatalf("long after the loss a task is given up: %v", e.Message.Task)
		}
	}
	if n := len(sink.all(Deliver)); n < 250 {
		t.Errorf("%d results in 200 ms after the loss, want the stream to go on", n)
	}
	if s.leader(stream.ID).told["drop"] > 0 {
		t.Error("frames are dropped: what was given up holds the window open")
	}
}

func TestHedge_runsTheCopyOfAnOwnerThatTakesLong(t *testing.T) {
	s, crew, sink, stream := guarded(t, 4, work.Hedge, 2)
	slow := s.anOwner(crew, stream.ID)
	from := s.next(stream.ID)
	slow.idle = true // alive, and never done
	s.run(5 * stream.Period)
	slow.idle = false
	s.run(50 * time.Millisecond)
	hedged, promoted := 0, 0
	for _, a := range crew {
		hedged += a.told["hedge"]
		promoted += a.told["promote"]
	}
	if hedged == 0 || promoted > 0 {
		t.Errorf("%d hedges and %d promotions, want hedges alone", hedged, promoted)
	}
	if late, missing := s.latest(sink, stream, from, from+5); missing > 0 || late > 10*time.Millisecond {
		t.Errorf("%d results missing, the latest %v late, want what is usual for a task twice at most", missing, late)
	}
	s.everyResultOnce(sink, stream, from+5)
}

func TestActive_needsNobodyToNotice(t *testing.T) {
	for _, whom := range []string{"an owner", "the splitter"} {
		for _, how := range []string{"killed", "frozen"} {
			s, crew, sink, stream := guarded(t, 5, work.Active, 2)
			from := s.next(stream.ID)
			calm, _ := s.latest(sink, stream, from-20, from-2)
			victim := s.anOwner(crew, stream.ID)
			if whom == "the splitter" {
				victim = s.leader(stream.ID)
			}
			if how == "killed" {
				s.kill(victim)
			} else {
				s.freeze(victim)
			}
			s.run(100 * time.Millisecond)
			leader := s.leader(stream.ID)
			late, missing := s.latest(sink, stream, from, leader.core.stream(stream.ID).next-3)
			if missing > 0 || late > calm+time.Millisecond {
				t.Errorf("%s is %s: %d results missing, the latest %v late, want 0 and at most 1ms more than the %v of before",
					whom, how, missing, late, calm)
			}
			for id, n := range sink.delivered {
				if n != 1 {
					t.Fatalf("%s is %s: %v was delivered %d times", whom, how, id, n)
				}
			}
		}
	}
}

func TestHoldings_countATaskThatEveryoneRunsAsItsFirstHoldersOwn(t *testing.T) {
	for _, strategy := range []work.Strategy{work.Standby, work.Active, work.Vote} {
		factor, _ := strategy.Factors()
		_, crew, _, stream := guarded(t, 5, strategy, factor)
		owners, copies := map[work.TaskID]int{}, map[work.TaskID]int{}
		for _, a := range crew {
			a.core.Holdings(func(id work.TaskID, function string, owner bool) {
				switch {
				case function == "": // remembered, not held
				case owner:
					owners[id]++
				default:
					copies[id]++
				}
			})
		}
		whole := 0
		for id, n := range owners {
			if n == 1 && copies[id] == int(factor)-1 {
				whole++
			}
		}
		if whole < int(stream.Tiles) {
			t.Errorf("%v: %d tasks have one owner and %d beside it, want those of a frame at least", strategy, whole, factor-1)
		}
	}
}

func TestVote_masksAWrongAnswerAndSaysWhose(t *testing.T) {
	s, crew, sink, stream := guarded(t, 5, work.Vote, 3)
	liar := s.anOwner(crew, stream.ID)
	liar.liar = true
	s.run(100 * time.Millisecond)
	masked := 0
	for _, a := range crew {
		for _, e := range a.all(Mask) {
			masked++
			if e.Peer != liar.id {
				t.Fatalf("%s is reported, want %s", s.names[e.Peer], liar.name)
			}
		}
	}
	if masked == 0 {
		t.Error("nobody reports the wrong answers")
	}
	for _, e := range sink.all(Deliver) {
		if e.Message.Payload[0]&0x80 != 0 {
			t.Fatalf("the wrong answer to %v was delivered", e.Message.Task)
		}
	}
	s.kill(liar) // two of three are left, and agree
	from := s.next(stream.ID)
	s.run(100 * time.Millisecond)
	if _, missing := s.latest(sink, stream, from, from+15); missing > 0 {
		t.Errorf("%d results missing with one voter of three dead", missing)
	}
}

func TestChange_leavesNoGap(t *testing.T) {
	s, _, sink, stream := guarded(t, 5, work.Standby, 2)
	from := s.next(stream.ID)
	calm, _ := s.latest(sink, stream, from-20, from-2)
	for _, to := range []struct {
		strategy work.Strategy
		factor   uint8
	}{
		{work.Active, 3}, {work.Vote, 3}, {work.Expendable, 1}, {work.Hedge, 2}, {work.FailFast, 1}, {work.Active, 2}, {work.Standby, 4},
	} {
		changed := *stream
		changed.Strategy, changed.Factor = to.strategy, to.factor
		s.quiet()
		s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Change, Stream: &changed}})
		s.run(60 * time.Millisecond)
		told := sink.all(Forward)
		if len(told) != 1 || told[0].Message.Kind != Changed || told[0].Message.Reason != 0 {
			t.Fatalf("changing to %v: told %+v, want once that it was changed", to.strategy, told)
		}
		led := s.leader(stream.ID).core.stream(stream.ID)
		if led.spec.Strategy != to.strategy || led.holders.Len() != int(to.factor) {
			t.Errorf("after the change to %v of %d: %v, held by %d", to.strategy, to.factor, led.spec.Strategy, led.holders.Len())
		}
		holders := 0
		for _, a := range s.living() {
			if a.core != nil && a.core.stream(stream.ID) != nil {
				holders++
				if got := a.core.stream(stream.ID).spec.Strategy; got != to.strategy {
					t.Errorf("%s takes the stream for %v, want %v", a.name, got, to.strategy)
				}
			}
		}
		if holders != int(to.factor) {
			t.Errorf("after the change to %v of %d: %d nodes hold the stream", to.strategy, to.factor, holders)
		}
	}
	if late, missing := s.latest(sink, stream, from, s.next(stream.ID)-3); missing > 0 || late > calm+time.Millisecond {
		t.Errorf("%d results missing, the latest %v late, want no more than the %v of before", missing, late, calm)
	}
	for id, n := range sink.delivered {
		if n != 1 {
			t.Errorf("%v was delivered %d times", id, n)
		}
	}
}

// A copy that is lost is asked for again with the next mark, which says that there is a newer one.
func TestChange_isHeardOfThoughTheCopyThatTellsItIsLost(t *testing.T) {
	s, _, sink, stream := guarded(t, 5, work.Standby, 2)
	lost, asked, until := 0, 0, s.now.Add(2*firstRetry+firstRetry/2)
	s.lose = func(m Message) bool {
		switch {
		case m.Kind == Held && m.Epoch.Try == 0:
			asked++
		case m.Kind == Hold && s.now < until:
			lost++
			return true
		}
		return false
	}
	changed := *stream
	changed.Strategy = work.Active
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Change, Stream: &changed}})
	s.run(4 * firstRetry)
	standby := s.follower(s.leader(stream.ID), stream.ID)
	if got := standby.core.stream(stream.ID).spec.Strategy; got != work.Active || lost < 2 {
		t.Errorf("after %d lost copies its standby takes the stream for %v, want active after 2 at least", lost, got)
	}
	if asked > 4 {
		t.Errorf("it asked for its copy %d times within %v, want once in %v", asked, 4*firstRetry, firstRetry)
	}
}

func TestChange_isRefusedWithBothFigures(t *testing.T) {
	s, _, sink, stream := guarded(t, 3, work.Standby, 2)
	changed := *stream
	changed.Strategy, changed.Factor = work.Vote, 4
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Change, Stream: &changed}})
	s.run(20 * time.Millisecond)
	told := sink.all(Forward)
	if len(told) != 1 {
		t.Fatalf("told %+v, want one answer", told)
	}
	if m := told[0].Message; m.Kind != Changed || m.Reason != TooFewNodes || m.Have != 3 || m.Need != 4 {
		t.Errorf("told %v: %v, have %d, need %d; want that there are 3 nodes and 4 are needed", m.Kind, m.Reason, m.Have, m.Need)
	}
	if led := s.leader(stream.ID).core.stream(stream.ID); led.spec.Strategy != work.Standby || led.spec.Factor != 2 {
		t.Errorf("the stream is guarded by %v of %d now", led.spec.Strategy, led.spec.Factor)
	}
}

func TestSpread_findsQuantilesWithinAQuarter(t *testing.T) {
	var s spread
	for i := range 1000 {
		s.observe(time.Duration(i+1) * 20 * time.Microsecond) // 20 µs to 20 ms, evenly
	}
	for _, perMille := range []int{500, 950, 990} {
		exact := time.Duration(perMille) * 20 * time.Microsecond
		if got := s.quantile(perMille); got < exact || got > exact*5/4 {
			t.Errorf("quantile %d of a thousand = %v, want %v and at most a quarter more", perMille, got, exact)
		}
	}
	for i := range spreadClasses - 1 {
		if got := classOf(upperEnd(i)); got != i {
			t.Errorf("the longest of class %d is of class %d", i, got)
		}
		if got := classOf(upperEnd(i) + 1); got != i+1 && upperEnd(i)%4 == 0 {
			t.Errorf("one more than the longest of class %d is of class %d", i, got)
		}
	}
}

func TestSpread_forgets(t *testing.T) {
	var s spread
	for range spreadMany {
		s.observe(100 * time.Millisecond)
	}
	for range 8 * spreadMany {
		s.observe(time.Millisecond)
	}
	if got := s.quantile(990); got > 2*time.Millisecond {
		t.Errorf("p99 = %v long after the slow time, want it forgotten", got)
	}
}

// The leader of a request that everyone runs stood still for longer than anybody wants a frame, and finds another in its
// place: it stands by for it and splits nothing any more. A request has no period to count frames by.
func TestShare_ofARequestThatIsOldIsNothing(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	for _, a := range crew {
		a.idle = true
	}
	request := &work.Stream{ID: 0x5a, Function: "echo/1", Tiles: 2, Frames: 1, Strategy: work.Active, Factor: 2}
	s.submit(sink, request)
	s.run(50 * time.Millisecond)
	first := s.leader(request.ID)
	s.freeze(first)
	s.run(windowTime + time.Second)
	second := s.leader(request.ID)
	for _, a := range crew {
		if a != first && a.core.stream(request.ID).leading() {
			second = a
		}
	}
	if second == first {
		t.Fatal("nobody else leads the request after its leader stood still")
	}
	placed := first.told["place"]
	s.cut[[2]string{second.name, first.name}] = true // which cannot say at once that the copy is not wanted
	s.thaw(first)
	s.run(100 * time.Millisecond)
	if again := first.told["place"] - placed; again != 0 {
		t.Errorf("%s, deposed, places %d tasks of a request that is %v old", first.name, again, windowTime+time.Second)
	}
}

// Who has let go of a stream and asks for it to be guarded otherwise wants to know what comes of that, and no results: it has
// forgotten which of them it had.
func TestChange_ofAStreamThatWasLetGoBringsNoResultsBack(t *testing.T) {
	s, _, sink, stream := guarded(t, 4, work.Standby, 2)
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Unsubscribe, Task: work.TaskID{Stream: stream.ID}}})
	s.run(20 * time.Millisecond)
	s.quiet()
	changed := *stream
	changed.Strategy = work.Active
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Change, Stream: &changed}})
	leader := s.leader(stream.ID)
	late := Message{Kind: Result, Task: work.TaskID{Stream: stream.ID, Frame: 3}, Epoch: Epoch{Term: leader.core.stream(stream.ID).term}}
	s.receive(sink, leader, late)
	s.run(20 * time.Millisecond)
	if told := sink.all(Forward); len(told) != 1 || told[0].Message.Reason != 0 {
		t.Errorf("told %+v, want once that it was changed", told)
	}
	if n := len(sink.all(Deliver)); n > 0 {
		t.Errorf("%d results are delivered to who has let go of the stream", n)
	}
}
