package wire

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// strait is the way of a link's bytes, below TLS, while faults of bytes stand there: narrow, in pieces, cut short, still, or not
// what was written. What is held back waits at whoever reads or writes, so the peer, or the queue, fills; it goes on when the
// fault is over or the link ends.
type strait struct {
	faults  *atomic.Pointer[plan]
	peer    failover.NodeID
	ended   <-chan struct{} // with all links
	had     *atomic.Uint64  // how often a fault had bytes
	gone    atomic.Bool     // the end came from the peer
	in, out way
}

// way is one direction. It belongs to the goroutine that reads, or that writes.
type way struct {
	plan    *plan // that its narrows were made of
	narrows []narrow
}

// narrow is what one fault keeps of one direction.
type narrow struct {
	*standing
	passed uint64        // bytes, of a LimitData
	next   int           // bytes that pass at once; 0: not drawn yet
	free   clock.Instant // when a Bandwidth, or a Slicer, lets the next pass
}

// A strait's steps: how much of a second's bytes passes at once, and the least that is worth a wait.
const (
	stepsEach = 100
	leastStep = 64
)

// errShut: the link is closed, by a fault or while one held what was to pass. It is made again.
var errShut = errors.New("the link closed under a fault")

// lay lets the faults of bytes stand at a link that is up now.
func (l *Links) lay(c *conn, p *peer) {
	c.gate.strait.Store(&strait{faults: &l.faults, peer: p.ID, ended: l.base.Done(), had: &l.count.faulted})
	p.mu.Lock()
	p.up = clock.Now()
	p.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.light(p)
}

// light sets the time at which a fault breaks the link to p, if one stands and one does; the caller holds mu.
func (l *Links) light(p *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snuff()
	plan := l.faults.Load()
	if plan == nil || p.conn == nil || p.up == 0 {
		return
	}
	at, reset := clock.Never, false
	for _, s := range plan.standing {
		if (s.strikes(p.ID, true) || s.strikes(p.ID, false)) && s.Fault.Timeout > 0 {
			if due := max(p.up, s.since).Add(s.Fault.Timeout); due < at {
				at, reset = due, s.Fault.Kind == chaos.Reset
			}
		}
	}
	if at == clock.Never {
		return
	}
	g := p.conn.gate
	p.fuse = time.AfterFunc(at.Sub(clock.Now()), func() {
		l.count.faulted.Add(1)
		if reset {
			g.reset()
		} else {
			_ = g.close()
		}
	})
}

// snuff takes the fuse away; the caller holds the peer's mu.
func (p *peer) snuff() {
	if p.fuse != nil {
		p.fuse.Stop()
		p.fuse = nil
	}
}

// strikes reports whether the fault is one of bytes on the way to a peer, or from there.
func (s *standing) strikes(peer failover.NodeID, inward bool) bool {
	return s.Fault.Kind.OfBytes() && s.concerns(peer, inward) && s.Spared != peer
}

// look takes in which faults stand now. What stood before keeps its state.
func (w *way) look(s *strait, inward bool) {
	plan := s.faults.Load()
	if plan == w.plan {
		return
	}
	before := w.narrows
	w.plan, w.narrows = plan, nil
	if plan == nil {
		return
	}
	for _, f := range plan.standing {
		if !f.strikes(s.peer, inward) {
			continue
		}
		if i := slices.IndexFunc(before, func(n narrow) bool { return n.standing == f }); i >= 0 {
			w.narrows = append(w.narrows, before[i])
		} else {
			w.narrows = append(w.narrows, narrow{standing: f})
		}
	}
}

