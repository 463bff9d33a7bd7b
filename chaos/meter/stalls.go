package meter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// Stalls watches the machine: a thread bound to each core, which comes before all that fracture and its load run there.
// When such a thread is late its core ran nobody, and when it takes several times as long as usual for the same work, so does
// everybody: a virtual machine's host has given the core to others, as a whole or in slices, or the kernel was busy with
// itself. No program under test brings that about, and none can help it.
//
// Where the kernel refuses the class, a late thread proves nothing, so nothing is watched: [Stalls.Blind] says why.
type Stalls struct {
	Lateness
	Speed Speed
	blind error
}

// aheadOfAll comes before the beats of the nodes, which are the foremost of all that runs in a run.
var aheadOfAll = thread.Class{Policy: thread.FIFO, Priority: 2}

// stallPeriod is a compromise: a wake-up is dear in a virtual machine, some 30 µs in a nested one, and they are taken from
// the load. A stall is seen but for what of it lies before the next wake-up.
const stallPeriod = 2 * time.Millisecond

// NewStalls makes a watch that has seen nothing.
func NewStalls() *Stalls { return &Stalls{Lateness: newLateness()} }

// threads is how many run takes.
func (s *Stalls) threads() int { return len(thread.Cores()) }

// run watches until the context ends, on a thread for each core.
func (s *Stalls) run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, core := range thread.Cores() {
		all.Go(func() {
			onThread(func() {
				if err := s.settle(core); err != nil {
					s.giveUp(err)
					return
				}
				rounds := roundsFor(pieceTime)
				s.watch(ctx, stallPeriod, func(now clock.Instant) {
					sum.Add(grind(rounds))
					s.Speed.Note(now, clock.Now().Sub(now))
				})
			})
		})
	}
	all.Wait()
	return nil
}

// settle binds the calling thread to a core and puts it before all others.
func (s *Stalls) settle(core int) error {
	if err := thread.Bind(core); err != nil {
		return fmt.Errorf("watching core %d: %w", core, err)
	}
	return thread.Set(aheadOfAll)
}

func (s *Stalls) giveUp(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = err
}

// Blind says why the machine is not watched, or is nil.
func (s *Stalls) Blind() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blind
}
