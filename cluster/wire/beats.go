package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/thread"
)

// BeatsConfig is what beats are told at their making.
type BeatsConfig struct {
	Name        string // this process
	Incarnation uint64
	Credentials *Credentials
	Addr        string        // host:port of the UDP socket; 127.0.0.1:0
	Interval    time.Duration // between two beats to each peer; 1.5 ms, at least 100 µs
	Multiplier  int           // a peer is heard while its last beat is no older than so many of its intervals; 4

	// OnBeats is called by Run with the valid beats that a turn has read, if any, and answers whether they are taken. What is
	// not taken it is given again in the next turn, with what has come since: it must not wait, for that delays our own beats.
	OnBeats func([]Heard) bool

	// Mute is asked before each round of beats, on the thread that beats, so it must not wait: none are sent where it answers
	// true. We hear all the same.
	Mute func(now clock.Instant) bool

	// Classes are how the thread that beats is to be scheduled: the first that the kernel allows. Where none is given, or
	// none that comes ahead of other threads is allowed, beats are sent from whichever thread is free.
	Classes []thread.Class

	onRound func(late time.Duration) // a benchmark's: called by Run when a round's beats are sent
}

// Beats sends this process's beats and hears those of its peers, on a UDP socket of its own.
//
// It hears when it beats: a packet that arrives wakes nobody, and waits in the socket until the next round, so at most an
// interval; the kernel notes when it came, so that the judge of a peer's silence learns the peer's rhythm and not ours. Woken
// by each packet, a node of five woke four times for one that it beat.
type Beats struct {
	cfg    BeatsConfig
	self   failover.NodeID
	addr   netip.AddrPort
	alarm  *clock.Alarm
	faults atomic.Pointer[plan]

	socket *os.File // blocking, so that the runtime's poller lets it be
	raw    syscall.RawConn
	family uint16

	class   atomic.Pointer[thread.Class] // of the thread that beats; nil before Run
	leaving atomic.Bool
	heard   atomic.Int64 // when we listened last, a clock.Instant
	stalled atomic.Int64 // when we were last late to listen
	gap     atomic.Int64 // longest time between two of our own rounds since it was asked for, ns
	in, out, strangers, stray, replayed,
	unsent, faulted atomic.Uint64

	peers atomic.Pointer[roster]
	mu    sync.Mutex // held while peers, or faults, are replaced
}

// roster is the set of peers, by id and in the order told. It never changes; its peers do.
type roster struct {
	byID  map[failover.NodeID]*beatPeer
	order []*beatPeer
}

// beatPeer is a peer; but for what BeatPeer says and to, it belongs to Run.
type beatPeer struct {
	BeatPeer
	to       *sockaddr     // nil where the socket cannot reach it
	last     clock.Instant // when its last beat came; zero if none did
	interval time.Duration // its rhythm
	seq      uint64        // of its last beat
}

// maxFailures is how many turns in a row the socket may fail to receive before Run gives up.
const maxFailures = 1000

// stallTolerance is how late a turn may begin before we take our peers' silence for our own.
const stallTolerance = 2 * time.Millisecond

// maxHeard bounds the packets of one turn, so that a flood of them does not keep us from beating, and maxUntold those that
// wait to be taken.
const (
	maxHeard  = 256
	maxUntold = 4 * maxHeard
)

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
		cfg.Interval = 1500 * time.Microsecond
	}
	cfg.Interval = max(cfg.Interval, minInterval)
	if cfg.Multiplier == 0 {
		cfg.Multiplier = 4
	}
	b := &Beats{cfg: cfg, self: failover.Identify(cfg.Name, cfg.Incarnation)}
	b.peers.Store(&roster{})
	if err := b.listen(); err != nil {
		return nil, err
	}
	var err error
	if b.alarm, err = clock.NewAlarm(); err != nil {
		_ = b.socket.Close()
		return nil, err
	}
	return b, nil
}

// listen opens the socket, and takes it away from the runtime's poller.
func (b *Beats) listen() error {
	addr, err := net.ResolveUDPAddr("udp", b.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listening for beats on %s: %w", b.cfg.Addr, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return explainListen("beats", b.cfg.Addr, err)
	}
	defer func() { _ = conn.Close() }()
	b.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	polled, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("listening for beats on %s: %w", b.cfg.Addr, err)
	}
	if ctlErr := polled.Control(func(fd uintptr) { err = b.adopt(int(fd)) }); ctlErr != nil || err != nil {
		return fmt.Errorf("listening for beats on %s: %w", b.cfg.Addr, errors.Join(ctlErr, err))
	}
	return nil
}

// adopt makes a file of our own of the socket fd.
func (b *Beats) adopt(fd int) error {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	b.family = unix.AF_INET
	if _, ok := name.(*unix.SockaddrInet6); ok {
		b.family = unix.AF_INET6
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	// What blocks is not polled; our calls do not block all the same.
	if err := errors.Join(unix.SetNonblock(own, false), askStamps(own)); err != nil {
		_ = unix.Close(own)
		return err
	}
	b.socket = os.NewFile(uintptr(own), "beats")
	b.raw, err = b.socket.SyscallConn()
	return err
}

// Addr is the address of the socket.
func (b *Beats) Addr() netip.AddrPort { return b.addr }

// Close closes the socket, which ends Run.
func (b *Beats) Close() {
	b.alarm.Close()
	_ = b.socket.Close()
}

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
			k = &beatPeer{BeatPeer: p, to: newSockaddr(p.Addr, b.family)}
		}
		r.byID[p.ID] = k
		r.order = append(r.order, k)
	}
	b.peers.Store(r)
}

// SetLeaving makes every beat from now on say that this process drains.
func (b *Beats) SetLeaving(leaving bool) { b.leaving.Store(leaving) }

