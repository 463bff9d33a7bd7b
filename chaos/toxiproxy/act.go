package toxiproxy

import (
	"slices"
	"time"
)

// What each toxic does at a stage. A piece is held until it may go on; what is removed lets all of it go.

func (a *Latency) meet(s *stage, p piece, now time.Time) {
	if p.kind == data { // as in Toxiproxy, the end of a stream waits for the data before it alone
		delay := millis(a.Latency)
		if jitter := millis(a.Jitter); jitter > 0 {
			delay += time.Duration(s.luck().Below(2*uint64(jitter))) - jitter
		}
		p.due = now.Add(max(delay, 0))
	}
	s.hold(p)
}

func (a *Latency) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

func (a *Bandwidth) meet(s *stage, p piece, _ time.Time) { s.hold(p) }

// bandwidthSlice is for how long a part that passes at once may fill the line.
const bandwidthSlice = 100 // ms

// release lets a part go when the line has carried it. s.free is until when the line is taken.
func (a *Bandwidth) release(s *stage, now time.Time) (piece, bool, time.Time) {
	if len(s.held) == 0 {
		return piece{}, false, time.Time{}
	}
	if s.held[0].kind == eof {
		return s.take(0), true, time.Time{}
	}
	if a.Rate <= 0 {
		return piece{}, false, time.Time{}
	}
	rate := min(a.Rate, maxStageBytes) // bytes a millisecond: more than a stage holds is no limit
	part := min(int64(len(s.held[0].bytes)), rate*bandwidthSlice)
	if begin := s.held[0].due; s.free.Before(begin) {
		s.free = begin
	}
	done := s.free.Add(time.Duration(part) * time.Millisecond / time.Duration(rate))
	if now.Before(done) {
		return piece{}, false, done
	}
	s.free = done
	return s.cut(int(part)), true, time.Time{}
}

func (a *SlowClose) meet(s *stage, p piece, now time.Time) {
	if p.kind == eof {
		p.due = now.Add(millis(a.Delay))
	}
	s.hold(p)
}

func (a *SlowClose) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

func (a *Timeout) meet(s *stage, p piece, now time.Time) {
	s.since = now
	if p.kind == eof {
		s.hold(p)
	}
}

func (a *Timeout) release(s *stage, now time.Time) (piece, bool, time.Time) {
	if len(s.held) > 0 { // what came before the toxic, or the end
		return s.take(0), true, time.Time{}
	}
	if a.Timeout <= 0 || s.struck {
		return piece{}, false, time.Time{}
	}
	if at := s.since.Add(millis(a.Timeout)); now.Before(at) {
		return piece{}, false, at
	}
	s.struck = true
	return piece{kind: over}, true, time.Time{}
}

func (a *ResetPeer) meet(s *stage, p piece, _ time.Time) { s.hold(p) } // who removes the toxic in time has lost nothing

func (a *ResetPeer) release(s *stage, now time.Time) (piece, bool, time.Time) {
	if len(s.held) == 0 || s.struck {
		return piece{}, false, time.Time{}
	}
	if at := s.held[0].due.Add(millis(a.Timeout)); now.Before(at) {
		return piece{}, false, at
	}
	s.struck = true
	return piece{kind: reset}, true, time.Time{}
}

func (a *Slicer) meet(s *stage, p piece, _ time.Time) { s.hold(p) }

func (a *Slicer) release(s *stage, now time.Time) (piece, bool, time.Time) {
	switch {
	case len(s.held) == 0:
		return piece{}, false, time.Time{}
	case now.Before(s.free):
		return piece{}, false, s.free
	case s.held[0].kind == eof:
		return s.take(0), true, time.Time{}
	}
	size := min(max(a.AverageSize, 1), maxStageBytes)
	if v := min(max(a.SizeVariation, 0), size-1); v > 0 {
		size += int64(s.luck().Below(2*uint64(v)+1)) - v
	}
	s.free = now.Add(millis(a.Delay) / 1000)
	return s.cut(int(size)), true, time.Time{}
}

func (a *LimitData) meet(s *stage, p piece, _ time.Time) { s.hold(p) }

// release counts what passes; the byte that reaches the limit is the last.
func (a *LimitData) release(s *stage, _ time.Time) (piece, bool, time.Time) {
	left := a.Bytes - s.passed
	switch {
	case s.struck, left > 0 && len(s.held) == 0, s.passed == 0 && len(s.held) == 0:
		return piece{}, false, time.Time{}
	case left <= 0:
		s.struck = true
		return piece{kind: over}, true, time.Time{}
	case s.held[0].kind == eof:
		return s.take(0), true, time.Time{}
	}
	p := s.cut(int(min(left, maxStageBytes)))
	s.passed += int64(len(p.bytes))
	return p, true, time.Time{}
}

func (a *NthCall) meet(s *stage, p piece, _ time.Time) {
	if p.kind == data && s.calls.Add(1)%uint64(a.N) == 0 {
		p = piece{kind: reset}
	}
	s.hold(p)
}

func (a *NthCall) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

func (a *Corrupt) meet(s *stage, p piece, _ time.Time) {
	if luck := s.luck(); p.kind == data && len(p.bytes) > 0 && luck.Hits(a.Probability) {
		bit := luck.Next().Below(8 * uint64(len(p.bytes)))
		p.bytes[bit/8] ^= 1 << (bit % 8)
	}
	s.hold(p)
}

func (a *Corrupt) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

func (a *PacketLoss) meet(s *stage, p piece, _ time.Time) {
	if !s.luck().Hits(a.Probability) {
		s.hold(p)
	}
}

func (a *PacketLoss) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

func (a *Duplicate) meet(s *stage, p piece, _ time.Time) {
	s.hold(p)
	if s.luck().Hits(a.Probability) {
		p.bytes = slices.Clone(p.bytes) // a stage behind may change one of them
		s.hold(p)
	}
}

func (a *Duplicate) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }

// usualReorder is for how long a datagram is held back where nothing is said.
const usualReorder = 10 // ms

func (a *Reorder) meet(s *stage, p piece, now time.Time) {
	if s.luck().Hits(a.Probability) {
		delay := a.Delay
		if delay <= 0 {
			delay = usualReorder
		}
		p.due = now.Add(millis(delay))
	}
	s.hold(p)
}

func (a *Reorder) release(s *stage, now time.Time) (piece, bool, time.Time) { return s.inTurn(now) }
