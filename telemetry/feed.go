package telemetry

import (
	"context"
	"errors"
	"sync"
)

// Bounds of a feed, in items.
const (
	FeedBound   = 1024 // a subscriber's queue, where it names no other
	FeedHistory = 256  // must-deliver news given to a new subscriber
)

// Errors of [Subscription.Take].
var (
	// ErrBehind: the subscriber was so slow that must-deliver news found no room; subscribe again, and start from the
	// history that comes with it.
	ErrBehind = errors.New("too slow for the feed")
	// ErrFeedClosed: the feed has ended and all of it was taken.
	ErrFeedClosed = errors.New("the feed is closed")
)

// Feed gives every subscriber all news, in order, without ever waiting for one. Any goroutine may use it.
//
// Two classes of news share a queue. Lossy news that finds it full is dropped and counted. Must-deliver news pushes the
// oldest lossy one out; where there is none left to push out, the subscription ends with [ErrBehind] rather than
// missing it in silence.
type Feed struct {
	mu      sync.Mutex // guards all below, and the queues of the subscriptions
	history *Ring[News]
	subs    []*Subscription
	closed  bool
}

// Subscription is one watcher's queue.
type Subscription struct {
	feed    *Feed
	bound   int
	wake    chan struct{} // holds one token while queue is not empty or ended is set
	queue   []News
	dropped uint64
	ended   error
}

// NewFeed makes a feed without subscribers.
func NewFeed() *Feed { return &Feed{history: NewRing[News](FeedHistory)} }

// Publish gives news to every subscriber. It never blocks. The news is shared: nobody may change it.
func (f *Feed) Publish(n News) {
	must := n.Must()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	if must {
		f.history.Push(n)
	}
	for _, s := range f.subs {
		s.put(n, must)
	}
	f.subs = keep(f.subs, func(s *Subscription) bool { return s.ended == nil })
}

// Subscribe begins a subscription with a queue of bound items ([FeedBound] where it is 0, never below [FeedHistory]),
// which starts with the history. It is to be cancelled.
func (f *Feed) Subscribe(bound int) *Subscription {
	if bound <= 0 {
		bound = FeedBound
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &Subscription{feed: f, bound: max(bound, FeedHistory), wake: make(chan struct{}, 1)}
	s.queue = f.history.Append(nil)
	switch {
	case f.closed:
		s.ended = ErrFeedClosed
	default:
		f.subs = append(f.subs, s)
	}
	s.signal()
	return s
}

// Close ends the feed: subscribers take what is queued, then get [ErrFeedClosed].
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, s := range f.subs {
		s.ended = ErrFeedClosed
		s.signal()
	}
	f.subs = nil
}

// Take waits until there is news, appends all of it to buf, and says how much was dropped since the subscription began.
func (s *Subscription) Take(ctx context.Context, buf []News) (news []News, dropped uint64, err error) {
	for {
		news, dropped, err = s.takeNow(buf)
		if err != nil || len(news) > len(buf) {
			return news, dropped, err
		}
		select {
		case <-ctx.Done():
			return news, dropped, context.Cause(ctx)
		case <-s.wake:
		}
	}
}

// Cancel ends the subscription.
func (s *Subscription) Cancel() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.subs = keep(s.feed.subs, func(other *Subscription) bool { return other != s })
}

func (s *Subscription) takeNow(buf []News) ([]News, uint64, error) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if len(s.queue) == 0 && s.ended != nil {
		return buf, s.dropped, s.ended
	}
	buf = append(buf, s.queue...)
	clear(s.queue)
	s.queue = s.queue[:0]
	return buf, s.dropped, nil
}

// put queues news for this subscriber; the feed's lock is held.
func (s *Subscription) put(n News, must bool) {
	if len(s.queue) >= s.bound {
		s.dropped++
		if !must {
			return
		}
		if !s.evict() {
			s.ended = ErrBehind
			s.signal()
			return
		}
	}
	s.queue = append(s.queue, n)
	s.signal()
}

// evict takes the oldest lossy news out of the queue.
func (s *Subscription) evict() bool {
	for i, n := range s.queue {
		if !n.Must() {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			return true
		}
	}
	return false
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keep filters in place and clears what falls off the end, so that nothing is held by accident.
func keep(subs []*Subscription, wanted func(*Subscription) bool) []*Subscription {
	kept := subs[:0]
	for _, s := range subs {
		if wanted(s) {
			kept = append(kept, s)
		}
	}
	clear(subs[len(kept):])
	return kept
}
