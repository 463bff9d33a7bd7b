package failover

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fracture/work"
)

// framesOf is a copy of an endless stream of three tiles from a frame on, of which it knows nothing.
func framesOf(base uint64) *stream {
	s := newStream(1, &work.Stream{ID: 1, Tiles: 3, Period: 10 * time.Millisecond}, echo{})
	s.base, s.next = base, base
	return s
}

func TestRuns_sayWhichFramesAreComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leader := framesOf(rapid.Uint64Range(0, 1000).Draw(t, "base"))
		var complete []uint64
		for range rapid.IntRange(0, len(leader.ring)).Draw(t, "frames") {
			f := leader.frame(leader.next)
			if rapid.Bool().Draw(t, "complete") {
				f.finish()
				complete = append(complete, leader.next)
			} else {
				f.left--
				f.tiles[0].done = true
			}
			leader.next++
		}
		standby := framesOf(leader.base)
		standby.takeRuns(leader.appendRuns(nil))
		var taken []uint64
		for k := leader.base; k < leader.base+uint64(len(standby.ring)); k++ {
			if f := standby.frame(k); f.left == 0 {
				taken = append(taken, k)
			}
		}
		if !slices.Equal(taken, complete) {
			t.Fatalf("complete are %v, taken for it %v", complete, taken)
		}
	})
}

// Until the store has all of a stream with an end, each holder is to have it all.
func TestRuns_areNotTakenOfAStreamWithAnEnd(t *testing.T) {
	s := framesOf(0)
	s.spec.Frames = 10
	s.takeRuns([]byte{3})
	if s.frame(0).left == 0 {
		t.Error("a frame whose results were not seen is taken for complete")
	}
}

func FuzzRuns(f *testing.F) {
	f.Add([]byte{0, 3, 1}, uint64(7))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, uint64(maxFrame))
	f.Add([]byte{0x80}, uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, base uint64) {
		s := framesOf(base % (maxFrame + 1))
		s.takeRuns(b)
		if s.base != s.next {
			t.Fatalf("runs moved the stream to [%d, %d)", s.base, s.next)
		}
	})
}
