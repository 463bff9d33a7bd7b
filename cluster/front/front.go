// Package front is the front door: HTTP on each node, by which a picture is asked for.
//
//	curl -H "Host: demo.edgeless-project.eu" http://127.0.0.1:7035/calc_fractal -d 1000,800,-1.2,0.35,-1.0,0.2
//
// A request becomes a stream of one frame and is answered when the cluster holds it. The grammar, the replies and the
// rule of hosts are the original's (E-005 to E-007, E-012), so what spoke to it speaks to this. Who accepts image/png has
// the picture in the reply. The package does not compute and does not store; it gives the stream to a [Cluster].
//
// Beside its own address a door may listen at one that the doors of a host's nodes share: the kernel gives each new
// connection to one of those that live. Who lost its node repeats the request under the same [KeyHeader], and it is one.
//
// It listens on loopback unless told otherwise, and a page of a foreign site cannot drive it. Everything is bounded:
// connections, requests, headers, bodies, and how long each may take.
package front

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fracture/cluster/failover"
	"fracture/httpd"
	"fracture/render"
	"fracture/work"
)

// Cluster is what the front door needs of the node behind it.
type Cluster interface {
	// Request submits a stream of one frame. It returns once the submit is acknowledged: from then on the stream is
	// computed and stored whatever becomes of ctx or of this node. The first result of each tile comes on the channel,
	// in any order; the channel has room for all of them and is closed after the last, or when ctx ends, which ends no
	// more than the watching. A payload may be read by others too.
	//
	// A stream whose id says that it is keyed ([IsKeyed]) may be asked for several times, here and elsewhere, and is one.
	//
	// The error is a [Refusal] when the cluster says no, store.ErrFull when too many pictures wait for the store,
	// [ErrKeyReused], [ErrEnded], or ctx's when it ended before the acknowledgement; then nothing was promised.
	Request(ctx context.Context, stream work.Stream) (<-chan Result, error)
}

// Result is the output of one tile's task.
type Result struct {
	Tile    uint32
	Failed  bool // the function answered with an error, whose text is Payload
	Payload []byte
}

// Refusal is the error of a submit that was refused; Have and Need say by how much where Reason counts something.
type Refusal struct {
	Reason     failover.Reason
	Have, Need uint32
}

// Error says why, with both figures where there are any.
func (r Refusal) Error() string {
	if r.Have == 0 && r.Need == 0 {
		return r.Reason.String()
	}
	return fmt.Sprintf("%v: have %d, need %d", r.Reason, r.Have, r.Need)
}

var (
	// ErrExposed: the address can be reached from other hosts; choose a loopback address, or allow it with Remote.
	ErrExposed = errors.New("the front door would be open to other hosts")
	// ErrInUse: another process has the port; end it, or choose another address.
	ErrInUse = errors.New("the front door's address is in use, choose another")
	// ErrEnded: this node is at its end; ask another one, or again.
	ErrEnded = errors.New("this node is ending; ask again, another one will answer")
)

// Config is what a front door is told at its making. Zero fields take the defaults given with them.
type Config struct {
	Address string // host:port to listen at; 127.0.0.1:7035
	Shared  string // host:port to listen at together with other doors of this host and user; none
	Remote  bool   // allows addresses that other hosts reach
	Host    string // the only value of the Host header that is served; demo.edgeless-project.eu
	Name    string // of the node, told in every reply by [NodeHeader]; none
	AnyHost bool   // serves every Host header; then a foreign page whose name is made to point here may drive it

	Strategy work.Strategy // of a request that names none; standby
	Factor   uint8         // copies of each task of a request that asks for none; 2, and 1 for a strategy without standbys
	Palette  string        // of a picture in a reply; the first of render.PaletteNames

	MaxConns    int           // connections at once; the next is closed; 128
	MaxRequests int           // requests at once; the next is told 503; 16
	MaxPictures int           // of these, pictures coloured and encoded at once; others wait their turn; 1
	MaxHeader   int           // bytes of a request's header, net/http adding some of its own; 8 KiB
	HeaderTime  time.Duration // for the header to arrive; 2 s
	BodyTime    time.Duration // for header and body to arrive; 5 s
	SubmitTime  time.Duration // for the cluster to acknowledge; 5 s
	PictureTime time.Duration // for a picture in a reply to be computed; 60 s
	WriteTime   time.Duration // for a reply to be read by who asked; 30 s
	IdleTime    time.Duration // for the next request on a connection; 30 s
	DrainTime   time.Duration // for requests under way when the door closes, those answered already (async) too; 2 s
}

