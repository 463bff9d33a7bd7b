package main

import (
	"strings"
	"testing"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

func TestInjector_whatIsOverBeforeItIsConfirmedIsRecordedAsOver(t *testing.T) {
	r, _ := taping(t)
	orders := make(chan chaos.Order, 2)
	book := &orderBook{client: "us", order: func(_ string, o chaos.Order) error {
		orders <- o
		return nil
	}}
	nodes := func() []telemetry.Status { return []telemetry.Status{{Name: "n1"}} }
	i := newInjector(nil, book, nodes, 1)
	i.recorder = r
	h, err := parseHarm(strings.Fields("loss --share 20% --node n1 --for 10ms"))
	if err != nil {
		t.Fatal(err)
	}
	begun, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := i.begin(t.Context(), h)
		begun <- err
	}()
	first := <-orders
	go func() { ended <- i.heal(t.Context(), 1) }() // as when its time has come
	confirm := func(o chaos.Order) {
		book.confirm(&telemetry.Event{Trace: failover.Trace{At: clock.Now(), Node: "n1", Peer: "us"}, Order: o.ID})
	}
	last := <-orders
	confirm(first)
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	confirm(last)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	r.noting(func(tape *tape) {
		if len(tape.faults) != 1 || tape.faults[0].open || tape.faults[0].Fault.For > time.Minute {
			t.Errorf("recorded %d faults, the first perhaps for ever; want one that is over", len(tape.faults))
		}
	})
}
