package cluster

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// slow is a function whose calls wait to be let go.
type slow struct {
	work.Function
	calls chan struct{}
	goOn  chan struct{}
}

func (slow) Name() string { return "slow" }

func (s slow) Run(input, output []byte) ([]byte, error) {
	s.calls <- struct{}{}
	<-s.goOn
	return append(output, input...), nil
}

func TestWorkers_reportTogetherWhatWasDoneInOneGo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one worker
	fn := slow{calls: make(chan struct{}), goOn: make(chan struct{})}
	reports := make(chan []failover.Event, 16)
	w := newWorkers(func(string) work.Function { return fn }, func(done []failover.Event) {
		reports <- append([]failover.Event(nil), done...)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.run(ctx) })
	defer running.Wait()
	defer cancel()

	const tasks = 4
	for i := range tasks {
		w.give(failover.Message{Function: "slow", Payload: []byte{byte(i)}})
	}
	began := clock.Now()
	for range tasks {
		<-fn.calls
		fn.goOn <- struct{}{}
	}
	got := 0
	for got < tasks {
		select {
		case done := <-reports:
			for _, ev := range done {
				if ev.Kind != failover.Computed || len(ev.Message.Payload) != 1 {
					t.Fatalf("reported %+v, want what was computed", ev)
				}
				got++
			}
			// On a machine that took its time over the calls, each may rightly have been reported for itself.
			if len(done) < tasks && clock.Now().Sub(began) < holdResults {
				t.Errorf("%d of %d results were reported at once, within %v of the first call", len(done), tasks, holdResults)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d results were reported", got, tasks)
		}
	}
}
