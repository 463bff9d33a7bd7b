package toxiproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fracture/httpd"
)

// Spoken is the version of Toxiproxy whose API the server speaks, and which it says is its own.
const Spoken = "2.7.0"

var (
	// ErrInUse: another process has the port; end it, or choose another address. A toxiproxy-server has it by default.
	ErrInUse = errors.New("the address of Toxiproxy's API is in use, end who has it or choose another")
	// ErrExposed: the address can be reached from other hosts; choose a loopback address, or allow it with Expose.
	ErrExposed = errors.New("the API of Toxiproxy would be open to other hosts")
)

// Config is what a server is told at its making. Zero fields take the defaults given with them.
type Config struct {
	Address string  // host:port of the API; 127.0.0.1:8474
	Expose  bool    // allows addresses that other hosts reach, for the API and for proxies, and any Host header
	Seed    uint64  // decides which connections have a toxic, and what its luck is; any
	Proxies []Proxy // that are there when it begins; none
	Links   Links   // of a cluster, shown as proxies; none

	MaxProxies int           // at once, without links; 256
	MaxToxics  int           // at one proxy; 32
	MaxConns   int           // through all proxies at once, clients of datagrams too; the next is closed; 1024
	MaxCalls   int           // connections to the API at once; the next is closed; 64
	MaxBody    int64         // bytes of a request; 1 MiB
	DialTime   time.Duration // for an upstream to answer; 10 s
	IdleTime   time.Duration // of silence after which a client of datagrams is forgotten; 1 min
	HeaderTime time.Duration // for a request's header to arrive; 2 s
	BodyTime   time.Duration // for header and body to arrive; 10 s
	WriteTime  time.Duration // for a reply to be read by who asked; 30 s
	DrainTime  time.Duration // for requests under way when the server ends; 1 s
}

// fill sets a field to its default where it is unset.
func fill[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

func (c Config) filled() Config {
	fill(&c.Address, "127.0.0.1:8474")
	fill(&c.MaxProxies, 256)
	fill(&c.MaxToxics, 32)
	fill(&c.MaxConns, 1024)
	fill(&c.MaxCalls, 64)
	fill(&c.MaxBody, 1<<20)
	fill(&c.DialTime, 10*time.Second)
	fill(&c.IdleTime, time.Minute)
	fill(&c.HeaderTime, 2*time.Second)
	fill(&c.BodyTime, 10*time.Second)
	fill(&c.WriteTime, 30*time.Second)
	fill(&c.DrainTime, time.Second)
	return c
}

// Counters say what came to a server.
type Counters struct {
	Turned  uint64 // connections closed because there were MaxConns
	Failed  uint64 // connections closed because the upstream did not answer
	Dropped uint64 // datagrams dropped because they came faster than they went
	Foreign uint64 // requests refused because a page of another site may have sent them
}

// Server is Toxiproxy's API, and the proxies that it drives.
type Server struct {
	cfg      Config
	listener net.Listener // once Listen or Run was called
	bounds   bounds
	foreign  atomic.Uint64

	mu      sync.Mutex      // guards what follows
	life    context.Context // of the proxies
	halt    context.CancelFunc
	proxies map[string]*proxy
	linked  map[string]*linked // those that were ever asked for something, too
}

// New makes a server. It starts nothing.
func New(cfg Config) *Server {
	return &Server{cfg: cfg.filled(), proxies: map[string]*proxy{}, linked: map[string]*linked{}}
}

// Counters reports what came to the server.
func (s *Server) Counters() Counters {
	return Counters{
		Turned: s.bounds.turned.Load(), Failed: s.bounds.failed.Load(),
		Dropped: s.bounds.dropped.Load(), Foreign: s.foreign.Load(),
	}
}

// Listen takes the API's address before anything else is started, and answers which it is: a port of 0 becomes a free
// one. The error is [ErrExposed], [ErrInUse] or the system's. [Server.Run] must follow, which closes what Listen opened.
func (s *Server) Listen(ctx context.Context) (net.Addr, error) {
	address, err := s.cfg.allowed(s.cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is no loopback address", ErrExposed, s.cfg.Address)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, address)
	}
	if err != nil {
		return nil, fmt.Errorf("opening Toxiproxy's API: %w", err)
	}
	s.listener = listener
	return listener.Addr(), nil
}

// Run starts the configured proxies and serves until ctx ends. It listens where Listen did not. When it returns all
// proxies are closed, and links that suffered something are healed.
func (s *Server) Run(ctx context.Context) (err error) {
	if s.listener == nil {
		if _, err := s.Listen(ctx); err != nil {
			return err
		}
	}
	defer func() { _ = s.listener.Close() }()
	defer func() { err = errors.Join(err, s.end(context.WithoutCancel(ctx))) }()
	s.mu.Lock()
	s.life, s.halt = context.WithCancel(context.WithoutCancel(ctx)) // proxies end after the API
	there, populated := s.populate(s.cfg.Proxies)
	s.mu.Unlock()
	if populated != nil {
		return fmt.Errorf("starting the proxy %s: %w", s.cfg.Proxies[len(there)].Name, populated)
	}
	server := httpd.New(httpd.Config{
		Handler: s.routes(), MaxConns: s.cfg.MaxCalls, MaxHeader: 8 << 10, HeaderTime: s.cfg.HeaderTime, BodyTime: s.cfg.BodyTime,
		WriteTime: s.cfg.BodyTime + s.cfg.WriteTime, IdleTime: s.cfg.WriteTime, DrainTime: s.cfg.DrainTime,
	})
	if err := server.Run(ctx, s.listener); err != nil {
		return fmt.Errorf("serving Toxiproxy's API: %w", err)
	}
	return nil
}

// end closes every proxy, and heals every link.
func (s *Server) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DrainTime)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt() // who is late with a request starts nothing any more
	for _, p := range s.proxies {
		p.stop()
	}
	return s.heal(ctx)
}
