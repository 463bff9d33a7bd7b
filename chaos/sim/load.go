package sim

import (
	"encoding/binary"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
)

// The load: one stream of frames, and requests at random times, all from the one sink.
const (
	streamTiles   = 6
	streamFast    = 20 * time.Millisecond
	streamSlow    = 33 * time.Millisecond
	windowed      = 200 * time.Millisecond // of frames beyond the retirement of a stream without end there are tasks, too
	submitLow     = 25 * time.Millisecond  // when the stream is submitted
	submitHigh    = 60 * time.Millisecond
	maxRequests   = 4
	requestTiles  = 8
	requestLatest = 50 * time.Millisecond   // after the healing, the last time at which a request comes
	streamIDs     = 0xa0                    // streams are numbered from here; the trace prints the number
	stopsWatching = 0.5                     // the chance that the sink looks away from a request that is complete
	drainChance   = 0.15                    // that a node is asked to leave during the run
	leaveTime     = 2500 * time.Millisecond // how long it takes for it at most
	downLow       = 20 * time.Millisecond   // how long it is away then
	downHigh      = 300 * time.Millisecond
)

// stream is a stream or a request, and what is known of it. Requests are streams of one frame.
type stream struct {
	spec      work.Stream
	params    [8]byte
	tasks     []task
	endless   bool          // its spec has no end; tasks are those up to its retirement, and some more
	first     int           // the tasks that must come: those from this one on
	last      int           // up to this one, which is not included
	since     clock.Instant // when it was submitted
	submitted bool
	acked     bool                // some node has said Accepted
	accepted  bool                // the sink has heard it
	refused   bool                // the sink was told that the cluster cannot take it
	orphaned  bool                // after it was acknowledged, all its holders were dead at once
	bereft    bool                // a message of it, between processes that lived, was lost
	ever      [work.Vote + 1]bool // how it was ever guarded, or asked to be
	guard     failover.Epoch      // of who said last how it is guarded
	delivered int
	stored    int
	whole     bool              // the store has had everything of it
	keepers   int               // how many processes have ever held it
	reigns    []run             // who led it
	roles     [MaxNodes]role    // what each node is to it
	vouched   [MaxNodes]vouch   // what each last learned of its leader
	known     [MaxNodes]heardOf // the highest term of it that each node has heard of
	shown     shown             // what became of its views
}

// task is one task of a stream, and what is known of it.
type task struct {
	delivered bool
	stored    bool
	robbed    bool           // a message of it was lost
	kept      uint32         // which processes keep its result for the store, as bits
	runs      []run          // who was given it to run
	known     []run          // who knows which epoch of it
	copies    [MaxNodes]lent // who stands by for it, by the index of the process
}

func (s *stream) copies() int { return int(s.spec.Factor) }

// single reports whether there was ever one copy only.
func (s *stream) single() bool {
	return s.ever[work.FailFast] || s.ever[work.Expendable] || s.ever[work.Reschedule]
}

// task finds a task of the stream, or nil where it has none of that name.
func (s *stream) task(id work.TaskID) *task {
	if i := s.index(id); id.Tile < s.spec.Tiles && i < len(s.tasks) {
		return &s.tasks[i]
	}
	return nil
}

// index is a task's place among the stream's.
func (s *stream) index(id work.TaskID) int { return int(id.Frame)*int(s.spec.Tiles) + int(id.Tile) }

// taskID is the name of the i-th task.
func (s *stream) taskID(i int) work.TaskID {
	return work.TaskID{Stream: s.spec.ID, Frame: uint64(i) / uint64(s.spec.Tiles), Tile: uint32(i) % s.spec.Tiles}
}

// complete reports whether every result has come that must.
func (s *stream) complete() bool { return s.delivered == s.last-s.first }

// settled reports whether nothing more needs to come of the stream. One without standbys has no promise against the loss of
// a message.
func (s *stream) settled() bool { return s.complete() || s.excused() }

// excused reports whether the promise is void.
func (s *stream) excused() bool { return s.refused || s.orphaned || s.bereft && s.single() }

// excuse counts what need not come any more. What is missing beyond that is a broken promise.
func (w *World) excuse() {
	for i := range w.streams {
		s := &w.streams[i]
		missing := s.last - s.first - s.delivered
		switch {
		case s.refused:
			w.out.Excused.Refused += missing
		case s.orphaned:
			w.out.Excused.Orphaned += missing
		case s.bereft && s.single():
			w.out.Excused.Single += missing
		}
	}
}

// bereave takes note of a message that was lost on its way to a process that lives.
func (w *World) bereave(m *failover.Message) {
	if s := w.streamOf(m.Task.Stream); s != nil {
		s.bereft = true
		if t := s.task(m.Task); t != nil {
			t.robbed = true
		}
	}
}

func (w *World) streamOf(id work.StreamID) *stream {
	if i := int(id) - streamIDs; i >= 0 && i < len(w.streams) {
		return &w.streams[i]
	}
	return nil
}

// taskOf finds a task of any stream.
func (w *World) taskOf(id work.TaskID) *task {
	if s := w.streamOf(id.Stream); s != nil {
		return s.task(id)
	}
	return nil
}

func (w *World) allSettled() bool {
	for i := range w.streams {
		if !w.streams[i].settled() {
			return false
		}
	}
	return true
}

