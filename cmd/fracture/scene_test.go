package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
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
	if told := s.broker.Collect(killed.Add(sceneWindow + sceneGrace)).Incident; told == nil || told.Untold != "no results came before it" {
		t.Errorf("the screen is told %+v, want that nobody can tell", told)
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
	if len(s.downtimes) != 1 || s.downtimes[0].took != 0 {
		t.Errorf("downtimes = %v, want one of nothing: the picture was in time", s.downtimes)
	}
}

// status is what a node of a name tells.
func status(name string, change func(*telemetry.Status)) telemetry.News {
	s := telemetry.Status{Name: name, Incarnation: 1}
	if change != nil {
		change(&s)
	}
	return telemetry.News{Status: &s}
}

// Who attaches to a cluster knows no more of a stream than its id: the due times are those of the stream as it is led.
func TestScene_takesScheduleAndStrategyFromWhoLeadsTheStream(t *testing.T) {
	s := newScene(&work.Stream{ID: pictureStream}, &work.Stream{ID: probeStream})
	now := clock.Now()
	deliver := func(frame uint64, at clock.Instant) {
		for tile := range uint32(3) {
			s.deliveries.Put(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: frame, Tile: tile}, At: at})
		}
	}
	deliver(9, now) // before it is known what it is a part of
	s.pump(now)
	if s.open[pictureStream] == nil || len(s.open[pictureStream].seen) > 0 {
		t.Error("results of a stream that nobody has described were looked at")
	}
	promised := telemetry.Stream{ID: uint64(pictureStream), Function: "mandelbrot", Tiles: 3, Period: 50 * time.Millisecond, Strategy: "reschedule", Factor: 1}
	s.news(status("n1", func(s *telemetry.Status) { s.Streams = []telemetry.Stream{promised} }))
	s.news(status("n2", nil)) // who leads nothing
	s.learnPromises(clock.Now())
	for k := range uint64(4) {
		deliver(10+k, now.Add(time.Duration(k)*promised.Period))
	}
	s.pump(now.Add(time.Millisecond))
	end := now.Add(learnTime)
	s.pump(end)
	want := meter.Schedule{Stream: pictureStream, Name: "mandelbrot", Period: promised.Period, Tiles: 3, Start: now.Add(-10 * promised.Period), First: 14}
	if got := s.schedules[pictureStream]; got != want {
		t.Errorf("the schedule is %+v, want %+v", got, want)
	}
	told := s.broker.Collect(end).Stream
	if told == nil || *told != (tui.Stream{Tiles: 3, Period: promised.Period, Strategy: "reschedule", Factor: 1}) {
		t.Errorf("the screen is told of %+v, want what the stream promises", told)
	}
}

func TestScene_doesNotMeasureWhatItCannotRemember(t *testing.T) {
	s := newScene(&work.Stream{ID: pictureStream})
	for _, p := range []telemetry.Stream{{Tiles: 4096, Period: time.Microsecond}, {Tiles: 3}} {
		p.ID = uint64(pictureStream)
		s.news(status("n1", func(s *telemetry.Status) { s.Streams = []telemetry.Stream{p} }))
		if s.learnPromises(clock.Now()); s.open[pictureStream].known {
			t.Errorf("a stream of %d tiles every %v is measured", p.Tiles, p.Period)
		}
	}
}

