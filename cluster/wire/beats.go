package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// BeatsConfig is what beats are told at their making.
type BeatsConfig struct {
	Name        string // this process
	Incarnation uint64
	Credentials *Credentials
	Addr        string        // host:port of the UDP socket; 127.0.0.1:0
	Interval    time.Duration // between two beats to each peer; 3 ms, at least 100 µs
	Multiplier  int           // a peer is heard while its last beat is no older than so many of its intervals; 4

	// OnBeat is called for each valid beat of a peer, on the one receiving goroutine: heard says whether the peer hears
	// our beats, leaving whether it drains, interval its rhythm. A call that waits delays all beats.
	OnBeat func(from failover.NodeID, heard, leaving bool, interval time.Duration)
}

// BeatPeer is whom beats go to and are expected from.
type BeatPeer struct {
	ID          failover.NodeID
	Incarnation uint64 // zero where it is not known; then any incarnation of the id passes
	Addr        netip.AddrPort
}

// BeatStats counts what the beats did since they were made.
type BeatStats struct {
	In, Out   uint64
	Strangers uint64 // packets that are no beats of this cluster or are forged
	Stray     uint64 // genuine, but for another process or of one that is not a peer
	Replayed  uint64 // genuine, but not newer than what had come
	Unsent    uint64 // the kernel refused to send
	Faulted   uint64 // swallowed by a fault of ours
}

// Beats sends this process's beats and hears those of its peers, on a UDP socket of its own.
type Beats struct {
	cfg    BeatsConfig
	self   failover.NodeID
	conn   *net.UDPConn
	faults atomic.Pointer[plan]

	leaving atomic.Bool
	gap     atomic.Int64 // longest time between two of our own rounds since it was asked for, ns
	in, out, strangers, stray, replayed,
	unsent, faulted atomic.Uint64

	peers atomic.Pointer[roster]
	mu    sync.Mutex // held while peers is replaced
}

// roster is the set of peers, by id and in the order told. It never changes; its peers do.
type roster struct {
	byID  map[failover.NodeID]*beatPeer
	order []*beatPeer
}

type beatPeer struct {
	BeatPeer
	last     atomic.Int64 // when its last beat came, a clock.Instant; zero if none did
	interval atomic.Int64 // its rhythm, ns
	seq      uint64       // of its last beat; the receiver's
}

// maxFailures is how many times in a row the socket may fail to receive before Run gives up.
const maxFailures = 1000

// errDeaf: the socket only fails. Start the process again.
var errDeaf = errors.New("the socket receives nothing but errors")

// minInterval keeps a wrong configuration from taking a core.
const minInterval = 100 * time.Microsecond

// ListenBeats opens the UDP socket. Nothing runs until Run; a caller that never comes to Run must Close.
func ListenBeats(cfg BeatsConfig) (*Beats, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Interval == 0 {
		cfg.Interval = 3 * time.Millisecond
	}
	cfg.Interval = max(cfg.Interval, minInterval)
	if cfg.Multiplier == 0 {
		cfg.Multiplier = 4
	}
	addr, err := net.ResolveUDPAddr("udp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening for beats on %s: %w", cfg.Addr, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, explainListen("beats", cfg.Addr, err)
	}
	b := &Beats{cfg: cfg, self: failover.Identify(cfg.Name, cfg.Incarnation), conn: conn}
	b.peers.Store(&roster{})
	return b, nil
}

// Addr is the address of the socket.
func (b *Beats) Addr() netip.AddrPort { return b.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Close closes the socket, which ends Run.
func (b *Beats) Close() { _ = b.conn.Close() }

// SetPeers says whom beats go to from now on. What was heard of a peer that stays is kept.
func (b *Beats) SetPeers(peers []BeatPeer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.peers.Load()
	r := &roster{byID: make(map[failover.NodeID]*beatPeer, len(peers))}
	for _, p := range peers {
		if p.ID == b.self || r.byID[p.ID] != nil {
			continue
		}
		k := old.byID[p.ID]
		if k == nil || k.BeatPeer != p {
			k = &beatPeer{BeatPeer: p}
		}
		r.byID[p.ID] = k
		r.order = append(r.order, k)
	}
	b.peers.Store(r)
}

// SetLeaving makes every beat from now on say that this process drains.
func (b *Beats) SetLeaving(leaving bool) { b.leaving.Store(leaving) }

// Gap is the longest time between two of this process's own rounds of beats since Gap was last called: how late it was
// itself. Silence that a peer reports of us is no longer than that and what the network adds.
func (b *Beats) Gap() time.Duration { return time.Duration(b.gap.Swap(0)) }

// Stats reads the counters, each for itself.
func (b *Beats) Stats() BeatStats {
	return BeatStats{
		In: b.in.Load(), Out: b.out.Load(), Strangers: b.strangers.Load(), Stray: b.stray.Load(),
		Replayed: b.replayed.Load(), Unsent: b.unsent.Load(), Faulted: b.faulted.Load(),
	}
}

// Run beats and listens until ctx ends or the socket is closed. The socket is closed when it returns.
func (b *Beats) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, b.Close)()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		b.send(ctx)
	}()
	err := b.receive()
	cancel()
	<-sent
	b.Close()
	if ctx.Err() != nil && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("hearing beats: %w", err)
}

