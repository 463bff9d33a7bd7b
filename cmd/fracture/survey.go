package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"fracture/telemetry"
)

// surveyTime is for every node that gossip knows to tell of its streams, from the first one's word on.
const surveyTime = 5 * time.Second

// survey collects what the nodes of a cluster tell of themselves. It is made by newSurvey.
type survey struct {
	told chan struct{} // of size 1: something is new

	mu    sync.Mutex // guards nodes
	nodes map[string]telemetry.Status
}

func newSurvey() *survey {
	return &survey{told: make(chan struct{}, 1), nodes: map[string]telemetry.Status{}}
}

func (s *survey) news(n telemetry.News) {
	if n.Status == nil {
		return
	}
	s.mu.Lock()
	s.nodes[n.Status.Name] = *n.Status
	s.mu.Unlock()
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// await waits until every node that is wanted has told of itself, and names those that have not; one that is none any more, and gossip
// does not know it, is not waited for for ever. With led it waits as long for the leader of each stream that some follow, and answers
// with the streams of which none has told.
func (s *survey) await(ctx context.Context, led bool, wanted func() []string) (silent []string, unled []uint64, err error) {
	var late <-chan time.Time
	for over, whole := false, false; !over; {
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-late:
			over = true
		case <-s.told:
		}
		if late == nil {
			late = time.After(surveyTime)
		}
		s.mu.Lock()
		silent = slices.DeleteFunc(wanted(), func(name string) bool { return s.nodes[name].Name != "" })
		now := s.unled()
		s.mu.Unlock()
		switch {
		case !led:
		case !whole: // until all have told
			unled = now
		default: // a request comes and goes, and each node tells of another moment
			unled = slices.DeleteFunc(unled, func(id uint64) bool { return !slices.Contains(now, id) })
		}
		whole = whole || len(silent) == 0
		over = over || len(silent)+len(unled) == 0
	}
	return silent, unled, nil
}

// unled are the streams that nodes follow and no node has said to lead. The caller holds mu.
func (s *survey) unled() (list []uint64) {
	for _, n := range s.nodes {
		list = append(list, n.Follows...)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(id uint64) bool {
		for _, n := range s.nodes {
			if slices.Contains(n.Leads, id) {
				return true
			}
		}
		return false
	})
}

// statuses are the newest words of those of the nodes that have told of themselves.
func (s *survey) statuses(names []string) (list []telemetry.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if status := s.nodes[name]; status.Name != "" {
			list = append(list, status)
		}
	}
	return list
}
