package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

func TestArena_aRefusedStreamEndsTheOpeningAtOnce(t *testing.T) {
	a := &labArena{refused: make(chan error, 1), deliveries: meter.NewInbox[meter.Delivery](4)}
	a.answer(&failover.Message{Kind: failover.Refused, Reason: failover.TooFewNodes, Have: 1, Need: 2})
	if err := a.pause(t.Context(), time.Hour); !errors.Is(err, errRefused) {
		t.Errorf("pause = %v, want %v", err, errRefused)
	}
	a.schedules = []meter.Schedule{{Stream: runTiles, Name: "tiles"}}
	a.answer(&failover.Message{Kind: failover.Refused})
	if err := a.awaitResults(t.Context()); !errors.Is(err, errRefused) {
		t.Errorf("awaitResults = %v, want %v", err, errRefused)
	}
}

func TestArena_waitsForAResultOfEachStream(t *testing.T) {
	a := &labArena{deliveries: meter.NewInbox[meter.Delivery](4),
		schedules: []meter.Schedule{{Stream: runTiles, Name: "tiles"}, {Stream: runProbes, Name: "probe"}}}
	a.deliver(&failover.Message{Task: work.TaskID{Stream: runProbes}}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.awaitResults(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("awaitResults = %v with results of one stream of two, want it to wait", err)
	}
	a.deliver(&failover.Message{Task: work.TaskID{Stream: runProbes}}, 2)
	a.deliver(&failover.Message{Task: work.TaskID{Stream: runTiles}}, 2)
	if err := a.awaitResults(ctx); err != nil {
		t.Errorf("awaitResults = %v with results of both", err)
	}
}

func TestArena_countsWhatItDidNotRead(t *testing.T) {
	a := &labArena{deliveries: meter.NewInbox[meter.Delivery](2), traces: meter.NewInbox[failover.Trace](2)}
	for i := range uint64(5) {
		a.deliver(&failover.Message{Task: work.TaskID{Stream: runTiles, Frame: i}}, 1)
	}
	a.Pump(meter.NewRecorder(time.Second), meter.NewLog())
	if a.unread != 3 {
		t.Errorf("%d deliveries were not read, want 3 of 5 with room for 2", a.unread)
	}
}

func TestArena_takesARequestForNoStreamOfTheCluster(t *testing.T) {
	request := uint64(1)<<63 | 77 // named by a key
	told := telemetry.Status{Name: "n1", Incarnation: 1, Leads: []uint64{1, request}, Follows: []uint64{request, 2}}
	a := &labArena{}
	a.news(telemetry.News{Status: &told})
	got := a.Statuses()
	if len(got) != 1 || !slices.Equal(got[0].Leads, []uint64{1}) || !slices.Equal(got[0].Follows, []uint64{2}) || len(told.Leads) != 2 {
		t.Errorf("Statuses = %+v, want the streams without the request, in a copy", got)
	}
}