// plan draws the load and the faults of the run.
func (w *World) plan() {
	luck := w.luck(luckLoad, 0, 0, 0)
	at := luck.Within(between(submitLow, submitHigh))
	luck = luck.Next()
	period := luck.Within(between(streamFast, streamSlow))
	spec := work.Stream{Tiles: streamTiles, Period: period, Frames: uint64(w.heals.Sub(clock.Instant(at)) / period)}
	if w.calm {
		spec.Period = streamSlow
		spec = w.drawCalm(spec)
	} else {
		spec = w.drawGuard(0, spec)
	}
	if w.endless() {
		spec.Frames = uint64((w.heals.Sub(clock.Instant(at))+recoverTo+retireWait+windowed)/spec.Period) + 1
	}
	w.addStream(at, spec)
	if w.endless() {
		w.planPicture(at)
	}
	w.liar = none
	w.planViews(at)
	if w.calm {
		w.planFaults()
		return
	}
	w.planChanges(at)
	luck = luck.Next()
	for i := range luck.Below(maxRequests + 1) {
		luck := w.luck(luckLoad, 0, 0, i+1)
		spec := w.drawGuard(i+1, work.Stream{Tiles: 1 + uint32(luck.Below(requestTiles)), Frames: 1})
		w.addStream(luck.Next().Within(between(submitLow, time.Duration(w.heals)+requestLatest)), spec)
	}
	for i := range w.cfg.Nodes {
		luck := w.luck(luckDrain, i, 0, 0)
		if luck.Hits(drainChance / float64(w.cfg.Nodes)) {
			w.at(luck.Next().Within(between(chaosFor/4, time.Duration(w.heals))),
				entry{kind: drains, a: uint16(i), gen: 1})
		}
	}
	w.planFaults()
}

// addStream gives a stream its name and submits it at a time.
func (w *World) addStream(at time.Duration, spec work.Stream) {
	i := len(w.streams)
	if i < cap(w.streams) {
		w.streams = w.streams[:i+1]
	} else {
		w.streams = append(w.streams, stream{})
	}
	s := &w.streams[i]
	tasks := s.tasks[:0]
	for range int(spec.Tiles) * int(spec.Frames) {
		if n := len(tasks); n < cap(tasks) {
			tasks = tasks[:n+1]
			tasks[n] = task{runs: tasks[n].runs[:0], known: tasks[n].known[:0]}
		} else {
			tasks = append(tasks, task{})
		}
	}
	*s = stream{spec: spec, tasks: tasks, last: len(tasks), reigns: s.reigns[:0]}
	s.spec.ID, s.spec.Function = work.StreamID(streamIDs+i), functionName
	s.ever[spec.Strategy] = true
	binary.LittleEndian.PutUint64(s.params[:], uint64(s.spec.ID))
	w.out.Streams++
	w.out.Tasks += len(tasks)
	w.at(at, entry{kind: submits, slot: int32(i)})
}

// sinkProcess is the one sink.
func (w *World) sinkProcess() *process { return &w.processes[w.cfg.Nodes] }

// submit lets the sink's owner ask for a stream.
func (w *World) submit(i int) {
	p, s := w.sinkProcess(), &w.streams[i]
	s.submitted, s.since = true, w.now
	spec := s.spec
	spec.Params = s.params[:]
	w.feed(p, &failover.Event{Kind: failover.Received, Peer: p.id, Message: failover.Message{
		Kind: failover.Submit, Task: work.TaskID{Stream: spec.ID}, Stream: &spec,
	}})
}

// answered: the sink tells its owner how a submit went.
func (w *World) answered(m *failover.Message) {
	s := w.streamOf(m.Task.Stream)
	switch {
	case s == nil:
	case m.Kind == failover.Accepted:
		s.accepted = true
		w.out.Accepted++
	case m.Kind == failover.Refused:
		s.refused = true
	case m.Kind == failover.Revised && m.Reason == 0:
		s.shown.told = max(s.shown.told, m.Stream.Revision)
		w.out.Views++
	}
}

// delivered: the sink has the first result of a task. Of a request that is complete its owner may look away.
func (w *World) delivered(p *process, m *failover.Message) {
	s := w.streamOf(m.Task.Stream)
	t := s.task(m.Task)
	t.delivered = true
	i := s.index(m.Task)
	if i >= s.first && i < s.last {
		s.delivered++
		w.out.Delivered++
	}
	w.checks.picture.delivered(w, s, i)
	w.checks.views.delivered(w, s, m)
	if s.spec.Frames == 1 && s.complete() && w.luck(luckLoad, 1, 0, uint64(s.spec.ID)).Hits(stopsWatching) {
		slot := w.parcels.keep(&failover.Message{Kind: failover.Unsubscribe, Task: work.TaskID{Stream: s.spec.ID}})
		w.parcels.at(slot).from = p.id
		w.at(w.draw(p, luckLoad).Within(between(0, redialLow)),
			entry{kind: arrives, a: uint16(p.index), b: uint16(p.index), gen: p.incarnation, slot: slot})
	}
}

// spotOf is the place of a site that a fault or a draw concerns, by the indices of its processes; all stands for every
// process.
func spotOf(site chaos.Site, from, to int) chaos.Spot {
	return chaos.Spot{Site: site, From: uint32(from + 1), To: uint32(to + 1)}
}
