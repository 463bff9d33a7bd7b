package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"time"
)

// Two peers only tell who is alive: what they tell it for, an active worker and its standby, we bring. Both get every
// request, as fracture's owner and standby do; the active one answers, the other holds what is open and answers that when
// it becomes active. All talk in datagrams of words:
//
//	work FRAME OLDEST   do this one; what is older than OLDEST was answered
//	done FRAME …        the answer; all that was open in one datagram, for many at once would overflow the receiver's socket
//	role                say what you are
//	role ROLE SIZE      active or standby, and how many see each other

// pairSystem is the receiver's side.
type pairSystem struct {
	socket   *net.UDPConn
	workers  []pairWorker
	patience time.Duration
	done     func(frame uint64)
	received sync.WaitGroup

	mu       sync.Mutex // guards all below
	answered map[uint64]bool
	oldest   uint64 // the first that has not been answered
}

type pairWorker struct {
	name    string
	address netip.AddrPort
}

// answerSize bounds an answer, in bytes: the largest datagram there is. What is open fits in: 3000 frames at most.
const answerSize = 1 << 16

func newPair(workers []pairWorker, patience time.Duration, done func(frame uint64)) (*pairSystem, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	p := &pairSystem{socket: socket, workers: workers, patience: patience, done: done, answered: map[uint64]bool{}}
	p.received.Go(p.receive)
	return p, nil
}

// receive takes answers until the socket is closed.
func (p *pairSystem) receive() {
	packet := make([]byte, answerSize)
	for {
		n, _, err := p.socket.ReadFromUDPAddrPort(packet)
		if err != nil {
			return
		}
		words := strings.Fields(string(packet[:n]))
		if len(words) == 0 || words[0] != "done" {
			continue
		}
		for _, word := range words[1:] {
			if frame, err := strconv.ParseUint(word, 10, 64); err == nil {
				p.done(frame)
				p.note(frame)
			}
		}
	}
}

// note remembers that a frame was answered.
func (p *pairSystem) note(frame uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if frame >= p.oldest {
		p.answered[frame] = true
	}
	for p.answered[p.oldest] {
		delete(p.answered, p.oldest)
		p.oldest++
	}
}

func (p *pairSystem) ask(frame uint64) {
	p.mu.Lock()
	// What is older than anybody waits is given up, so that the standby's memory has a bound.
	for given := uint64(p.patience / period); frame-p.oldest > given; p.oldest++ {
		delete(p.answered, p.oldest)
	}
	oldest := p.oldest
	p.mu.Unlock()
	p.send(frame, oldest)
	if frame-oldest > uint64(askAgain/period) {
		p.send(oldest, oldest)
	}
}

// askAgain is the age at which the oldest open frame is asked for again, each period once: where a socket overflowed, its
// datagram is gone.
const askAgain = 250 * time.Millisecond

func (p *pairSystem) send(frame, oldest uint64) {
	request := fmt.Appendf(nil, "work %d %d", frame, oldest)
	for _, w := range p.workers {
		_, _ = p.socket.WriteToUDPAddrPort(request, w.address) // to one who is dead it fails, and that is what is measured
	}
}

// roles asks every worker what it is, on a socket of its own.
func (p *pairSystem) roles(ctx context.Context) (roles []string) {
	for _, w := range p.workers {
		roles = append(roles, askRole(ctx, w.address))
	}
	return roles
}

// roleWait bounds how long a worker may take to say what it is.
const roleWait = 500 * time.Millisecond

func askRole(ctx context.Context, address netip.AddrPort) string {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", address.String())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(roleWait))
	if _, err := conn.Write([]byte("role")); err != nil {
		return err.Error()
	}
	packet := make([]byte, answerSize)
	n, err := conn.Read(packet)
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(string(packet[:n]), "role ")
}

// missing wants one active worker, all others as its standbys, and everybody to see everybody.
func (p *pairSystem) missing(ctx context.Context) string {
	active, standby := 0, 0
	roles := p.roles(ctx)
	for _, role := range roles {
		switch role {
		case fmt.Sprintf("active %d", len(p.workers)):
			active++
		case fmt.Sprintf("standby %d", len(p.workers)):
			standby++
		}
	}
	if active != 1 || standby != len(p.workers)-1 {
		return "the workers say: " + strings.Join(roles, "; ")
	}
	return ""
}

func (p *pairSystem) victim(ctx context.Context) (name, held string, err error) {
	for i, role := range p.roles(ctx) {
		if strings.HasPrefix(role, "active ") {
			return p.workers[i].name, fmt.Sprintf("active of %d", len(p.workers)), nil
		}
	}
	return "", "", fmt.Errorf("nobody is active: %w", errNotYet)
}

func (p *pairSystem) close() {
	_ = p.socket.Close()
	p.received.Wait()
}

// standing is the worker's side, in a process of its own.
type standing struct {
	socket *net.UDPConn

	mu     sync.Mutex // guards all below
	active bool
	size   int             // how many see each other
	held   map[uint64]bool // requests that are open
	oldest uint64
	who    netip.AddrPort // asked last; there is one who asks
}

func newStanding(address string) (*standing, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, err
	}
	return &standing{socket: socket, held: map[uint64]bool{}}, nil
}

// become tells the worker what it is from now on. One that becomes active answers everything that is open.
func (s *standing) become(active bool, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active, s.size = active, size
	if active && len(s.held) > 0 {
		s.answer(slices.Collect(maps.Keys(s.held))...)
		clear(s.held)
	}
}

// run takes requests until the socket fails.
func (s *standing) run() error {
	packet := make([]byte, answerSize)
	for {
		n, who, err := s.socket.ReadFromUDPAddrPort(packet)
		if err != nil {
			return err
		}
		s.take(string(packet[:n]), who)
	}
}

func (s *standing) take(words string, who netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var frame, oldest uint64
	if words == "role" {
		role := "standby"
		if s.active {
			role = "active"
		}
		_, _ = s.socket.WriteToUDPAddrPort(fmt.Appendf(nil, "role %s %d", role, s.size), who)
		return
	}
	if n, _ := fmt.Sscanf(words, "work %d %d", &frame, &oldest); n != 2 {
		return
	}
	s.who = who
	for ; s.oldest < oldest; s.oldest++ {
		delete(s.held, s.oldest)
	}
	if s.active {
		s.answer(frame)
		return
	}
	s.held[frame] = true
}

// answer sends results at once: such a worker, like fracture's probe, has next to nothing to do.
func (s *standing) answer(frames ...uint64) {
	words := []byte("done")
	for _, frame := range frames {
		words = fmt.Appendf(words, " %d", frame)
	}
	_, _ = s.socket.WriteToUDPAddrPort(words, s.who)
}
