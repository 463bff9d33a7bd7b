package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/front"
	"fracture/work"
)

// The load that comes in by the front doors, while a run breaks those: requests at a steady rate, at the address that the
// nodes share, whether or not those before have been answered. To the recorder it is one more stream, of one tile.
const (
	runDoor    work.StreamID = 1 << 32 // in the recorder alone: each request is a stream of its own in the cluster
	doorPeriod               = 20 * time.Millisecond
	doorView                 = "2,2,-1.2,0.35,-1.0,0.2" // four tiles of a pixel, so that most nodes take part
	doorHost                 = "demo.edgeless-project.eu"
)

// doorLoad asks for a picture each period.
type doorLoad struct {
	client  *doorClient
	run     uint64        // part of the keys: no two runs ask for the same
	start   clock.Instant // when request 0 is due; set before begun is closed
	begun   chan struct{}
	deliver func(meter.Delivery)

	requests, unanswered atomic.Uint64
}

// newDoorLoad makes the load on the doors at an address. Requests are guarded as the run's streams are.
func newDoorLoad(address string, strategy work.Strategy, deliver func(meter.Delivery)) *doorLoad {
	url := fmt.Sprintf("http://%s/calc_fractal?strategy=%v", address, strategy)
	return &doorLoad{client: newDoorClient(url, doorView), run: clock.Stamp(), begun: make(chan struct{}), deliver: deliver}
}

// begin lets requests be due from now on, and answers what the recorder is to expect.
func (d *doorLoad) begin() meter.Schedule {
	d.start = clock.Now().Add(doorPeriod)
	close(d.begun)
	return meter.Schedule{Stream: runDoor, Name: string(meter.Door), Start: d.start, Period: doorPeriod, Tiles: 1}
}

// ask asks once it is begun, until ctx ends, and returns when no request is under way any more. At most
// doorGiveUp/doorPeriod are.
func (d *doorLoad) ask(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.begun:
	}
	alarm, err := clock.NewAlarm()
	if err != nil {
		return err
	}
	defer alarm.Close()
	defer context.AfterFunc(ctx, alarm.Close)()
	var asked sync.WaitGroup
	defer d.client.close()
	defer asked.Wait()
	for k := uint64(0); ; k++ {
		alarm.Set(d.start.Add(time.Duration(k) * doorPeriod))
		if !alarm.Wait() {
			return nil
		}
		d.requests.Add(1)
		asked.Go(func() {
			at, ok := d.client.ask(ctx, k, fmt.Sprintf(`"run-%x-%d"`, d.run, k))
			if !ok {
				d.unanswered.Add(1)
				return
			}
			d.deliver(meter.Delivery{Task: work.TaskID{Stream: runDoor, Frame: k}, At: at})
		})
	}
}

// told is what the report says of it; nil where nothing was asked for.
func (d *doorLoad) told() *meter.DoorLoad {
	if d == nil || d.requests.Load() == 0 {
		return nil
	}
	told := &meter.DoorLoad{
		Rate: float64(time.Second) / float64(doorPeriod), Connections: doorKept, Requests: d.requests.Load(),
		Late: d.client.late.Load(), Failed: d.client.failed.Load(), Unanswered: d.unanswered.Load(),
	}
	if why := d.client.why.Load(); why != nil {
		told.Why = (*why).Error()
	}
	return told
}

// AskDoors implements arena.
func (a *labArena) AskDoors(rec *meter.Recorder) { rec.Open(a.door.begin()) }

// Served implements arena.
func (a *labArena) Served(node string) int {
	if a.door == nil {
		return 0
	}
	return a.door.client.served.count(node)
}

// doorsLast puts trials of the front doors behind all others, which so read the same whether or not a run breaks doors too:
// requests are there from the first of those trials on. What they need is not always there before: with its store away for
// a while, a cluster refuses requests.
func doorsLast(all []series) []series {
	slices.SortStableFunc(all, func(a, b series) int {
		switch {
		case a.component == b.component || a.component != meter.Door && b.component != meter.Door:
			return 0
		case a.component == meter.Door:
			return 1
		}
		return -1
	})
	return all
}

// withoutRequests leaves those streams out that are requests at the front door: each is over in a moment, and says nothing
// of how whole a cluster is or of who is whose splitter.
func withoutRequests(streams []uint64) []uint64 {
	return slices.DeleteFunc(slices.Clone(streams), func(id uint64) bool { return front.IsKeyed(work.StreamID(id)) })
}
