package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
)

// Having streams that run guarded otherwise: what the verb guard and the screen's key have in common.

var (
	// errGuardRefused: the cluster guards the stream as before; the text says why, and with which figures.
	errGuardRefused = errors.New("refused")
	// errNoSuchStream: nothing of the kind runs; the text says what does.
	errNoSuchStream = errors.New("no such stream runs")
)

// asker asks a cluster for something about a stream and waits for its answer: one question a stream at a time.
type asker struct {
	client *cluster.Client // set before the first question

	mu      sync.Mutex // guards waiting
	waiting map[work.StreamID]chan failover.Message
}

// answered hands an answer to whoever waits for it, and reports whether anybody does. It never waits.
func (a *asker) answered(m *failover.Message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer := a.waiting[m.Task.Stream]
	if answer == nil {
		return false
	}
	delete(a.waiting, m.Task.Stream)
	answer <- *m // has room for one
	return true
}

// change has a stream that runs guarded otherwise.
func (a *asker) change(ctx context.Context, id work.StreamID, strategy work.Strategy, factor uint8) error {
	return a.ask(ctx, a.client.Change, &work.Stream{ID: id, Strategy: strategy, Factor: factor})
}

// submit has a stream taken on.
func (a *asker) submit(ctx context.Context, stream *work.Stream) error {
	return a.ask(ctx, a.client.Submit, stream)
}

func (a *asker) ask(ctx context.Context, ask func(*work.Stream), stream *work.Stream) error {
	answer := make(chan failover.Message, 1)
	a.mu.Lock()
	if a.waiting == nil {
		a.waiting = map[work.StreamID]chan failover.Message{}
	}
	a.waiting[stream.ID] = answer
	a.mu.Unlock()
	ask(stream)
	select {
	case <-ctx.Done():
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.waiting, stream.ID)
		return context.Cause(ctx)
	case m := <-answer:
		return refusal(&m, stream)
	}
}

// refusal is the error that an answer is, nil where it grants what was asked for.
func refusal(m *failover.Message, asked *work.Stream) error {
	switch m.Reason {
	case 0:
		return nil
	case failover.NoStream:
		return errNoSuchStream
	default:
		return &refusedError{*m, asked.Strategy}
	}
}

// refusedError is an errGuardRefused with its figures.
type refusedError struct {
	answer   failover.Message
	strategy work.Strategy
}

func (e *refusedError) Error() string {
	switch m := &e.answer; {
	case m.Reason == failover.TooFewNodes:
		return fmt.Sprintf("%v needs %d nodes, one for each copy, and there are %d", e.strategy, m.Need, m.Have)
	case m.Need > 0:
		return fmt.Sprintf("%v (%d of %d)", m.Reason, m.Have, m.Need)
	}
	return e.answer.Reason.String()
}

func (e *refusedError) Unwrap() error { return errGuardRefused }

// changed says what holds now, and what did: "picture: active, 2 copies (was standby, 2)".
func changed(now, before telemetry.Stream) string {
	return fmt.Sprintf("%s: %s (was %s, %d)", streamName(now), now.Guard(), before.Strategy, before.Factor)
}

// guardian changes how the streams of a screen are guarded, and starts its own again where a fault has stopped them.
type guardian struct {
	asker
	scene  *scene
	own    []*work.Stream // submitted by this process; none where it only watches
	viewer *viewer
}

// Guard implements part of tui.Control. The picture comes first: where it is refused the others are left as they are.
func (g *guardian) Guard(ctx context.Context, strategy work.Strategy, factor uint8) (string, error) {
	told := ""
	for i, before := range g.scene.promised() {
		now := before.Stream
		now.Strategy, now.Factor = strategy.String(), int(factor)
		text := changed(now, before.Stream)
		var err error
		if before.stopped == "" {
			err = g.change(ctx, work.StreamID(before.ID), strategy, factor)
		} else {
			text = streamName(now) + ": started again, " + now.Guard()
			err = g.again(ctx, before, strategy, factor)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", streamName(now), err)
		}
		if i == 0 {
			told = text
		}
	}
	if told == "" {
		return "", errNoSuchStream
	}
	return told, nil
}

// again submits a stream that was stopped once more.
func (g *guardian) again(ctx context.Context, stopped promise, strategy work.Strategy, factor uint8) error {
	for _, own := range g.own {
		if uint64(own.ID) == stopped.ID {
			stream := *own
			stream.Strategy, stream.Factor = strategy, factor
			return g.submit(ctx, &stream)
		}
	}
	return fmt.Errorf("stopped, %s; it is started again where it was submitted: by s in the lab", stopped.stopped)
}

// errHealElsewhere: a screen that only watches has begun nothing, and may not end what others did.
var errHealElsewhere = errors.New("what stands is ended where it was begun: by H in the lab, or by fracture heal")

// onlooker is that of a screen on somebody else's cluster: nodes are not ours to break, streams are everybody's.
type onlooker struct {
	*guardian
	*viewer
	keeper
}

// Inject implements tui.Control.
func (onlooker) Inject(context.Context, []string, bool) (tui.Heal, error) { return nil, tui.ErrNotOurs }

// Kill, Freeze, Thaw and Revive implement tui.Control.
func (onlooker) Kill(context.Context, string, bool) error   { return tui.ErrNotOurs }
func (onlooker) Freeze(context.Context, string, bool) error { return tui.ErrNotOurs }
func (onlooker) Thaw(context.Context, string) error         { return tui.ErrNotOurs }
func (onlooker) Revive(context.Context, string) error       { return tui.ErrNotOurs }

// Monkey implements tui.Control.
func (onlooker) Monkey(context.Context, bool) error { return tui.ErrNotOurs }

// Heal implements tui.Control.
func (onlooker) Heal(context.Context) (string, error) { return "", errHealElsewhere }

// Record implements tui.Control.
func (onlooker) Record(context.Context) (string, error) { return "", errNotRecorded }

// errNotRecorded: who only looks on sees too little to replay it. Press R on the lab's own screen.
var errNotRecorded = errors.New("only the lab's own screen records")
