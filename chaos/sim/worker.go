package sim

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

// A worker runs one task after the other; a task takes its time, and now and then a long time.
const (
	serviceLow  = 300 * time.Microsecond
	serviceHigh = 4 * time.Millisecond
	serviceTail = 60 * time.Millisecond // of one task in slowEach
	slowEach    = 64
)

// function is what the tasks of the simulation run: its output says which task it was made for, so that a result that
// was mixed up is seen.
type function struct{}

// functionName is its name and version.
const functionName = "sim/1"

// errNotMine: the input was not made by Split.
var errNotMine = errors.New("an input that this function did not make")

// inputBytes is the length of an input and of an output.
const inputBytes = 20

func (function) Name() string { return functionName }

// Split makes the input of a tile: the stream, the frame, and the tile with the view above it, of which params without one
// have none.
func (function) Split(params []byte, frame uint64, tile, _ uint32, buf []byte) ([]byte, error) {
	buf = append(buf, params[:8]...)
	buf = binary.LittleEndian.AppendUint64(buf, frame)
	if len(params) > 8 {
		tile |= uint32(params[8]) << viewShift
	}
	return binary.LittleEndian.AppendUint32(buf, tile), nil
}

// viewShift is where in an input's last number the view is.
const viewShift = 16

// viewOf is the view that an output is of; 0 is none.
func viewOf(out []byte) int { return int(^binary.LittleEndian.Uint32(out[16:]) >> viewShift) }

func (function) Run(input, buf []byte) ([]byte, error) {
	if len(input) != inputBytes {
		return buf, errNotMine
	}
	for _, b := range input {
		buf = append(buf, ^b)
	}
	return buf, nil
}

// isOutput reports whether a result is the task's own.
func isOutput(id work.TaskID, out []byte) bool {
	return len(out) == inputBytes &&
		^binary.LittleEndian.Uint64(out) == uint64(id.Stream) &&
		^binary.LittleEndian.Uint64(out[8:]) == id.Frame &&
		^binary.LittleEndian.Uint32(out[16:])&(1<<viewShift-1) == id.Tile
}

func (w *World) function(name string) work.Function {
	if name != functionName {
		return nil
	}
	return w.fn
}

// execute gives a task to the process's worker.
func (w *World) execute(p *process, m *failover.Message) {
	p.tasks = append(p.tasks, w.parcels.keep(m))
	if len(p.tasks) == 1 {
		w.work(p)
	}
}

// cancel takes a task back that the process's worker has not begun.
func (w *World) cancel(p *process, m *failover.Message) {
	for i := 1; i < len(p.tasks); i++ {
		if given := w.parcels.at(p.tasks[i]).message; given.Task == m.Task && given.Epoch == m.Epoch {
			w.parcels.drop(p.tasks[i])
			p.tasks = slices.Delete(p.tasks, i, i+1)
			return
		}
	}
}

// work lets the worker run the first of its tasks.
func (w *World) work(p *process) {
	luck := w.draw(p, luckService)
	w.out.Runs++
	service := luck.Next().Within(between(serviceLow, serviceHigh))
	if luck.Below(slowEach) == 0 && !w.calm {
		service = luck.Next().Within(between(serviceHigh, serviceTail))
	}
	service = w.slowed(p.index, time.Duration(float64(service)*w.cfg.Slowness))
	p.began, p.ends = w.now, w.now.Add(service)
	p.runs++
	w.at(service, entry{kind: computes, a: uint16(p.index), gen: p.incarnation})
	w.lag(p, failover.FirstLag)
}

// lag plans to tell a process that its worker's task has run for so long, if it will.
func (w *World) lag(p *process, ran time.Duration) {
	if at := p.began.Add(ran); at < p.ends {
		w.at(at.Sub(w.now), entry{kind: lags, a: uint16(p.index), gen: p.incarnation, arg: p.runs})
	}
}

// lags tells a process that its worker's task is not done yet.
func (w *World) lags(p *process, e entry) {
	if len(p.tasks) == 0 || e.arg != p.runs {
		return
	}
	m := w.parcels.at(p.tasks[0]).message
	m.Payload, m.Ran = nil, w.now.Sub(p.began)
	w.lag(p, failover.NextLag(m.Ran))
	w.feed(p, &failover.Event{Kind: failover.Lags, Message: m})
}

// computed reports the end of the first task and goes on to the next.
func (w *World) computed(p *process) {
	if w.dies(p.index) {
		w.work(p) // what runs tasks is started again, and runs this one anew
		return
	}
	slot := p.tasks[0]
	p.tasks = p.tasks[:copy(p.tasks, p.tasks[1:])]
	input := w.parcels.at(slot).message
	var buf [inputBytes]byte
	output, err := w.fn.Run(input.Payload, buf[:0])
	w.lie(p, &input, output)
	ran := w.now.Sub(p.began)
	if len(p.tasks) > 0 {
		w.work(p)
	}
	done := input
	done.Payload, done.Failed, done.Ran = output, err != nil, ran
	ev := failover.Event{Kind: failover.Computed, Message: done}
	if p.wedged { // its loop hears of it when it comes round
		p.inbox = append(p.inbox, entry{kind: reports, a: uint16(p.index), gen: p.incarnation, slot: w.parcels.keep(&done)})
	} else {
		w.feed(p, &ev)
	}
	w.parcels.drop(slot)
}

// reported tells a machine of a task that was done while its loop waited.
func (w *World) reported(p *process, e entry) {
	ev := failover.Event{Kind: failover.Computed, Message: w.parcels.at(e.slot).message}
	w.feed(p, &ev)
	w.parcels.drop(e.slot)
}
