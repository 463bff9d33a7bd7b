package cluster

import (
	"context"
	"sync/atomic"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
)

// pulse tells the thread that beats whether the loop still comes round; see failover.Pulse.
type pulse struct {
	rounds atomic.Uint64 // odd while the loop is in a round
	mute   atomic.Uint64 // rounds of beats that were not sent, for it did not

	judge failover.Pulse // of the thread that beats
	told  uint64         // of the loop: the mute rounds that the log has been told of
}

// turn says that the loop begins a round, or ends it.
func (p *pulse) turn() { p.rounds.Add(1) }

// mutes reports that no beats are to be sent. It is called on the thread that beats.
func (n *Node) mutes(now clock.Instant) bool {
	if !n.pulse.judge.Stands(now, n.pulse.rounds.Load(), n.in.waits()) {
		return false
	}
	n.pulse.mute.Add(1)
	return true
}

// tellMute tells the log that the loop goes on after it stood still.
func (n *Node) tellMute() {
	if mute := n.pulse.mute.Load(); mute != n.pulse.told {
		n.cfg.Log.Warn("the loop stood still, and the node was silent meanwhile", "beats withheld", mute-n.pulse.told)
		n.pulse.told = mute
	}
}

// wedge holds the loop up while an order says so: it hears of nothing then but of orders, and of the end of their leases.
func (n *Node) wedge(ctx context.Context) {
	for n.faults.wedged() {
		lapse := time.NewTimer(n.faults.lapses.Sub(clock.Now()))
		select {
		case <-ctx.Done():
			lapse.Stop()
			return
		case <-n.faults.told:
		case <-lapse.C:
		}
		lapse.Stop()
		n.obey(clock.Now())
		n.links.Flush()
	}
}

// wedged reports whether an order wants the loop to stand still.
func (f *faults) wedged() bool {
	for _, o := range f.list {
		for _, s := range o.order.Stand {
			if s.Fault.Kind == chaos.Wedge {
				return true
			}
		}
	}
	return false
}
