package cluster

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fracture/chaos"
	"fracture/clock"
)

// strain takes processor time and memory away from the node's process, as orders have it. Its zero value must be told of a change.
type strain struct {
	log     *slog.Logger
	changed chan struct{} // of size 1
	held    atomic.Int64  // bytes of ballast

	mu   sync.Mutex // guards want
	want []chaos.Standing
}

// set has these faults strain the process, and no others. It does not wait.
func (s *strain) set(list []chaos.Standing) {
	s.mu.Lock()
	s.want = list
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// load is a fault that strains the process now.
type load struct {
	standing chaos.Standing
	lift     func() // ends it, and waits until all that it took is given back
}

// run has what is wanted strain the process until ctx ends, and then nothing.
func (s *strain) run(ctx context.Context) error {
	var loads []load
	for {
		select {
		case <-ctx.Done():
			for _, l := range loads {
				l.lift()
			}
			return nil
		case <-s.changed:
		}
		s.mu.Lock()
		want := s.want
		s.mu.Unlock()
		loads = slices.DeleteFunc(loads, func(l load) bool {
			over := !slices.Contains(want, l.standing)
			if over {
				l.lift()
			}
			return over
		})
		for _, w := range want {
			if !slices.ContainsFunc(loads, func(l load) bool { return l.standing == w }) {
				loads = append(loads, load{w, s.put(w.Fault)})
			}
		}
	}
}

// put has one fault strain the process.
func (s *strain) put(f chaos.Fault) (lift func()) {
	switch f.Kind {
	case chaos.Stress:
		return busily(int(f.Cores), burn)
	case chaos.GC:
		if f.Rate > 0 {
			return busily(1, func(over *atomic.Bool) { litter(over, f.Rate) })
		}
		return busily(1, func(over *atomic.Bool) {
			for !over.Load() {
				runtime.GC()
			}
		})
	case chaos.Ballast:
		return s.carry(int64(f.Bytes))
	default: // the order's Check has refused it
		return func() {}
	}
}

// busily has so many goroutines do something until it is over.
func busily(n int, do func(over *atomic.Bool)) (lift func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for range n {
		all.Go(func() { do(&over) })
	}
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// burn takes a core, as code does that never ends.
func burn(over *atomic.Bool) {
	for !over.Load() {
	}
}

// Of garbage: how large a piece is, how often it is looked at how much is due, and how much of what could not be made in time is
// made good.
const (
	litterPiece = 16 << 10
	litterEach  = time.Millisecond
	litterMost  = 20 * litterEach
)

// litter allocates so many bytes a second, and keeps none.
func litter(over *atomic.Bool, rate uint64) {
	tick := time.NewTicker(litterEach)
	defer tick.Stop()
	var piece []byte
	due, last := 0.0, clock.Now()
	for !over.Load() {
		<-tick.C
		now := clock.Now()
		due += float64(rate) * min(now.Sub(last), litterMost).Seconds()
		for last = now; due >= litterPiece && !over.Load(); due -= litterPiece {
			piece = make([]byte, litterPiece)
		}
	}
	runtime.KeepAlive(piece) // so that it is on the heap
}

// carry holds so many bytes of memory.
func (s *strain) carry(bytes int64) (lift func()) {
	memory, err := fill(bytes)
	if err != nil {
		s.log.Error("obeying an order", "err", err)
		return func() {}
	}
	s.held.Add(bytes)
	return func() {
		s.held.Add(-bytes)
		_ = unix.Munmap(memory) // it is a mapping of our own
	}
}
