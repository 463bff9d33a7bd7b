package meter

import (
	"time"

	"fracture/clock"
	"fracture/work"
)

// Schedule is what a stream promises: every tile of frame k is due at Start + k·Period, whether or not the one before
// has come. It is fixed when the stream is opened, so nothing that happens later can move a due time.
type Schedule struct {
	Stream work.StreamID
	Name   string        // as the report calls it: "tiles", "probe"
	Start  clock.Instant // when frame 0 is due
	Period time.Duration
	Tiles  uint32
	First  uint64 // the first frame that is expected
}

// Delivery is the first valid copy of a result at the sink.
type Delivery struct {
	Task  work.TaskID
	At    clock.Instant
	Wrong bool // it is not what the task's function gives, as a [Checker] says
}

// Totals count everything since a stream was opened.
type Totals struct {
	Due        uint64 `json:"due"`        // results that should have come
	Delivered  uint64 `json:"delivered"`  // results that came, each counted once
	Lost       uint64 `json:"lost"`       // results that did not
	Duplicates uint64 `json:"duplicates"` // results that came again
	Wrong      uint64 `json:"wrong"`      // results that came and are not what their function gives
	Stale      uint64 `json:"stale"`      // results of frames forgotten by then, or from before the first one
	Wild       uint64 `json:"wild"`       // results of no stream, frame or tile that there is
	Unmeasured uint64 `json:"unmeasured"` // results that came and were dropped before they were recorded: they read as lost
}

// Recorder remembers the arrivals of the last window of every stream. One goroutine owns it.
type Recorder struct {
	window time.Duration
	flows  []*flow // in the order of Open
	wild   uint64
	missed uint64 // deliveries lost on the way here, as the inbox tells
}

// flow is the memory of one stream.
//
// Invariant: frames [next-frames, next) that are not below First are remembered; frame f lies in slot f mod frames.
type flow struct {
	Schedule
	frames   uint64
	next     uint64          // one above the highest frame that has come
	arrived  []clock.Instant // frames × tiles; 0 where nothing came
	gone     uint64          // results of forgotten frames that never came
	holes    []Hole          // where those are missing
	repeated uint64
	stale    uint64
	wrong    uint64
	course   course
}

// NewRecorder makes a recorder that remembers arrivals for window: the calm before a fault, the fault, and the grace
// after it must fit.
func NewRecorder(window time.Duration) *Recorder { return &Recorder{window: window} }

// Open begins to record a stream. Its memory is 8 bytes a result of the window, and half a MiB for its [Series]. A period or a number of tiles below 1
// counts as 1.
func (r *Recorder) Open(s Schedule) {
	s.Period = max(s.Period, 1)
	s.Tiles = max(s.Tiles, 1)
	frames := uint64(r.window/s.Period) + 2
	f := &flow{
		Schedule: s,
		frames:   frames,
		next:     s.First,
		arrived:  make([]clock.Instant, frames*uint64(s.Tiles)),
	}
	f.course = course{from: f.due(s.First), width: courseBin}
	r.flows = append(r.flows, f)
}

// Deliver records an arrival. A result that came before is counted as a duplicate and changes nothing. A wrong one has come
// as a right one has, and is counted.
func (r *Recorder) Deliver(d Delivery) {
	for _, f := range r.flows {
		if f.Stream == d.Task.Stream {
			if !f.deliver(d, r.window) {
				r.wild++
			}
			return
		}
	}
	r.wild++
}

// Missed adds to the count of deliveries that came to the sink and were dropped before they came here, as a full [Inbox]
// does. Nobody knows which they were, so all that rests on them reads as lost or late; Totals says how many.
func (r *Recorder) Missed(n uint64) { r.missed += n }

// Totals adds up all streams. What is due after an instant is not counted, though it may have come already; duplicates and wrong
// results are, whenever they were due. The instant is to lie within what the recorder remembers.
func (r *Recorder) Totals(until clock.Instant) Totals {
	t := Totals{Wild: r.wild, Duplicates: r.Duplicates(), Wrong: r.Wrong(), Unmeasured: r.missed}
	for _, f := range r.flows {
		t.Due += f.dueBy(until)
		missing := min(f.gone+f.missing(until), f.dueBy(until))
		t.Lost += missing
		t.Delivered += f.dueBy(until) - missing
		t.Stale += f.stale
	}
	return t
}

// Duplicates counts the results that came again, of all streams.
func (r *Recorder) Duplicates() (n uint64) {
	for _, f := range r.flows {
		n += f.repeated
	}
	return n
}

