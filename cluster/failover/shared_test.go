package failover

import (
	"testing"
	"time"

	"fracture/work"
)

// doorOf makes a sink that lives on a node, as a front door's does, and is linked with every node.
func (s *stage) doorOf(home *actor) *actor {
	name := "door-" + home.name
	id := Identify(name, 1)
	sink := NewSink(SinkConfig{ID: id, Home: home.id})
	a := &actor{name: name, id: id, sink: sink, machine: sink}
	s.enter(a)
	s.join(a)
	return a
}

// share lets a sink ask for a stream that others may ask for, too.
func (s *stage) share(sink *actor, stream *work.Stream) {
	s.step(sink, Event{Kind: Received, Peer: sink.id, Message: Message{Kind: Submit, Have: 1, Stream: stream}})
}

func onePicture(id work.StreamID) *work.Stream {
	stream := echoStream(id)
	stream.Frames, stream.Tiles = 1, 6
	return stream
}

// sum adds up what all nodes told of a verb.
func (s *stage) sum(verb string) int {
	n := 0
	for _, a := range s.actors {
		n += a.told[verb]
	}
	return n
}

func TestSubmit_ofASharedStreamIsOneStreamWhereverItIsAskedFor(t *testing.T) {
	for id := work.StreamID(0xd0); id < 0xd8; id++ {
		s := newStage(t, Config{})
		crew, _ := s.crew(5)
		doors := []*actor{s.doorOf(crew[0]), s.doorOf(crew[1]), s.doorOf(crew[2])}
		stream := onePicture(id)
		for _, door := range doors { // none knows of the others
			s.share(door, stream)
		}
		s.run(100 * time.Millisecond)
		for _, door := range doors {
			if got := answers(door); len(got) != 1 || got[0].Kind != Accepted {
				t.Errorf("stream %x: %s was answered %+v, want Accepted once, and sooner than it asks again", id, door.name, got)
			}
			s.everyResultOnce(door, stream, 1)
		}
		if led, ran := s.sum("lead"), s.sum("execute"); led != 1 || ran != int(stream.Tiles) {
			t.Errorf("stream %x was led by %d nodes and took %d runs, want one and %d", id, led, ran, stream.Tiles)
		}

		s.kill(s.leader(id))
		s.run(20 * time.Millisecond)
		late := s.doorOf(s.living()[0])
		s.quiet()
		s.share(late, stream)
		s.run(20 * time.Millisecond)
		if got := answers(late); len(got) != 1 || got[0].Kind != Accepted {
			t.Errorf("stream %x: asked for after its leader died: %+v, want Accepted", id, got)
		}
		s.everyResultOnce(late, stream, 1)
		if n := s.sum("lead"); n != 0 {
			t.Errorf("stream %x: asked for after its leader died, it got %d leaders more", id, n)
		}
	}
}

// A client that asks again may come to another door when all is done. Until it is stored it is kept; after that it is computed
// once more, at once, and not when a standby finds it overdue that the owners have answered before.
func TestSubmit_ofACompleteStreamIsAnsweredAtOnce(t *testing.T) {
	for id := work.StreamID(0xd0); id < 0xe0; id++ {
		s := newStage(t, Config{})
		crew, _ := s.crew(5)
		first, second := s.doorOf(crew[0]), s.doorOf(crew[1])
		stream := onePicture(id)
		s.share(first, stream)
		s.run(stageTask + 10*stageWire)
		s.everyResultOnce(first, stream, 1)
		s.quiet()
		if stored := id%2 == 0; stored {
			for _, a := range crew {
				s.step(a, Event{Kind: Saved, Message: Message{Task: work.TaskID{Stream: id}}})
			}
			s.run(stageWire)
		}
		s.share(second, stream)
		s.run(stageTask + 10*stageWire)
		s.everyResultOnce(second, stream, 1)
		s.run(100 * time.Millisecond)
		if n := s.sum("promote"); n != 0 {
			t.Errorf("stream %x: asked for again, it had %d takeovers, though nobody failed", id, n)
		}
	}
}

// A screen is linked with every node, and so with the sink of its front door. It leads nothing.
func TestSubmit_isAskedOfNodesAlone(t *testing.T) {
	for id := work.StreamID(0xd0); id < 0xf0; id++ {
		s := newStage(t, Config{})
		crew, screen := s.crew(3)
		door := s.doorOf(crew[0])
		s.step(door, Event{Kind: LinkUp, Peer: screen.id})
		stream := onePicture(id)
		s.share(door, stream)
		s.run(100 * time.Millisecond)
		if got := answers(door); len(got) != 1 || got[0].Kind != Accepted {
			t.Errorf("stream %x was answered %+v, want Accepted once, and sooner than the door asks again", id, got)
		}
	}
}

