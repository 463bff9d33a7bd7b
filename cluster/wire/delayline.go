package wire

import (
	"cmp"
	"slices"

	"fracture/chaos"
	"fracture/clock"
)

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
	if spoil(packet[:], fate) {
		b.faulted.Add(1)
	}
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

// spoil flips one bit of a packet where its fate is that, and reports whether it did.
func spoil(packet []byte, fate chaos.Fate) bool {
	if !fate.Spoiled || len(packet) == 0 {
		return false
	}
	bit := fate.Bit % (8 * uint64(len(packet)))
	packet[bit/8] ^= 1 << (bit % 8)
	return true
}
