package store

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// connect is how a client reaches its store: by dial, and then by a connection that faults may stand on. It counts, so that
// who writes learns that the store it speaks to may be another one than before.
func (c *Client) connect(dial redisDialer) redisDialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if p := c.faults.Load(); p != nil {
			if err := p.connect(ctx); err != nil {
				return nil, err
			}
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c.dials.Add(1)
		t := &tap{Conn: conn, client: c, closed: make(chan struct{})}
		c.mu.Lock()
		c.taps[t] = struct{}{}
		c.mu.Unlock()
		if raw, ok := conn.(syscall.Conn); ok {
			return rawTap{t, raw}, nil
		}
		return t, nil
	}
}

// redisDialer is how go-redis wants to be told to connect.
type redisDialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialerOf is go-redis's own, for where the caller has none.
func dialerOf(opts *redis.UniversalOptions) redisDialer {
	if opts.Dialer != nil {
		return opts.Dialer
	}
	return redis.NewDialer(&redis.Options{DialTimeout: opts.DialTimeout, TLSConfig: opts.TLSConfig})
}

// breakAll breaks the connections that stand.
func (c *Client) breakAll() {
	c.mu.Lock()
	var standing []*tap
	for t := range c.taps {
		standing = append(standing, t)
	}
	c.mu.Unlock()
	for _, t := range standing {
		_ = t.Close()
	}
}

// hurry ends, at an instant, what is under way on the connections that stand, where it would last longer: go-redis looks at
// the deadline of a context, not at its end. What begins later has its own deadlines.
func (c *Client) hurry(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.taps {
		t.mu.Lock()
		if t.readBy.After(by) {
			_ = t.Conn.SetReadDeadline(by) // a connection that takes no deadline is gone
		}
		if t.writeBy.After(by) {
			_ = t.Conn.SetWriteDeadline(by)
		}
		t.mu.Unlock()
	}
}

// tap is a connection to the store that knows where a command ends and its reply begins: a client speaks in turns.
type tap struct {
	net.Conn
	client *Client
	once   sync.Once
	closed chan struct{}

	mu      sync.Mutex // guards both
	readBy  time.Time
	writeBy time.Time

	// Below: of who speaks.
	speaking bool // a command is being sent: nothing was read since
	exchange exchange
	touched  bool // faults have made something of it
}

// Write implements net.Conn.
func (t *tap) Write(part []byte) (int, error) {
	first := !t.speaking
	t.speaking = true
	if p := t.client.faults.Load(); p != nil {
		t.touched = true
		return t.writeFaulty(p, part, first)
	}
	if t.touched && !t.begin(first) {
		return len(part), nil // healed in the middle of a command that goes nowhere
	}
	return t.Conn.Write(part)
}

// begin forgets what faults made of the last command, and reports whether what is sent goes anywhere.
func (t *tap) begin(first bool) bool {
	if first {
		t.exchange, t.touched = exchange{}, false
	}
	return !t.exchange.denied
}

// Read implements net.Conn.
func (t *tap) Read(buf []byte) (int, error) {
	t.speaking = false
	if p := t.client.faults.Load(); p != nil || t.touched && t.exchange.reply != nil {
		return t.readFaulty(p, buf)
	}
	return t.Conn.Read(buf)
}

// Close implements net.Conn.
func (t *tap) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.client.mu.Lock()
		delete(t.client.taps, t)
		t.client.mu.Unlock()
	})
	return t.Conn.Close()
}

// SetDeadline implements net.Conn.
func (t *tap) SetDeadline(by time.Time) error {
	t.keep(by, &t.readBy, &t.writeBy)
	return t.Conn.SetDeadline(by)
}

// SetReadDeadline implements net.Conn.
func (t *tap) SetReadDeadline(by time.Time) error {
	t.keep(by, &t.readBy)
	return t.Conn.SetReadDeadline(by)
}

// SetWriteDeadline implements net.Conn.
func (t *tap) SetWriteDeadline(by time.Time) error {
	t.keep(by, &t.writeBy)
	return t.Conn.SetWriteDeadline(by)
}

func (t *tap) keep(by time.Time, deadlines ...*time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range deadlines {
		*d = by
	}
}

// rawTap is a tap whose socket go-redis may look at, to see whether the store has hung up, before it uses it again.
type rawTap struct {
	*tap
	raw syscall.Conn
}

// SyscallConn implements syscall.Conn.
func (t rawTap) SyscallConn() (syscall.RawConn, error) { return t.raw.SyscallConn() }
