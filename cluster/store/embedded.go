package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"fracture/clock"
)

// ErrEnded: the embedded store has ended, and what it held is gone; start the lab again.
var ErrEnded = errors.New("the embedded store has ended")

// expiryTick is how often the embedded store looks for keys whose time is over.
const expiryTick = 100 * time.Millisecond

// EmbeddedConfig is what an embedded store is told at its making. Zero fields take the defaults given with them.
type EmbeddedConfig struct {
	MaxConns        int           // connections at once; the next is told so and closed; 64
	MaxCommandBytes int           // size of one command; a longer one ends its connection; 64 MiB
	MaxReplyBytes   int           // replies that wait for a slow reader, beyond which its connection ends; 128 MiB
	Stall           time.Duration // how long one command or one reply may take on its way; 10 s
}

// Embedded is a store in this process that speaks as a Redis. It opens no port: this process reaches it by
// [Embedded.Client], others by a unix socket that [Listen] makes and [Embedded.Serve] serves. Its contents are gone when
// [Embedded.Run] returns.
//
// Between calls: no connection reaches miniredis but through a [guard], which is what makes it fit to be spoken to.
type Embedded struct {
	cfg     EmbeddedConfig
	redis   *miniredis.Miniredis
	server  *server.Server
	running chan struct{} // closed once Run runs

	mu     sync.Mutex // guards open and ended
	open   map[*guard]struct{}
	ended  bool
	guards sync.WaitGroup
}

// NewEmbedded makes an empty store; it answers while [Embedded.Run] runs.
func NewEmbedded(cfg EmbeddedConfig) *Embedded {
	fill(&cfg.MaxConns, 64)
	fill(&cfg.MaxCommandBytes, 64<<20)
	fill(&cfg.MaxReplyBytes, 128<<20)
	fill(&cfg.Stall, 10*time.Second)
	return &Embedded{cfg: cfg, redis: miniredis.NewMiniRedis(), running: make(chan struct{}), open: make(map[*guard]struct{})}
}

// Run keeps the store until ctx ends, then closes every connection. It is called once.
func (e *Embedded) Run(ctx context.Context) error {
	// Dial is the only way to a miniredis that listens nowhere; the connection itself is of no use.
	conn, err := e.redis.Dial()
	if err != nil {
		return fmt.Errorf("starting the embedded store: %w", err)
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("starting the embedded store: %w", err)
	}
	e.server = e.redis.Server()
	e.server.SetPreHook(refuseScripts)
	close(e.running)
	e.expire(ctx)
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.redis.Close()
	e.guards.Wait()
	return nil
}

// expire lets keys grow old until ctx ends.
func (e *Embedded) expire(ctx context.Context) {
	ticker := time.NewTicker(expiryTick)
	defer ticker.Stop()
	for last := clock.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := clock.Now()
			e.redis.FastForward(now.Sub(last))
			last = now
		}
	}
}

// refuseScripts keeps out the commands that could hold the store for ever: a script runs under its only lock.
func refuseScripts(c *server.Peer, cmd string, _ ...string) bool {
	switch cmd {
	case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "SCRIPT":
		c.WriteError("ERR scripts are not run by the embedded store; use a real Redis for them")
		return true
	}
	return false
}

// Client makes a client in this process. It waits for Run to begin where it has not.
func (e *Embedded) Client() *Client { return newPipeClient(e.dial, "embedded") }

func (e *Embedded) dial(ctx context.Context) (net.Conn, error) {
	select {
	case <-e.running:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the embedded store: %w", context.Cause(ctx))
	}
	near, far := net.Pipe()
	if err := e.admit(far); err != nil {
		return nil, errors.Join(err, near.Close(), far.Close())
	}
	return near, nil
}

// Serve lets others in through a listener of [Listen] until ctx ends, and closes it. It waits for Run to begin.
func (e *Embedded) Serve(ctx context.Context, listener net.Listener) error {
	defer func() { _ = listener.Close() }()
	select {
	case <-e.running:
	case <-ctx.Done():
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for pause := time.Duration(0); ; {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("serving the store on %s: %w", listener.Addr(), err)
		case err != nil: // out of descriptors, most likely: others may give some back
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			wait(ctx, pause)
		default:
			pause = 0
			if err := e.admit(conn); err != nil {
				turnAway(conn, err)
			}
		}
	}
}

// turnAway tells a client why it is not let in.
func turnAway(conn net.Conn, why error) {
	defer func() { _ = conn.Close() }()
	if conn.SetWriteDeadline(time.Now().Add(lastWords)) == nil {
		_, _ = fmt.Fprintf(conn, "-ERR %v\r\n", why)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// errManyConns: the store has as many connections as its bound allows.
var errManyConns = errors.New("max number of clients reached")

// admit hands a connection to miniredis behind a guard, which owns it from then on.
func (e *Embedded) admit(conn net.Conn) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return ErrEnded
	}
	if len(e.open) >= e.cfg.MaxConns {
		return errManyConns
	}
	g := newGuard(conn, e.cfg)
	e.open[g] = struct{}{}
	e.guards.Go(func() {
		g.drain()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.open, g)
	})
	e.server.ServeConn(g)
	return nil
}