// HeardUntil is until when beats were heard: what had come by then, OnBeats has taken; zero before the first time.
// Stalled is when that was last more than [stallTolerance] later than it was to be, zero where it never was.
func (b *Beats) HeardUntil() (until, stalled clock.Instant) {
	return clock.Instant(b.heard.Load()), clock.Instant(b.stalled.Load())
}

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
	defer b.Close()
	defer context.AfterFunc(ctx, b.Close)()
	ended := make(chan error)
	go func() { ended <- b.run(ctx) }() // a goroutine of its own, whose thread ends with it
	return <-ended
}

func (b *Beats) run(ctx context.Context) error {
	r := round{Beats: b, seal: newSeal(b.cfg.Credentials), last: clock.Now(), wait: b.takeThread()}
	r.due = r.last
	turn := r.turn // once, so that a turn allocates nothing
	for r.failed < maxFailures {
		if b.raw.Control(turn) != nil || !r.wait(r.wake) {
			break
		}
	}
	if r.failed >= maxFailures {
		return fmt.Errorf("hearing beats: %w", errDeaf)
	}
	if ctx.Err() == nil {
		return fmt.Errorf("hearing beats: %w", net.ErrClosed)
	}
	return nil
}

func (b *Beats) noteGap(d time.Duration) {
	for {
		old := b.gap.Load()
		if int64(d) <= old || b.gap.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// round is what Run keeps from one round to the next.
type round struct {
	*Beats
	seal   *seal
	now    clock.Instant
	last   clock.Instant                  // when we beat last
	due    clock.Instant                  // when we shall beat next
	wake   clock.Instant                  // when the next turn is
	wait   func(until clock.Instant) bool // false once the socket is closed
	seq    uint64
	line   delayLine
	failed int           // turns in a row in which the socket failed
	told   []Heard       // what was heard and is not taken yet
	before clock.Instant // the turn before this one: what is heard now came since then
	stamped
	packet [beatBytes + 1]byte // one more, so that a longer packet is seen to be longer
}

// turn hears, and beats where that is due.
func (r *round) turn(fd uintptr) {
	r.before, r.now = r.now, clock.Now()
	if r.wake != 0 && r.now.Sub(r.wake) > stallTolerance {
		r.stalled.Store(int64(r.now))
	}
	r.hear(fd)
	if r.now >= r.due {
		r.noteGap(r.now.Sub(r.last))
		r.last = r.now
		if r.cfg.Mute == nil || !r.cfg.Mute(r.now) {
			r.seq++
			r.beat(fd)
		}
		if r.cfg.onRound != nil {
			r.cfg.onRound(clock.Now().Sub(r.due))
		}
		// A late round is not made good: beats tell that we live now.
		r.due = max(r.due, r.now.Add(-r.cfg.Interval)).Add(r.cfg.Interval)
	}
	r.tell()
	r.wake = min(r.due, r.line.release(r.Beats, fd, r.now))
}

// tell passes on what was heard, and says until when it was.
func (r *round) tell() {
	if len(r.told) == 0 || r.cfg.OnBeats(r.told) {
		r.told = r.told[:0]
		r.heard.Store(int64(r.now))
		return
	}
	r.told = slices.Delete(r.told, 0, max(len(r.told)-maxUntold, 0))
}

// hear takes what has come since the last turn.
func (r *round) hear(fd uintptr) {
	r.synchronize(r.now)
	for range maxHeard {
		n, at, errno := r.receive(fd, r.packet[:])
		switch errno {
		case 0:
			r.failed = 0
			r.take(r.packet[:n], at)
		case unix.EAGAIN:
			r.failed = 0
			return
		default: // an ICMP answer to an earlier beat, say: the peer's port is closed
			r.failed++
			return
		}
	}
}

// beat sends one beat to each peer.
func (r *round) beat(fd uintptr) {
	packet := (*[beatBytes]byte)(r.packet[:])
	for _, p := range r.peers.Load().order {
		r.seal.put(packet, beat{
			from: r.self, to: p.ID, incarnation: r.cfg.Incarnation, seq: r.seq,
			interval: r.cfg.Interval, heard: r.hears(p), leaving: r.leaving.Load(),
		})
		if r.Stands() && r.intercepts(p, packet) {
			continue
		}
		r.write(fd, packet[:], p.to)
	}
}

func (b *Beats) write(fd uintptr, packet []byte, to *sockaddr) {
	if to != nil {
		if _, errno := sendNow(fd, packet, to); errno == 0 {
			b.out.Add(1)
			return
		}
	}
	b.unsent.Add(1)
}

// hears reports whether p's last beat is young enough.
func (r *round) hears(p *beatPeer) bool {
	return p.last != 0 && r.now.Sub(p.last) <= time.Duration(r.cfg.Multiplier)*p.interval
}

// take judges one packet that came at an instant, as far as that is known.
func (r *round) take(packet []byte, at clock.Instant) {
	got, err := r.seal.get(packet)
	if err != nil {
		r.strangers.Add(1)
		return
	}
	p := r.peers.Load().byID[got.from]
	if got.to != r.self || p == nil || (p.Incarnation != 0 && p.Incarnation != got.incarnation) {
		r.stray.Add(1)
		return
	}
	if got.seq <= p.seq {
		r.replayed.Add(1)
		return
	}
	if r.Stands() && r.loses(p, packet) {
		return
	}
	if at == 0 {
		at = r.now
	}
	at = min(max(at, r.before), r.now)
	p.seq, p.interval, p.last = got.seq, max(got.interval, minInterval), at
	r.in.Add(1)
	r.told = append(r.told, Heard{From: got.from, At: at, HearsUs: got.heard, Leaving: got.leaving, Interval: got.interval})
}
