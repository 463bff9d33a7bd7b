package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

var (
	// ErrAddressInUse: another process listens on the address. Choose another port, or 0 for any.
	ErrAddressInUse = errors.New("the address is in use")
)

// Peer is a process at the other end of a link.
type Peer struct {
	ID          failover.NodeID // failover.Identify of name and incarnation
	Name        string
	Incarnation uint64 // may be left zero where it is not known
	Addr        string // host:port it listens on; needed where Dial is set
	Sink        bool
	Dial        bool // this side calls; the other side must not. Of two nodes the lower name calls, a sink always
}

// LinksConfig is what links are told at their making. The functions are called as described with each and must not be
// nil, but where that is said.
//
// All calls for one link come from one goroutine, in this order: Up, then any number of Received and Telemetry, then
// Down. Different links call at the same time. A call that waits stops that link's reading and, in the end, its peer's
// sending; nothing else.
type LinksConfig struct {
	Self        Peer // Name, Incarnation and Sink; its ID follows from them
	Credentials *Credentials
	Addr        string // host:port to listen on; 127.0.0.1:0. A sink does not listen
	MaxMessages int    // messages waiting for one peer; 8192
	MaxBytes    int    // bytes of them; 8 MiB

	Up        func(Peer)                                 // a link stands, in both directions
	Received  func(from failover.NodeID, in Incoming)    // the receiver's to free or to keep
	Telemetry func(from failover.NodeID, items [][]byte) // the receiver may keep the items
	Missed    func(from failover.NodeID)                 // messages of either were lost, and are asked for again; may be nil
	Down      func(Peer)                                 // it broke or was ended; once for each Up
}

// Bounds of a link's beginning.
const (
	greetTimeout  = 3 * time.Second        // from calling to the peer's hello
	knowTimeout   = 2 * time.Second        // how long a member that is not known yet is kept waiting
	callAgain     = 10 * time.Millisecond  // first pause between two calls, then doubled
	callAtLeast   = 500 * time.Millisecond // last pause
	acceptAgain   = 10 * time.Millisecond  // first pause where a call could not be accepted, then doubled
	acceptAtLeast = 500 * time.Millisecond // last pause
)

// Links are the links of one process. Make them with [Listen]; the peers are named with Connect and Disconnect.
type Links struct {
	cfg      LinksConfig
	tls      *tls.Config
	listener *hall // nil at a sink
	addr     string
	greeting atomic.Int64 // connections that came and are not authenticated yet
	rooms    rooms
	count    counters
	faults   atomic.Pointer[plan]

	base context.Context // ends with Run; the parent of every link
	end  context.CancelFunc
	wg   sync.WaitGroup // callers, each of one peer, and answers

	mu      sync.Mutex // guards what follows
	running bool
	peers   map[failover.NodeID]*peer
	ending  map[failover.NodeID]chan struct{} // linked of peers disconnected whose link is not down yet
	dirty   []*peer                           // have something to send that was not flushed
	known   chan struct{}                     // closed, and made anew, when a peer becomes known
}

// peer is one whom the owner has named.
type peer struct {
	Peer
	out    *queue
	dirty  bool          // is in Links.dirty
	linked chan struct{} // of size 1: full while a link stands, so that there is one at a time
	met    bool          // a link stood before; owned by who holds linked
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex    // guards what follows
	conn *conn         // the link that stands; nil while none does
	up   clock.Instant // since when
	fuse *time.Timer   // breaks it where a fault says so; nil where none does
}

// Listen opens the socket that peers call, unless the process is a sink, and makes its certificate. Nothing runs until
// Run; a caller that never comes to Run must Close.
func Listen(cfg LinksConfig) (*Links, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.MaxMessages == 0 {
		cfg.MaxMessages = 8192
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 8 << 20
	}
	if cfg.Missed == nil {
		cfg.Missed = func(failover.NodeID) {}
	}
	cfg.Self.ID = failover.Identify(cfg.Self.Name, cfg.Self.Incarnation)
	cert, err := cfg.Credentials.issue(cfg.Self.Name)
	if err != nil {
		return nil, err
	}
	l := &Links{
		cfg: cfg, tls: tlsConfig(cfg.Credentials, cert),
		peers: map[failover.NodeID]*peer{}, ending: map[failover.NodeID]chan struct{}{}, known: make(chan struct{}),
	}
	l.base, l.end = context.WithCancel(context.Background())
	if cfg.Self.Sink {
		return l, nil
	}
	tcp, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		l.end()
		return nil, explainListen("links", cfg.Addr, err)
	}
	l.listener = &hall{Listener: tcp, strangers: &l.count.strangers}
	l.addr = tcp.Addr().String()
	return l, nil
}

// explainListen says what to do about a socket that could not be opened.
func explainListen(what, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listening for %s on %s: %w; choose another port, or 0 for any", what, addr, ErrAddressInUse)
	}
	return fmt.Errorf("listening for %s on %s: %w", what, addr, err)
}

