package wire

import (
	"cmp"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// Verdict is what a fault does to one message or beat.
type Verdict struct {
	Drop  bool          // it is lost: one side of a cut, or luck
	Delay time.Duration // outwards it leaves so much later, behind what left before; inwards there is no delay
}

// Hook decides the fault for what goes out to peer or came in from it. It is asked for each message and each beat, from
// many goroutines at once, and must answer without waiting.
type Hook func(peer failover.NodeID, out bool) Verdict

// SetFaults makes hook decide what goes wrong on the links; nil heals them. A link that is cut stays up and swallows
// what it is given, as a network does that no longer carries packets.
func (l *Links) SetFaults(hook Hook) { setHook(&l.faults, hook) }

// SetFaults makes hook decide what goes wrong with the beats; nil heals them.
func (b *Beats) SetFaults(hook Hook) { setHook(&b.faults, hook) }

func setHook(at *atomic.Pointer[Hook], hook Hook) {
	if hook == nil {
		at.Store(nil)
		return
	}
	at.Store(&hook)
}

// sift leaves out of what came in what a fault swallows.
func (l *Links) sift(hook Hook, from failover.NodeID, batch []failover.Message) []failover.Message {
	kept := batch[:0]
	for _, m := range batch {
		if hook(from, false).Drop {
			l.count.faulted.Add(1)
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// after is the instant d from now, or zero where there is no delay.
func after(d time.Duration) clock.Instant {
	if d <= 0 {
		return 0
	}
	return clock.Now().Add(d)
}

// holdBack waits until a frame is due. It answers false where the link broke before.
func holdBack(due clock.Instant, broken <-chan struct{}) bool {
	if due == 0 {
		return true
	}
	timer := time.NewTimer(due.Sub(clock.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-broken:
		return false
	}
}

// maxDelayed bounds the beats that a fault holds back; more are lost and counted.
const maxDelayed = 4096

// delayLine holds the beats that a fault delays, in the order of their due times. It belongs to the sender.
type delayLine struct{ held []delayed }

type delayed struct {
	due    clock.Instant
	to     netip.AddrPort
	packet [beatBytes]byte
}

// intercept asks the fault about one beat, and answers true where it is not to be sent now.
func (d *delayLine) intercept(b *Beats, hook Hook, p *beatPeer, now clock.Instant, packet *[beatBytes]byte) bool {
	v := hook(p.ID, true)
	if v.Drop || (v.Delay > 0 && len(d.held) >= maxDelayed) {
		b.faulted.Add(1)
		return true
	}
	if v.Delay <= 0 {
		return false
	}
	due := now.Add(v.Delay)
	at, _ := slices.BinarySearchFunc(d.held, due+1, func(h delayed, due clock.Instant) int { return cmp.Compare(h.due, due) })
	d.held = slices.Insert(d.held, at, delayed{due, p.Addr, *packet})
	return true
}

// release sends what is due and answers when the next will be.
func (d *delayLine) release(b *Beats, now clock.Instant) clock.Instant {
	n := 0
	for n < len(d.held) && d.held[n].due <= now {
		b.write(d.held[n].packet[:], d.held[n].to)
		n++
	}
	d.held = slices.Delete(d.held, 0, n)
	if len(d.held) == 0 {
		return clock.Never
	}
	return d.held[0].due
}
