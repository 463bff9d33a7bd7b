package failover

import (
	"slices"
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// busy is a crew of five at work on a stream whose leader is known.
func busy(t *testing.T, strategy work.Strategy) (s *stage, crew []*actor, sink, leader *actor, stream *work.Stream) {
	t.Helper()
	s = newStage(t, Config{})
	crew, sink = s.crew(5)
	stream = echoStream(0xd1)
	stream.Tiles, stream.Strategy = 10, strategy
	s.submit(sink, stream)
	s.run(time.Second)
	if leader = s.leader(stream.ID); leader == nil {
		t.Fatal("nobody leads the stream")
	}
	s.quiet()
	return s, crew, sink, leader, stream
}

// partOf cuts a node off from all others, or ends that.
func (s *stage) partOf(a *actor, cut bool) {
	for _, b := range s.actors {
		s.cut[[2]string{a.name, b.name}], s.cut[[2]string{b.name, a.name}] = cut, cut
	}
}

// follower is the first standby of a stream's splitter.
func (s *stage) follower(leader *actor, id work.StreamID) *actor {
	return s.by(leader.core.stream(id).holders[1])
}

func TestNode_thatIsCutOffTakesNothingOver(t *testing.T) {
	s, crew, _, leader, stream := busy(t, work.Standby)
	cut := s.follower(leader, stream.ID)
	s.partOf(cut, true)
	s.run(100 * time.Millisecond)
	if n := len(cut.all(Promote)); n != 0 {
		t.Errorf("cut off from all, it took over %d times, want none: nobody would hear of it", n)
	}
	for _, a := range crew {
		if a != cut && len(a.all(Detect)) != 1 {
			t.Errorf("%s took %d nodes for failed, want the one that is cut off", a.name, len(a.all(Detect)))
		}
	}
	s.quiet()
	s.partOf(cut, false)
	s.run(100 * time.Millisecond)
	if got := s.leader(stream.ID); got != leader {
		t.Errorf("after the cut %v leads, want who led all the while", got)
	}
	if n := len(cut.all(Promote)); n != 0 {
		t.Errorf("once healed it took over %d times, want none: the others' beats are on their way", n)
	}
}

func TestNode_thatIsCutOffForLongActsAlone(t *testing.T) {
	s, _, _, leader, stream := busy(t, work.Standby)
	cut := s.follower(leader, stream.ID)
	s.partOf(cut, true)
	s.run(700 * time.Millisecond)
	if n := len(cut.all(Promote)); n != 0 {
		t.Errorf("cut off for less than three ceilings it took over %d times, want none", n)
	}
	s.run(100 * time.Millisecond)
	if !cut.core.stream(stream.ID).leading() {
		t.Error("silent to it for longer than any cut is borne, the others may as well be dead: it must take the stream")
	}
}

func TestNode_thatMissesHalfOfTwoPeersIsNotCutOff(t *testing.T) {
	s := newStage(t, Config{})
	_, sink := s.crew(3)
	stream := echoStream(0xd2)
	s.submit(sink, stream)
	s.run(time.Second)
	leader := s.leader(stream.ID)
	heir := s.follower(leader, stream.ID)
	s.freeze(leader)
	s.until("the standby takes over", 30*time.Millisecond, func() bool { return heir.core.stream(stream.ID).leading() })
}

func TestSplitter_thatLosesWhatItSaysHandsItOn(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	peers := 0
	for _, a := range crew {
		if a == leader {
			continue
		}
		s.step(leader, Event{Kind: Missed, Peer: a.id})
		if peers++; peers == 2 {
			s.run(5 * time.Millisecond)
			if s.leader(stream.ID) != leader {
				t.Fatal("it handed the stream on with messages lost to two of four peers: the fault may be theirs")
			}
		}
	}
	s.run(5 * time.Millisecond)
	if got := s.leader(stream.ID); got != heir {
		t.Errorf("%v leads, want the standby of who loses messages to most of its peers", got)
	}
	if promoted := heir.all(Promote); len(promoted) != 1 || promoted[0].Signal != Handover {
		t.Errorf("promotions %+v, want one, handed over", promoted)
	}
	s.run(200 * time.Millisecond)
	s.everyResultOnce(sink, stream, 30)
}

func TestSplitter_isNotHandedToWhoLosesMessagesItself(t *testing.T) {
	s, crew, _, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	for _, a := range crew {
		if a != heir {
			s.step(heir, Event{Kind: Missed, Peer: a.id})
		}
	}
	for _, a := range crew {
		if a != leader {
			s.step(leader, Event{Kind: Missed, Peer: a.id})
		}
	}
	s.run(20 * time.Millisecond)
	if got := s.leader(stream.ID); got != leader {
		t.Errorf("%v leads: a loss that is everywhere must not hand the stream around", got)
	}
}

func TestSplitter_givesNothingNewToWhoIsSlow(t *testing.T) {
	for _, strategy := range []work.Strategy{work.Standby, work.Hedge} {
		t.Run(strategy.String(), func(t *testing.T) { givesNothingNewToWhoIsSlow(t, strategy) })
	}
}

func givesNothingNewToWhoIsSlow(t *testing.T, strategy work.Strategy) {
	t.Helper()
	s, crew, sink, leader, stream := busy(t, strategy)
	var slow *actor
	for _, a := range crew {
		if a != leader && a != s.follower(leader, stream.ID) {
			slow = a
		}
	}
	slow.idle = true // as slow as can be
	s.run(400 * time.Millisecond)
	s.quiet()
	slow.told["execute"] = 0
	s.run(500 * time.Millisecond)
	if n := slow.told["execute"]; n != 0 {
		t.Errorf("in half a second after others had to do its work it was given %d tasks more, want none", n)
	}
	slow.idle = false
	s.run(3 * time.Second)
	if slow.told["execute"] == 0 {
		t.Error("it is never given anything again")
	}
	s.run(100 * time.Millisecond)
	s.everyResultOnce(sink, stream, 100)
}

// Slow by so little that nothing is overdue.
func TestSplitter_givesNothingNewToWhoRunsFarTooLong(t *testing.T) {
	for _, strategy := range []work.Strategy{work.Standby, work.Hedge} {
		t.Run(strategy.String(), func(t *testing.T) {
			s, crew, _, leader, _ := busy(t, strategy)
			slow := crew[slices.IndexFunc(crew, func(a *actor) bool { return a != leader })]
			slow.slowness = dragFactor + 1
			s.run(100 * time.Millisecond)
			slow.told["execute"] = 0
			s.run(suspicion)
			if n := slow.told["execute"]; n != 0 {
				t.Errorf("a tenth of a second after it had become five times as slow it was given %d tasks more, want none", n)
			}
		})
	}
}

// A task says while it runs that it does so for long, and is placed anew with what waits behind it. Nobody waits for the first
// slow result to learn that its owner is slow.
func TestSplitter_doesNotWaitForWhatASlowNodeRuns(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	slow := crew[slices.IndexFunc(crew, func(a *actor) bool { return a != leader })]
	slow.slowness = 4 * dragFactor
	from := s.next(stream.ID)
	s.run(300 * time.Millisecond)
	if slow.told["execute"] == 0 {
		t.Fatal("the slow node is given nothing: the test shows nothing")
	}
	const usual = stageTask + 4*stageWire
	const most = dragFactor*stageTask + 2*usual
	for k := from; k < s.next(stream.ID)-1; k++ {
		due := leader.core.stream(stream.ID).due(k)
		for tile := range stream.Tiles {
			id := work.TaskID{Stream: stream.ID, Frame: k, Tile: tile}
			if late := sink.came[id].Sub(due); sink.delivered[id] != 1 || late > most {
				t.Errorf("%v was delivered %d times, %v after it was due, want once, within %v", id, sink.delivered[id], late, most)
			}
		}
	}
}

// What a node that loses messages stands by for may be done, and the news lost.
func TestStandby_runsNothingForBeingOverdueThatItHeldWhileItLostMessages(t *testing.T) {
	s, crew, _, leader, stream := busy(t, work.Standby)
	lossy := crew[slices.IndexFunc(crew, func(a *actor) bool { return a != leader && a != s.follower(leader, stream.ID) })]
	s.lose = func(m Message) bool { return m.Kind == Done && m.Holders == Holders{} }
	for range 30 {
		for _, a := range crew {
			if a != lossy {
				s.step(lossy, Event{Kind: Missed, Peer: a.id})
			}
		}
		s.run(10 * time.Millisecond)
	}
	for _, e := range lossy.all(Promote) {
		if e.Signal == Overdue {
			t.Errorf("it ran tile %d of frame %d, which was done", e.Message.Task.Tile, e.Message.Task.Frame)
		}
	}
	others := 0
	for _, a := range crew {
		others += a.told["promote"]
	}
	if others == 0 {
		t.Error("nobody else ran anything for want of the news: the test shows nothing")
	}
}

// Where all run for long it is the machine, or the tasks have become larger: to place them anew would be to add to it.
func TestSplitter_leavesTasksAloneThatRunForLongEverywhere(t *testing.T) {
	s, crew, _, leader, _ := busy(t, work.Standby)
	for _, a := range crew {
		a.slowness = 4 * dragFactor
	}
	s.run(100 * time.Millisecond)
	s.quiet()
	s.run(time.Second)
	if n := leader.told["replace"]; n > 2 {
		t.Errorf("in a second in which all were as slow %d tasks were placed anew", n)
	}
}

// What is in the hands of a node whose messages are lost may be done, and its result lost.
func TestSplitter_placesAnewWhatWhoLosesMessagesHasForLong(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	lossy := crew[slices.IndexFunc(crew, func(a *actor) bool { return a != leader })]
	s.lose = func(m Message) bool { return m.Kind == Result && m.Holders.Owner() == lossy.id }
	owned := lossy.told["execute"]
	s.until("it is given a task", 200*time.Millisecond, func() bool { return lossy.told["execute"] > owned })
	s.step(leader, Event{Kind: Missed, Peer: lossy.id})
	s.run(leader.core.usual(stream.Function) + stageTask + 10*stageWire)
	for _, e := range leader.all(Replace) {
		if e.Peer == lossy.id && e.Signal == Overdue {
			s.lose = nil
			s.run(time.Second)
			s.everyResultOnce(sink, stream, 30)
			return
		}
	}
	t.Error("nothing of it was placed anew before a standby took it for overdue")
}

// A splitter that hands on because it loses messages may have lost some that placed tasks.
func TestHeir_placesAnewWhatALossyLeaderMayHaveLost(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	s.lose = func(m Message) bool { return m.Kind == Place || m.Kind == Copy }
	frame := leader.core.stream(stream.ID).next
	s.until("a frame is placed, and nothing of it comes", 200*time.Millisecond, func() bool {
		return heir.core.stream(stream.ID).next > frame
	})
	s.lose = nil
	for _, a := range crew {
		if a != leader {
			s.step(leader, Event{Kind: Missed, Peer: a.id})
		}
	}
	s.run(heir.core.usual(stream.Function) + stageTask + 20*stageWire)
	if len(heir.all(Replace)) == 0 {
		t.Error("the heir waits for what may have come nowhere until it is overdue")
	}
	s.run(time.Second)
	s.everyResultOnce(sink, stream, 30)
}

// Tasks that have become larger take longer everywhere.
func TestSplitter_doubtsNobodyWhereAllRunFarTooLong(t *testing.T) {
	s, crew, _, leader, _ := busy(t, work.Standby)
	for _, a := range crew {
		a.slowness = dragFactor + 1
	}
	for range 100 {
		s.run(time.Millisecond)
		if n := leader.core.suspects(); n != 0 {
			t.Fatalf("%d nodes are in doubt, want none: all have become as slow", n)
		}
	}
}

func TestCandidates_areAllTrustedWhereMostAreSuspect(t *testing.T) {
	for suspects := range 6 {
		list := make([]candidate, 5)
		for i := range suspects {
			list[i].suspect = true
		}
		trustMost(list)
		left := 0
		for _, k := range list {
			if k.suspect {
				left++
			}
		}
		want := suspects
		if 2*suspects > len(list) {
			want = 0
		}
		if left != want {
			t.Errorf("of 5 with %d suspects %d are given nothing, want %d", suspects, left, want)
		}
	}
}

func TestDrags_needsSomeInARow(t *testing.T) {
	s := newStage(t, Config{})
	a := s.node("n1", 1)
	s.enter(a)
	const usually, long = time.Millisecond, dragFactor * time.Millisecond
	for range mostDragged + 1 {
		if a.core.drags(a.id, work.TaskID{}, 0, time.Second) {
			t.Error("a node was slow before anything was known of its task")
		}
	}
	task := work.TaskID{Stream: 1}
	drags := func(of *actor, ran time.Duration) bool {
		s.run(long)
		a.core.now = s.now
		task.Frame++
		return a.core.drags(of.id, task, usually, ran)
	}
	b := s.node("n2", 1)
	s.enter(b)
	s.meet(a, b)
	if drags(a, long) {
		t.Fatal("a node was slow that may have been out of turn")
	}
	if drags(a, long-1) || drags(a, long) {
		t.Error("what ran no longer than usual did not begin the count anew")
	}
	if drags(a, long) {
		t.Error("a node was slow though nobody was quicker meanwhile")
	}
	if drags(b, usually); !drags(a, long) {
		t.Error("a node was not slow, though it was so twice and another was not")
	}
	if drags(b, usually); !drags(a, 2*long) {
		t.Error("a node was not slow that took eight times as long")
	}
	if drags(b, usually); drags(a, long) {
		t.Error("a node was slow again for one task more")
	}
	said := a.core.trust.drag
	if drags(b, usually); a.core.drags(a.id, said, usually, long) {
		t.Error("a task that was said to run for long was counted again when it was done")
	}
	a.core.drags(a.id, work.TaskID{}, dragFloor/dragFactor-1, dragFloor-1)
	if drags(b, usually); !drags(a, long) {
		t.Error("a task that is too short to tell anything began the count anew")
	}
	const short = dragFloor/dragFactor - 1
	a.core.drags(b.id, task, short, dragFloor-1)
	if drags(a, 2*long) {
		t.Error("a node was slow while another's short task took far longer than usual, too")
	}
	a.core.now = s.now
	a.core.drags(b.id, task, short, short)
	if !drags(a, 2*long) {
		t.Error("a node was not slow that took eight times as long, while another did short tasks in their usual time")
	}
}

func TestUsualRun_isAMedian(t *testing.T) {
	var u usualRun
	for i := range 1000 {
		ran := time.Millisecond
		if i%10 == 0 {
			ran = time.Second // one in ten is out of turn
		}
		u.observe(ran)
	}
	if got := time.Duration(u); got < 900*time.Microsecond || got > 1300*time.Microsecond {
		t.Errorf("usually %v, want about 1 ms", got)
	}
	for range 30 {
		u.observe(4 * time.Millisecond)
	}
	if got := time.Duration(u); got < 3*time.Millisecond || got > 4400*time.Microsecond {
		t.Errorf("thirty frames after the tile became four times as large usually %v, want about 4 ms", got)
	}
}

func TestTrust_isLostForLongerEachTimeAndComesBack(t *testing.T) {
	var tr trust
	now := clock.Instant(time.Hour)
	lasts := func() time.Duration { return tr.suspect.Sub(now) }
	tr.doubt(now, 0)
	if lasts() != suspicion {
		t.Errorf("the first doubt lasts %v, want %v", lasts(), suspicion)
	}
	for want := 2 * suspicion; want <= suspicion<<maxDoubts; want *= 2 {
		now = tr.suspect.Add(time.Millisecond)
		if tr.doubt(now, 0); lasts() != want {
			t.Errorf("in doubt again a millisecond after, it is so for %v, want %v", lasts(), want)
		}
	}
	now = tr.suspect.Add(time.Millisecond)
	if tr.doubt(now, 0); lasts() != suspicion<<maxDoubts {
		t.Errorf("it is in doubt for %v, want at most %v", lasts(), suspicion<<maxDoubts)
	}
	now = tr.suspect.Add(time.Minute)
	if tr.doubt(now, 0); lasts() != suspicion {
		t.Errorf("a minute later a doubt lasts %v, want %v again", lasts(), suspicion)
	}
	if tr.doubt(now, ofSlowness); lasts() != suspicion<<ofSlowness {
		t.Errorf("a slow node is in doubt for %v, want %v", lasts(), suspicion<<ofSlowness)
	}
}

// Beats that are heard for the machine are judged by that: that it is late itself excuses nobody, but that whoever hears
// them was late excuses all.
func TestNode_excusesPeersWhereNobodyListened(t *testing.T) {
	for _, c := range []struct {
		name    string
		stalled bool
		want    int
	}{{"the loop is late", false, 1}, {"the listener was, too", true, 0}} {
		t.Run(c.name, func(t *testing.T) {
			core := New(Config{ID: 1, Weight: 1, Function: echoes})
			now := clock.Instant(time.Hour)
			tell := func(ev Event) (out []Effect) { return core.Step(now, ev, nil) }
			for id := NodeID(2); id <= 4; id++ {
				tell(Event{Kind: Joined, Member: Member{ID: id, Weight: uint64(id)}})
				tell(Event{Kind: LinkUp, Peer: id})
			}
			beatAll := func(from NodeID) {
				for id := from; id <= 4; id++ {
					tell(Event{Kind: Beat, Peer: id, At: now, Heard: true, Interval: 2 * time.Millisecond})
				}
			}
			for range 1000 {
				now = now.Add(2 * time.Millisecond)
				beatAll(2)
				tell(Event{Kind: Tick, At: now})
				core.Wake()
			}
			for range 9 { // 2 is silent; the others are heard, and the loop does not run
				now = now.Add(2 * time.Millisecond)
			}
			beatAll(3)
			var stalled clock.Instant
			if c.stalled {
				stalled = now
			}
			detected := 0
			for _, e := range tell(Event{Kind: Tick, At: now, Stalled: stalled}) {
				if e.Kind == Detect {
					detected++
				}
			}
			if detected != c.want {
				t.Errorf("%d peers are taken for failed, want %d", detected, c.want)
			}
		})
	}
}

// A copy that there is no budget to run is given up once its leader must have placed the task anew.
func TestStandby_givesUpACopyThatNobodyWaitsForAnyMore(t *testing.T) {
	s, crew, place := standing(t)
	standby := crew[1]
	for i := range uint64(2 * promoteBurst) { // more than the budget pays for
		m := place
		m.Task.Frame, m.Need = 10+i, 2
		s.receive(standby, crew[2], m)
	}
	s.run(30 * time.Second)
	dropped := len(standby.all(Drop))
	if dropped == 0 || dropped+len(standby.all(Promote))+len(standby.all(Hedge)) != 2*promoteBurst {
		t.Errorf("of %d copies that were never done %d were given up and %d run, want all either way",
			2*promoteBurst, dropped, len(standby.all(Promote))+len(standby.all(Hedge)))
	}
	if live := standby.core.tasks.live(); live != 0 {
		t.Errorf("%d tasks are still held", live)
	}
}

// A standby that was let go and has not heard so may be behind on how the stream is guarded.
func TestShare_endsWhereTheLeaderSpeaksNoMore(t *testing.T) {
	s, _, _, leader, stream := busy(t, work.Active)
	heir := s.follower(leader, stream.ID)
	mute := func(m Message) bool { return m.Kind == Mark || m.Kind == Hold || m.Kind == Retire || m.Kind == Held }
	s.lose = func(m Message) bool { return mute(m) }
	s.run(time.Second)
	places := 0
	s.lose = func(m Message) bool {
		if m.Kind == Place && m.Epoch.By == heir.id {
			places++
		}
		return mute(m)
	}
	s.run(500 * time.Millisecond)
	if places != 0 {
		t.Errorf("a second after its leader last spoke to it, it placed %d tasks in half a second, want none", places)
	}
}
