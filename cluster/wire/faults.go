package wire

import (
	"fmt"
	"slices"
	"sync/atomic"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// Standing is a fault that stands on the way between this process and a peer.
//
// One of messages belongs at the sender's end, where all of Loss, Delay, Duplicate, Reorder and Cut can be had. Inward it is for
// a peer that cannot be told: of such a fault only that something is lost, or spoiled, takes place. One of bytes, see
// [chaos.Kind.OfBytes], is the same in both directions. A fault told at both ends strikes twice.
type Standing struct {
	Seed   uint64 // of its luck,
	Rule   uint32 // which this tells from that of other rules of the seed
	Fault  chaos.Fault
	Peer   failover.NodeID // 0: every one,
	Spared failover.NodeID // but for this one, where the fault is one of bytes
	Inward bool            // it strikes what comes from Peer instead of what goes there
}

// SetFaults replaces the faults that stand on the links; none heal them. One that stood before counts on. A link that is cut stays
// up and swallows its messages, as a network does that no longer carries packets; telemetry passes, since it is how a fault is
// watched. Faults of bytes strike a link from when it is up, and telemetry too.
func (l *Links) SetFaults(faults ...Standing) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := replace(&l.faults, chaos.Link, faults); err != nil {
		return err
	}
	for _, p := range l.peers {
		l.light(p)
	}
	return nil
}

// Stands reports whether any fault stands on the links. Asked first, it is all that a door costs at which none does.
func (l *Links) Stands() bool { return l.faults.Load() != nil }

// Stands reports whether any fault stands on the beats.
func (b *Beats) Stands() bool { return b.faults.Load() != nil }

// Reset breaks the link to peer, if one stands, as chaos.Reset asks. It is made again like any that broke.
func (l *Links) Reset(peer failover.NodeID) {
	l.mu.Lock()
	p := l.peers[peer]
	l.mu.Unlock()
	if p != nil {
		go p.reset() // which waits until nobody reads or writes, and the caller is the loop
	}
}

// SetFaults replaces the faults that stand on the beats; none heal them. One that stood before counts on.
func (b *Beats) SetFaults(faults ...Standing) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return replace(&b.faults, chaos.Beat, faults)
}

// plan is the faults that stand at one site of this process. No plan is a nil pointer, and costs one branch.
type plan struct{ standing []*standing }

type standing struct {
	Standing
	site  chaos.Site
	since clock.Instant
	over  chan struct{} // closed when it stands no longer
	asked atomic.Uint64
}

// replace makes a plan of the faults and puts it in the place of the one before. What stood there as well goes on.
func replace(at *atomic.Pointer[plan], site chaos.Site, faults []Standing) error {
	var before []*standing
	if p := at.Load(); p != nil {
		before = slices.Clone(p.standing)
	}
	next := &plan{}
	for _, f := range faults {
		if err := f.Fault.Check(); err != nil {
			return err
		}
		if !site.Admits(f.Fault.Kind) || f.Fault.Once() {
			return fmt.Errorf("%w: %v cannot stand at %v", chaos.ErrBadFault, f.Fault.Kind, site)
		}
		if i := slices.IndexFunc(before, func(s *standing) bool { return s.Standing == f }); i >= 0 {
			next.standing = append(next.standing, before[i])
			before = slices.Delete(before, i, i+1)
			continue
		}
		next.standing = append(next.standing, &standing{Standing: f, site: site, since: clock.Now(), over: make(chan struct{})})
	}
	if len(faults) == 0 {
		next = nil
	}
	at.Store(next)
	for _, s := range before {
		close(s.over)
	}
	return nil
}

// fate is what becomes of one message or beat.
func (p *plan) fate(peer failover.NodeID, inward bool) chaos.Fate {
	var fate chaos.Fate
	for _, s := range p.standing {
		if s.concerns(peer, inward) && (s.site == chaos.Beat || !s.Fault.Kind.OfBytes()) {
			nth, luck := s.draw()
			fate = fate.And(s.Fault.Touch(nth, luck))
		}
	}
	return fate
}

