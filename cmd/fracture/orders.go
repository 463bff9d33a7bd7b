package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/telemetry"
)

// strike is a fault that is to be done.
type strike struct {
	component meter.Component
	fault     meter.Kind
	nodes     []string      // whom it concerns, by name; of a link its two ends, the first being the one that is told
	last      time.Duration // how long it stands; 0 where it does not
}

// How hard a fault strikes.
const (
	slowTimes  = 10
	wrongShare = 1 // of the answers
	lossShare  = 0.2
)

// nodeOrder is what one node is to be told.
type nodeOrder struct {
	node  string
	stand []chaos.Standing
}

// orders says what the nodes are told of a strike, nothing where it is done without them. Of what stands between two, one
// is told, for both directions.
func (s strike) orders() []nodeOrder {
	if len(s.nodes) == 0 || len(s.standing("")) == 0 {
		return nil
	}
	if s.component == meter.Gossip {
		var all []nodeOrder
		for _, node := range s.nodes {
			all = append(all, nodeOrder{node, numbered([]chaos.Standing{{Site: chaos.Gossip, Fault: mouthFault(s.fault)}})})
		}
		return all
	}
	peer := ""
	if s.component == meter.Link {
		peer = s.nodes[1]
	}
	return []nodeOrder{{s.nodes[0], numbered(s.standing(peer))}}
}

// standing is what stands at a node, on its way to a peer or to all.
func (s strike) standing(peer string) []chaos.Standing {
	switch s.fault {
	case meter.Partition:
		stand := ways(chaos.Fault{Kind: chaos.Cut}, peer, false, true)
		if peer == "" {
			stand = append(stand, chaos.Standing{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}})
		}
		return stand
	case meter.OneWay:
		stand := ways(chaos.Fault{Kind: chaos.Cut}, peer, false)
		if peer == "" {
			stand = append(stand, chaos.Standing{Site: chaos.Gossip, Fault: chaos.Fault{Kind: chaos.Cut}})
		}
		return stand
	case meter.Loss:
		return ways(chaos.Fault{Kind: chaos.Loss, Share: lossShare}, peer, false, true)
	case meter.Slow:
		return []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Slow, Times: slowTimes}}}
	case meter.Wrong:
		return []chaos.Standing{{Site: chaos.Work, Fault: chaos.Fault{Kind: chaos.Wrong, Share: wrongShare}}}
	case meter.Reset:
		return []chaos.Standing{{Site: chaos.Link, Fault: chaos.Fault{Kind: chaos.Reset}, Peer: peer}}
	case meter.Kill, meter.Freeze, meter.Noop: // done to the process, or not at all
	}
	return nil
}

// ways are a fault on links and on beats, in the directions told.
func ways(f chaos.Fault, peer string, inward ...bool) []chaos.Standing {
	var stand []chaos.Standing
	for _, in := range inward {
		for _, site := range []chaos.Site{chaos.Link, chaos.Beat} {
			stand = append(stand, chaos.Standing{Site: site, Fault: f, Peer: peer, Inward: in})
		}
	}
	return stand
}

// mouthFault is what a fault on gossip does to what is said.
func mouthFault(fault meter.Kind) chaos.Fault {
	if fault == meter.Loss {
		return chaos.Fault{Kind: chaos.Loss, Share: lossShare}
	}
	return chaos.Fault{Kind: chaos.Cut}
}

// numbered gives each fault a rule number of its own, so that they draw apart.
func numbered(stand []chaos.Standing) []chaos.Standing {
	for i := range stand {
		stand[i].Rule = uint32(i + 1)
	}
	return stand
}

// errUnconfirmed: a node did not say that it obeys; nobody knows whether the fault is in force.
var errUnconfirmed = errors.New("the order was not confirmed")

// errDisobeyed: a node does not obey; the text says why. What it was ordered before stands on.
var errDisobeyed = errors.New("the order was refused")

// orderBook has nodes obey, and keeps what they have been told and not yet confirmed. Its zero value must be told how to
// order.
type orderBook struct {
	client string                                 // whose orders it keeps: others count from 1 as well
	order  func(node string, o chaos.Order) error // the client's

	mu    sync.Mutex       // guards what follows, and the order in which things are said
	given map[string]given // by node: what stands, and may have to be renewed
	last  uint64           // number ever given
	open  map[uint64]chan struct{}
	said  map[uint64]string // why orders were refused that somebody waits for
}

