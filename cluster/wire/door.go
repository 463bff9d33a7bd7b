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

	"google.golang.org/grpc/credentials"
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
	// greetingBytes is how much is read of a peer before it has shown its certificate. A handshake takes under 2 KiB.
	greetingBytes = 16 << 10
)

var (
	// errStranger: the peer is not who it should be.
	errStranger = errors.New("a stranger")
	// errTalkative: the peer said too much before it was authenticated.
	errTalkative = errors.New("too many bytes before authentication")
)

// gate is a connection that reads a bounded number of bytes until it is opened.
type gate struct {
	net.Conn
	raw  io.ReadWriter // reads and writes Conn
	left atomic.Int64  // bytes that may still be read; negative once the gate is open
	end  func()        // called once, when the connection is closed or reading it fails
	once sync.Once
}

func newGate(c net.Conn, end func()) *gate {
	g := &gate{Conn: c, raw: c, end: end}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := newRawConn(s); err == nil {
			g.raw = raw
		}
	}
	g.left.Store(greetingBytes)
	return g
}

func (g *gate) open() { g.left.Store(-1) }

// Read reads no more than the gate lets through.
func (g *gate) Read(b []byte) (int, error) {
	left := g.left.Load()
	if left < 0 {
		n, err := g.raw.Read(b)
		if err != nil {
			g.once.Do(g.end)
		}
		return n, err
	}
	if left == 0 {
		return 0, errTalkative
	}
	n, err := g.raw.Read(b[:min(int64(len(b)), left)])
	g.left.CompareAndSwap(left, left-int64(n))
	return n, err
}

// Write writes as Conn does.
func (g *gate) Write(b []byte) (int, error) { return g.raw.Write(b) }

// Close closes the connection.
func (g *gate) Close() error {
	g.once.Do(g.end)
	return g.Conn.Close()
}

// hall is a listener that turns away connections beyond [MaxConnections].
type hall struct {
	net.Listener
	inside    atomic.Int64
	strangers *atomic.Uint64
}

// Accept waits for a connection that there is room for.
func (h *hall) Accept() (net.Conn, error) {
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

// admission is what authentication found out: the name in the peer's certificate, and the connection below TLS, whose
// closing ends a link at once whatever the peer does.
type admission struct {
	credentials.TLSInfo
	name string
	raw  net.Conn
}

// doorman authenticates both sides of a connection, and counts who he turns away.
type doorman struct {
	credentials.TransportCredentials
	greeting  *atomic.Int64 // connections that are not authenticated yet
	strangers *atomic.Uint64
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

// ServerHandshake lets a member in.
func (d *doorman) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	defer d.greeting.Add(-1)
	if d.greeting.Add(1) > maxHandshakes {
		d.strangers.Add(1)
		_ = raw.Close()
		return nil, nil, fmt.Errorf("%w: %d connections are unauthenticated already", errStranger, maxHandshakes)
	}
	conn, info, err := d.TransportCredentials.ServerHandshake(raw)
	return d.judge(raw, conn, info, err)
}

// ClientHandshake makes sure that the process that answers is the one it should be.
func (d *doorman) ClientHandshake(
	ctx context.Context, authority string, raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := d.TransportCredentials.ClientHandshake(ctx, authority, raw)
	return d.judge(raw, conn, info, err)
}

// Clone copies the doorman; the counters stay shared.
func (d *doorman) Clone() credentials.TransportCredentials {
	return &doorman{d.TransportCredentials.Clone(), d.greeting, d.strangers}
}

// judge admits whoever has shaken hands. Who has not is turned away, and is a stranger unless it only went away.
func (d *doorman) judge(raw, conn net.Conn, info credentials.AuthInfo, err error) (net.Conn, credentials.AuthInfo, error) {
	if err != nil {
		if !vanished(err) {
			d.strangers.Add(1)
		}
		_ = raw.Close()
		return nil, nil, err
	}
	if g, ok := raw.(*gate); ok {
		g.open()
	}
	t := info.(credentials.TLSInfo)
	return conn, admission{TLSInfo: t, name: t.State.PeerCertificates[0].Subject.CommonName, raw: raw}, nil
}

// vanished reports whether a handshake ended because the peer went away, or because we did, which says nothing about
// who it was.
func vanished(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled)
}
