package front

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listen takes the addresses before anything else is started, and answers which its own is: a port of 0 becomes a free
// one. The error is [ErrExposed], [ErrInUse] or the system's. [Server.Run] must follow, which closes what Listen opened.
func (s *Server) Listen(ctx context.Context) (net.Addr, error) {
	own, err := s.listen(ctx, &net.ListenConfig{}, s.cfg.Address)
	if err != nil {
		return nil, err
	}
	if s.cfg.Shared != "" {
		if s.shared, err = s.listen(ctx, &net.ListenConfig{Control: share}, s.cfg.Shared); err != nil {
			_ = own.Close()
			return nil, err
		}
	}
	s.listener = own
	return own.Addr(), nil
}

func (s *Server) listen(ctx context.Context, cfg *net.ListenConfig, address string) (net.Listener, error) {
	listener, err := cfg.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, address)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the front door: %w", err)
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !s.cfg.Remote && !(ok && addr.IP.IsLoopback()) {
		_ = listener.Close()
		return nil, fmt.Errorf("%w: %s is no loopback address", ErrExposed, address)
	}
	return listener, nil
}

// share lets other sockets of this user listen at the same address. The kernel refuses those of another user, and anybody
// who does not ask for it.
func share(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	return errors.Join(err, failed)
}

// Claim keeps a shared address for the doors that will listen there, until it is closed: also while none of them lives,
// nobody else gets it. It listens to nothing itself. The error is [ErrInUse] where anybody has the address, doors of
// another cluster too, which the kernel would let share it.
func Claim(address string) (*Claimed, error) {
	probe, err := net.Listen("tcp", address) // not shared: refused where anybody is
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, address)
	}
	if err != nil {
		return nil, fmt.Errorf("claiming the front door's address: %w", err)
	}
	addr := probe.Addr().(*net.TCPAddr).AddrPort() // what listening to "tcp" answers
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("claiming the front door's address: %w", err)
	}
	family, sockaddr := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()})
	if addr.Addr().Is4() {
		family, sockaddr = unix.AF_INET, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("claiming the front door's address: %w", err)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) // and no SO_REUSEADDR: that would let others listen
	if err == nil {
		err = unix.Bind(fd, sockaddr)
	}
	if errors.Is(err, unix.EADDRINUSE) {
		// Nobody listened a moment ago: what is left are connections of somebody who did, for a minute. They hinder a claim,
		// and no door.
		_ = unix.Close(fd)
		return &Claimed{Address: addr.String(), fd: -1}, nil
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("claiming the front door's address: %w", err)
	}
	return &Claimed{Address: addr.String(), fd: fd}, nil
}

// Claimed is an address that is kept for doors that share it.
type Claimed struct {
	Address string // with the port that a port of 0 became
	fd      int    // -1 where nothing holds it
}

// Close lets the address go; doors that listen there go on.
func (c *Claimed) Close() error {
	if c.fd < 0 {
		return nil
	}
	fd := c.fd
	c.fd = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("letting the front door's address go: %w", err)
	}
	return nil
}
