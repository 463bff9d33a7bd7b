package failover

import (
	"testing"
	"time"

	"fracture/clock"
	"fracture/work"
)

// apart cuts two nodes off from each other, and from nobody else.
func (s *stage) apart(a, b *actor, cut bool) {
	s.cut[[2]string{a.name, b.name}], s.cut[[2]string{b.name, a.name}] = cut, cut
}

func TestNodes_thatDoNotHearEachOtherDoNotDeposeEachOtherInTurn(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	s.apart(leader, heir, true)
	s.run(10 * time.Second)
	reigns := 0
	for _, a := range crew {
		reigns += len(a.all(Lead))
	}
	if reigns != 1 {
		t.Errorf("in ten seconds in which a leader and its standby do not hear each other the stream had %d reigns more, want 1", reigns)
	}
	s.apart(leader, heir, false)
	s.run(200 * time.Millisecond)
	s.everyResultOnce(sink, stream, 300)
}

func TestFenced_takesOverFromALeaderThatIsSeenToFail(t *testing.T) {
	s, _, _, leader, stream := busy(t, work.Standby)
	heir := s.follower(leader, stream.ID)
	s.apart(leader, heir, true)
	s.until("the standby takes over", 100*time.Millisecond, func() bool { return heir.core.stream(stream.ID).leading() })
	s.until("the leader follows it", 100*time.Millisecond, func() bool {
		st := leader.core.stream(stream.ID)
		return st != nil && !st.leading()
	})
	if leader.core.stream(stream.ID).holders.Owner() != heir.id {
		t.Fatal("the deposed one follows somebody else: the test shows nothing")
	}
	s.step(leader, Event{Kind: LinkDown, Peer: heir.id})
	if !leader.core.stream(stream.ID).leading() {
		t.Error("the deposed leader goes by an old word, though it saw the link to the other break since")
	}
}

// In a ring of cuts whoever tells a leader that it is deposed hears the one that deposed it no more than it does itself.
func TestFenced_byNobodysWordLeavesAloneOnlyWhomItsSilenceDidNotStop(t *testing.T) {
	for name, c := range map[string]struct {
		silentBefore bool // the reign that is outbid
		want         bool // it leads again
	}{
		"silent since before": {silentBefore: true, want: false},
		"silent since":        {silentBefore: false, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _, leader, stream := busy(t, work.Standby)
			heir := s.follower(leader, stream.ID)
			if c.silentBefore {
				s.apart(leader, heir, true)
			} else {
				s.receive(heir, leader, Message{
					Kind: Yield, Task: work.TaskID{Stream: stream.ID}, Epoch: Epoch{Term: heir.core.stream(stream.ID).term},
				})
				s.run(20 * time.Millisecond)
				s.cut[[2]string{leader.name, heir.name}] = true // and not the other way, or it would take over in turn
			}
			s.run(50 * time.Millisecond)
			mine := heir.core.stream(stream.ID)
			if mine == nil || !mine.leading() || heir.core.peers.find(leader.id).failed != Silence {
				t.Fatal("the standby does not lead, or hears its leader: the test shows nothing")
			}
			if sameCount := mine.term - Term(heir.id) + Term(leader.id); heir.core.outbid(mine, sameCount) {
				t.Error("a term that counts no further is taken for newer than this one")
			}
			var other *actor
			for _, a := range s.actors {
				if a.core != nil && a != leader && a != heir {
					other = a
				}
			}
			s.receive(heir, other, Message{
				Kind: Fence, Task: work.TaskID{Stream: stream.ID}, Epoch: Epoch{Term: mine.term.next(leader.id)},
			})
			if got := heir.core.stream(stream.ID).leading(); got != c.want {
				t.Errorf("outbid by a leader that it does not hear it leads: %v, want %v", got, c.want)
			}
		})
	}
}

func TestLeader_thatIsCutOffSplitsNothingAndAsksBeforeItGoesOn(t *testing.T) {
	s, crew, sink, leader, stream := busy(t, work.Standby)
	s.partOf(leader, true)
	s.run(50 * time.Millisecond)
	next := leader.core.stream(stream.ID).next
	s.run(300 * time.Millisecond)
	if got := leader.core.stream(stream.ID).next; got != next {
		t.Errorf("cut off from all it split %d frames, want none: nobody hears of them", got-next)
	}
	placed := leader.told["place"]
	s.partOf(leader, false)
	s.run(100 * time.Millisecond)
	if st := leader.core.stream(stream.ID); st != nil && st.leading() {
		t.Error("it leads on beside who took the stream over")
	}
	if got := leader.told["place"]; got != placed {
		t.Errorf("back from the cut it placed %d tasks before it learned that it leads no more", got-placed)
	}
	leads := 0
	for _, a := range crew {
		if st := a.core.stream(stream.ID); st != nil && st.leading() {
			leads++
		}
	}
	if leads != 1 {
		t.Errorf("%d nodes lead the stream, want 1", leads)
	}
	s.run(200 * time.Millisecond)
	s.everyResultOnce(sink, stream, 40)
}

