package toxiproxy

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"
)

// Bounds of a flow.
const (
	maxReadyPieces = 16       // that have passed every stage and wait to be written
	readBytes      = 32 << 10 // of one read, and so of one piece
	maxInPieces    = 64       // datagrams that wait to be taken in; more are dropped and counted

	overTime = 5 * time.Second // for what comes before the end that a toxic makes to be read by the other side
)

// Why a flow ends before both sides have said their last.
var (
	// errOver: a toxic closes the connection. Close both sides.
	errOver = errors.New("closed by a toxic")
	// errReset: a toxic resets the connection, or one side did. Reset both sides.
	errReset = errors.New("reset")
)

// flow is one direction of a connection: what comes in passes the stages and is written. One goroutine, run, owns the
// stages and what they hold; read and write are its two hands, which may block.
type flow struct {
	in      chan piece
	out     chan piece
	written chan struct{} // closed when the end of the stream has been written
	changes chan change
	ended   chan struct{} // closed when run has returned
	stages  []*stage
	ready   []piece
}

// change has a flow do with other toxics from now on.
type change struct {
	stages func(now time.Time, old []*stage) []*stage
	done   chan struct{} // closed when it does
}

func newFlow(stages []*stage, room int) *flow {
	return &flow{
		in: make(chan piece, room), out: make(chan piece), written: make(chan struct{}),
		changes: make(chan change), ended: make(chan struct{}), stages: stages,
	}
}

// change returns when the flow has changed, or has ended.
func (f *flow) change(stages func(now time.Time, old []*stage) []*stage) {
	c := change{stages: stages, done: make(chan struct{})}
	select {
	case f.changes <- c:
		<-c.done // run does nothing else before
	case <-f.ended:
	}
}

// run drives the pieces until the end of the stream has been written; then it returns nil. The error is errOver or
// errReset where a toxic said so, and ctx's cause when that ended.
func (f *flow) run(ctx context.Context) error {
	defer close(f.ended)
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	var late <-chan time.Time // once a toxic has made an end
	for {
		again := f.advance(time.Now())
		ends, due := f.ends(time.Now())
		if ends == reset {
			return errReset // now: what is before it would be thrown away by the reset itself
		}
		if ends != over {
			late = nil
		} else if late == nil {
			late = time.After(overTime)
		}
		if !due.IsZero() && (again.IsZero() || due.Before(again)) {
			again = due
		}
		if !again.IsZero() {
			alarm.Reset(time.Until(again))
		}
		var in, out chan piece
		var head piece
		if f.room(0) {
			in = f.in
		}
		if len(f.ready) > 0 {
			out, head = f.out, f.ready[0]
		}
		select {
		case p := <-in:
			f.put(0, p, time.Now())
		case out <- head:
			f.ready = slices.Delete(f.ready, 0, 1)
		case c := <-f.changes:
			f.restage(c, time.Now())
		case <-alarm.C:
		case <-late:
			return errOver
		case <-f.written:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ends says whether a toxic has made an end, over or reset: one that has passed all stages, or one that would if the other side
// read what is before it. If there is none yet, it says when one is due all the same.
func (f *flow) ends(now time.Time) (k kind, due time.Time) {
	has := func(pieces []piece, k kind) bool {
		return slices.ContainsFunc(pieces, func(p piece) bool { return p.kind == k })
	}
	if has(f.ready, reset) {
		return reset, time.Time{}
	}
	stuck := !f.room(len(f.stages))
	for _, s := range f.stages {
		end, at := s.end()
		switch {
		case stuck && has(s.held, reset), end == reset && !now.Before(at):
			return reset, time.Time{}
		case stuck && (has(s.held, over) || end == over && !now.Before(at)):
			k = over
		case end != data && now.Before(at) && (due.IsZero() || at.Before(due)):
			due = at
		}
	}
	if has(f.ready, over) {
		k = over
	}
	return k, due
}

// advance lets every piece go as far as it may at now, and says when to look again.
func (f *flow) advance(now time.Time) (again time.Time) {
	for moved := true; moved; {
		moved, again = false, time.Time{}
		for i := len(f.stages) - 1; i >= 0; i-- {
			for f.room(i + 1) {
				p, ok, at := f.stages[i].next(now)
				if !ok {
					if !at.IsZero() && (again.IsZero() || at.Before(again)) {
						again = at
					}
					break
				}
				f.put(i+1, p, now)
				moved = true
			}
		}
	}
	return again
}

// room reports whether stage i takes another piece; behind the last stage is what is ready.
func (f *flow) room(i int) bool {
	if i == len(f.stages) {
		return len(f.ready) < maxReadyPieces
	}
	return !f.stages[i].full()
}

func (f *flow) put(i int, p piece, now time.Time) {
	if i == len(f.stages) {
		f.ready = append(f.ready, p)
		return
	}
	f.stages[i].arrive(p, now)
}

// restage exchanges the stages. What a stage that goes away still holds comes before all that earlier stages hold and
// behind all that later ones do: so it goes to the next one that stays.
func (f *flow) restage(c change, now time.Time) {
	old := f.stages
	f.stages = c.stages(now, old)
	for i := len(old) - 1; i >= 0; i-- {
		if slices.Contains(f.stages, old[i]) {
			continue
		}
		next := len(f.stages)
		for _, later := range old[i+1:] {
			if at := slices.Index(f.stages, later); at >= 0 {
				next = at
				break
			}
		}
		for _, p := range old[i].left() {
			f.put(next, p, now)
		}
	}
	close(c.done)
}

// read takes in what one side says until it has said its last. It returns errReset where that side broke off.
func (f *flow) read(ctx context.Context, from io.Reader) error {
	buf := make([]byte, readBytes)
	for {
		n, err := from.Read(buf)
		if n > 0 && !f.take(ctx, piece{bytes: slices.Clone(buf[:n])}) {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			f.take(ctx, piece{kind: eof})
			return nil
		case err != nil:
			return errReset
		}
	}
}

// take waits until the flow takes the piece; it does not when the flow has ended.
func (f *flow) take(ctx context.Context, p piece) bool {
	select {
	case f.in <- p:
		return true
	case <-f.ended:
	case <-ctx.Done():
	}
	return false
}

// sink is where a flow writes to.
type sink interface {
	io.Writer
	// CloseWrite says that nothing more will come.
	CloseWrite() error
}

// write writes what is ready until the end. It returns errReset where the other side broke off.
func (f *flow) write(ctx context.Context, to sink) error {
	for {
		var p piece
		select {
		case p = <-f.out:
		case <-f.ended:
			return nil
		case <-ctx.Done():
			return nil
		}
		switch p.kind {
		case data:
			if _, err := to.Write(p.bytes); err != nil {
				return errReset
			}
		case eof:
			if err := to.CloseWrite(); err != nil {
				return errReset
			}
			close(f.written)
			return nil
		case over:
			return errOver
		case reset: // run has it
			return errReset
		}
	}
}
