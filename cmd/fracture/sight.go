package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/tui"
	"fracture/work"
	"fracture/work/fractal"
)

// What the picture shows: a screen is told, whoever has changed it, and may change it.

var (
	// errMovedElsewhere: another screen has moved the picture in the same moment, and its wish holds. Press the key again.
	errMovedElsewhere = errors.New("another screen has moved the picture meanwhile")
	// errFixed: the results of a run are compared with what they must be. Move the picture of a lab.
	errFixed = errors.New("the picture of a run stays where it is")
)

// viewer has the picture show something else, for one who asks at a time.
type viewer struct {
	client *cluster.Client // set before the first question
	tell   func(tui.Sight)
	fixed  bool // the picture is not to be moved

	mu      sync.Mutex // guards what follows
	asked   []byte     // the params that an answer is waited for of; nil: nobody waits
	waiting chan error // has room for one
}

func newViewer(broker *feed, cfg watchConfig) *viewer {
	return &viewer{tell: broker.Sight, fixed: cfg.control != nil && !cfg.submit}
}

// Look implements part of tui.Control. Of two calls at once the later one is answered.
func (v *viewer) Look(ctx context.Context, p fractal.Params) error {
	if v.fixed {
		return errFixed
	}
	answer := make(chan error, 1)
	params := p.Append(nil)
	v.mu.Lock()
	v.asked, v.waiting = params, answer
	v.mu.Unlock()
	v.client.Revise(&work.Stream{ID: pictureStream, Params: params})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-answer:
		return err
	}
}

// revised takes in what the cluster says of what the picture's stream is told. It is called on the client's loop.
func (v *viewer) revised(m *failover.Message) {
	if m.Task.Stream != pictureStream {
		return
	}
	if m.Reason == 0 || m.Reason == failover.Overtaken {
		if p, err := fractal.DecodeParams(m.Stream.Params); err == nil {
			v.tell(tui.Sight{Params: p, Revision: m.Stream.Revision})
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asked == nil || m.Reason == 0 && !bytes.Equal(m.Stream.Params, v.asked) {
		return // it is news of what others have asked for
	}
	v.waiting <- viewRefusal(m.Reason)
	v.asked, v.waiting = nil, nil
}

// viewRefusal is the error that an answer is, nil where it grants what was asked for.
func viewRefusal(r failover.Reason) error {
	switch r {
	case 0:
		return nil
	case failover.Overtaken:
		return errMovedElsewhere
	case failover.NoStream:
		return errNoSuchStream
	default:
		return fmt.Errorf("%w: %v", errGuardRefused, r)
	}
}