// send beats to all peers at every interval. It has a thread to itself, which the kernel wakes when it is due, because a
// timer of the runtime comes up to a millisecond late, and much later while calculators run.
func (b *Beats) send(ctx context.Context) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	clock.Sharpen()
	seal := newSeal(b.cfg.Credentials)
	var packet [beatBytes]byte
	var seq uint64
	var line delayLine
	last := clock.Now()
	due := last
	for ctx.Err() == nil {
		now := clock.Now()
		if now >= due {
			b.noteGap(now.Sub(last))
			last = now
			seq++
			b.round(now, seq, seal, &packet, &line)
			// A late round is not made good: beats tell that we live now.
			due = max(due, now.Add(-b.cfg.Interval)).Add(b.cfg.Interval)
		}
		clock.SleepUntil(min(due, line.release(b, now)))
	}
}

func (b *Beats) noteGap(d time.Duration) {
	for {
		old := b.gap.Load()
		if int64(d) <= old || b.gap.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// round sends one beat to each peer.
func (b *Beats) round(now clock.Instant, seq uint64, s *seal, packet *[beatBytes]byte, line *delayLine) {
	for _, p := range b.peers.Load().order {
		s.put(packet, beat{
			from: b.self, to: p.ID, incarnation: b.cfg.Incarnation, seq: seq,
			interval: b.cfg.Interval, heard: b.hears(p, now), leaving: b.leaving.Load(),
		})
		if plan := b.faults.Load(); plan != nil && line.intercept(b, plan, p, now, packet) {
			continue
		}
		b.write(packet[:], p.Addr)
	}
}

func (b *Beats) write(packet []byte, to netip.AddrPort) {
	if _, err := b.conn.WriteToUDPAddrPort(packet, to); err != nil {
		b.unsent.Add(1)
		return
	}
	b.out.Add(1)
}

// hears reports whether p's last beat is young enough.
func (b *Beats) hears(p *beatPeer, now clock.Instant) bool {
	last := clock.Instant(p.last.Load())
	return last != 0 && now.Sub(last) <= time.Duration(b.cfg.Multiplier)*time.Duration(p.interval.Load())
}

// receive reports beats until the socket is closed.
func (b *Beats) receive() error {
	seal := newSeal(b.cfg.Credentials)
	var packet [beatBytes + 1]byte // one more, so that a longer packet is seen to be longer
	for failed := 0; failed < maxFailures; {
		n, _, err := b.conn.ReadFromUDPAddrPort(packet[:])
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			failed++ // an ICMP answer to an earlier beat, say: the peer's port is closed
			continue
		}
		failed = 0
		b.take(seal, packet[:n])
	}
	return errDeaf
}

// take judges one packet.
func (b *Beats) take(s *seal, packet []byte) {
	got, err := s.get(packet)
	if err != nil {
		b.strangers.Add(1)
		return
	}
	p := b.peers.Load().byID[got.from]
	if got.to != b.self || p == nil || (p.Incarnation != 0 && p.Incarnation != got.incarnation) {
		b.stray.Add(1)
		return
	}
	if got.seq <= p.seq {
		b.replayed.Add(1)
		return
	}
	if plan := b.faults.Load(); plan != nil && plan.fate(p.ID, true).Lost {
		b.faulted.Add(1)
		return
	}
	p.seq = got.seq
	p.interval.Store(int64(max(got.interval, minInterval)))
	p.last.Store(int64(clock.Now()))
	b.in.Add(1)
	b.cfg.OnBeat(got.from, got.heard, got.leaving, got.interval)
}
