package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// Whatever is asked of nodes must be an order that they can obey, and whatever is not done to a process must be asked.
func TestStrike_ordersWhatNodesCanObey(t *testing.T) {
	for _, c := range meter.Components {
		for _, k := range c.Suffers() {
			s := strike{component: c, fault: k, last: time.Second}
			switch c {
			case meter.Link:
				s.nodes = []string{"n1", "n2"}
			case meter.Gossip:
				s.nodes = []string{"n1", "n2", "n3"}
			case meter.Store, meter.Sink:
			default:
				s.nodes = []string{"n1"}
			}
			orders := s.orders()
			byHand := k == meter.Kill || k == meter.Freeze || k == meter.Noop
			if byHand != (len(orders) == 0) {
				t.Errorf("%s %s orders %+v", c, k, orders)
			}
			for _, told := range orders {
				o := chaos.Order{ID: 1, Lease: chaos.Lease(s.last), Stand: told.stand}
				if err := o.Check(); err != nil {
					t.Errorf("%s %s: %v", c, k, err)
				}
				rules := map[uint32]bool{}
				for _, standing := range told.stand {
					if rules[standing.Rule] || c == meter.Link && standing.Peer != "n2" {
						t.Errorf("%s %s: %+v, want rules of their own, and the other end alone", c, k, standing)
					}
					rules[standing.Rule] = true
				}
			}
		}
	}
}

func TestStrike_cutsWhatItsNameSays(t *testing.T) {
	count := func(s strike, inward bool) (n int) {
		for _, told := range s.orders() {
			for _, standing := range told.stand {
				if standing.Inward == inward {
					n++
				}
			}
		}
		return n
	}
	partition := strike{component: meter.Owner, fault: meter.Partition, nodes: []string{"n1"}}
	oneWay := strike{component: meter.Owner, fault: meter.OneWay, nodes: []string{"n1"}}
	if out, in := count(partition, false), count(partition, true); out != 3 || in != 2 {
		t.Errorf("a partition cuts %d ways out and %d in, want links, beats and gossip out, links and beats in", out, in)
	}
	if out, in := count(oneWay, false), count(oneWay, true); out != 3 || in != 0 {
		t.Errorf("one way cuts %d ways out and %d in, want links, beats and gossip out", out, in)
	}
	gossip := strike{component: meter.Gossip, fault: meter.Partition, nodes: []string{"n1", "n2"}}
	var told []string
	for _, o := range gossip.orders() {
		told = append(told, o.node)
	}
	if !slices.Equal(told, gossip.nodes) {
		t.Errorf("silent gossip is told to %v, want all of %v", told, gossip.nodes)
	}
}

func TestGiven_leasesNoLongerThanANodeTakes(t *testing.T) {
	now := clock.Instant(1e12)
	for last, want := range map[time.Duration]time.Duration{time.Minute: chaos.MaxLease, time.Second: time.Second} {
		if got := (given{until: now.Add(last)}).lease(now); time.Duration(got) != want {
			t.Errorf("with %v to go the lease is %v, want %v", last, time.Duration(got), want)
		}
	}
}

func TestOrderBook_tellsWhyANodeRefuses(t *testing.T) {
	b := &orderBook{client: "lab", order: func(string, chaos.Order) error { return nil }}
	ids := map[uint64]string{}
	if err := b.tell(ids, 1, clock.Never, nodeOrder{node: "n1"}); err != nil {
		t.Fatal(err)
	}
	for id := range ids {
		b.confirm(&telemetry.Event{Trace: failover.Trace{Node: "n1", Verb: telemetry.Disobey, Peer: "lab"}, Text: "n1: disobey: too much", Order: id})
	}
	if err := b.awaitConfirmed(t.Context(), ids); !errors.Is(err, errDisobeyed) || !strings.Contains(err.Error(), "n1: disobey: too much") {
		t.Errorf("waiting for a node that refuses: %v, want %v and why", err, errDisobeyed)
	}
	if len(b.said)+len(b.open) > 0 {
		t.Errorf("%d refusals and %d orders are kept for ever", len(b.said), len(b.open))
	}
}