func TestStandby_runsNothingForBeingOverdueThatItHeldWhileItWasAway(t *testing.T) {
	for name, away := range map[string]func(*stage, *actor, bool){
		"frozen": func(s *stage, a *actor, away bool) {
			if away {
				s.freeze(a)
			} else {
				s.thaw(a)
			}
		},
		"cut off": (*stage).partOf,
		"unheard": func(s *stage, a *actor, away bool) {
			for _, b := range s.actors {
				s.cut[[2]string{a.name, b.name}] = away
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, crew, sink, leader, stream := busy(t, work.Standby)
			var victim *actor
			for _, a := range crew {
				if a != leader && a != s.follower(leader, stream.ID) {
					victim = a
				}
			}
			s.until("it holds a copy", 200*time.Millisecond, func() bool {
				for i := range victim.core.tasks.list {
					if victim.core.tasks.list[i].state == waiting {
						return true
					}
				}
				return false
			})
			away(s, victim, true)
			s.run(300 * time.Millisecond)
			away(s, victim, false)
			s.run(300 * time.Millisecond)
			if n := len(victim.all(Promote)); n != 0 {
				t.Errorf("it took over %d times, want none: all of that was done long ago", n)
			}
			s.everyResultOnce(sink, stream, 40)
		})
	}
}

// On a machine with far too much to do the loop comes round late each time: it is late by as much again when it has waited to hear
// whether it was deposed.
func TestLeader_thatIsLateEachTimeLeadsAllTheSame(t *testing.T) {
	const round, rounds = 50 * time.Millisecond, 40
	placed := func(bug Bug) int {
		core := New(Config{ID: 1, Weight: 1, Function: echoes, Bug: bug})
		stream := echoStream(7)
		stream.Strategy, stream.Factor = work.Expendable, 1
		now := clock.Instant(time.Hour)
		core.Step(now, Event{Kind: Received, Peer: 9, Message: Message{Kind: Submit, Stream: stream, Ran: 0}}, nil)
		frames := map[uint64]bool{}
		for range rounds {
			core.Wake()
			now = now.Add(round)
			for _, e := range core.Step(now, Event{Kind: Tick, At: now}, nil) {
				if e.Kind == Execute {
					frames[e.Message.Task.Frame] = true
				}
			}
		}
		return len(frames)
	}
	due := int((rounds - 2) * round / (33 * time.Millisecond))
	if got := placed(NoBug); got < due {
		t.Errorf("a leader that comes round each %v placed %d frames, want all %d that were due two rounds before the end", round, got, due)
	}
	if got := placed(BugWaitsAgain); got > 1 {
		t.Errorf("a leader that waits each time placed %d frames: the test shows nothing", got)
	}
}

// Whoever reads a submit late, by a clock that is not the sink's, takes its frames to be due as much later.
func TestSink_tellsTheLeaderAgainWhenFramesAreDue(t *testing.T) {
	const stall = 250 * time.Millisecond
	lateness := func(bug Bug) time.Duration {
		s := newStage(t, Config{Bug: bug})
		crew, sink := s.crew(3)
		for _, a := range crew {
			s.freeze(a)
		}
		stream := echoStream(7)
		asked := s.now
		s.submit(sink, stream)
		s.run(stall)
		for _, a := range crew {
			s.thaw(a)
		}
		s.run(time.Second)
		last := work.TaskID{Stream: stream.ID}
		for id := range sink.came {
			if id.Frame > last.Frame {
				last = id
			}
		}
		if last.Frame == 0 {
			t.Fatal("nothing came")
		}
		return sink.came[last].Sub(asked.Add(time.Duration(last.Frame) * stream.Period))
	}
	if late := lateness(BugOldDate); late < stall/2 {
		t.Fatalf("told but once, the leader has frames due %v late: the test shows nothing", late)
	}
	if late := lateness(NoBug); late > 20*time.Millisecond {
		t.Errorf("a second after its submit was read %v late the newest frame comes %v after it was due, want no more of that", stall, late)
	}
}