// The lab answers how its processes are only when it is done with what it does: starting one, say. News come meanwhile.
func TestScene_hearsNewsWhileTheLabIsAskedHowANodeIs(t *testing.T) {
	s := newScene()
	s.news(status("n1", nil))
	s.news(status("n2", func(s *telemetry.Status) { s.Draining = true }))
	s.child = func(name string) (tui.NodeState, bool) {
		s.news(status(name, func(s *telemetry.Status) { s.Incarnation = 2 }))
		return tui.Alive, true
	}
	listed := make(chan []tui.Node, 1)
	go func() { listed <- s.nodes(clock.Now()) }()
	select {
	case nodes := <-listed:
		if len(nodes) != 2 || nodes[0].State != tui.Alive || nodes[1].State != tui.Leaving || nodes[0].Foreign {
			t.Errorf("nodes = %+v, want our n1 alive and n2 leaving", nodes)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the lab waits for the scene, and the scene for the lab")
	}
}

// What the sink could not measure in time is no loss of the cluster's, and the figures say how much it is.
func TestScene_countsWhatItHadNoRoomFor(t *testing.T) {
	s := newScene()
	s.deliveries = meter.NewInbox[meter.Delivery](2)
	for turn := range 2 {
		for frame := range uint64(5) {
			s.deliveries.Put(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: frame}, At: clock.Now()})
		}
		now := clock.Now()
		s.pump(now)
		s.sumUp(now)
		if got, want := s.broker.Collect(now).Totals.Unmeasured, uint64(3*(turn+1)); got != want {
			t.Errorf("after look %d: %d results were not measured, want %d", turn+1, got, want)
		}
	}
}

func TestScene_tellsSometimesWhatANodeTurnsAway(t *testing.T) {
	s := newScene()
	now := clock.Now()
	tell := func(after time.Duration, incarnation, strangers uint64) {
		s.hear(now.Add(after), telemetry.Status{Name: "n1", Incarnation: incarnation, Strangers: strangers})
	}
	tell(0, 1, 0)
	tell(time.Second, 1, 2)
	tell(2*time.Second, 1, 3)
	tell(12*time.Second, 1, 7)
	tell(24*time.Second, 1, 7)
	tell(36*time.Second, 2, 1) // started again
	var told []string
	for _, e := range s.broker.Collect(now).Events {
		told = append(told, e.Text)
	}
	if want := []string{"strangers turned away: 2", "strangers turned away: 5", "strangers turned away: 1"}; !slices.Equal(told, want) {
		t.Errorf("the log says %q, want %q", told, want)
	}
}

// A stream that a fault has stopped is said to be, until a node leads it again; what was said before it stopped, and came
// late, does not count.
func TestScene_saysThatAStreamHasStoppedUntilItIsLedAgain(t *testing.T) {
	s := newScene(&work.Stream{ID: pictureStream}, &work.Stream{ID: probeStream})
	promised := telemetry.Stream{ID: uint64(pictureStream), Function: "mandelbrot", Tiles: 3, Period: 50 * time.Millisecond, Strategy: "failfast", Factor: 1}
	now := clock.Now()
	hear := func(name string, after time.Duration) {
		s.mu.Lock()
		s.hear(now.Add(after), telemetry.Status{Name: name, Incarnation: 1, Streams: []telemetry.Stream{promised}})
		s.mu.Unlock()
		s.learnPromises(now.Add(after))
	}
	told := func() tui.Stream {
		t.Helper()
		news := s.broker.Collect(now)
		if news.Stream == nil {
			t.Fatal("the screen is told nothing of the picture")
		}
		return *news.Stream
	}
	hear("n1", 0)
	if got := told(); got.Stopped != "" || got.Strategy != "failfast" {
		t.Errorf("the screen is told %+v of a stream that runs", got)
	}
	s.stoppedBy(pictureStream, "n1", failover.Reset, now.Add(time.Second))
	hear("n1", 1200*time.Millisecond)
	news := s.broker.Collect(now)
	if news.Stream == nil || news.Stream.Stopped != "n1 failed (reset)" {
		t.Errorf("the screen is told %+v, want that the end of n1 has stopped the picture", news.Stream)
	}
	if len(news.Events) != 1 || news.Events[0].Verb != "stop" || news.Events[0].Text != "stream 1 has stopped: n1 failed (reset)" {
		t.Errorf("the log says %+v, want once that the stream has stopped: who led it cannot", news.Events)
	}
	hear("n1", 2500*time.Millisecond) // it goes on, for who took it for failed was wrong, and nothing comes of it
	if news := s.broker.Collect(now); news.Stream != nil {
		t.Errorf("the screen is told %+v by who was stopped", *news.Stream)
	}
	promised.Strategy, promised.Factor = "standby", 2
	s.note([]meter.Delivery{{Task: work.TaskID{Stream: pictureStream}, At: now.Add(2900 * time.Millisecond)}})
	hear("n2", 3*time.Second)
	if got := told(); got.Stopped != "" || got.Strategy != "standby" {
		t.Errorf("the screen is told %+v of a stream that n2 leads now", got)
	}
	hear("n1", 2*time.Second)
	if news := s.broker.Collect(now); news.Stream != nil {
		t.Errorf("the screen is told %+v by who led it before", *news.Stream)
	}
}

