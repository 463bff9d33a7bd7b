package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
	"fracture/work/fractal"
)

// What is promised of the streams that a scene watches, and what becomes of them.

// promise is what the node that leads a stream last told of it, and whether a fault has stopped it.
type promise struct {
	telemetry.Stream
	leader    string
	heard     clock.Instant // 0: nothing is known yet
	came      clock.Instant // the newest result
	stopped   string        // who failed, and how that was seen; empty where that is not known, or over
	stoppedAt clock.Instant
}

// Times of a stream that was stopped.
const (
	lastResults = time.Second     // of before may still come so long after
	runsAgain   = 5 * time.Second // results that come so long after are of a stream that was started again
)

// stands says who has stopped the stream, or nothing where it runs. Who is wrongly taken for failed goes on for a moment, and
// so what a node says of the streams that it leads does not count, but only what comes of them.
func (p *promise) stands(now clock.Instant) string {
	if p.came > p.stoppedAt.Add(lastResults) && now.Sub(p.came) < lastResults {
		return ""
	}
	return p.stopped
}

// streamName is what people call a stream.
func streamName(s telemetry.Stream) string {
	if s.Function == (fractal.Function{}).Name() {
		return "picture"
	}
	name, _, _ := strings.Cut(s.Function, "/") // without the version
	return name
}

// learnPromises takes over what nodes told of the watched streams that they lead. A stream of which more would have to be
// remembered than is good for a screen is not measured.
func (s *scene) learnPromises(now clock.Instant) {
	s.mu.Lock()
	for _, word := range s.statuses {
		for _, told := range word.status.Streams {
			p := s.promises[work.StreamID(told.ID)]
			if p == nil || word.at < p.heard {
				continue
			}
			p.Stream, p.leader, p.heard = told, word.status.Name, word.at
		}
	}
	for _, p := range s.promises {
		if p.came > p.stoppedAt.Add(runsAgain) {
			p.stopped = ""
		}
	}
	s.mu.Unlock()
	for _, p := range s.promised() {
		id := work.StreamID(p.ID)
		if id == pictureStream {
			s.tellPicture(tui.Stream{Tiles: int(p.Tiles), Period: p.Period, Strategy: p.Strategy, Factor: p.Factor, Stopped: p.stands(now)})
		}
		o := s.open[id]
		if o == nil || o.known || p.Period <= 0 || int64(sceneMemory/p.Period)*int64(p.Tiles) > sceneResults {
			continue
		}
		o.known = true
		o.schedule = meter.Schedule{Stream: id, Name: p.Function, Period: p.Period, Tiles: p.Tiles}
	}
}

// tellPicture tells the screen what is promised of the picture, where that is new.
func (s *scene) tellPicture(now tui.Stream) {
	if s.picture != now {
		s.picture = now
		s.broker.Stream(now)
	}
}

// promised lists what is known of the watched streams, by their ids.
func (s *scene) promised() (list []promise) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.promises {
		if p.heard != 0 {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b promise) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// stop takes in that a watched stream has ended with a fault. Where the fault took the leader, nobody else tells the log.
func (s *scene) stop(m *failover.Message) {
	failed := m.Holders.Owner()
	who := "all that had a part of it"
	if failed != 0 {
		who = s.client.Name(failed)
	}
	s.stoppedBy(m.Task.Stream, who, failover.Signal(m.Have), clock.Now())
}

func (s *scene) stoppedBy(id work.StreamID, who string, signal failover.Signal, now clock.Instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.promises[id]
	if p == nil || p.stands(now) != "" {
		return
	}
	p.stopped, p.stoppedAt = fmt.Sprintf("%s failed (%v)", who, signal), now
	if who == p.leader {
		s.broker.Event(telemetry.Event{
			Trace: failover.Trace{At: now, Node: who, Verb: failover.Effect{Kind: failover.Stop}.Verb(), Signal: signal},
			Text:  fmt.Sprintf("stream %x has stopped: %s", uint64(id), p.stopped),
		})
	}
}

// restarted takes in that a watched stream was taken on.
func (s *scene) restarted(id work.StreamID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.promises[id]; p != nil {
		p.stopped = ""
	}
}