// seeded gives a seed to the faults that have none.
func seeded(seed uint64, stand []chaos.Standing) []chaos.Standing {
	stand = slices.Clone(stand)
	for i := range stand {
		stand[i].Seed = cmp.Or(stand[i].Seed, seed)
	}
	return stand
}

// tell orders one node what is to stand at it, in place of what it was told before; nothing heals. The order's number is
// noted in ids, unless that is nil and nobody waits for the answer. What could not be said is said again as long as it is to stand, but for what strikes once.
func (b *orderBook) tell(ids map[uint64]string, seed uint64, until clock.Instant, t nodeOrder) error {
	id, now := b.number(), clock.Now()
	g := given{until: until, renewed: now, order: chaos.Order{ID: id, Stand: seeded(seed, t.stand)}}
	if len(t.stand) > 0 {
		g.order.Lease = g.lease(now)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.order(t.node, g.order)
	if err != nil || ids == nil {
		delete(b.open, id) // nobody will confirm it, or ask
	} else {
		ids[id] = t.node
	}
	g.order.Stand = slices.DeleteFunc(slices.Clone(g.order.Stand), func(s chaos.Standing) bool { return s.Fault.Once() })
	delete(b.given, t.node)
	if len(g.order.Stand) > 0 {
		if b.given == nil {
			b.given = map[string]given{}
		}
		b.given[t.node] = g
	}
	return err
}

// renew orders anew what stands for longer than a lease.
func (b *orderBook) renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := clock.Now()
	for node, g := range b.given {
		if now.Sub(g.renewed) >= renewEvery && now < g.until {
			g.renewed, g.order.Lease = now, g.lease(now)
			b.given[node] = g
			_ = b.order(node, g.order) // without a link the fault ends, as it should
		}
	}
}

// number is an order's; the node's answer will be looked for.
func (b *orderBook) number() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[uint64]chan struct{}{}
	}
	b.last++
	b.open[b.last] = make(chan struct{})
	return b.last
}

// confirm notes that a node says what became of an order, if it is one of this book's client.
func (b *orderBook) confirm(e *telemetry.Event) {
	if e.Order == 0 || e.Peer != b.client {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	id := e.Order
	if done, ok := b.open[id]; ok {
		delete(b.open, id)
		if e.Verb == telemetry.Disobey {
			if b.said == nil {
				b.said = map[uint64]string{}
			}
			b.said[id] = e.Text
		}
		close(done)
	}
}

// refusals are why some of the orders were refused; nil where none was.
func (b *orderBook) refusals(ids map[uint64]string) (refused error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range ids {
		if text, ok := b.said[id]; ok {
			delete(b.said, id)
			refused = errors.Join(refused, fmt.Errorf("%w: %s", errDisobeyed, text))
		}
	}
	return refused
}

// awaitConfirmed waits until all orders, each to a node, have been confirmed. Nobody is waited for longer than confirmTime.
func (b *orderBook) awaitConfirmed(ctx context.Context, ids map[uint64]string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, confirmTime, errUnconfirmed)
	defer cancel()
	var silent []string
	for id, node := range ids {
		b.mu.Lock()
		done, open := b.open[id]
		b.mu.Unlock()
		if !open {
			continue
		}
		select {
		case <-done:
		case <-ctx.Done():
			b.mu.Lock()
			delete(b.open, id)
			b.mu.Unlock()
			silent = append(silent, node)
		}
	}
	refused := b.refusals(ids)
	if len(silent) > 0 {
		slices.Sort(silent)
		return errors.Join(refused, fmt.Errorf("%s: %w", strings.Join(silent, ", "), context.Cause(ctx)))
	}
	return refused
}

// given is an order that a node has been given and that may have to be renewed.
type given struct {
	order   chaos.Order
	until   clock.Instant // when the fault is to be over at the latest
	renewed clock.Instant
}

// Times of orders.
const (
	leaseMargin  = 250 * time.Millisecond // a node heals by itself so long after it should have been told to
	renewEvery   = 500 * time.Millisecond
	confirmTime  = time.Second // an order that is not confirmed by then has failed
	strikeMoment = time.Second // the lease of an order that strikes once and stands no longer
)

// lease is for how long the order is to stand, seen from now.
func (g given) lease(now clock.Instant) chaos.Lease {
	return chaos.Lease(min(g.until.Sub(now), chaos.MaxLease))
}
