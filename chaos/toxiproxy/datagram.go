package toxiproxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxDatagram is the longest datagram that there is.
const maxDatagram = 64 << 10

// relay is a proxy of datagrams at work. Each address that sends has a socket of its own towards the upstream, so that
// replies find back, until both have been silent for IdleTime.
type relay struct {
	*proxy
	socket   *net.UDPConn
	upstream *net.UDPAddr

	mu      sync.Mutex // guards clients
	clients map[netip.AddrPort]*client
	carried sync.WaitGroup
}

// client is who sends datagrams from one address.
type client struct {
	*conn
	server *net.UDPConn
	idle   *time.Timer // ends it
}

// run carries datagrams until ctx ends, and returns when everything of it has ended.
func (r *relay) run(ctx context.Context) {
	defer r.carried.Wait()
	defer func() { _ = r.socket.Close() }()
	defer context.AfterFunc(ctx, func() { _ = r.socket.Close() })()
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := r.socket.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			pause(ctx, acceptPause) // what an earlier datagram met; were it the socket, it would spin
			continue
		}
		if c := r.client(ctx, from); c != nil {
			c.idle.Reset(r.cfg.IdleTime)
			r.offer(c.flows[up], buf[:n])
		}
	}
}

// client is the one of the address; nil where there are too many, or no socket could be had.
func (r *relay) client(ctx context.Context, from netip.AddrPort) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.clients[from]; c != nil {
		return c
	}
	if r.bounds.conns.Add(1) > int64(r.cfg.MaxConns) {
		r.bounds.conns.Add(-1)
		r.bounds.turned.Add(1)
		return nil
	}
	server, err := net.DialUDP("udp", nil, r.upstream)
	if err != nil {
		r.bounds.conns.Add(-1)
		r.bounds.failed.Add(1)
		return nil
	}
	r.nth++
	life, end := context.WithCancel(ctx)
	c := &client{conn: r.enter(r.nth, maxInPieces), server: server, idle: time.AfterFunc(r.cfg.IdleTime, end)}
	r.clients[from] = c
	r.carried.Go(func() {
		defer end()
		defer r.bounds.conns.Add(-1)
		defer r.leave(c.conn)
		r.carry(life, c, from)
		c.idle.Stop()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.clients, from)
	})
	return c
}

// offer puts a datagram into a flow, or drops and counts it where that is full.
func (r *relay) offer(f *flow, datagram []byte) {
	select {
	case f.in <- piece{bytes: slices.Clone(datagram)}:
	default:
		r.bounds.dropped.Add(1)
	}
}

// carry relays what one client says, and the replies to it, until ctx ends.
func (r *relay) carry(ctx context.Context, c *client, from netip.AddrPort) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		<-ctx.Done()
		return c.server.Close()
	})
	group.Go(func() error {
		buf := make([]byte, maxDatagram)
		for {
			n, err := c.server.Read(buf)
			switch {
			case ctx.Err() != nil, errors.Is(err, net.ErrClosed):
				return net.ErrClosed
			case err != nil: // nobody listens there now; somebody may later
				continue
			}
			c.idle.Reset(r.cfg.IdleTime)
			r.offer(c.flows[down], buf[:n])
		}
	})
	for way, to := range [2]sink{up: toServer{c.server}, down: toClient{r.socket, from}} {
		f := c.flows[way]
		group.Go(func() error { return f.run(ctx) })
		group.Go(func() error { return f.write(ctx, to) })
	}
	_ = group.Wait() // of any cause: it ends when it is told to
}

// A datagram that cannot be sent is lost, as datagrams are; and datagrams have no end.

type toServer struct{ *net.UDPConn }

func (s toServer) Write(datagram []byte) (int, error) {
	_, _ = s.UDPConn.Write(datagram)
	return len(datagram), nil
}

func (toServer) CloseWrite() error { return nil }

type toClient struct {
	*net.UDPConn
	to netip.AddrPort
}

func (c toClient) Write(datagram []byte) (int, error) {
	_, _ = c.WriteToUDPAddrPort(datagram, c.to)
	return len(datagram), nil
}

func (toClient) CloseWrite() error { return nil }
