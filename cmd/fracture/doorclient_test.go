package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/work"
	"fracture/work/fractal"
)

// soloist is the cluster behind one real front door: it computes by itself what it is asked for, unless it is told to
// hang, to refuse, or to die of the next request.
type soloist struct {
	hangs, refuses, dies atomic.Bool
	asked                atomic.Int64
	stop                 func() // breaks the door's connections, and closes it
}

// Request implements front.Cluster.
func (s *soloist) Request(ctx context.Context, stream work.Stream) (<-chan front.Result, error) {
	s.asked.Add(1)
	switch {
	case s.dies.Load():
		go s.stop()
		<-ctx.Done()
		return nil, ctx.Err()
	case s.hangs.Load():
		<-ctx.Done()
		return nil, ctx.Err()
	case s.refuses.Load():
		return nil, front.Refusal{Reason: failover.TooFewNodes, Have: 1, Need: 2}
	}
	results := make(chan front.Result, stream.Tiles)
	defer close(results)
	for tile := range stream.Tiles {
		input, err := fractal.Function{}.Split(stream.Params, 0, tile, stream.Tiles, nil)
		if err != nil {
			return nil, err
		}
		output, err := fractal.Function{}.Run(input, nil)
		if err != nil {
			return nil, err
		}
		results <- front.Result{Tile: tile, Payload: output}
	}
	return results, nil
}

// street is a number of front doors that share an address.
type street struct {
	t     *testing.T
	claim *front.Claimed
	doors map[string]*soloist
}

func openStreet(t *testing.T, names ...string) *street {
	t.Helper()
	claim, err := front.Claim(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = claim.Close() })
	s := &street{t: t, claim: claim, doors: map[string]*soloist{}}
	for _, name := range names {
		s.open(name)
	}
	return s
}

// open opens a door that closes at once when it is stopped, whatever is under way.
func (s *street) open(name string) {
	s.t.Helper()
	behind := &soloist{}
	door, err := front.New(front.Config{Address: anyPort, Shared: s.claim.Address, Name: name, DrainTime: 1}, behind)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := door.Listen(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- door.Run(ctx) }()
	behind.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the door of %s ended with %v", name, err)
		}
	})
	s.t.Cleanup(behind.stop)
	s.doors[name] = behind
}

// freeze adds to the street what a frozen node is to the kernel: a socket that gets its share of new connections, and
// nobody who would serve them.
func (s *street) freeze() {
	s.t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	frozen, err := config.Listen(s.t.Context(), "tcp", s.claim.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = frozen.Close() })
}

// visit makes a client of the street.
func (s *street) visit() *doorClient {
	c := newDoorClient("http://"+s.claim.Address+"/calc_fractal", doorView)
	s.t.Cleanup(c.close)
	return c
}

// mustAsk has a client ask so many times, one after the other, and fails where an answer does not come.
func mustAsk(t *testing.T, c *doorClient, when string, times int) {
	t.Helper()
	for k := range uint64(times) {
		if _, ok := c.ask(t.Context(), k, fmt.Sprintf(`"%s %d"`, when, k)); !ok {
			t.Fatalf("%s: request %d was given up", when, k)
		}
	}
}

// busiest is a door that serves some of the client's connections.
func (s *street) busiest(c *doorClient) (name string, behind *soloist) {
	s.t.Helper()
	names := make([]string, 0, len(s.doors))
	for n := range s.doors {
		names = append(names, n)
	}
	name = slices.MaxFunc(names, func(a, b string) int { return c.served.count(a) - c.served.count(b) })
	if c.served.count(name) == 0 {
		s.t.Fatalf("none of %v serves any connection", names)
	}
	return name, s.doors[name]
}

func TestDoorClient_keepsItsConnectionsAndKnowsWhoServesThem(t *testing.T) {
	s := openStreet(t, "n1", "n2", "n3")
	c := s.visit()
	mustAsk(t, c, "calm", 3*doorKept)
	if n := c.served.count("n1") + c.served.count("n2") + c.served.count("n3"); n < doorKept {
		t.Errorf("%d connections are served, want each of the %d that are kept", n, doorKept)
	}
	name, behind := s.busiest(c)
	behind.stop()
	await(t, "the connections of a door that is closed are forgotten", func() bool { return c.served.count(name) == 0 }, nil)
	mustAsk(t, c, "without one", 2*doorKept)
}