// draw is the luck of whoever asks next, and how many asked before.
func (s *standing) draw() (nth uint64, luck chaos.Luck) {
	nth = s.asked.Add(1) - 1
	return nth, chaos.Draw(s.Seed, chaos.Spot{Site: s.site}, s.Rule, nth)
}

// concerns reports whether the fault stands on the way to a peer, or from there.
func (s *standing) concerns(peer failover.NodeID, inward bool) bool {
	return (s.Peer == 0 || s.Peer == peer) && s.Inward == inward
}

// lostInward tells whether a fault has what comes from a peer.
func (l *Links) lostInward(from failover.NodeID) bool {
	p := l.faults.Load()
	if p == nil || !p.fate(from, true).Lost {
		return false
	}
	l.count.faulted.Add(1)
	return true
}

// intercepts and loses tell whether a fault has a packet on its way to a peer, or from there.
func (r *round) intercepts(p *beatPeer, packet *[beatBytes]byte) bool {
	plan := r.faults.Load()
	return plan != nil && r.line.intercept(r.Beats, plan, p, r.now, packet)
}

func (r *round) loses(p *beatPeer, packet []byte) bool {
	plan := r.faults.Load()
	return plan != nil && r.lost(plan, p, packet)
}

// lost tells whether a fault has a packet that comes from a peer. A spoiled one is judged anew, as if it had come so.
func (r *round) lost(plan *plan, p *beatPeer, packet []byte) bool {
	fate := plan.fate(p.ID, true)
	spoiled := spoil(packet, fate)
	if fate.Lost || spoiled {
		r.faulted.Add(1)
	}
	if fate.Lost || !spoiled {
		return fate.Lost
	}
	_, err := r.seal.get(packet)
	if err != nil {
		r.strangers.Add(1)
	}
	return err != nil
}

// fateOf is what becomes of what is said to a peer.
func (l *Links) fateOf(to failover.NodeID) chaos.Fate {
	p := l.faults.Load()
	if p == nil {
		return chaos.Fate{}
	}
	fate := p.fate(to, false)
	if fate.Lost {
		l.count.faulted.Add(1)
	}
	return fate
}

// pushFated puts m into the queue as its fate has it. A lost message counts as sent.
func (q *queue) pushFated(m *failover.Message, fate chaos.Fate) bool {
	if fate.Lost {
		q.lose(m)
		return true
	}
	var due clock.Instant
	now := clock.Now()
	if fate.Late > 0 {
		due = now.Add(fate.Late)
	}
	ok := q.push(m, due, fate.Passed && fate.Late > 0)
	if ok && fate.Twice {
		q.pushTwice(m, now.Add(fate.Late+fate.Again))
	}
	return ok
}

// The door for faults of bytes: what is read from a link's connection and written to it passes here.

// Read reads no more than the gate lets through, as the faults that stand there have it.
func (g *gate) Read(b []byte) (int, error) {
	if s := g.strait.Load(); s != nil && s.faults.Load() != nil {
		return s.read(g, b)
	}
	n, err := g.read(b)
	if s := g.strait.Load(); s != nil && s.faults.Load() != nil { // it came when a fault had begun
		return s.came(g, b[:n], err)
	}
	return n, err
}

// Write writes as Conn does, as the faults that stand there have it.
func (g *gate) Write(b []byte) (int, error) {
	s := g.strait.Load()
	if s == nil || s.faults.Load() == nil {
		return g.raw.Write(b)
	}
	return s.write(g, b)
}

// Close closes the connection, as late as the faults that stand there have it.
func (g *gate) Close() error {
	if s := g.strait.Load(); s != nil && s.faults.Load() != nil {
		s.linger(g, false)
	}
	return g.close()
}
