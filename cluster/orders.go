package cluster

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// faults are what stands at this node because sinks ordered it. An order comes over the sink's link, which only a process
// with the cluster's keys can have, replaces the sink's order before it, and is a lease: it ends when it is not renewed,
// and with the link.
type faults struct {
	mu   sync.Mutex // guards came
	came []ordered  // the newest of each sink, until the loop takes them

	// Below: the loop's own.
	list   []ordered
	lapses clock.Instant // when the first lease is over; Never while nothing stands
	told   chan struct{} // of size 1: full when an order has come; for a loop that hears of nothing else

	store []chaos.Standing // what stands at the store
}

// ordered is an order of a sink. One without faults heals.
type ordered struct {
	sink  failover.NodeID
	order chaos.Order
	until clock.Instant
	lost  bool // the sink's link broke, which is as good as an order to heal
}

// put leaves an order for the loop, in place of one of the same sink that it has not seen.
func (f *faults) put(o ordered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case f.told <- struct{}{}:
	default:
	}
	for i := range f.came {
		if f.came[i].sink == o.sink {
			f.came[i] = o
			return
		}
	}
	f.came = append(f.came, o)
}

func (f *faults) take() []ordered {
	f.mu.Lock()
	defer f.mu.Unlock()
	came := f.came
	f.came = nil
	return came
}

// ordered reads what comes over a link beside the messages: a sink's orders. Nobody else is listened to.
func (n *Node) ordered(from failover.NodeID, items [][]byte) {
	if !n.sinks.has(from) {
		return
	}
	for _, item := range items {
		order, err := chaos.ParseOrder(item)
		if err != nil {
			n.cfg.Log.Warn("reading an order", "from", n.roster.name(from), "err", err)
			continue
		}
		n.faults.put(ordered{sink: from, order: order, until: clock.Now().Add(time.Duration(order.Lease))})
		n.in.wake()
	}
}

// obey takes the orders that have come, ends the leases that are over, and lets what remains stand.
func (n *Node) obey(now clock.Instant) {
	changed := false
	for _, o := range n.faults.take() {
		changed = n.follow(now, o) || changed
	}
	if now >= n.faults.lapses {
		kept := n.faults.list[:0]
		for _, o := range n.faults.list {
			if now < o.until {
				kept = append(kept, o)
				continue
			}
			n.confirm(now, o, "heal", "its lease is over")
			changed = true
		}
		n.faults.list = kept
	}
	n.faults.lapses = clock.Never
	for _, o := range n.faults.list {
		n.faults.lapses = min(n.faults.lapses, o.until)
	}
	if changed {
		n.stand()
	}
}

// follow puts one order in the place of the sink's former one, and tells whether what stands is another now.
// One that asks for too much beside those of others is refused, and the former one stands on.
func (n *Node) follow(now clock.Instant, o ordered) (changed bool) {
	if more, held := o.order.Ballast(), n.ballastBeside(o); more > 0 && held+more > chaos.MaxBallast {
		n.confirm(now, o, telemetry.Disobey, fmt.Sprintf("%d bytes of ballast, and others have ordered %d: want at most %d at a node together",
			more, held, uint64(chaos.MaxBallast)))
		return false
	}
	for i := range n.faults.list {
		if former := &n.faults.list[i]; former.sink == o.sink {
			if o.order.Same(former.order) && !o.lost {
				if former.until = o.until; former.order.ID != o.order.ID {
					former.order.ID = o.order.ID
					n.confirm(now, o, "fault", "still "+describeOrder(o.order))
				}
				return false
			}
			n.faults.list = append(n.faults.list[:i], n.faults.list[i+1:]...)
			changed = true
			break
		}
	}
	switch {
	case o.lost && !changed: // it had ordered nothing
		return false
	case o.lost:
		n.confirm(now, o, "heal", "who ordered it is gone")
		return true
	case len(o.order.Stand) == 0:
		n.confirm(now, o, "heal", "as ordered")
		return changed
	}
	n.faults.list = append(n.faults.list, o)
	n.confirm(now, o, "fault", describeOrder(o.order))
	n.reset(o)
	return true
}

// ballastBeside is how many bytes of ballast others have ordered.
func (n *Node) ballastBeside(o ordered) (bytes uint64) {
	for _, other := range n.faults.list {
		if other.sink != o.sink {
			bytes += other.order.Ballast()
		}
	}
	return bytes
}

// confirm tells the sinks, and the log, what became of an order.
func (n *Node) confirm(now clock.Instant, o ordered, verb, what string) {
	ev := telemetry.Event{
		Trace: failover.Trace{At: now, Node: n.self.Name, Verb: verb, Peer: n.roster.name(o.sink)},
		Text:  fmt.Sprintf("%s: %s: %s", n.self.Name, verb, what), Order: o.order.ID,
	}
	n.tell(telemetry.News{Event: &ev})
	n.cfg.Log.Info(ev.Text, "order", o.order.ID, "by", ev.Peer)
}

// describeOrder says what an order asks for.
func describeOrder(o chaos.Order) string {
	var words []string
	for _, s := range o.Stand {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}