func TestDoorClient_hasItsAnswersWhateverADoorDoes(t *testing.T) {
	for what, begin := range map[string]func(s *street, d *soloist){
		"it hangs, and what froze before it has its share of new connections": func(s *street, d *soloist) {
			s.freeze()
			d.hangs.Store(true)
		},
		"it refuses":            func(_ *street, d *soloist) { d.refuses.Store(true) },
		"it dies of a request":  func(_ *street, d *soloist) { d.dies.Store(true) },
		"it died between two":   func(_ *street, d *soloist) { d.stop() },
		"the street freezes up": func(s *street, _ *soloist) { s.freeze(); s.freeze(); s.freeze() },
	} {
		t.Run(what, func(t *testing.T) {
			s := openStreet(t, "n1", "n2", "n3")
			c := s.visit()
			mustAsk(t, c, "before", 2*doorKept)
			_, behind := s.busiest(c)
			before := behind.asked.Load()
			begin(s, behind)
			mustAsk(t, c, "meanwhile", 3*doorKept)
			asked := behind.asked.Load() - before
			switch {
			case behind.hangs.Load() && c.late.Load() == 0:
				t.Error("nobody else was asked beside a door that hangs")
			case behind.refuses.Load() && c.failed.Load() == 0:
				t.Error("nobody else was asked after a door that refuses")
			case behind.dies.Load() && asked == 0:
				t.Error("the door that was to die of a request had none")
			}
		})
	}
}

func TestDoorClient_givesUpWithItsContext(t *testing.T) {
	s := openStreet(t)
	s.freeze()
	c := s.visit()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan bool, 1)
	go func() {
		_, ok := c.ask(ctx, 0, `"k"`)
		answered <- ok
	}()
	await(t, "a second attempt", func() bool { return c.late.Load()+c.failed.Load() > 0 }, nil)
	cancel()
	if <-answered {
		t.Error("a door that nobody serves has answered")
	}
}

func TestDoorClient_waitsLongerWithEachFailure(t *testing.T) {
	last := time.Duration(-1)
	for n := range 20 {
		pause := pauseAfter(n)
		if n == 0 && pause != 0 || pause <= last && pause != doorSlowest || pause > doorSlowest {
			t.Errorf("after %d failures the pause is %v, after the one before %v", n+1, pause, last)
		}
		last = pause
	}
}

func TestUsual_isWhatNineteenOfTwentyTake(t *testing.T) {
	var u usual
	if got := u.longest(); got != firstUsual {
		t.Errorf("while nothing is known it is %v, want %v", got, firstUsual)
	}
	for i := range 1000 {
		took := 4 * time.Millisecond
		switch {
		case i < 500: // long ago
			took = 40 * time.Millisecond
		case i%32 == 0: // one of 32 is slow
			took = 30 * time.Millisecond
		case i%32 < 8:
			took = 9 * time.Millisecond
		}
		u.note(took)
	}
	if got := u.longest(); got != 9*time.Millisecond {
		t.Errorf("longest = %v, want 9ms", got)
	}
	for range 200 {
		u.note(0)
	}
	if got := u.longest(); got != leastUsual {
		t.Errorf("of answers at once it is %v, want %v", got, leastUsual)
	}
}

// A request that two doors answer is delivered once, and none is left out.
func TestDoorLoad_deliversEachRequestOnce(t *testing.T) {
	s := openStreet(t, "n1", "n2", "n3")
	s.freeze()
	came := make(chan meter.Delivery, 1000)
	load := newDoorLoad(s.claim.Address, work.Standby, func(d meter.Delivery) { came <- d })
	load.begin()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- load.ask(ctx) }()
	seen := map[uint64]int{}
	for len(seen) < 40 {
		d := <-came
		if d.Task.Stream != runDoor || d.Task.Tile != 0 || d.At < load.start.Add(time.Duration(d.Task.Frame)*doorPeriod) {
			t.Fatalf("delivered was %+v; want a request of the load, after it was due", d)
		}
		seen[d.Task.Frame]++
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	close(came)
	for d := range came {
		seen[d.Task.Frame]++
	}
	told := load.told()
	if n := uint64(len(seen)); n+told.Unanswered != told.Requests {
		t.Errorf("%d of %d requests were delivered and %d were not; want each to be one or the other", n, told.Requests, told.Unanswered)
	}
	for frame, n := range seen {
		if n != 1 {
			t.Errorf("request %d was delivered %d times", frame, n)
		}
	}
}

func TestSpare_isEarnedByRequestsAndByTime(t *testing.T) {
	var s spare
	now := clock.Instant(1e12)
	for range 2 * spareMost * spareOne {
		s.earn()
	}
	n := 0
	for s.spend(now) {
		n++
	}
	if n != spareMost+1 { // and one of time
		t.Errorf("after many requests %d attempts can be spent, want the %d that can be saved up, and one", n, spareMost)
	}
	if now = now.Add(spareEvery); !s.spend(now) || s.spend(now) {
		t.Error("time earns one attempt, and no more than one")
	}
	for range spareOne {
		s.earn()
	}
	if !s.spend(now) || s.spend(now) {
		t.Error("ten requests earn one attempt, and no more than one")
	}
}