// Addr is the host:port that peers call, empty at a sink.
func (l *Links) Addr() string { return l.addr }

// Close ends everything; Run returns once all of it has stopped. Closing twice is closing once.
func (l *Links) Close() {
	l.end()
	if l.listener != nil {
		_ = l.listener.Close()
	}
}

// Run accepts and calls until ctx ends. When it returns, every link is down and has said so, and the socket is closed.
func (l *Links) Run(ctx context.Context) error {
	defer l.Close()
	defer context.AfterFunc(ctx, l.end)()
	l.mu.Lock()
	l.running = true
	for _, p := range l.peers {
		l.call(p)
	}
	l.mu.Unlock()

	var err error
	if l.listener == nil {
		<-l.base.Done()
	} else {
		err = l.serve()
	}
	l.end()
	l.mu.Lock()
	l.running = false
	l.mu.Unlock()
	l.wg.Wait()
	return err
}

// serve answers calls until the base context ends. It does not wait for the answers.
func (l *Links) serve() error {
	defer context.AfterFunc(l.base, func() { _ = l.listener.Close() })()
	for pause := acceptAgain; ; {
		g, err := l.listener.Accept()
		switch {
		case err == nil:
			pause = acceptAgain
			l.wg.Go(func() { l.answer(g) })
			continue
		case l.base.Err() != nil:
			return nil
		case lasts(err):
			return fmt.Errorf("accepting links: %w", err)
		}
		select {
		case <-time.After(pause):
		case <-l.base.Done():
		}
		pause = min(2*pause, acceptAtLeast)
	}
}

// lasts tells whether Accept will never do better. All else passes: the process or the host is short of files or of memory,
// or accept(2) tells what has become of the caller's network.
func lasts(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EBADF) ||
		errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSOCK)
}

// Connect names a peer: a link to it is kept up from now on, by calling it or by answering its call. Naming it again
// changes nothing.
func (l *Links) Connect(p Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peers[p.ID] != nil || l.base.Err() != nil {
		return
	}
	n := &peer{Peer: p, out: newQueue(l.cfg.MaxMessages, l.cfg.MaxBytes), linked: l.ending[p.ID]}
	if n.linked == nil {
		n.linked = make(chan struct{}, 1)
	}
	delete(l.ending, p.ID)
	n.ctx, n.cancel = context.WithCancel(l.base)
	l.peers[p.ID] = n
	close(l.known)
	l.known = make(chan struct{})
	if l.running {
		l.call(n)
	}
}

// call starts calling p, if this side calls; the caller holds mu.
func (l *Links) call(p *peer) {
	if p.Dial {
		l.wg.Go(func() { l.keepCalling(p) })
	}
}

// Disconnect forgets a peer: its link ends, is not made again, and is refused if the peer calls. It does not wait for
// Down.
func (l *Links) Disconnect(id failover.NodeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[id]
	if p == nil {
		return
	}
	delete(l.peers, id)
	p.cancel()
	if len(p.linked) > 0 {
		l.ending[id] = p.linked // so that, named again, its next Up waits for this Down
	}
}

// Send puts m behind what waits for the peer, to go with the next Flush. What m points to is copied before Send returns.
// It never waits: without a link, beyond the bounds of the wire or with a full queue it counts the message as dropped and
// answers false.
func (l *Links) Send(to failover.NodeID, m *failover.Message) bool {
	if !m.Fits() {
		l.count.dropped.Add(1)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[to]
	if p == nil || !l.put(p, m) {
		l.count.dropped.Add(1)
		return false
	}
	l.soil(p)
	return true
}

// put queues m, unless a fault wants it.
func (l *Links) put(p *peer, m *failover.Message) bool {
	if l.Stands() {
		return p.out.pushFated(m, l.fateOf(p.ID))
	}
	return p.out.push(m, 0, false)
}

// SendTelemetry puts item behind all messages for the peer, to go with the next Flush. It never waits: without a link or
// with a full queue it counts the item as dropped and answers false.
func (l *Links) SendTelemetry(to failover.NodeID, item []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[to]
	if p == nil || len(item) > MaxTelemetryBytes || !p.out.pushTelemetry(item) {
		l.count.telemetryDropped.Add(1)
		return false
	}
	l.soil(p)
	return true
}

// soil remembers that p wants a flush; the caller holds mu.
func (l *Links) soil(p *peer) {
	if !p.dirty {
		p.dirty = true
		l.dirty = append(l.dirty, p)
	}
}

// Flush sends what was put for any peer since the last Flush. It never waits.
func (l *Links) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, p := range l.dirty {
		p.dirty = false
		p.out.flush()
		l.dirty[i] = nil
	}
	l.dirty = l.dirty[:0]
}