// A node may link before gossip has told of it.
func TestSubmit_waitsForANodeThatGossipKnows(t *testing.T) {
	sink := NewSink(SinkConfig{ID: 1})
	node := NodeID(7)
	asked := func(ev Event) (n int) {
		for _, e := range sink.Step(1, ev, nil) {
			if e.Kind == Send && e.Peer == node && e.Message.Kind == Submit {
				n++
			}
		}
		return n
	}
	for i, c := range []struct {
		ev   Event
		want int
	}{
		{Event{Kind: Received, Peer: 1, Message: Message{Kind: Submit, Have: 1, Stream: onePicture(0xd0)}}, 0},
		{Event{Kind: LinkUp, Peer: node}, 0},
		{Event{Kind: Joined, Peer: node, Member: Member{ID: node, Weight: 5}}, 1},
		{Event{Kind: Joined, Peer: node, Member: Member{ID: node, Weight: 5}}, 0},
	} {
		if got := asked(c.ev); got != c.want {
			t.Errorf("at event %d the node was asked %d times, want %d", i, got, c.want)
		}
	}
}

// Whoever is asked may fail before it has answered. Then the next one is asked at once, the same by every sink, and the one
// that failed comes last until it is taken for alive again.
func TestSubmit_isAskedOfAnotherOnceTheNodeHasFailed(t *testing.T) {
	const own, n1, n2, n3 = NodeID(1), NodeID(7), NodeID(8), NodeID(9)
	for what, fails := range map[string]EventKind{"silent": Detected, "reset": LinkDown} {
		sink := NewSink(SinkConfig{ID: own})
		id := work.StreamID(0xd0)
		asked := func(ev Event) (of []NodeID) {
			for _, e := range sink.Step(1, ev, nil) {
				if e.Kind == Send && e.Message.Kind == Submit {
					of = append(of, e.Peer)
				}
			}
			return of
		}
		submit := func() Event {
			id++
			return Event{Kind: Received, Peer: own, Message: Message{Kind: Submit, Have: 1, Stream: onePicture(id)}}
		}
		for _, node := range []NodeID{n1, n2, n3} {
			asked(Event{Kind: Joined, Peer: node, Member: Member{ID: node, Weight: uint64(node) * 77}})
			asked(Event{Kind: LinkUp, Peer: node})
		}
		first := asked(submit())
		if len(first) != 1 {
			t.Fatalf("a stream was asked of %v, want one node", first)
		}
		accepted := Message{Kind: Accepted, Task: work.TaskID{Stream: id}}
		next := asked(Event{Kind: fails, Peer: first[0]})
		if len(next) != 1 || next[0] == first[0] {
			t.Errorf("%s: once %v had failed the stream was asked of %v, want one of the others", what, first, next)
			continue
		}
		if got := asked(Event{Kind: fails, Peer: first[0]}); got != nil {
			t.Errorf("%s: told again that %v had failed, the stream was asked of %v", what, first, got)
		}
		for range 20 {
			if got := asked(submit()); len(got) != 1 || got[0] == first[0] {
				t.Errorf("%s: a stream was asked of %v while %v had failed", what, got, first)
			}
		}
		for _, w := range sink.streams {
			accepted.Task.Stream = w.id
			asked(Event{Kind: Received, Peer: next[0], Message: accepted})
		}
		for _, node := range []NodeID{n1, n2, n3} {
			if got := asked(Event{Kind: fails, Peer: node}); got != nil {
				t.Errorf("%s: what was accepted was asked of %v once %d had failed; who stands by goes on with it", what, got, node)
			}
		}
		if fails == Detected {
			if got := asked(submit()); len(got) != 1 {
				t.Errorf("with all nodes taken for failed a stream was asked of %v, want one: they may only be silent", got)
			}
			asked(Event{Kind: Recovered, Peer: first[0]})
			if got := asked(submit()); len(got) != 1 || got[0] != first[0] {
				t.Errorf("a stream was asked of %v, want the only one that is alive again, %v", got, first)
			}
		}
	}
}

// Who is refused must not end what another was promised.
func TestRefused_leavesASharedStreamToWhoWasAccepted(t *testing.T) {
	for _, shared := range []bool{false, true} {
		s := newStage(t, Config{})
		_, first := s.crew(2)
		lonely := s.node("n9", 1) // knows nobody
		stream := onePicture(0xe0)
		stream.Frames = 0
		for { // one for which the lonely node ranks first
			ranks := NewSink(SinkConfig{ID: 1})
			for _, a := range s.actors {
				if a.core != nil {
					*ranks.node(a.id) = sinkNode{id: a.id, weight: WeightOf(a.name), joined: true, link: true}
				}
			}
			if ranks.ranked(&watched{id: stream.ID}, 0) == lonely.id {
				break
			}
			stream.ID++
		}
		s.share(first, stream)
		s.run(100 * time.Millisecond)
		second := s.receiver("second")
		for _, a := range s.actors {
			if a.core != nil {
				s.gossip(a, second)
				s.link(a, second)
			}
		}
		if shared {
			s.share(second, stream)
		} else {
			s.submit(second, stream)
		}
		s.run(200 * time.Millisecond)
		if got := answers(second); len(got) != 1 || got[0].Kind != Refused {
			t.Fatalf("the second sink was answered %+v, want Refused", got)
		}
		if lives := s.leader(stream.ID) != nil; lives != shared {
			t.Errorf("after a refusal, with shared = %v, the stream lives: %v", shared, lives)
		}
	}
}
