package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/telemetry"
	"fracture/work"
	"fracture/work/fractal"
)

// TestMain lets a probe that memberlist's Shutdown does not wait for end by its own timeout, which is a second, before it
// looks for what is left.
func TestMain(m *testing.M) {
	if spec := os.Getenv(runnerEnv); spec != "" {
		runOrders(spec)
	}
	runtime.LockOSThread() // the process's first thread is no worker's, as in the program
	code := m.Run()
	err := goleak.Find()
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); err = goleak.Find() {
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// patience bounds whatever a test waits for; a machine that is shared may be slow.
const patience = time.Minute

// eventually asks until ok answers nil.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	err := ok()
	for err != nil && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
		err = ok()
	}
	if err != nil {
		t.Fatalf("%s: not within %v: %v", what, patience, err)
	}
}

// newKeys makes a cluster's credentials.
func newKeys(t *testing.T) *wire.Credentials {
	t.Helper()
	creds, err := wire.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// running is a node in this process.
type running struct {
	*Node
	t      *testing.T
	member Member
	diary  *diary
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
	err    error
}

// startNode runs a node and returns once it has joined.
func startNode(t *testing.T, creds *wire.Credentials, name string, join ...string) *running {
	t.Helper()
	r, err := tryNode(t, creds, name, join...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// tryNode runs a node until it has joined, or has ended.
func tryNode(t *testing.T, creds *wire.Credentials, name string, join ...string) (*running, error) {
	t.Helper()
	return tryKeepingNode(t, creds, nil, name, join...)
}

// tryKeepingNode does so with a keeper.
func tryKeepingNode(t *testing.T, creds *wire.Credentials, keeper Keeper, name string, join ...string) (*running, error) {
	t.Helper()
	ready := make(chan Member, 1)
	r := &running{t: t, diary: &diary{}, ended: make(chan error, 1)}
	var err error
	r.Node, err = NewNode(NodeConfig{
		Name: name, Credentials: creds, Join: join, Keeper: keeper, Functions: []work.Function{fractal.Function{}},
		Log: slog.New(r.diary), Ready: func(m Member) { ready <- m },
		// Silence is never taken for death, nor a stall for a node's own: several nodes share this process, on a machine that
		// may let any of its threads wait, and what is tested is not how fast they are. So it is with the time to leave.
		Interval: 20 * time.Millisecond, Leave: patience / 2,
		Core: failover.Config{
			SilenceFloor: patience, SilenceCeiling: patience, OverdueFloor: time.Second,
			OverdueCeiling: 5 * time.Second, SubmitTimeout: 2 * time.Second,
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(func() { _ = r.end() })
	select {
	case r.member = <-ready:
		return r, nil
	case err := <-r.ended:
		r.once.Do(func() { r.err = err })
		return nil, err
	case <-time.After(patience):
		return nil, errors.New("neither joined nor ended")
	}
}

// end tells the node to end, as SIGTERM does, and waits until it has.
func (r *running) end() error {
	r.cancel()
	r.once.Do(func() {
		select {
		case r.err = <-r.ended:
		case <-time.After(patience):
			r.t.Fatalf("%s has not ended in %v", r.cfg.Name, patience)
		}
	})
	return r.err
}

// startCrew runs nodes n1, n2 … of one cluster, and returns once each is linked with all.
func startCrew(t *testing.T, creds *wire.Credentials, n int) []*running {
	t.Helper()
	crew := []*running{startNode(t, creds, "n1")}
	for i := 2; i <= n; i++ {
		crew = append(crew, startNode(t, creds, fmt.Sprintf("n%d", i), crew[0].member.Gossip))
	}
	untilLinked(t, crew)
	return crew
}

// untilLinked waits until each node of a crew knows the others and is linked with them.
func untilLinked(t *testing.T, crew []*running) {
	t.Helper()
	for _, r := range crew { // who is joined hears of it after who joins
		eventually(t, r.cfg.Name+" is linked with all", func() error {
			r.roster.mu.Lock()
			defer r.roster.mu.Unlock()
			if known, up := len(r.roster.list), len(r.roster.linked); known < len(crew)-1 || up < len(crew)-1 {
				return fmt.Errorf("it knows %d and is linked with %d of %d", known, up, len(crew)-1)
			}
			return nil
		})
	}
}

// diary remembers the messages of a log.
type diary struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (d *diary) Enabled(context.Context, slog.Level) bool { return true }
func (d *diary) WithAttrs([]slog.Attr) slog.Handler       { return d }
func (d *diary) WithGroup(string) slog.Handler            { return d }

func (d *diary) Handle(_ context.Context, r slog.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, r.Message)
	return nil
}

func (d *diary) has(message string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines {
		if strings.Contains(line, message) {
			return true
		}
	}
	return false
}

// receiver is a client in this process, and what it was told.
type receiver struct {
	*Client

	mu       sync.Mutex // guards all below
	results  map[work.TaskID]int
	failed   int
	answers  []failover.Message
	statuses map[string]int
	status   map[string]telemetry.Status
	events   []telemetry.Event
}

// startClient runs a client and returns once each node has told it of itself: what is submitted from then on it sees whole.
func startClient(t *testing.T, crew []*running) *receiver {
	t.Helper()
	return startClientNamed(t, "sink", crew)
}

// startClientNamed is startClient, beside another.
func startClientNamed(t *testing.T, name string, crew []*running) *receiver {
	t.Helper()
	r := &receiver{
		results: map[work.TaskID]int{}, statuses: map[string]int{}, status: map[string]telemetry.Status{},
	}
	var err error
	r.Client, err = NewClient(ClientConfig{
		Name: name, Credentials: crew[0].cfg.Credentials, Join: []string{crew[0].member.Gossip}, Log: slog.New(slog.DiscardHandler),
		Deliver: r.deliver, Answer: r.answer, News: r.news,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the client ended with %v", err)
		}
	})
	var names []string
	for _, n := range crew {
		names = append(names, n.cfg.Name)
	}
	r.untilStatuses(t, 1, names...)
	return r
}

func (r *receiver) deliver(m *failover.Message, _ clock.Instant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[m.Task]++
	if m.Failed {
		r.failed++
	}
}

func (r *receiver) answer(m *failover.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, *m)
}

func (r *receiver) news(n telemetry.News) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.Event != nil {
		r.events = append(r.events, *n.Event)
		return
	}
	r.statuses[n.Status.Name]++
	r.status[n.Status.Name] = *n.Status
}

// incarnations are those of the members of a name: the one that the client knows, 0 for none, and those that went before.
func (r *receiver) incarnations(name string) (now uint64, before []uint64) {
	r.roster.mu.Lock()
	defer r.roster.mu.Unlock()
	for _, m := range r.roster.list {
		if m.Name == name {
			now = m.Incarnation
		}
	}
	for _, m := range r.roster.gone {
		if m.Name == name {
			before = append(before, m.Incarnation)
		}
	}
	return now, before
}

// reading calls ask with the receiver's state held still.
func (r *receiver) reading(ask func() error) func() error {
	return func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		return ask()
	}
}

// untilStatuses waits until each named node has told n more statuses: time passes by what the nodes say.
func (r *receiver) untilStatuses(t *testing.T, n int, names ...string) {
	t.Helper()
	r.mu.Lock()
	begin := map[string]int{}
	for _, name := range names {
		begin[name] = r.statuses[name]
	}
	r.mu.Unlock()
	eventually(t, fmt.Sprintf("%d more statuses of %v", n, names), r.reading(func() error {
		for _, name := range names {
			if got := r.statuses[name] - begin[name]; got < n {
				return fmt.Errorf("%s: %d", name, got)
			}
		}
		return nil
	}))
}

// untilFrames waits until the results of the frames from first on, n of them, are all there.
func (r *receiver) untilFrames(t *testing.T, s *work.Stream, first, n uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("the results of %d frames from %d on", n, first), r.reading(func() error {
		for k := first; k < first+n; k++ {
			for tile := range s.Tiles {
				if id := (work.TaskID{Stream: s.ID, Frame: k, Tile: tile}); r.results[id] == 0 {
					return fmt.Errorf("%v is missing, of %d results in all", id, len(r.results))
				}
			}
		}
		return nil
	}))
}

