package failover

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fracture/work"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew; read the diff")

// Each scene is a whole conversation, printed as the trace prints it. What it shall show stands in its name; that the
// outcome is right is checked as well, so that -update cannot make a wrong one pass.
var scenes = []struct {
	name string
	play func(s *stage)
}{
	{"submit", playSubmit},
	{"owner-dies", playOwnerDies},
	{"splitter-dies", playSplitterDies},
	{"rejoin", playRejoin},
	{"drain", playDrain},
	{"refused", playRefused},
	{"active", playActive},
	{"vote", playVote},
	{"revise", playRevise},
}

func TestTranscripts(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			s := newStage(t, Config{})
			scene.play(s)
			path := filepath.Join("testdata", scene.name+".txt")
			got := []byte(s.script.String())
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the transcript differs from %s from line %d on; it is now:\n%s", path, firstDifference(got, want), got)
			}
		})
	}
}

func firstDifference(got, want []byte) int {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range a {
		if i >= len(b) || !bytes.Equal(a[i], b[i]) {
			return i + 1
		}
	}
	return len(a)
}

// note writes a heading into the transcript.
func (s *stage) note(text string) {
	if s.script.Len() > 0 {
		s.script.WriteString("\n")
	}
	s.script.WriteString("# " + text + "\n")
}

// began is a crew with a stream that has delivered its first frames.
func (s *stage) began(nodes int, stream *work.Stream) (leader *actor, sink *actor) {
	_, sink = s.crew(nodes)
	s.submit(sink, stream)
	s.until("the stream is led", time.Second, func() bool { return sink.told["deliver"] >= 2*int(stream.Tiles) })
	return s.leader(stream.ID), sink
}

// A frame goes the whole way: request, copy, held, answer, place and copy, mark, execute, result, done, deliver. A stream
// that ends retires once its results are delivered and stored.
func playSubmit(s *stage) {
	crew, sink := s.crew(3)
	s.taped = true
	s.note("a sink asks for one frame of two tiles, guarded by one standby")
	stream := echoStream(0xf1)
	stream.Frames = 1
	s.submit(sink, stream)
	s.run(20 * time.Millisecond)
	s.everyResultOnce(sink, stream, 1)
	s.note("the store has it")
	for _, a := range crew {
		s.step(a, Event{Kind: Saved, Message: Message{Task: work.TaskID{Stream: stream.ID}}})
	}
	s.run(20 * time.Millisecond)
	for _, a := range crew {
		if a.core.stream(stream.ID) != nil {
			s.t.Errorf("%s still holds the stream that is over", a.name)
		}
	}
}

// The owner of a tile dies with it in its hands. Its link is reset, the standby promotes itself under a higher epoch, and
// the result arrives.
func playOwnerDies(s *stage) {
	stream := echoStream(0xf2)
	leader, sink := s.began(3, stream)
	victim := s.ownerAmong(leader, stream)
	victim.idle = true
	frame := leader.core.stream(stream.ID).next
	s.until("the next frame is placed", time.Second, func() bool { return leader.core.stream(stream.ID).next > frame })
	s.run(5 * stageWire)
	s.taped = true
	s.note("kill -9 of " + victim.name + ", which owns a tile of frame " + string(rune('0'+frame)) + " and has not computed it")
	s.kill(victim)
	s.run(5 * time.Millisecond)
	s.everyResultOnce(sink, stream, frame+1)
	s.note("the next frame is placed on those that are left")
	s.run(33 * time.Millisecond)
	s.everyResultOnce(sink, stream, frame+2)
}

// ownerAmong is a node that owns a tile and does not lead the stream.
func (s *stage) ownerAmong(leader *actor, stream *work.Stream) *actor {
	s.t.Helper()
	list := leader.core.candidates(s.now, stream.Strategy)
	for i := range stream.Tiles {
		if h := choose(list, tileKey(stream.ID, i), Holders{}, 0, 2, evenly(stream.Tiles, len(list))); h.Owner() != leader.id {
			return s.by(h.Owner())
		}
	}
	s.t.Fatal("the splitter owns every tile: choose another id for the stream")
	return nil
}

