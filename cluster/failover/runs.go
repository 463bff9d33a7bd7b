package failover

import (
	"encoding/binary"
)

// A copy of a stream says which of its frames are complete: whoever gets it did not see their results, and would run them
// all again when it came to lead, some dozen at once. What the leader has just given to the sinks is lost if it dies now, and with
// it whoever else saw it; so was a result ever.

// appendRuns appends the lengths of the runs of complete frames between those that are not, from base to next, as uvarints.
func (s *stream) appendRuns(b []byte) []byte {
	run := uint64(0)
	for k := s.base; k < s.next; k++ {
		if f := s.frame(k); f != nil && f.left == 0 {
			run++
			continue
		}
		b = binary.AppendUvarint(b, run)
		run = 0
	}
	return binary.AppendUvarint(b, run)
}

// takeRuns takes such runs for complete, from base on, in a copy that is new. Of runs that cannot be it takes those before.
//
// A stream with an end is kept whole by each of its holders until the store has it all, so what this one did not see it
// must get again.
func (s *stream) takeRuns(b []byte) {
	if s.spec.Frames != 0 {
		return
	}
	end := s.base + uint64(len(s.ring))
	for k := s.base; len(b) > 0 && k < end; k++ { // past the one that is not complete
		run, n := binary.Uvarint(b)
		if n <= 0 || run > uint64(len(s.ring)) {
			return
		}
		for ; run > 0; run-- {
			if f := s.frame(k); f != nil {
				f.finish()
			}
			k++
		}
		b = b[n:]
	}
}

// finish takes every result of a frame for delivered.
func (f *frame) finish() {
	for i := range f.tiles {
		f.tiles[i].done = true
	}
	f.left = 0
}
