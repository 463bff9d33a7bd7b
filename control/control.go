// Package control is the control API: HTTP on loopback, by which a script breaks a running lab and reads from it.
//
//	curl -H "Authorization: Bearer $(cat $DIR/token)" http://$(cat $DIR/control)/v1/faults -d '{"fault":"kill","node":["n3"],"for":"5s"}'
//
// A [Server] stands before a [Lab], which lists nodes and carries faults out; [Dial] makes the client of a lab's cluster
// directory. What a fault is called and what it takes are the flags of `fracture inject`: the keys of a body become a
// command line, and the lab reads that. So the package knows no fault by name, and a new one needs nothing here.
//
// Each fault that was begun here is a lease. It ends with its time, when it is healed, when who renews it does not any
// more, and with the server. A page of a foreign site cannot reach it, nor can another user of the host without the token.
// Everything is bounded: connections, bodies, faults that stand, events that are kept, and how long each may take.
package control

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fracture/httpd"
)

// The errors that a [Lab] answers with. What is neither is the lab's own failure.
var (
	// ErrOrder: the fault makes no sense as it was asked for; the text says what to change.
	ErrOrder = errors.New("not a fault that can be ordered")
	// ErrConflict: it makes sense, and not as the lab is now: a node is dead already, or a bound would be crossed.
	ErrConflict = errors.New("not as the lab is now")
)

// The errors of a server's making.
var (
	// ErrExposed: other hosts could reach the address; give one of loopback, and bring it elsewhere by ssh -L.
	ErrExposed = errors.New("the control API is for this host alone")
	// ErrInUse: another process has the port; end it, or choose another address.
	ErrInUse = errors.New("the control API's address is in use, choose another")
)

// Lab is what the control API needs of the lab behind it. All methods may be called from any goroutine.
type Lab interface {
	// Nodes lists every node that is known, by name.
	Nodes() []Node
	// Streams lists the streams that run.
	Streams() []Stream
	// Totals counts what came to the receiver; ok is false where nobody counts.
	Totals() (t Totals, ok bool)
	// Catalogue writes one JSON object: the faults that can be ordered, with what each takes.
	Catalogue(w io.Writer) error
	// Inject carries out a command line of `fracture inject`, without the verb: "kill", "--node=n3", "--for=5s". It returns
	// once the fault stands; ctx bounds no more than that. The error wraps [ErrOrder] or [ErrConflict] where it is who
	// asks that is to blame, and then nothing stands.
	Inject(ctx context.Context, arguments []string) (Deed, error)
	// Mend ends what a person's key left standing, frozen and dead nodes, and says what it was.
	Mend(ctx context.Context) ([]string, error)
}

// Deed is a fault that stands, as the lab hands it over.
type Deed struct {
	What string                      // in the words of inject: "kill", "loss 20%"
	Whom []string                    // the nodes that suffer it
	For  time.Duration               // after which the server heals it; 0: when it is told to
	Heal func(context.Context) error // ends it; it is called again where it failed
	Over <-chan struct{}             // closed where it has ended by itself; nil: it never does
}

// Node is how a node is.
type Node struct {
	Name        string  `json:"name"`
	State       string  `json:"state"` // starting, alive, late, frozen, leaving or dead
	Ours        bool    `json:"ours"`  // it can be broken from here
	Zone        string  `json:"zone,omitempty"`
	PID         int     `json:"pid"`
	Incarnation uint64  `json:"incarnation"`
	Role        string  `json:"role"` // splitter, owner, standby or none: the first of them that holds
	Owns        int     `json:"owns"`
	StandsBy    int     `json:"stands_by"`
	RSS         int64   `json:"resident_bytes"`
	CPU         float64 `json:"cpu_cores"`
	Uptime      float64 `json:"uptime_s"`
	Gossip      string  `json:"gossip,omitempty"`
	HTTP        string  `json:"http,omitempty"`
}

// Up reports whether the node works: it is neither dead nor frozen.
func (n Node) Up() bool { return n.State != "dead" && n.State != "frozen" }

// Stream is a stream that runs, as the node that leads it tells.
type Stream struct {
	ID       string  `json:"stream"` // hexadecimal, as `fracture guard` has it
	Name     string  `json:"name"`
	Tiles    uint32  `json:"tiles"`
	Period   float64 `json:"period_s"`
	Strategy string  `json:"strategy"`
	Copies   int     `json:"copies"`
	Leader   string  `json:"leader"`
	Stopped  string  `json:"stopped,omitempty"` // why, where a fault has stopped it
}

// Totals count what came to the receiver since the lab began to measure. They never fall.
type Totals struct {
	Results, Lost, Duplicates, Needless uint64
}

// Incident is one fault and what came of it, as the receiver measured it.
type Incident struct {
	Number    uint64    `json:"incident"` // counted from 1; none where nobody counts
	At        time.Time `json:"at"`
	Node      string    `json:"node"`
	Fault     string    `json:"fault"` // its class: kill, freeze, or as others tell of it: lost, silent, link
	Role      string    `json:"role"`  // what the node was when it failed: splitter, owner, standby or none
	Signal    string    `json:"signal,omitempty"`
	Noticed   float64   `json:"noticed_ms,omitempty"`
	Heir      string    `json:"heir,omitempty"`
	Taken     float64   `json:"taken_ms,omitempty"`
	Sent      float64   `json:"first_result_ms,omitempty"` // of what was taken over, as it left the heir
	Delivered float64   `json:"delivered_ms,omitempty"`    // and as it came to the receiver
	Tasks     int       `json:"tasks"`
	Downtime  float64   `json:"downtime_ms"`
	Untold    string    `json:"untold,omitempty"` // why the downtime cannot be told
	Open      bool      `json:"open"`             // not over: the downtime still grows
}