// The splitter dies. Its standby leads on in a higher term, with the next frame in its place, and finds a standby anew.
func playSplitterDies(s *stage) {
	stream := echoStream(0xf3)
	leader, sink := s.began(3, stream)
	s.taped = true
	s.note("kill -9 of " + leader.name + ", the splitter's owner")
	s.kill(leader)
	s.run(40 * time.Millisecond)
	now := s.leader(stream.ID)
	if now == nil || now == leader {
		s.t.Fatal("nobody took the stream over")
	}
	s.everyResultOnce(sink, stream, now.core.stream(stream.ID).next)
}

// A node that was killed comes back as another member of the same name. It is greeted once; gossip may repeat its news
// for as long as it likes.
func playRejoin(s *stage) {
	stream := echoStream(0xf4)
	leader, sink := s.began(3, stream)
	victim := s.ownerAmong(leader, stream)
	s.kill(victim)
	s.run(40 * time.Millisecond)
	s.taped = true
	s.note(victim.name + " is started again, before gossip has found out that it died")
	again := s.node(victim.name, 2)
	s.bury(victim)
	s.join(again)
	for range 10 {
		s.gossip(s.living()...)
		s.run(5 * time.Millisecond)
	}
	s.everyResultOnce(sink, stream, leader.core.stream(stream.ID).next-1)
	for _, a := range s.living() {
		if greeted := a.told["recover"]; a.core != nil && a != again && greeted > 4 {
			s.t.Errorf("%s greeted %d times, want each of three once and the one that came back once more", a.name, greeted)
		}
	}
}

// A splitter that drains yields to its standby before it goes.
func playDrain(s *stage) {
	stream := echoStream(0xf5)
	leader, sink := s.began(3, stream)
	s.taped = true
	s.note("SIGTERM to " + leader.name + ", the splitter's owner")
	s.drain(leader)
	s.until("it is drained", time.Second, func() bool { return leader.told["drained"] > 0 })
	s.run(40 * time.Millisecond)
	now := s.leader(stream.ID)
	if now == nil || now == leader {
		s.t.Fatal("nobody leads the stream")
	}
	s.everyResultOnce(sink, stream, now.core.stream(stream.ID).next)
}

// Two nodes cannot keep three copies; the refusal names both figures.
func playRefused(s *stage) {
	_, sink := s.crew(2)
	s.taped = true
	s.note("a sink asks for three copies of each task on two nodes")
	stream := echoStream(0xf6)
	stream.Factor = 3
	s.submit(sink, stream)
	s.run(time.Second)
	refused := sink.all(Forward)
	if len(refused) != 1 {
		s.t.Fatalf("the sink was answered %d times, want once", len(refused))
	}
	if m := refused[0].Message; m.Kind != Refused || m.Reason != TooFewNodes || m.Have != 2 || m.Need != 3 {
		s.t.Errorf("answer %+v, want refused, too few nodes: 2 of 3", m)
	}
}

// Under active nobody need notice: the splitter freezes just before a frame is due, and its standby places the same one.
func playActive(s *stage) {
	stream := echoStream(0xf7)
	stream.Strategy, stream.Tiles = work.Active, 1
	s.cfg.Clock = 7
	leader, sink := s.began(3, stream)
	frame := leader.core.stream(stream.ID).next
	s.run(leader.core.stream(stream.ID).due(frame).Sub(s.now) - 2*stageWire)
	s.taped = true
	s.note("SIGSTOP to " + leader.name + ", the splitter's owner, just before a frame is due")
	s.freeze(leader)
	s.run(4 * time.Millisecond)
	s.everyResultOnce(sink, stream, frame+1)
	for _, a := range s.living() {
		if n := a.told["detect"]; n > 0 {
			s.t.Errorf("%s had missed %d nodes when the frame was there: want it there before", a.name, n)
		}
	}
}

// Three answer, one of them wrongly. Two that agree are delivered, and the third is named.
func playVote(s *stage) {
	stream := echoStream(0xf8)
	stream.Strategy, stream.Factor, stream.Tiles = work.Vote, 3, 1
	leader, sink := s.began(4, stream)
	liar := s.ownerAmong(leader, stream)
	liar.liar = true
	frame := leader.core.stream(stream.ID).next
	s.run(leader.core.stream(stream.ID).due(frame).Sub(s.now) - stageWire)
	s.taped = true
	s.note(liar.name + " answers wrongly")
	s.run(5 * time.Millisecond)
	s.everyResultOnce(sink, stream, frame+1)
	for _, e := range sink.all(Deliver) {
		if e.Message.Payload[0]&0x80 != 0 {
			s.t.Errorf("the wrong answer to %v was delivered", e.Message.Task)
		}
	}
}
