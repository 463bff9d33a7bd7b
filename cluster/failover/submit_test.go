package failover

import (
	"slices"
	"testing"
	"time"

	"fracture/work"
)

// answers are what a sink's owner was told.
func answers(sink *actor) (list []Message) {
	for _, e := range sink.all(Forward) {
		list = append(list, e.Message)
	}
	return list
}

func TestSubmit_isAcceptedOnlyWhenAStandbyHoldsIt(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	stream := echoStream(0xa1)
	s.cut[[2]string{"n1", "n2"}], s.cut[[2]string{"n2", "n1"}] = true, true
	for _, a := range crew {
		a.core.peers.list[0].lease.ceiling = time.Hour // nobody is missed: only the copies are lost
		a.core.peers.list[0].lease.gaps.peak = time.Hour
	}
	s.submit(sink, stream)
	s.run(200 * time.Millisecond)
	if got := answers(sink); len(got) != 0 {
		t.Fatalf("the sink was answered %+v while no standby held the stream", got)
	}
	if len(sink.delivered) != 0 {
		t.Fatalf("%d results of a stream that was not accepted", len(sink.delivered))
	}
	clear(s.cut)
	s.until("the sink is answered", 2*time.Second, func() bool { return len(answers(sink)) > 0 })
	if got := answers(sink)[0]; got.Kind != Accepted {
		t.Fatalf("answer %+v, want Accepted", got)
	}
	holders := 0
	for _, a := range crew {
		if a.core.stream(stream.ID) != nil {
			holders++
		}
	}
	if holders != 2 {
		t.Errorf("%d nodes hold the accepted stream, want 2", holders)
	}
}

func TestSubmit_refusesWithBothFigures(t *testing.T) {
	type figures struct {
		reason     Reason
		have, need uint32
	}
	for _, c := range []struct {
		name  string
		cfg   Config
		nodes int
		spoil func(s *stage, crew []*actor, stream *work.Stream)
		want  figures
	}{
		{"three copies on two nodes", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Factor = 3 }, figures{TooFewNodes, 2, 3}},
		{"two copies on one node", Config{}, 1, nil, figures{TooFewNodes, 1, 2}},
		{"unknown function", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Function = "chess/1" }, figures{BadStream, 2, 2}},
		{"no tiles", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Tiles = 0 }, figures{BadStream, 2, 2}},
		{"too many tiles", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Tiles = MaxTiles + 1 }, figures{BadStream, 2, 2}},
		{"no period", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Period = 0 }, figures{BadStream, 2, 2}},
		{"no copies", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Factor = 0 }, figures{BadStream, 2, 0}},
		{"five copies", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Factor = 5 }, figures{BadStream, 2, 5}},
		{"no strategy", Config{}, 2, func(_ *stage, _ []*actor, w *work.Stream) { w.Strategy = 0 }, figures{BadStream, 2, 2}},
		{"a second stream where one is the bound", Config{MaxStreams: 1}, 2, func(s *stage, _ []*actor, _ *work.Stream) {
			s.submit(s.actors[2], echoStream(0xb0))
			s.run(10 * time.Millisecond)
		}, figures{TooManyStreams, 1, 1}},
		{"every node drains", Config{}, 2, func(s *stage, crew []*actor, _ *work.Stream) {
			for _, a := range crew {
				s.drain(a)
			}
		}, figures{Draining, 2, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.cfg)
			crew, sink := s.crew(c.nodes)
			stream := echoStream(0xb1)
			if c.spoil != nil {
				c.spoil(s, crew, stream)
			}
			s.submit(sink, stream)
			s.run(3 * time.Second)
			var refused []figures
			for _, m := range answers(sink) {
				if m.Task.Stream == stream.ID {
					refused = append(refused, figures{m.Reason, m.Have, m.Need})
				}
			}
			if !slices.Equal(refused, []figures{c.want}) {
				t.Errorf("answered with %+v, want %+v once", refused, c.want)
			}
			for _, a := range crew {
				if a.core.stream(stream.ID) != nil {
					t.Errorf("%s holds a stream that was refused", a.name)
				}
			}
		})
	}
}