// What was given up, or could not be computed, has not come, whatever the cluster answers for it.
func TestScene_countsWhatWasGivenUpAsLost(t *testing.T) {
	s := newScene(&work.Stream{ID: pictureStream})
	s.deliver(&failover.Message{Task: work.TaskID{Stream: pictureStream}, Failed: true}, clock.Now())
	if got, _ := s.deliveries.Take(nil); len(got) != 0 {
		t.Errorf("%v counts as delivered", got)
	}
}

// Who only looks or asks comes and goes unnoticed; a node does not.
func TestScene_logsNodesThatGoAndNoScreens(t *testing.T) {
	s := newScene()
	s.news(status("n2", nil))
	for _, peer := range []string{"guard-7", "n2"} {
		s.news(telemetry.News{Event: &telemetry.Event{Trace: failover.Trace{At: clock.Now(), Node: "n1", Verb: "detect", Peer: peer, Signal: failover.Reset}}})
	}
	if got := s.broker.Collect(clock.Now()).Events; len(got) != 1 || got[0].Peer != "n2" {
		t.Errorf("the log says %+v, want that n1 misses n2, and no more", got)
	}
}

// A downtime that nobody can tell is no downtime of 0 ms: it is in no figure, and its reason is told.
func TestScene_saysWhyADowntimeCannotBeTold(t *testing.T) {
	const period = 10 * time.Millisecond
	for _, c := range []struct {
		name   string
		late   func(frame uint64) time.Duration
		until  time.Duration // nothing is delivered that is due later
		want   string
		counts bool
	}{
		{"a restless calm", func(k uint64) time.Duration { return time.Duration(k%10) * 4 * time.Millisecond }, time.Hour, "uneven by 20 ms before it", false},
		{"a picture that stood before", func(uint64) time.Duration { return 0 }, 2 * time.Second, "the work stood still before it", false},
		{"a picture that stands since", func(uint64) time.Duration { return 0 }, 4 * time.Second, "", true},
		{"an even one", func(uint64) time.Duration { return 0 }, time.Hour, "", true},
	} {
		s := newScene()
		began := clock.Now()
		schedule := meter.Schedule{Stream: pictureStream, Name: "picture", Period: period, Tiles: 1, Start: began}
		s.rec.Open(schedule)
		s.schedules[pictureStream] = schedule
		killed := began.Add(4 * time.Second)
		end := killed.Add(sceneWindow + sceneGrace)
		for k := uint64(0); began.Add(time.Duration(k)*period) < end; k++ {
			if due := time.Duration(k) * period; due < c.until {
				s.rec.Deliver(meter.Delivery{Task: work.TaskID{Stream: pictureStream, Frame: k}, At: began.Add(due + c.late(k))})
			}
		}
		s.fault("n1", "killed", killed)
		s.follow(killed)
		s.follow(end)
		news := s.broker.Collect(end)
		if news.Incident.Untold != c.want || (len(s.downtimes) == 1) != c.counts {
			t.Errorf("%s: told %q with downtimes %v, want %q", c.name, news.Incident.Untold, s.downtimes, c.want)
		}
		if c.name == "a picture that stands since" && s.downtimes[0].took < sceneWindow {
			t.Errorf("%s: a downtime of %v, want all of the window", c.name, s.downtimes[0].took)
		}
		if untold := news.Latency.Untold; (untold == 1) == c.counts {
			t.Errorf("%s: %d incidents count as untold", c.name, untold)
		}
	}
}

func TestScene_tellsNoLatenessBeforeItIsMeasured(t *testing.T) {
	s := newScene()
	s.sumUp(clock.Now())
	if got := s.broker.Collect(0).Totals.Lateness; !math.IsNaN(got) {
		t.Errorf("lateness = %v, want none", got)
	}
}
