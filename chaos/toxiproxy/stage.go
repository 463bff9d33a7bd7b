package toxiproxy

import (
	"hash/fnv"
	"sync/atomic"
	"time"

	"fracture/chaos"
)

// kind says what a piece is.
type kind uint8

const (
	data  kind = iota // bytes, or one datagram
	eof               // the end of what one side says; the other may go on
	over              // both sides are closed once what is before it has been written
	reset             // both sides are reset, now
)

// piece is what passes a flow.
type piece struct {
	kind  kind
	bytes []byte    // the flow's own
	due   time.Time // not before it the stage that holds the piece lets it go
}

// Bounds of a stage: one that is full pushes back.
const (
	maxStageBytes  = 1 << 20
	maxStagePieces = 1024
)

// stage is one toxic at one connection. It belongs to the goroutine of its flow.
type stage struct {
	Toxic
	id    uint64 // of the toxic, in its proxy: it outlasts updates
	hit   bool   // whether this connection has the toxic
	loose bool   // pieces are datagrams, which may pass each other

	held  []piece // in the order in which they came
	bytes int     // of what is held

	spot  chaos.Spot
	base  chaos.Luck     // of the connection
	asked uint64         // how many lucks were drawn from it
	calls *atomic.Uint64 // pieces that came to the toxic at all connections

	since  time.Time // Timeout: of the last data, or of the beginning
	free   time.Time // Bandwidth, Slicer: before it nothing more goes
	passed int64     // LimitData
	struck bool      // Timeout, ResetPeer, LimitData: the end has been said
}

// live is a toxic of a proxy, with what its stages share.
type live struct {
	Toxic
	id    uint64
	calls *atomic.Uint64
}

// newStage draws whether connection number nth of the proxy has the toxic: by the seed, the names of both, and the number.
func newStage(seed uint64, proxy string, t live, nth uint64, loose bool, now time.Time) *stage {
	spot := chaos.Spot{Site: chaos.Link, From: hashed(proxy), To: hashed(t.Name)}
	s := &stage{id: t.id, loose: loose, calls: t.calls, since: now, spot: spot, base: chaos.Draw(seed, spot, 0, nth)}
	s.tell(t.Toxic, now)
	return s
}

// tell changes what the stage does. Its luck stays, so a higher toxicity adds to those who are hit.
func (s *stage) tell(t Toxic, now time.Time) {
	s.Toxic = t
	s.hit = s.base.Hits(float64(t.Toxicity))
	s.free, s.struck = now, false // what has waited is no credit
}

func hashed(name string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return h.Sum32()
}

// luck is that of the next piece.
func (s *stage) luck() chaos.Luck {
	s.asked++
	return chaos.Draw(uint64(s.base), s.spot, 1, s.asked)
}

// full reports whether the stage takes no more for now.
func (s *stage) full() bool { return len(s.held) >= maxStagePieces || s.bytes >= maxStageBytes }

// arrive takes a piece in.
func (s *stage) arrive(p piece, now time.Time) {
	p.due = now
	if s.hit && p.kind <= eof {
		s.Attributes.meet(s, p, now)
		return
	}
	s.hold(p)
}

// end is the end that the toxic makes and when, whether or not what is before it can go on; none is data.
func (s *stage) end() (kind, time.Time) {
	if !s.hit || s.struck {
		return data, time.Time{}
	}
	switch a := s.Attributes.(type) {
	case *Timeout:
		if a.Timeout > 0 {
			return over, s.since.Add(millis(a.Timeout))
		}
	case *LimitData:
		if s.passed >= a.Bytes && len(s.held)+int(min(s.passed, 1)) > 0 {
			return over, s.since
		}
	case *ResetPeer:
		if len(s.held) > 0 {
			return reset, s.held[0].due.Add(millis(a.Timeout))
		}
	}
	return data, time.Time{}
}

// next is the piece that goes on at now, if there is one; and if not, when to ask again.
func (s *stage) next(now time.Time) (p piece, ok bool, again time.Time) {
	switch {
	case !s.hit:
		if len(s.held) == 0 {
			return piece{}, false, time.Time{}
		}
		return s.take(0), true, time.Time{}
	case len(s.held) > 0 && s.held[0].kind >= over: // said by a toxic before
		return s.take(0), true, time.Time{}
	}
	return s.Attributes.release(s, now)
}

func (s *stage) hold(p piece) {
	s.held = append(s.held, p)
	s.bytes += len(p.bytes)
}

// take removes one of the pieces that are held.
func (s *stage) take(i int) piece {
	p := s.held[i]
	s.bytes -= len(p.bytes)
	if i == 0 {
		s.held[0] = piece{} // its bytes are no longer ours to keep
		s.held = s.held[1:]
		return p
	}
	s.held = append(s.held[:i], s.held[i+1:]...)
	return p
}

// cut takes the first n bytes of the first piece, or all of it where it has no more.
func (s *stage) cut(n int) piece {
	head := &s.held[0]
	if n >= len(head.bytes) {
		return s.take(0)
	}
	p := piece{bytes: head.bytes[:n:n]}
	head.bytes = head.bytes[n:]
	s.bytes -= n
	return p
}

// inTurn takes the first piece when it is due; of datagrams that which is due first.
func (s *stage) inTurn(now time.Time) (p piece, ok bool, again time.Time) {
	if len(s.held) == 0 {
		return piece{}, false, time.Time{}
	}
	first := 0
	for i := 1; s.loose && i < len(s.held); i++ {
		if s.held[i].due.Before(s.held[first].due) {
			first = i
		}
	}
	if due := s.held[first].due; now.Before(due) {
		return piece{}, false, due
	}
	return s.take(first), true, time.Time{}
}

// left is what the stage still holds when its toxic is removed, at once due.
func (s *stage) left() []piece {
	if _, dropped := s.Attributes.(*Timeout); dropped && s.hit {
		return append(s.held, piece{kind: over}) // what it dropped is missing for ever, so the connection cannot go on
	}
	return s.held
}
