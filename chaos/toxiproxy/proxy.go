package toxiproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is what a proxy is told, and what it says of itself.
type Proxy struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`   // host:port; behind udp: for datagrams; a port of 0 becomes a free one
	Upstream string `json:"upstream"` // host:port
	Enabled  bool   `json:"enabled"`
}

// udpPrefix is how the address of a proxy of datagrams begins.
const udpPrefix = "udp:"

// carries is what the proxy lets through.
func (p Proxy) carries() carrier {
	if strings.HasPrefix(p.Listen, udpPrefix) {
		return datagrams
	}
	return bytesOf
}

// proxy is a proxy that this server runs. Its owner has the server's lock for all but carrying.
type proxy struct {
	Proxy
	cfg    Config
	bounds *bounds

	halt    context.CancelFunc // of what runs; nil where nothing does
	running sync.WaitGroup

	nth uint64 // connections so far; of the goroutine that accepts
	ids uint64 // toxics so far

	mu     sync.Mutex // guards toxics and conns
	toxics [2][]live  // by way
	conns  map[*conn]struct{}
}

// bounds counts what all proxies of a server share.
type bounds struct {
	conns   atomic.Int64
	turned  atomic.Uint64 // connections refused because there were MaxConns
	dropped atomic.Uint64 // datagrams dropped because a client's flow was full
	failed  atomic.Uint64 // connections closed because the upstream did not answer
}

func newProxy(p Proxy, cfg Config, b *bounds) *proxy {
	p.Enabled = false
	return &proxy{Proxy: p, cfg: cfg, bounds: b, conns: map[*conn]struct{}{}}
}

// start listens, and then carries until stop. The address becomes the actual one.
func (p *proxy) start(ctx context.Context) error {
	if p.Enabled {
		return nil
	}
	if ctx.Err() != nil {
		return errEnding
	}
	address, err := p.cfg.allowed(strings.TrimPrefix(p.Listen, udpPrefix))
	if err != nil {
		return err
	}
	var serve func(ctx context.Context)
	var opened net.Addr
	var prefix string
	if p.carries() == datagrams {
		upstream, err := net.ResolveUDPAddr("udp", strings.TrimPrefix(p.Upstream, udpPrefix))
		if err != nil {
			return err
		}
		socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
		if err != nil {
			return err
		}
		prefix, opened = udpPrefix, socket.LocalAddr()
		r := &relay{proxy: p, socket: socket.(*net.UDPConn), upstream: upstream, clients: map[netip.AddrPort]*client{}}
		serve = r.run
	} else {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return err
		}
		opened = listener.Addr()
		upstream := p.Upstream
		serve = func(ctx context.Context) { p.accept(ctx, listener, upstream) }
	}
	p.Listen, p.Enabled = prefix+opened.String(), true
	life, halt := context.WithCancel(ctx)
	p.halt = halt
	p.running.Go(func() { serve(life) })
	return nil
}

// stop closes the listener and all connections, and returns when nothing of the proxy runs.
func (p *proxy) stop() {
	if p.Enabled {
		p.Enabled = false
		p.halt()
		p.running.Wait()
	}
}

// update makes the proxy what is told, apart from the name. Where an address is another one all connections close.
func (p *proxy) update(ctx context.Context, told Proxy) error {
	if !p.cfg.same(p.Listen, told.Listen) || p.Upstream != told.Upstream {
		p.stop()
		p.Listen, p.Upstream = told.Listen, told.Upstream
	}
	if told.Enabled {
		return p.start(ctx)
	}
	p.stop()
	return nil
}

// same reports whether two addresses to listen at are one: localhost:80 is 127.0.0.1:80, and :80 what it becomes. A port of
// 0 is another one each time.
func (c Config) same(a, b string) bool {
	return a == b || c.canonical(a) != "" && c.canonical(a) == c.canonical(b)
}

// canonical is an address with its host as listening tells it; empty where it has none, or a port of 0.
func (c Config) canonical(address string) string {
	bare, isUDP := strings.CutPrefix(address, udpPrefix)
	host, port, ok := split(bare)
	switch {
	case !ok || port == "0":
		return ""
	case host == "" && c.Expose:
		host = "::"
	case host == "" || host == "localhost":
		host = "127.0.0.1"
	}
	if isUDP {
		return udpPrefix + net.JoinHostPort(host, port)
	}
	return net.JoinHostPort(host, port)
}

// split takes an address apart, if it is one.
func split(address string) (host, port string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	return host, port, err == nil
}

// accept takes connections until ctx ends, and returns when all have ended.
func (p *proxy) accept(ctx context.Context, listener net.Listener, upstream string) {
	var carried sync.WaitGroup
	defer carried.Wait()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		client, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = client.Close()
			}
			_ = listener.Close()
			return
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no more files, say: others will end
			pause(ctx, acceptPause)
			continue
		case p.bounds.conns.Add(1) > int64(p.cfg.MaxConns):
			p.bounds.conns.Add(-1)
			p.bounds.turned.Add(1)
			_ = client.Close()
			continue
		}
		p.nth++
		nth := p.nth
		carried.Go(func() {
			defer p.bounds.conns.Add(-1)
			p.dial(ctx, nth, client.(*net.TCPConn), upstream)
		})
	}
}

// acceptPause is how long a proxy that could not accept waits before it tries again.
const acceptPause = 10 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// dial finds the other side of connection number nth and carries it.
func (p *proxy) dial(ctx context.Context, nth uint64, client *net.TCPConn, upstream string) {
	server, err := (&net.Dialer{Timeout: p.cfg.DialTime}).DialContext(ctx, "tcp", upstream)
	if err != nil {
		p.bounds.failed.Add(1)
		_ = client.Close()
		return
	}
	c := p.enter(nth, 0)
	defer p.leave(c)
	c.carry(ctx, client, server.(*net.TCPConn))
}

// enter makes a connection under the toxics of this moment, and one that hears of their changes: it must be carried.
func (p *proxy) enter(nth uint64, room int) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &conn{nth: nth}
	for way := range c.flows {
		c.flows[way] = newFlow(p.staged(way, c.nth, time.Now(), nil), room)
	}
	p.conns[c] = struct{}{}
	return c
}

func (p *proxy) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// staged are the stages of the toxics of one way: those of old whose toxics are still there, told anew, and new ones.
func (p *proxy) staged(way int, nth uint64, now time.Time, old []*stage) []*stage {
	var stages []*stage
	for _, t := range p.toxics[way] {
		at := slices.IndexFunc(old, func(s *stage) bool { return s.id == t.id })
		if at < 0 {
			stages = append(stages, newStage(p.cfg.Seed, p.Name, t, nth, p.carries() == datagrams, now))
			continue
		}
		if old[at].Toxic != t.Toxic {
			old[at].tell(t.Toxic, now)
		}
		stages = append(stages, old[at])
	}
	return stages
}

// retox changes the toxics of one way, and returns when every connection has changed.
func (p *proxy) retox(way way, toxics []live) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toxics[way] = toxics
	for c := range p.conns {
		c.flows[way].change(func(now time.Time, old []*stage) []*stage { return p.staged(int(way), c.nth, now, old) })
	}
}

// all are the toxics, those upstream first.
func (p *proxy) all() []Toxic {
	toxics := []Toxic{}
	for _, of := range p.toxics {
		for _, t := range of {
			toxics = append(toxics, t.Toxic)
		}
	}
	return toxics
}

// set puts a toxic in: in the place of the one of its name, or behind all others.
func (p *proxy) set(_ context.Context, t Toxic) error {
	w := wayOf(t.Stream)
	toxics := slices.Clone(p.toxics[w])
	if at := slices.IndexFunc(toxics, func(l live) bool { return l.Name == t.Name }); at >= 0 {
		toxics[at].Toxic = t
	} else {
		p.ids++
		toxics = append(toxics, live{Toxic: t, id: p.ids, calls: &atomic.Uint64{}})
	}
	p.retox(w, toxics)
	return nil
}

// unset takes a toxic out.
func (p *proxy) unset(_ context.Context, t Toxic) error {
	w := wayOf(t.Stream)
	p.retox(w, slices.DeleteFunc(slices.Clone(p.toxics[w]), func(l live) bool { return l.Name == t.Name }))
	return nil
}

// restore starts the proxy where it is not enabled, and takes all toxics out.
func (p *proxy) restore(ctx context.Context) error {
	if err := p.start(ctx); err != nil {
		return err
	}
	for w := range p.toxics {
		if len(p.toxics[w]) > 0 {
			p.retox(way(w), nil)
		}
	}
	return nil
}

func (p *proxy) show() Proxy { return p.Proxy }

// allowed is the address to listen at: an empty host is loopback, unless Expose is set. The error is errExposed.
func (c Config) allowed(address string) (string, error) {
	if c.Expose {
		return address, nil
	}
	if address == "" {
		return "127.0.0.1:0", nil
	}
	host, port, ok := split(address)
	ip := net.ParseIP(host)
	switch {
	case ok && host == "":
		return net.JoinHostPort("127.0.0.1", port), nil
	case !ok, host == "localhost", ip != nil && ip.IsLoopback(): // what is no address, listening says
		return address, nil
	}
	return "", fmt.Errorf("%w: %s", errExposed, address)
}