// Fault is one that stands, as it is told.
type Fault struct {
	ID    string     `json:"id"`
	What  string     `json:"what"`
	Whom  []string   `json:"whom"`
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"` // none: until it is healed, or the lab ends
}

// Config is what a server is told at its making. Zero fields take the defaults given with them.
type Config struct {
	Address string // host:port to listen at, of loopback; 127.0.0.1:0, any free port
	Dir     string // the cluster directory, where it leaves address and token; it must be given
	Version string // of the program

	MaxConns     int           // connections at once; the next is closed; 64
	MaxFaults    int           // faults that stand at once; the next is refused; 64
	MaxStreams   int           // clients that follow events at once; the next is refused; 16
	MaxEvents    int           // events that are kept for those who come back; 1024
	MaxIncidents int           // incidents that are kept; 1000
	MaxHeader    int           // bytes of a request's header; 8 KiB
	HeaderTime   time.Duration // for the header to arrive; 2 s
	BodyTime     time.Duration // for header and body to arrive; 5 s
	DeedTime     time.Duration // for a fault to stand, or to be healed once; 25 s
	WriteTime    time.Duration // for a reply, or one event, to be read by who asked; 10 s
	IdleTime     time.Duration // for the next request on a connection; 30 s
	Heartbeat    time.Duration // between two signs of life to who follows events; 10 s
}

func (c Config) filled() Config {
	c.Address = cmp.Or(c.Address, "127.0.0.1:0")
	c.MaxConns = cmp.Or(c.MaxConns, 64)
	c.MaxFaults = cmp.Or(c.MaxFaults, 64)
	c.MaxStreams = cmp.Or(c.MaxStreams, 16)
	c.MaxEvents = cmp.Or(c.MaxEvents, 1024)
	c.MaxIncidents = cmp.Or(c.MaxIncidents, 1000)
	c.MaxHeader = cmp.Or(c.MaxHeader, 8<<10)
	c.HeaderTime = cmp.Or(c.HeaderTime, 2*time.Second)
	c.BodyTime = cmp.Or(c.BodyTime, 5*time.Second)
	c.DeedTime = cmp.Or(c.DeedTime, 25*time.Second)
	c.WriteTime = cmp.Or(c.WriteTime, 10*time.Second)
	c.IdleTime = cmp.Or(c.IdleTime, 30*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 10*time.Second)
	return c
}

// Server is a control API. [Server.Tell] and [Server.Note] may be called whether or not it runs.
type Server struct {
	cfg     Config
	lab     Lab
	token   string
	routes  []route
	figures *figures
	history *history

	listener  net.Listener       // once Listen or Run was called
	ending    chan struct{}      // closed when Run ends and nothing stands any more
	living    context.Context    // of the faults that stand
	endFaults context.CancelFunc // ends living, and all that stands with it
	holders   sync.WaitGroup     // one for each fault that stands
	http      *httpd.Server
	followers atomic.Int64

	mu        sync.Mutex  // guards what follows
	standing  []*standing // in the order in which they began
	beginning int         // of them that are being carried out
	healed    uint64      // how often everything was
	counted   uint64      // that ever stood
	ended     bool        // no more may begin
	incidents []Incident  // the newest MaxIncidents, by number
}

// New makes a server before a lab. It starts nothing.
func New(cfg Config, lab Lab) *Server {
	cfg = cfg.filled()
	s := &Server{cfg: cfg, lab: lab, token: newToken(), history: newHistory(cfg.MaxEvents), ending: make(chan struct{})}
	s.figures = newFigures(s)
	s.routes = s.table()
	s.http = httpd.New(httpd.Config{
		Handler: http.HandlerFunc(s.serve), MaxConns: cfg.MaxConns, MaxHeader: cfg.MaxHeader, HeaderTime: cfg.HeaderTime,
		BodyTime: cfg.BodyTime, IdleTime: cfg.IdleTime, DrainTime: cfg.WriteTime, // and no WriteTime: each reply, and each event, has its own
		Ending: func() {
			s.endAll() // before the requests that wait for just that, and while its end can be told
			close(s.ending)
		},
	})
	s.living, s.endFaults = context.WithCancel(context.Background())
	return s
}

// Note takes an incident in, anew or again by its number. One that is over is counted, once.
func (s *Server) Note(i Incident) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := len(s.incidents)
	for at > 0 && s.incidents[at-1].Number >= i.Number {
		at--
	}
	switch {
	case at < len(s.incidents) && s.incidents[at].Number == i.Number:
		was := s.incidents[at]
		s.incidents[at] = i
		if i.Open || !was.Open {
			return
		}
	default:
		s.incidents = append(s.incidents, i)
		if len(s.incidents) > s.cfg.MaxIncidents {
			s.incidents = append(s.incidents[:0], s.incidents[1:]...)
		}
		if i.Open {
			return
		}
	}
	s.figures.count(i)
	s.history.add("incident", i)
}

// Tell hands what happened to all who follow events. What cannot be written as JSON is dropped, and counted.
func (s *Server) Tell(kind string, what any) { s.history.add(kind, what) }
