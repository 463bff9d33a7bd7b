package main

import (
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/work"
)

// A person may kill a node in the first second, when it is not yet known when results are due.
func TestScene_aFaultBeforeItsStreamsAreKnownIsNotMeasured(t *testing.T) {
	picture := &work.Stream{ID: pictureStream, Function: "fractal", Tiles: 2, Period: 10 * time.Millisecond}
	s := newScene(picture)
	killed := clock.Now()
	s.fault("n1", "killed", killed)
	s.follow(killed)

	schedule := meter.Schedule{Stream: pictureStream, Name: "fractal", Period: picture.Period, Tiles: picture.Tiles, Start: killed}
	s.rec.Open(schedule)
	s.schedules[pictureStream] = schedule
	s.follow(killed.Add(lookEvery))
	s.follow(killed.Add(sceneWindow + sceneGrace))

	if len(s.downtimes) != 0 {
		t.Errorf("downtimes = %v, want none", s.downtimes)
	}
	if told := s.broker.Collect(killed.Add(sceneWindow + sceneGrace)).Incident; told != nil {
		t.Errorf("the screen is told %+v, want nothing", told)
	}
}

// A stream that becomes known between a fault and its end does not count: it has no calm.
func TestScene_aStreamKnownSinceTheFaultDoesNotCount(t *testing.T) {
	s := newScene()
	began := clock.Now()
	open := func(id work.StreamID, start clock.Instant) {
		schedule := meter.Schedule{Stream: id, Name: "stream", Period: 10 * time.Millisecond, Tiles: 1, Start: start}
		s.rec.Open(schedule)
		s.schedules[id] = schedule
	}
	open(pictureStream, began)
	killed := began.Add(time.Second)
	end := killed.Add(sceneWindow + sceneGrace)
	for k := uint64(0); began.Add(time.Duration(k)*10*time.Millisecond) < end; k++ {
		due := began.Add(time.Duration(k) * 10 * time.Millisecond)
		s.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: k}, At: due.Add(time.Millisecond)})
	}
	s.fault("n1", "killed", killed)
	s.follow(killed.Add(lookEvery))
	open(probeStream, began) // of which nothing ever comes
	s.follow(end)
	if len(s.downtimes) != 1 || s.downtimes[0] != 0 {
		t.Errorf("downtimes = %v, want one of nothing: the picture was in time", s.downtimes)
	}
}
