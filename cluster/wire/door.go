package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// serverName stands in every certificate of every cluster, so that TLS can check what it always checks. Who a process is
// says the certificate's common name; which cluster it is of, the authority.
const serverName = "fracture"

// Bounds of what strangers may cost.
const (
	// MaxConnections is how many connections are accepted at once, members' and strangers' together.
	MaxConnections = 256
	// maxHandshakes is how many of them may be unauthenticated.
	maxHandshakes = 32
	// unreadBytes is how much the kernel keeps of what a peer has not read, at either end; Linux takes twice as much. Left to
	// itself it grows to megabytes while a peer is frozen, and who thaws reads all of it before anything new.
	unreadBytes = 256 << 10
	// greetingBytes is how much is read of a peer before it has shown its certificate. A handshake takes under 2 KiB.
	greetingBytes = 16 << 10
)

var (
	// errStranger: the peer is not who it should be.
	errStranger = errors.New("a stranger")
	// errTalkative: the peer said too much before it was authenticated.
	errTalkative = errors.New("too many bytes before authentication")
)

// gate is a connection that reads a bounded number of bytes until it is opened. It is read and written through the door for
// faults, which stand there once a link is carried on it.
type gate struct {
	net.Conn
	raw    io.ReadWriter // reads and writes Conn
	left   atomic.Int64  // bytes that may still be read; negative once the gate is open
	strait atomic.Pointer[strait]
	end    func() // called once, when the connection is closed
	once   sync.Once
	closed chan struct{} // then
}

func newGate(c net.Conn, end func()) *gate {
	if tcp, ok := c.(*net.TCPConn); ok { // a refusal leaves what the system takes for good
		_ = tcp.SetReadBuffer(unreadBytes)
		_ = tcp.SetWriteBuffer(unreadBytes)
	}
	g := &gate{Conn: c, raw: c, end: end, closed: make(chan struct{})}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := newRawConn(s); err == nil {
			g.raw = raw
		}
	}
	g.left.Store(greetingBytes)
	return g
}

func (g *gate) open() { g.left.Store(-1) }

// read reads no more than the gate lets through.
func (g *gate) read(b []byte) (int, error) {
	left := g.left.Load()
	if left < 0 {
		return g.raw.Read(b)
	}
	if left == 0 {
		return 0, errTalkative
	}
	n, err := g.raw.Read(b[:min(int64(len(b)), left)])
	g.left.CompareAndSwap(left, left-int64(n))
	return n, err
}

// close closes the connection at once.
func (g *gate) close() error {
	g.once.Do(func() {
		close(g.closed)
		g.end()
	})
	return g.Conn.Close()
}

// reset closes the connection at once and has the kernel tell the peer by a reset, which loses what is under way.
func (g *gate) reset() {
	if tcp, ok := g.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a refusal leaves a link that ends in the usual way
	}
	_ = g.close()
}

// hall is where calls come in. It turns away connections beyond [MaxConnections].
type hall struct {
	net.Listener
	inside    atomic.Int64
	strangers *atomic.Uint64
}

// Accept waits for a connection that there is room for.
func (h *hall) Accept() (*gate, error) {
	for {
		c, err := h.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if h.inside.Add(1) > MaxConnections {
			h.inside.Add(-1)
			h.strangers.Add(1)
			_ = c.Close()
			continue
		}
		return newGate(c, func() { h.inside.Add(-1) }), nil
	}
}

// tlsConfig trusts the cluster's authority and nobody else.
func tlsConfig(c *Credentials, cert tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.authority)
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{cert},
		RootCAs:                pool,
		ClientCAs:              pool,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ServerName:             serverName,
		SessionTicketsDisabled: true,
		// Each record is a system call: a tile's result is to go in one, also while the connection is young.
		DynamicRecordSizingDisabled: true,
	}
}

// expect returns config for a connection to the process called name.
func expect(config *tls.Config, name string) *tls.Config {
	config = config.Clone()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if got := s.PeerCertificates[0].Subject.CommonName; got != name {
			return fmt.Errorf("%w: it is certified as %q, not as %q", errStranger, got, name)
		}
		return nil
	}
	return config
}

// letIn authenticates a process that called, unless too many are being authenticated already. Who does not shake hands is a
// stranger, unless it only went away.
func (l *Links) letIn(ctx context.Context, g *gate) (*conn, bool) {
	defer l.greeting.Add(-1)
	if l.greeting.Add(1) > maxHandshakes {
		l.count.strangers.Add(1)
		return nil, false
	}
	c, err := admit(ctx, g, tls.Server(g, l.tls))
	if err != nil && !vanished(err) {
		l.count.strangers.Add(1)
	}
	return c, err == nil
}

// admit admits whoever shakes hands over g, and hangs up on who does not.
func admit(ctx context.Context, g *gate, shaking *tls.Conn) (*conn, error) {
	if err := shaking.HandshakeContext(ctx); err != nil {
		_ = g.Close()
		return nil, err
	}
	g.open()
	return &conn{tls: shaking, gate: g, name: shaking.ConnectionState().PeerCertificates[0].Subject.CommonName}, nil
}

// vanished reports whether a handshake ended because the peer went away, or because we did, which says nothing about
// who it was.
func vanished(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled)
}
