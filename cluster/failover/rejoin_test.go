package failover

import (
	"testing"
	"time"

	"fracture/work"
)

// The original deletes a node that was started again and adds it anew at every refresh, because it never stores the
// new incarnation (E-064): 30 % of its removals are followed by another, two seconds later. Here a restart is one
// loss and one greeting, however often gossip repeats its news.
func TestRejoin_isToldOnceAndNotAtEveryRefresh(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	stream := echoStream(0xe064)
	s.submit(sink, stream)
	s.run(500 * time.Millisecond)
	victim := crew[1]
	if victim == s.leader(stream.ID) {
		victim = crew[0]
	}
	s.quiet()

	s.kill(victim)
	s.run(time.Second)
	again := s.node(victim.name, 2)
	s.bury(victim) // the roster of a shell tells Left of the old one before Joined of the new
	s.join(again)
	s.run(time.Second)
	for _, a := range crew {
		if a == victim {
			continue
		}
		if lost, greeted := a.told["detect"], a.told["recover"]; lost != 1 || greeted != 1 {
			t.Errorf("%s: one restart was %d losses and %d greetings, want one of each", a.name, lost, greeted)
		}
	}

	s.quiet()
	effects := 0
	for range 100 { // a refresh every 20 ms of the stage's time; the original's storm shows at every one
		for _, a := range s.living() {
			for _, b := range s.living() {
				if a.core != nil && a != b {
					effects += len(a.core.Step(s.now, Event{Kind: Joined, Peer: b.id, Member: b.member()}, nil))
				}
			}
		}
		s.run(20 * time.Millisecond)
	}
	for _, a := range s.living() {
		for _, verb := range []string{"detect", "recover", "promote", "replace", "lead", "follow"} {
			if n := a.told[verb]; n != 0 {
				t.Errorf("%s: %d × %s while gossip only repeated itself", a.name, n, verb)
			}
		}
	}
	if effects != 0 {
		t.Errorf("%d effects of news that were none", effects)
	}
	s.everyResultOnce(sink, stream, s.leader(stream.ID).core.stream(stream.ID).next-1)
}

func TestRejoin_theOldIncarnationIsNobody(t *testing.T) {
	s := newStage(t, Config{})
	crew, _ := s.crew(3)
	victim := crew[2]
	s.kill(victim)
	s.run(20 * time.Millisecond)
	again := s.node(victim.name, 2)
	s.bury(victim)
	s.join(again)
	s.run(20 * time.Millisecond)
	s.quiet()
	for _, a := range crew[:2] { // what of the old one is still under way
		s.step(a, Event{Kind: Beat, Peer: victim.id, Heard: true, Interval: stageBeats})
		s.step(a, Event{Kind: LinkDown, Peer: victim.id})
		s.step(a, Event{Kind: Left, Peer: victim.id})
		if len(a.effects) != 0 {
			t.Errorf("%s answers late news of an old incarnation with %+v", a.name, a.effects)
		}
		if p := a.core.peers.find(again.id); p == nil || !p.serves() {
			t.Errorf("%s gives the new incarnation no work after late news of the old one", a.name)
		}
	}
}

func TestDrain_givesEverythingAwayAndTakesNothing(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(4)
	streams := []uint64{0xd1, 0xd2, 0xd3}
	for _, id := range streams {
		s.submit(sink, echoStream(work.StreamID(id)))
	}
	s.run(200 * time.Millisecond)
	for _, leaver := range crew[:2] {
		s.quiet()
		s.drain(leaver)
		s.until(leaver.name+" is drained", 2*time.Second, func() bool { return leaver.told["drained"] > 0 })
		s.run(100 * time.Millisecond)
		if leaver.told["drained"] != 1 {
			t.Errorf("%s said %d times that it is drained, want once", leaver.name, leaver.told["drained"])
		}
		if n := leaver.core.tasks.live(); n != 0 || len(leaver.core.streams) != 0 {
			t.Errorf("%s is drained and holds %d tasks and %d streams", leaver.name, n, len(leaver.core.streams))
		}
		leaver.up = false
		s.kill(leaver)
		s.bury(leaver)
		s.run(100 * time.Millisecond)
	}
	for _, id := range streams {
		stream := echoStream(work.StreamID(id))
		leader := s.leader(stream.ID)
		if leader == nil {
			t.Fatalf("nobody leads stream %x", id)
		}
		s.everyResultOnce(sink, stream, leader.core.stream(stream.ID).next-1)
	}
}

// Where nobody is left to take a stream, waiting helps nobody: a lab that ends is a whole cluster that drains at once.
func TestDrain_withNobodyToYieldToWaitsForNobody(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	stream := echoStream(0xd4)
	s.submit(sink, stream)
	s.run(100 * time.Millisecond)
	for _, a := range crew {
		s.drain(a)
	}
	for _, a := range crew {
		s.until(a.name+" is drained", 200*time.Millisecond, func() bool { return a.told["drained"] > 0 })
		if n := a.core.tasks.live(); n != 0 {
			t.Errorf("%s leaves with %d tasks in its hands", a.name, n)
		}
	}
}

// Of two nodes the one that stays leads the stream and finds no other standby: the leaver's copy stays wanted for good.
func TestDrain_ofTwoDoesNotWaitForAThird(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	stream := echoStream(0xd6)
	s.submit(sink, stream)
	s.run(100 * time.Millisecond)
	leaver := s.leader(stream.ID)
	s.drain(leaver)
	s.until("the leaver is drained", 200*time.Millisecond, func() bool { return leaver.told["drained"] > 0 })
	if now := s.leaderBut(leaver, stream.ID); now == nil || now != crew[0] && now != crew[1] {
		t.Error("the leaver is drained and nobody else leads the stream")
	}
}

func TestDrain_waitsForANodeThatIsOnlySilent(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	stream := echoStream(0xd5)
	s.submit(sink, stream)
	s.run(100 * time.Millisecond)
	leader, other := s.leader(stream.ID), crew[0]
	if other == leader {
		other = crew[1]
	}
	s.freeze(other)
	s.run(100 * time.Millisecond)
	s.drain(leader)
	s.run(300 * time.Millisecond)
	if leader.told["drained"] != 0 {
		t.Fatal("the leader leaves with the stream while its standby is only silent")
	}
	s.thaw(other)
	s.until("the other leads", time.Second, func() bool { return s.leaderBut(leader, stream.ID) == other })
}
