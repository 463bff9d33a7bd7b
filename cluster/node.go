package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/telemetry"
	"fracture/thread"
	"fracture/work"
)

// Keeper is where results go behind the path. Its methods are called on the node's loop and must not wait.
type Keeper interface {
	// Lead tells that this node now leads stream (leads), or that another does.
	Lead(stream *work.Stream, leads bool)
	// Keep takes the first result of a task; what it wants of the message it copies.
	Keep(m *failover.Message)
	// Forget tells that this node holds the stream no longer.
	Forget(stream work.StreamID)
	// Saved is asked to call back, on any goroutine, once everything of a finite stream is in the store.
	Saved(func(work.StreamID))
	// Reserve keeps room for what will be kept of a stream that is about to be submitted here; the error says why there is
	// none. Release gives it back unless Lead has told meanwhile that this node holds the stream.
	Reserve(stream *work.Stream) (release func(), err error)
	// Kept calls each with the results of a stream of one frame that are here, for a sink that asks after they came.
	Kept(stream work.StreamID, each func(tile uint32, result []byte))
}

// keepNothing is the keeper of a node that has none: of a finite stream nothing is missing in the store.
type keepNothing struct{ saved func(work.StreamID) }

// Lead implements Keeper.
func (k *keepNothing) Lead(stream *work.Stream, leads bool) {
	if leads && stream.Frames != 0 {
		k.saved(stream.ID)
	}
}

// Keep implements Keeper.
func (k *keepNothing) Keep(*failover.Message) {}

// Forget implements Keeper.
func (k *keepNothing) Forget(work.StreamID) {}

// Saved implements Keeper.
func (k *keepNothing) Saved(call func(work.StreamID)) { k.saved = call }

// Reserve implements Keeper.
func (k *keepNothing) Reserve(*work.Stream) (func(), error) { return func() {}, nil }

// Kept implements Keeper.
func (k *keepNothing) Kept(work.StreamID, func(uint32, []byte)) {}

// StoreFaults lets a list of faults stand between a node and its store, in place of those that do; each draws from its own seed.
// It is called on the node's loop and must not wait.
type StoreFaults func(list []chaos.Standing) error

// NodeConfig is what a node is told at its making. Zero fields take the defaults given with them.
type NodeConfig struct {
	Name        string
	Zone        string
	Credentials *wire.Credentials
	Gossip      string         // host:port of membership; 127.0.0.1:0
	Link        string         // host:port of links; 127.0.0.1:0
	Beat        string         // host:port of beats; 127.0.0.1:0
	HTTP        string         // host:port of the front door, told to others; none
	Join        []string       // gossip addresses of members; none: found a cluster
	Interval    time.Duration  // of the beats; 1.5 ms
	BeatClasses []thread.Class // how the thread that beats is to be scheduled, see wire.BeatsConfig; as all others
	Ballast     int64          // bytes of memory that Run fills and keeps; none
	Workers     int            // threads that compute; one fewer than the runtime has Ps
	Leave       time.Duration  // from the end of Run's context to its return; LeaveTime
	Functions   []work.Function
	Keeper      Keeper              // nil: nothing is kept
	StoreFaults StoreFaults         // nil: nothing can stand at the store
	Around      func() Surroundings // asked on the node's loop, so it must not wait; nil: nothing stands around
	Log         *slog.Logger        // nil: slog.Default()
	Ready       func(Member)        // called once the node has joined
	Core        failover.Config
}

// LeaveTime bounds how long a node that is told to end takes for it, if it is told nothing else: what it hands over and
// finishes, and gossip's goodbye. Who stands around it and has to end after it, such as the store's writer, adds its own
// time; the two together are to stay below what a supervisor grants between SIGTERM and SIGKILL.
const LeaveTime = 2500 * time.Millisecond

// statusInterval is the time between two of a node's statuses.
const statusInterval = 250 * time.Millisecond

// Node is one process of the cluster.
type Node struct {
	cfg    NodeConfig
	self   Member
	id     failover.NodeID
	in     *inbox
	links  *wire.Links
	beats  *wire.Beats
	gossip *gossip
	work   *workers
	roster *roster

	drained  chan struct{}
	requests requests
	keys     keys
	sinks    linkedSinks
	pulse    pulse
	strain   strain
	count    struct{ executed, takeovers, fenced, repeated, dropped atomic.Uint64 }

	// Below: the loop's own.
	core    *failover.Core
	sink    *failover.Sink // of the requests that came through this node's front door
	effects []failover.Effect
	pending []pending
	used    [][]byte // outputs of tasks that this round has sent on
	line    []byte   // encoded news, reused
	notes   notes
	led     []telemetry.Stream // the streams that it leads
	store   storeWatch
	leaving bool
	faults  faults // but for what its mutex guards, and told
	clock   wrongClock

	fresh   []ripening    // wait since less than ripeTime,
	ripe    []ripening    // and these no longer than until ripeAt
	ripeAt  clock.Instant // when the ripe ones are sent
	gauge   gauge
	ballast []byte // kept, and never looked at
}

