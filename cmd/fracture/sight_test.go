package main

import (
	"errors"
	"testing"

	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/tui"
	"fracture/work"
	"fracture/work/fractal"
)

// asksFor has a viewer ask for a picture, and answers with what comes of it once it waits.
func asksFor(t *testing.T, v *viewer, p fractal.Params) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- v.Look(t.Context(), p) }()
	await(t, "that it waits", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.asked != nil
	}, nil)
	return done
}

func TestViewer_tellsItsAnswerFromNewsOfOthers(t *testing.T) {
	client, err := cluster.NewClient(cluster.ClientConfig{Name: "screen"})
	if err != nil {
		t.Fatal(err)
	}
	var told []tui.Sight
	v := &viewer{client: client, tell: func(s tui.Sight) { told = append(told, s) }}
	ours := fractal.CoralJourney(36, 24)
	theirs := fractal.OriginalJourney(36, 24)
	says := func(reason failover.Reason, revision work.Revision, p fractal.Params) {
		v.revised(&failover.Message{
			Kind: failover.Revised, Reason: reason, Task: work.TaskID{Stream: pictureStream},
			Stream: &work.Stream{ID: pictureStream, Revision: revision, Params: p.Append(nil)},
		})
	}
	done := asksFor(t, v, ours)
	says(0, 1, theirs)
	select {
	case err := <-done:
		t.Fatalf("told %v by what others have asked for", err)
	default:
	}
	says(0, 2, ours)
	if err := <-done; err != nil {
		t.Errorf("told %v where it holds", err)
	}
	done = asksFor(t, v, ours)
	says(failover.Overtaken, 3, theirs)
	if err := <-done; !errors.Is(err, errMovedElsewhere) {
		t.Errorf("told %v where another was faster", err)
	}
	done = asksFor(t, v, ours)
	says(failover.BadStream, 4, ours)
	if err := <-done; !errors.Is(err, errGuardRefused) {
		t.Errorf("told %v where the function does not take it", err)
	}
	if len(told) != 3 || told[0].Params != theirs || told[1] != (tui.Sight{Params: ours, Revision: 2}) || told[2].Revision != 3 {
		t.Errorf("the screen is told %+v, want what holds each time", told)
	}
}

func TestViewer_leavesThePictureOfARunWhereItIs(t *testing.T) {
	v := newViewer(&feed{}, watchConfig{control: &home{}})
	if err := v.Look(t.Context(), fractal.CoralJourney(36, 24)); !errors.Is(err, errFixed) {
		t.Errorf("told %v, want that it stays", err)
	}
}