// write writes b through the strait.
func (s *strait) write(g *gate, b []byte) (written int, err error) {
	w := &s.out
	w.look(s, false)
	b = w.corrupt(s, b, true)
	for written < len(b) {
		n, open := w.admit(s, g, false, len(b)-written)
		if !open {
			return written, errShut
		}
		n, err = g.raw.Write(b[written : written+n])
		written += n
		w.pass(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// read reads what comes through the strait.
func (s *strait) read(g *gate, b []byte) (int, error) {
	most, open := s.in.admit(s, g, true, len(b))
	if !open {
		return 0, errShut
	}
	n, err := g.read(b[:most])
	return s.came(g, b[:n], err)
}

// came lets what was read pass, b or an error. The end of a link may come late.
func (s *strait) came(g *gate, b []byte, err error) (int, error) {
	w := &s.in
	w.look(s, true)
	if w.holds() { // it came while a fault began that holds it
		if _, open := w.admit(s, g, true, len(b)); !open {
			return 0, errShut
		}
	}
	if err != nil {
		s.gone.Store(true)
		s.linger(g, true)
		return len(b), err
	}
	for _, n := range w.narrows {
		if n.Fault.Kind == chaos.LimitData {
			b = b[:min(uint64(len(b)), n.Fault.Bytes-n.passed)]
		}
	}
	w.corrupt(s, b, false)
	w.pass(len(b))
	return len(b), nil
}

// holds reports whether nothing may pass.
func (w *way) holds() bool {
	return slices.ContainsFunc(w.narrows, func(n narrow) bool { return n.Fault.Kind == chaos.Blackhole })
}

// admit waits until something may pass, and says how many bytes of want; false where the link is closed instead.
func (w *way) admit(s *strait, g *gate, inward bool, want int) (n int, open bool) {
	for {
		w.look(s, inward)
		n = want
		var waits *narrow
		until := clock.Never
		for i := range w.narrows {
			f := &w.narrows[i]
			switch f.Fault.Kind {
			case chaos.Blackhole:
				waits = f
			case chaos.Bandwidth, chaos.Slicer:
				if n = min(n, f.piece()); waits == nil && f.free > clock.Now() {
					waits, until = f, f.free
				}
			case chaos.LimitData:
				if f.passed >= f.Fault.Bytes {
					s.had.Add(1)
					_ = g.close()
					return 0, false
				}
				n = int(min(uint64(n), f.Fault.Bytes-f.passed))
			default: // of none that holds back
			}
		}
		if waits == nil {
			return n, true
		}
		if waits.Fault.Kind == chaos.Blackhole {
			until = clock.Never
		}
		s.had.Add(1)
		waits.wait(g, until)
		select {
		case <-g.closed:
			return 0, false
		default:
		}
	}
}

// wait waits until then, or until the fault is over, or the link.
func (n *narrow) wait(g *gate, until clock.Instant) {
	var due <-chan time.Time
	if until != clock.Never {
		timer := time.NewTimer(until.Sub(clock.Now()))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-n.over:
	case <-g.closed:
	}
}

// piece is how many bytes may pass at once.
func (n *narrow) piece() int {
	if n.Fault.Kind == chaos.Bandwidth {
		return int(max(n.Fault.Rate/stepsEach, leastStep))
	}
	if n.next == 0 {
		_, luck := n.draw()
		n.next = int(n.Fault.Size - n.Fault.Vary + luck.Below(2*n.Fault.Vary+1))
	}
	return n.next
}

// pass notes that so many bytes have passed.
func (w *way) pass(bytes int) {
	now := clock.Now()
	for i := range w.narrows {
		n := &w.narrows[i]
		switch n.Fault.Kind {
		case chaos.Bandwidth:
			n.free = max(n.free, now).Add(time.Duration(uint64(bytes) * uint64(time.Second) / n.Fault.Rate))
		case chaos.Slicer:
			n.free, n.next = now.Add(n.Fault.By), 0
		case chaos.LimitData:
			n.passed += uint64(bytes)
		default: // of none that counts
		}
	}
}

// corrupt flips a bit of b where a fault says so: of a copy, where b is another's.
func (w *way) corrupt(s *strait, b []byte, another bool) []byte {
	for i := range w.narrows {
		n := &w.narrows[i]
		if n.Fault.Kind != chaos.Corrupt {
			continue
		}
		if fate := n.Fault.Touch(n.draw()); fate.Spoiled {
			if another {
				b, another = slices.Clone(b), false
			}
			s.had.Add(1)
			spoil(b, fate)
		}
	}
	return b
}

// linger waits for as long as a fault has the end of the link come late: to the peer where this process ends it, and to this
// process where it comes from there.
func (s *strait) linger(g *gate, inward bool) {
	plan := s.faults.Load()
	if plan == nil || !inward && s.gone.Load() {
		return
	}
	for _, f := range plan.standing {
		if f.Fault.Kind != chaos.SlowClose || !f.strikes(s.peer, inward) {
			continue
		}
		s.had.Add(1)
		timer := time.NewTimer(f.Fault.By)
		select {
		case <-timer.C:
		case <-f.over:
		case <-g.closed:
		case <-s.ended:
		}
		timer.Stop()
	}
}