// NewNode makes a node. Nothing runs and no socket is open until Run.
func NewNode(cfg NodeConfig) (*Node, error) {
	if err := checkName(cfg.Name); err != nil {
		return nil, err
	}
	for _, addr := range []*string{&cfg.Gossip, &cfg.Link, &cfg.Beat} {
		if *addr == "" {
			*addr = "127.0.0.1:0"
		}
	}
	for _, a := range [][2]string{{"links", cfg.Link}, {"beats", cfg.Beat}} {
		if err := checkAddress(a[0], a[1]); err != nil {
			return nil, err
		}
	}
	if cfg.Leave == 0 {
		cfg.Leave = LeaveTime
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Keeper == nil {
		cfg.Keeper = &keepNothing{}
	}
	n := &Node{
		cfg: cfg, in: newInbox(), drained: make(chan struct{}), requests: newRequests(), keys: seenNoKeys(), ripeAt: clock.Never,
		self: Member{Name: cfg.Name, Incarnation: clock.Stamp(), Zone: cfg.Zone, HTTP: cfg.HTTP},
	}
	n.id = n.self.ID()
	n.roster = newRoster(n.self, n.in)
	n.faults.lapses, n.faults.told = clock.Never, make(chan struct{}, 1)
	n.pulse.judge.Every = cfg.Interval
	n.strain.log, n.strain.changed = cfg.Log, make(chan struct{}, 1)
	n.work = newWorkers(n.function, n.in.putAll)
	n.work.threads = cfg.Workers
	core := cfg.Core
	own := n.self.member()
	core.ID, core.Weight, core.Zone, core.Clock, core.Function = n.id, own.Weight, own.Zone, clock.Axis(), n.function
	n.core = failover.New(core)
	n.sink = failover.NewSink(failover.SinkConfig{ID: n.id, Home: n.id, Clock: core.Clock})
	return n, nil
}

// ErrName: a node's name is 1 to 32 letters, digits, dots and dashes.
var ErrName = errors.New("not a name for a node: use 1 to 32 letters, digits, dots and dashes")

func checkName(name string) error {
	ok := len(name) >= 1 && len(name) <= 32
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-')
	}
	if !ok {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	return nil
}

// ErrWildcard: the address stands for all of this host's, and other nodes are told where to call; give the one address by
// which they reach this host.
var ErrWildcard = errors.New("no address that other nodes can call")

// checkAddress refuses an address of links or beats that would be told to others and means nothing there.
func checkAddress(what, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address of the %s %q: %w", what, addr, err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return fmt.Errorf("address of the %s %q: %w: give the one by which they reach this host, such as 10.0.0.2:%s",
			what, addr, ErrWildcard, port)
	}
	return nil
}

// function finds a function by name.
func (n *Node) function(name string) work.Function {
	for _, fn := range n.cfg.Functions {
		if fn.Name() == name {
			return fn
		}
	}
	return nil
}

