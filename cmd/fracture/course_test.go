package main

import (
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

// What was taken over is seen to be sent and to come; where nobody knows when the fault was, it is not told how long after it that was.
func TestScene_laysOutTheCourseOfAFault(t *testing.T) {
	const period, ms = 10 * time.Millisecond, time.Millisecond
	for _, known := range []bool{true, false} {
		s := newScene()
		began := clock.Now()
		schedule := meter.Schedule{Stream: pictureStream, Name: "picture", Period: period, Tiles: 2, Start: began}
		s.rec.Open(schedule)
		s.schedules[pictureStream] = schedule
		broke := began.Add(400 * period)
		task := func(tile uint32) work.TaskID { return work.TaskID{Stream: pictureStream, Frame: 400, Tile: tile} }
		for k := range uint64(450) {
			for tile := range uint32(2) {
				at := began.Add(time.Duration(k) * period)
				if k == 400 {
					at = broke.Add(time.Duration(9-tile) * ms)
				}
				s.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: k, Tile: tile}, At: at})
			}
		}
		s.life(broke, "n1")
		if known {
			s.fault("n1", killed, broke)
		}
		for _, e := range []failover.Trace{
			{At: broke.Add(2 * ms), Node: "n2", Verb: "detect", Peer: "n1", Signal: failover.Reset},
			{At: broke.Add(5 * ms), Node: "n2", Verb: "promote", Peer: "n1", Signal: failover.Reset, Task: task(1)},
			{At: broke.Add(4 * ms), Node: "n3", Verb: "promote", Peer: "n1", Signal: failover.Reset, Task: task(0)}, // told later
			{At: broke.Add(6 * ms), Node: "n4", Verb: "result", Task: task(1)},                                      // who took nothing over
			{At: broke.Add(7 * ms), Node: "n2", Verb: "result", Task: task(1)},
		} {
			s.news(telemetry.News{Event: &telemetry.Event{Trace: e}})
		}
		s.follow(broke.Add(lookEvery))
		got := s.broker.Collect(broke.Add(lookEvery)).Incident
		if got == nil {
			t.Fatal("the screen is told of no incident")
		}
		want := [4]float64{}
		if known {
			want = [4]float64{2, 4, 7, 8}
		}
		if have := [4]float64{got.Noticed, got.Taken, got.Sent, got.Delivered}; have != want || got.Heir != "n3" || got.Signal != failover.Reset {
			t.Errorf("known %v: noticed, taken over, sent and delivered after %v ms by %s and %v, want %v by n3 and a reset", known, have, got.Heir, got.Signal, want)
		}
		told := s.incidents[0].told()
		if told.Sent != want[2] || told.Delivered != want[3] {
			t.Errorf("known %v: the control API is told %v and %v, want the same", known, told.Sent, told.Delivered)
		}
	}
}
