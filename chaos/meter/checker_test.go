package meter

import (
	"errors"
	"slices"
	"testing"

	"fracture/work"
	"fracture/work/fractal"
	quick "fracture/work/probe"
)

// checkedFunctions are what the checker's tests compute with.
var checkedFunctions = []work.Function{fractal.Function{}, quick.Function{}}

// someStreams are a picture that stands still and a probe.
func someStreams() []*work.Stream {
	params := fractal.CoralJourney(60, 40)
	params.Journey = fractal.Journey{}
	return []*work.Stream{
		{ID: tiles, Function: fractal.Function{}.Name(), Params: params.Append(nil), Tiles: 6},
		{ID: probe, Function: quick.Name, Tiles: 5},
	}
}

// rightAnswer is what a stream's function gives.
func rightAnswer(t *testing.T, s *work.Stream, frame uint64, tile uint32) []byte {
	t.Helper()
	i := slices.IndexFunc(checkedFunctions, func(f work.Function) bool { return f.Name() == s.Function })
	input, err := checkedFunctions[i].Split(s.Params, frame, tile, s.Tiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := checkedFunctions[i].Run(input, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestChecker_seesASingleBitAndLetsARightAnswerPass(t *testing.T) {
	streams := someStreams()
	c, err := NewChecker(checkedFunctions, streams...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		for _, frame := range []uint64{0, 1, 77, 1 << 40} {
			for tile := range s.Tiles {
				task := work.TaskID{Stream: s.ID, Frame: frame, Tile: tile}
				answer := rightAnswer(t, s, frame, tile)
				if c.Wrong(task, answer) {
					t.Fatalf("task %v: the function's own answer is called wrong", task)
				}
				for bit := int(frame % 7); bit < 8*len(answer); bit += 7 {
					answer[bit/8] ^= 1 << (bit % 8)
					if !c.Wrong(task, answer) {
						t.Fatalf("task %v: bit %d of %d is flipped, and nothing is called wrong", task, bit, 8*len(answer))
					}
					answer[bit/8] ^= 1 << (bit % 8)
				}
				other := rightAnswer(t, s, frame, (tile+1)%s.Tiles)
				for what, wrong := range map[string][]byte{"that of another tile": other, "one cut short": answer[:len(answer)-1], "nothing": nil} {
					if !c.Wrong(task, wrong) {
						t.Errorf("task %v: for an answer comes %s, and nothing is called wrong", task, what)
					}
				}
			}
		}
	}
	if task := (work.TaskID{Stream: probe, Frame: 3}); !c.Wrong(task, rightAnswer(t, streams[1], 4, 0)) {
		t.Error("for a probe's answer comes that of another frame, and nothing is called wrong")
	}
}

func TestChecker_callsNothingWrongThatItDoesNotKnow(t *testing.T) {
	c, err := NewChecker(checkedFunctions, someStreams()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []work.TaskID{{Stream: 99}, {Stream: tiles, Tile: 6}, {Stream: probe, Tile: 5}} {
		if c.Wrong(task, []byte("anything")) {
			t.Errorf("task %v is called wrong; it is none of a stream that is checked", task)
		}
	}
	if (*Checker)(nil).Wrong(work.TaskID{Stream: tiles}, nil) {
		t.Error("a checker that is not there calls something wrong")
	}
}

func TestNewChecker_refusesWhatItCannotCheck(t *testing.T) {
	for what, spoil := range map[string]func(*work.Stream){
		"a function that is not known":  func(s *work.Stream) { s.Function = "prayer/1" },
		"parameters that make no sense": func(s *work.Stream) { s.Params = []byte("?") },
		"a picture that moves":          func(s *work.Stream) { s.Params = fractal.CoralJourney(60, 40).Append(nil) },
	} {
		streams := someStreams()
		spoil(streams[0])
		if c, err := NewChecker(checkedFunctions, streams...); !errors.Is(err, ErrUncheckable) {
			t.Errorf("%s: NewChecker = %v, %v; want ErrUncheckable", what, c, err)
		}
	}
}

func BenchmarkChecker_Wrong(b *testing.B) {
	params := fractal.CoralJourney(640, 288)
	params.Journey = fractal.Journey{}
	s := &work.Stream{ID: tiles, Function: fractal.Function{}.Name(), Params: params.Append(nil), Tiles: 8}
	c, err := NewChecker(checkedFunctions, s)
	if err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, 640*288/8*4)
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		if !c.Wrong(work.TaskID{Stream: tiles}, answer) {
			b.Fatal("zeros are no picture")
		}
	}
}
