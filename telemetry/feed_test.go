package telemetry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fracture/cluster/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lossy(i int) News { return News{Status: &Status{Name: fmt.Sprint(i)}} }

func must(i int) News {
	return News{Event: &Event{Trace: failover.Trace{Node: fmt.Sprint(i), Verb: "promote"}}}
}

func label(n News) string {
	if n.Status != nil {
		return "s" + n.Status.Name
	}
	return "e" + n.Event.Node
}

func take(t *testing.T, s *Subscription) ([]News, uint64) {
	t.Helper()
	news, dropped, err := s.Take(t.Context(), nil)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return news, dropped
}

func TestFeed_givesEveryoneAllInOrder(t *testing.T) {
	f := NewFeed()
	a, b := f.Subscribe(0), f.Subscribe(0)
	for i := range 100 {
		f.Publish(lossy(i))
	}
	for _, s := range []*Subscription{a, b} {
		news, dropped := take(t, s)
		if len(news) != 100 || dropped != 0 || label(news[99]) != "s99" {
			t.Errorf("Take = %d news, %d dropped; want 100, none", len(news), dropped)
		}
	}
}

func TestFeed_dropsProgressAndCountsIt(t *testing.T) {
	f := NewFeed()
	slow, quick := f.Subscribe(FeedHistory), f.Subscribe(0)
	for i := range FeedHistory + 10 {
		f.Publish(lossy(i))
	}
	if news, dropped := take(t, slow); len(news) != FeedHistory || dropped != 10 {
		t.Errorf("slow: %d news, %d dropped; want %d, 10", len(news), dropped, FeedHistory)
	}
	if news, dropped := take(t, quick); len(news) != FeedHistory+10 || dropped != 0 {
		t.Errorf("quick: %d news, %d dropped; want all: another's queue is not its own", len(news), dropped)
	}
}

func TestFeed_makesRoomForWhatMustArrive(t *testing.T) {
	f := NewFeed()
	s := f.Subscribe(FeedHistory)
	for i := range FeedHistory {
		f.Publish(lossy(i))
	}
	f.Publish(must(1))
	news, dropped := take(t, s)
	if dropped != 1 || label(news[0]) != "s1" || label(news[len(news)-1]) != "e1" {
		t.Errorf("Take = %s … %s, %d dropped; want the oldest status gone and the promotion last", label(news[0]), label(news[len(news)-1]), dropped)
	}
}

func TestFeed_endsWhoWouldMissATakeover(t *testing.T) {
	f := NewFeed()
	s := f.Subscribe(FeedHistory)
	for i := range FeedHistory + 1 {
		f.Publish(must(i))
	}
	if news, _ := take(t, s); len(news) != FeedHistory {
		t.Errorf("Take = %d news, want what was queued: %d", len(news), FeedHistory)
	}
	if _, _, err := s.Take(t.Context(), nil); !errors.Is(err, ErrBehind) {
		t.Errorf("Take after that = %v, want %v", err, ErrBehind)
	}
	again := f.Subscribe(0)
	news, _ := take(t, again)
	if len(news) != FeedHistory || label(news[len(news)-1]) != fmt.Sprint("e", FeedHistory) {
		t.Errorf("a new subscription starts with %d news, want the newest %d", len(news), FeedHistory)
	}
}

func TestFeed_closesAfterTheLastNews(t *testing.T) {
	f := NewFeed()
	s := f.Subscribe(0)
	f.Publish(lossy(1))
	f.Close()
	f.Publish(lossy(2))
	if news, _ := take(t, s); len(news) != 1 {
		t.Errorf("Take = %d news, want 1", len(news))
	}
	if _, _, err := s.Take(t.Context(), nil); !errors.Is(err, ErrFeedClosed) {
		t.Errorf("Take = %v, want %v", err, ErrFeedClosed)
	}
	if _, _, err := f.Subscribe(0).Take(t.Context(), nil); !errors.Is(err, ErrFeedClosed) {
		t.Errorf("Take of a late subscription = %v, want %v", err, ErrFeedClosed)
	}
}

func TestFeed_letsGoOfAWaiterWhoseContextEnds(t *testing.T) {
	s := NewFeed().Subscribe(0)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := s.Take(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("Take = %v, want %v", err, context.Canceled)
		}
	})
	cancel()
	wg.Wait()
}

// Whoever is cancelled gets nothing more, and many may publish and take at once.
func TestFeed_standsManyAtOnce(t *testing.T) {
	f := NewFeed()
	const each = 500
	var writers, readers sync.WaitGroup
	for range 3 {
		s := f.Subscribe(4 * each)
		readers.Go(func() {
			defer s.Cancel()
			for n := 0; n < 2*each; {
				news, dropped, err := s.Take(t.Context(), nil)
				if err != nil || dropped != 0 {
					t.Errorf("Take = %v, %d dropped", err, dropped)
					return
				}
				n += len(news)
			}
		})
	}
	for range 2 {
		writers.Go(func() {
			for i := range each {
				f.Publish(lossy(i))
			}
		})
	}
	writers.Wait()
	readers.Wait()
	if len(f.subs) != 0 {
		t.Errorf("%d subscriptions left, want none", len(f.subs))
	}
}

func TestRing_keepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.IntRange(1, 20).Draw(t, "bound")
		in := rapid.SliceOf(rapid.Int()).Draw(t, "in")
		r := NewRing[int](bound)
		for _, x := range in {
			r.Push(x)
		}
		want := in[max(len(in)-bound, 0):]
		if got := r.Append(nil); !slices.Equal(got, want) || r.Len() != len(want) || int(r.Dropped()) != len(in)-len(want) {
			t.Fatalf("after %v the ring of %d holds %v, %d dropped; want %v", in, bound, got, r.Dropped(), want)
		}
	})
}

func BenchmarkFeed_Publish(b *testing.B) {
	f := NewFeed()
	for range 3 {
		defer f.Subscribe(FeedHistory).Cancel()
	}
	news := lossy(1)
	b.ReportAllocs()
	for b.Loop() {
		f.Publish(news)
	}
}