func TestSubmit_isRefusedWhereNoStandbyAnswers(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	for _, a := range crew { // both take the other for alive, and neither hears what the other says
		p := a.core.peers.find(crew[0].id)
		if p == nil {
			p = a.core.peers.find(crew[1].id)
		}
		p.lease.ceiling, p.lease.gaps.peak = time.Hour, time.Hour
	}
	s.cut[[2]string{"n1", "n2"}], s.cut[[2]string{"n2", "n1"}] = true, true
	stream := echoStream(0xa2)
	s.submit(sink, stream)
	s.until("the sink is answered", 5*time.Second, func() bool { return len(answers(sink)) > 0 })
	if got := answers(sink)[0]; got.Kind != Refused || got.Reason != NotCopied || got.Have != 1 || got.Need != 2 {
		t.Errorf("answer %+v, want refused, not copied: 1 of 2", got)
	}
}

// A cluster that has just started is not one with too few nodes: gossip has told of the others, their links are on
// their way.
func TestSubmit_waitsForLinksThatGossipPromises(t *testing.T) {
	s := newStage(t, Config{})
	a, b, sink := s.node("n1", 1), s.node("n2", 1), s.receiver("sink")
	s.gossip(a, b, sink)
	s.link(a, sink)
	stream := echoStream(0xa3)
	s.submit(sink, stream)
	s.run(50 * time.Millisecond)
	if got := answers(sink); len(got) != 0 {
		t.Fatalf("answered %+v before the promised link stood", got)
	}
	s.link(a, b)
	s.link(b, sink)
	s.until("the stream is accepted", 100*time.Millisecond, func() bool { return len(answers(sink)) > 0 })
	if got := answers(sink)[0]; got.Kind != Accepted {
		t.Errorf("answer %+v, want Accepted once the link stood", got)
	}
}

// On a busy machine a healthy node is missed for some milliseconds now and then. A request that comes in just then is no
// request to a cluster with too few nodes.
func TestSubmit_waitsForANodeThatIsSilentForAMoment(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(2)
	s.run(500 * time.Millisecond)
	stream := echoStream(0xa6)
	s.submit(sink, echoStream(0xa7))
	s.until("the first stream is led", time.Second, func() bool { return s.leader(0xa7) != nil })
	leader, other := s.leader(0xa7), crew[0]
	if other == leader {
		other = crew[1]
	}
	s.quiet()
	s.freeze(other)
	s.until("the silence is noticed", time.Second, func() bool { return leader.told["detect"] > 0 })
	s.receive(leader, sink, Message{Kind: Submit, Stream: stream})
	s.run(50 * time.Millisecond)
	if st := leader.core.stream(stream.ID); st == nil || st.accepted {
		t.Fatalf("a submit while the only standby is silent: %+v, want it taken on and not yet accepted", st)
	}
	s.thaw(other)
	s.until("the standby holds the stream", time.Second, func() bool {
		st := leader.core.stream(stream.ID)
		return st != nil && st.accepted
	})
}

func TestSubmit_givesUpOnLinksThatNeverCome(t *testing.T) {
	s := newStage(t, Config{})
	a, b, sink := s.node("n1", 1), s.node("n2", 1), s.receiver("sink")
	s.gossip(a, b, sink)
	s.link(a, sink)
	s.submit(sink, echoStream(0xa4))
	s.until("the sink is answered", 5*time.Second, func() bool { return len(answers(sink)) > 0 })
	if got := answers(sink)[0]; got.Kind != Refused || got.Reason != TooFewNodes || got.Have != 1 || got.Need != 2 {
		t.Errorf("answer %+v, want refused, too few nodes: 1 of 2", got)
	}
}

func TestSubmit_askedTwiceIsOneSubmit(t *testing.T) {
	s := newStage(t, Config{})
	crew, sink := s.crew(3)
	stream := echoStream(0xa5)
	s.submit(sink, stream)
	s.run(20 * time.Millisecond)
	for _, a := range crew {
		s.step(a, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Submit, Stream: stream}})
	}
	s.run(200 * time.Millisecond)
	leads := 0
	for _, a := range crew {
		leads += a.told["lead"]
	}
	if leads < 1 {
		t.Fatal("nobody leads the stream")
	}
	st := s.leader(stream.ID).core.stream(stream.ID)
	s.everyResultOnce(sink, stream, st.next-1)
}
