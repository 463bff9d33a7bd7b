package wire

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// Standing is a fault that stands on the way between this process and a peer.
//
// It belongs at the sender's end, where all of Loss, Delay, Duplicate, Reorder and Cut can be had. Inward it is for a
// peer that cannot be told: of such a fault only that something is lost takes place. A fault told at both ends strikes
// twice.
type Standing struct {
	Rule   uint32 // tells its draws from those of other rules
	Fault  chaos.Fault
	Peer   failover.NodeID // 0: every one
	Inward bool            // it strikes what comes from Peer instead of what goes there
}

// SetFaults replaces the faults that stand on the links; none heal them. A link that is cut stays up and swallows its
// messages, as a network does that no longer carries packets; telemetry passes, since it is how a fault is watched.
func (l *Links) SetFaults(seed uint64, faults ...Standing) error {
	p, err := newPlan(seed, chaos.Link, l.cfg.Self.ID, faults)
	if err == nil {
		l.faults.Store(p)
	}
	return err
}

// Stands reports whether any fault stands on the links.
func (l *Links) Stands() bool { return l.faults.Load() != nil }

// Stands reports whether any fault stands on the beats.
func (b *Beats) Stands() bool { return b.faults.Load() != nil }

// Reset breaks the link to peer, if one stands, as chaos.Reset asks. It is made again like any that broke.
func (l *Links) Reset(peer failover.NodeID) {
	l.mu.Lock()
	p := l.peers[peer]
	l.mu.Unlock()
	if p != nil {
		go p.hangUp() // which waits until nobody reads or writes, and the caller is the loop
	}
}

// SetFaults replaces the faults that stand on the beats; none heal them.
func (b *Beats) SetFaults(seed uint64, faults ...Standing) error {
	p, err := newPlan(seed, chaos.Beat, b.self, faults)
	if err == nil {
		b.faults.Store(p)
	}
	return err
}

// plan is the faults that stand at one site of this process. No plan is a nil pointer, and costs one branch.
type plan struct {
	seed     uint64
	standing []*standing
}

type standing struct {
	Standing
	spot  chaos.Spot
	asked atomic.Uint64
}

func newPlan(seed uint64, site chaos.Site, self failover.NodeID, faults []Standing) (*plan, error) {
	if len(faults) == 0 {
		return nil, nil
	}
	p := &plan{seed: seed}
	for _, f := range faults {
		if err := f.Fault.Check(); err != nil {
			return nil, err
		}
		if !site.Admits(f.Fault.Kind) || f.Fault.Kind == chaos.Reset {
			return nil, fmt.Errorf("%w: %v cannot stand at %v", chaos.ErrBadFault, f.Fault.Kind, site)
		}
		spot := chaos.Spot{Site: site, From: uint32(self), To: uint32(f.Peer)}
		if f.Inward {
			spot.From, spot.To = spot.To, spot.From
		}
		p.standing = append(p.standing, &standing{Standing: f, spot: spot})
	}
	return p, nil
}

// fate is what becomes of one message or beat.
func (p *plan) fate(peer failover.NodeID, inward bool) chaos.Fate {
	var fate chaos.Fate
	for _, s := range p.standing {
		if (s.Peer == 0 || s.Peer == peer) && s.Inward == inward {
			luck := chaos.Draw(p.seed, s.spot, s.Rule, s.asked.Add(1)-1)
			fate = fate.And(s.Fault.Touch(luck))
		}
	}
	return fate
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

// maxDelayed bounds the beats that faults hold back; more are lost and counted.
const maxDelayed = 4096

// delayLine holds the beats that faults delay, in the order in which they are due. It belongs to the sender.
type delayLine struct{ held []delayed }

type delayed struct {
	due    clock.Instant
	to     *sockaddr
	packet [beatBytes]byte
}

// intercept lets a fault have one beat, and answers true where it is not to be sent now.
func (d *delayLine) intercept(b *Beats, plan *plan, p *beatPeer, now clock.Instant, packet *[beatBytes]byte) bool {
	fate := plan.fate(p.ID, false)
	if fate.Lost || len(d.held) >= maxDelayed {
		b.faulted.Add(1)
		return true
	}
	if fate.Twice {
		d.hold(delayed{now.Add(fate.Late + fate.Again), p.to, *packet})
	}
	if fate.Late == 0 {
		return false
	}
	d.hold(delayed{now.Add(fate.Late), p.to, *packet})
	return true
}

func (d *delayLine) hold(h delayed) {
	at, _ := slices.BinarySearchFunc(d.held, h.due+1, func(h delayed, due clock.Instant) int {
		return cmp.Compare(h.due, due)
	})
	d.held = slices.Insert(d.held, at, h)
}

// release sends what is due and answers when the next will be.
func (d *delayLine) release(b *Beats, fd uintptr, now clock.Instant) clock.Instant {
	n := 0
	for n < len(d.held) && d.held[n].due <= now {
		b.write(fd, d.held[n].packet[:], d.held[n].to)
		n++
	}
	d.held = slices.Delete(d.held, 0, n)
	if len(d.held) == 0 {
		return clock.Never
	}
	return d.held[0].due
}