// fill sets a field to its default where it is unset.
func fill[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

func (c Config) filled() Config {
	fill(&c.Address, "127.0.0.1:7035")
	fill(&c.Host, "demo.edgeless-project.eu")
	fill(&c.Strategy, work.Standby)
	fill(&c.Palette, render.PaletteNames[0])
	fill(&c.MaxConns, 128)
	fill(&c.MaxRequests, 16)
	fill(&c.MaxPictures, 1)
	fill(&c.MaxHeader, 8<<10)
	fill(&c.HeaderTime, 2*time.Second)
	fill(&c.BodyTime, 5*time.Second)
	fill(&c.SubmitTime, 5*time.Second)
	fill(&c.PictureTime, time.Minute)
	fill(&c.WriteTime, 30*time.Second)
	fill(&c.IdleTime, 30*time.Second)
	fill(&c.DrainTime, 2*time.Second)
	return c
}

// Counters say what came to the door.
type Counters struct {
	Accepted uint64 // acknowledged by the cluster
	Bad      uint64 // not understood: 4xx
	Foreign  uint64 // sent by a page of another site: 403
	Refused  uint64 // 503: by the cluster, the store or a bound of the door's own
	Broken   uint64 // accepted, and the picture did not come: 5xx
	Turned   uint64 // connections closed because there were MaxConns
}

// Server is a front door.
type Server struct {
	cfg     Config
	cluster Cluster
	palette *render.Palette

	listener net.Listener  // once Listen or Run was called
	shared   net.Listener  // likewise; nil where nothing is shared
	requests chan struct{} // a place for each of MaxRequests
	pictures chan struct{} // a place for each of MaxPictures
	casts    sync.WaitGroup
	casting  context.Context // of what was answered before it was submitted
	cutCasts context.CancelFunc
	cutting  *time.Timer // calls cutCasts; once the door closes
	http     *httpd.Server

	accepted, bad, foreign, refused, broken atomic.Uint64
}

// New makes a front door to a cluster. An unknown palette is an error.
func New(cfg Config, cluster Cluster) (*Server, error) {
	cfg = cfg.filled()
	palette, err := render.NewPalette(cfg.Palette)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, cluster: cluster, palette: palette,
		requests: make(chan struct{}, cfg.MaxRequests), pictures: make(chan struct{}, cfg.MaxPictures),
	}
	s.casting, s.cutCasts = context.WithCancel(context.Background())
	s.http = httpd.New(httpd.Config{
		Handler:  http.HandlerFunc(s.serve),
		MaxConns: cfg.MaxConns, MaxHeader: cfg.MaxHeader, HeaderTime: cfg.HeaderTime, BodyTime: cfg.BodyTime,
		WriteTime: cfg.BodyTime + cfg.SubmitTime + cfg.PictureTime + cfg.WriteTime,
		IdleTime:  cfg.IdleTime, DrainTime: cfg.DrainTime,
		Ending: func() { s.cutting = time.AfterFunc(cfg.DrainTime, s.cutCasts) },
	})
	return s, nil
}

// Counters reports what came to the door.
func (s *Server) Counters() Counters {
	return Counters{
		Accepted: s.accepted.Load(), Bad: s.bad.Load(), Foreign: s.foreign.Load(),
		Refused: s.refused.Load(), Broken: s.broken.Load(), Turned: s.http.Turned(),
	}
}

// Run serves until ctx ends, then lets requests under way finish within DrainTime. It listens where Listen did not.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(ctx); err != nil {
			return err
		}
	}
	err := s.http.Run(ctx, slices.DeleteFunc([]net.Listener{s.listener, s.shared}, func(l net.Listener) bool { return l == nil })...)
	s.casts.Wait()
	s.cutting.Stop()
	if err != nil {
		return fmt.Errorf("serving the front door: %w", err)
	}
	return nil
}