// Run is the node's life: it joins, works until ctx ends, then hands over, leaves, and ends all it started.
func (n *Node) Run(ctx context.Context) error {
	var err error
	if n.ballast, err = fill(n.cfg.Ballast); err != nil {
		return err
	}
	if err := n.open(); err != nil {
		return err
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	n.cfg.Keeper.Saved(func(id work.StreamID) {
		n.in.put(failover.Event{Kind: failover.Saved, Message: failover.Message{Task: work.TaskID{Stream: id}}})
	})
	group, inner := errgroup.WithContext(inner)
	group.Go(func() error { return n.links.Run(inner) })
	group.Go(func() error { return n.beats.Run(inner) })
	group.Go(func() error { return n.work.run(inner) })
	group.Go(func() error { return n.strain.run(inner) })
	group.Go(func() error { return n.loop(inner) })
	group.Go(func() error {
		defer stop()
		return n.live(ctx, inner)
	})
	return group.Wait()
}

// open opens the node's sockets.
func (n *Node) open() error {
	var err error
	n.links, err = wire.Listen(wire.LinksConfig{
		Self:        wire.Peer{Name: n.self.Name, Incarnation: n.self.Incarnation},
		Credentials: n.cfg.Credentials, Addr: n.cfg.Link,
		Up: n.up, Down: n.down, Received: n.in.putMessages,
		Telemetry: n.ordered,
		Missed:    func(from failover.NodeID) { n.in.put(failover.Event{Kind: failover.Missed, Peer: from}) },
	})
	if err != nil {
		return err
	}
	n.beats, err = wire.ListenBeats(wire.BeatsConfig{
		Name: n.self.Name, Incarnation: n.self.Incarnation, Credentials: n.cfg.Credentials,
		Addr: n.cfg.Beat, Interval: n.cfg.Interval, Classes: n.cfg.BeatClasses,
		OnBeats: n.in.beat, Mute: n.mutes,
	})
	if err != nil {
		n.links.Close()
		return err
	}
	n.self.Link, n.self.Beat = n.links.Addr(), n.beats.Addr().String()
	n.gossip, err = startGossip(n.self, n.cfg.Credentials, n.cfg.Gossip, n.cfg.Log, n.roster.joined, n.roster.left)
	if err != nil {
		n.links.Close()
		n.beats.Close()
		return err
	}
	n.self.Gossip = n.gossip.address
	return nil
}

// live is the node's way through the cluster: join, be there, drain, leave.
func (n *Node) live(ctx, inner context.Context) error {
	deadline := clock.Never // of all that follows the end of ctx
	defer func() { n.gossip.leave(deadline.Sub(clock.Now())) }()
	if err := n.gossip.join(n.cfg.Join); err != nil {
		return err
	}
	n.cfg.Log.Info("joined", "gossip", n.self.Gossip, "links", n.self.Link, "beats", n.self.Beat)
	if n.cfg.Ready != nil {
		n.cfg.Ready(n.self)
	}
	select {
	case <-inner.Done():
		return nil
	case <-ctx.Done():
	}
	deadline = clock.Now().Add(n.cfg.Leave)
	n.cfg.Log.Info("draining")
	n.beats.SetLeaving(true)
	n.in.put(failover.Event{Kind: failover.Drain})
	select {
	case <-n.drained:
		n.cfg.Log.Info("drained")
	case <-time.After(n.cfg.Leave - gossipLeave):
		n.cfg.Log.Warn("left without being drained", "after", n.cfg.Leave-gossipLeave)
	case <-inner.Done():
	}
	return nil
}

func (n *Node) up(p wire.Peer) {
	n.roster.up(p.ID)
	if p.Sink {
		n.sinks.add(p.ID)
	}
	n.in.put(failover.Event{Kind: failover.LinkUp, Peer: p.ID})
}

func (n *Node) down(p wire.Peer) {
	n.roster.down(p.ID)
	if p.Sink {
		n.sinks.remove(p.ID)
		n.faults.put(ordered{sink: p.ID, lost: true})
	}
	n.in.put(failover.Event{Kind: failover.LinkDown, Peer: p.ID})
}

// linkedSinks are the sinks that this node can tell its news to.
type linkedSinks struct {
	mu   sync.Mutex // guards list
	list []failover.NodeID
}

func (s *linkedSinks) add(id failover.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, id)
}

func (s *linkedSinks) remove(id failover.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sink := range s.list {
		if sink == id {
			s.list = append(s.list[:i], s.list[i+1:]...)
			return
		}
	}
}

func (s *linkedSinks) has(id failover.NodeID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.list, id)
}

func (s *linkedSinks) each(do func(failover.NodeID)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.list {
		do(id)
	}
}

// tell sends news to every sink that is linked.
func (n *Node) tell(news telemetry.News) {
	line, err := news.Append(n.line[:0])
	if err != nil {
		n.cfg.Log.Warn("encoding telemetry", "err", err)
		return
	}
	n.sinks.each(func(id failover.NodeID) { n.links.SendTelemetry(id, line) })
	n.line = line
}

// beatPeers is whom beats go to.
func beatPeers(members []Member) []wire.BeatPeer {
	var peers []wire.BeatPeer
	for _, m := range members {
		if addr, err := netip.ParseAddrPort(m.Beat); err == nil && !m.Sink {
			peers = append(peers, wire.BeatPeer{ID: m.ID(), Incarnation: m.Incarnation, Addr: addr})
		}
	}
	return peers
}