// newest is the newest frame of which a result has come.
func (r *receiver) newest(id work.StreamID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := uint64(0)
	for task := range r.results {
		if task.Stream == id {
			newest = max(newest, task.Frame)
		}
	}
	return newest
}

// noneTwice checks that no result came twice and none failed.
func (r *receiver) noneTwice(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.results {
		if n != 1 {
			t.Errorf("%v was delivered %d times, want once", id, n)
		}
	}
	if r.failed != 0 {
		t.Errorf("%d results say that the function failed", r.failed)
	}
}

// leader is the node of a crew that leads a stream by its own last word. What others said last may come after they have gone.
func (r *receiver) leader(t *testing.T, crew []*running, id work.StreamID) (leader *running) {
	t.Helper()
	eventually(t, "a node says that it leads", r.reading(func() error {
		at := slices.IndexFunc(crew, func(n *running) bool { return slices.Contains(r.status[n.cfg.Name].Leads, uint64(id)) })
		if at < 0 {
			return errors.New("none")
		}
		leader = crew[at]
		return nil
	}))
	return leader
}

// told counts what the nodes told of a verb about a peer.
func (r *receiver) told(verb, peer string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, ev := range r.events {
		if ev.Verb == verb && ev.Peer == peer {
			n++
		}
	}
	return n
}

// fractalStream is a small journey, guarded by a standby.
func fractalStream(id work.StreamID, frames uint64) *work.Stream {
	return &work.Stream{
		ID: id, Function: (fractal.Function{}).Name(), Params: fractal.CoralJourney(36, 24).Append(nil), Tiles: 6,
		Period: 50 * time.Millisecond, Frames: frames, Strategy: work.Standby, Factor: 2,
	}
}

// startWorking runs a crew and a client, and a stream of which some frames have come. It outlasts a test that follows every
// frame, and bears a node that does not run for a while: it has an end, so a leader that is late skips nothing, and a result
// is given up when it is 64 periods late, which is long.
func startWorking(t *testing.T, nodes int) ([]*running, *receiver, *work.Stream) {
	t.Helper()
	crew := startCrew(t, newKeys(t), nodes)
	client := startClient(t, crew)
	stream := fractalStream(1, 1000)
	stream.Period = 100 * time.Millisecond
	client.Submit(stream)
	client.untilFrames(t, stream, 0, 3)
	return crew, client, stream
}