// Wrong counts the results that came and are not what their function gives, of all streams.
func (r *Recorder) Wrong() (n uint64) {
	for _, f := range r.flows {
		n += f.wrong
	}
	return n
}

// Rate is how many results a second arrived in [from, to), over all streams.
func (r *Recorder) Rate(from, to clock.Instant) float64 {
	if to <= from {
		return 0
	}
	n := 0
	for _, f := range r.flows {
		f.each(f.oldest(), f.next, func(_ work.TaskID, _, arrived clock.Instant) {
			if arrived >= from && arrived < to {
				n++
			}
		})
	}
	return float64(n) / to.Sub(from).Seconds()
}

// Arrival is when a result arrived, 0 where it did not or is forgotten.
func (r *Recorder) Arrival(task work.TaskID) clock.Instant {
	for _, f := range r.flows {
		if f.Stream == task.Stream && task.Tile < f.Tiles && task.Frame >= f.oldest() {
			return f.arrival(task.Frame, task.Tile)
		}
	}
	return 0
}

func (f *flow) deliver(d Delivery, window time.Duration) bool {
	k := d.Task.Frame
	if d.Task.Tile >= f.Tiles || k >= f.frameAfter(d.At.Add(window)) {
		return false
	}
	if d.Wrong {
		f.wrong++
	}
	if k >= f.next {
		f.extend(k + 1)
	}
	if k < f.oldest() { // which is never below First
		f.stale++
		return true
	}
	at := &f.arrived[f.slot(k)+uint64(d.Task.Tile)]
	if *at != 0 {
		f.repeated++
		return true
	}
	*at = d.At
	due := f.due(k)
	f.course.add(due, d.At.Sub(due))
	return true
}

// extend forgets the frames that fall out of the memory when next moves up, and counts what of them never came.
func (f *flow) extend(next uint64) {
	tiles := uint64(f.Tiles)
	for k := f.next; k < next && k < f.next+f.frames; k++ {
		slot := f.arrived[f.slot(k) : f.slot(k)+tiles]
		if k >= f.First+f.frames {
			f.lose(k-f.frames, k-f.frames+1, countZero(slot))
		}
		clear(slot)
	}
	if held := f.next + f.frames; held < next { // frames that are forgotten before they were ever held
		f.lose(f.next, next-f.frames, (next-held)*tiles)
	}
	f.next = next
}

func countZero(slot []clock.Instant) (n uint64) {
	for _, at := range slot {
		if at == 0 {
			n++
		}
	}
	return n
}

func (f *flow) slot(frame uint64) uint64 { return frame % f.frames * uint64(f.Tiles) }

// oldest is the lowest frame remembered.
func (f *flow) oldest() uint64 {
	if f.next < f.First+f.frames {
		return f.First
	}
	return f.next - f.frames
}

func (f *flow) due(frame uint64) clock.Instant {
	return f.Start.Add(time.Duration(frame) * f.Period)
}

// frameAfter is the first frame due after an instant.
func (f *flow) frameAfter(at clock.Instant) uint64 {
	if at < f.Start {
		return 0
	}
	return uint64(at.Sub(f.Start)/f.Period) + 1
}

// dueBy counts the results due until an instant.
func (f *flow) dueBy(until clock.Instant) uint64 {
	if end := f.frameAfter(until); end > f.First {
		return (end - f.First) * uint64(f.Tiles)
	}
	return 0
}

// missing counts the results due until an instant that are not forgotten and have not come.
func (f *flow) missing(until clock.Instant) (n uint64) {
	f.each(f.oldest(), f.frameAfter(until), func(_ work.TaskID, _, arrived clock.Instant) {
		if arrived == 0 {
			n++
		}
	})
	return n
}

// arrival is when a result of a frame not below oldest came.
func (f *flow) arrival(frame uint64, tile uint32) clock.Instant {
	if frame >= f.next {
		return 0
	}
	return f.arrived[f.slot(frame)+uint64(tile)]
}

// each visits the results of the frames [from, to) that are not forgotten, frame by frame.
func (f *flow) each(from, to uint64, visit func(task work.TaskID, due, arrived clock.Instant)) {
	for k := max(from, f.oldest()); k < to; k++ {
		due := f.due(k)
		for tile := range f.Tiles {
			visit(work.TaskID{Stream: f.Stream, Frame: k, Tile: tile}, due, f.arrival(k, tile))
		}
	}
}
