// Package httpd serves HTTP within bounds, to no page of a foreign site, in order to its end. What is asked for, and who may ask, is its
// user's.
package httpd

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config says how a server serves. All but WriteTime and Ending must be given.
type Config struct {
	Handler    http.Handler
	MaxConns   int           // connections at once; the next is closed
	MaxHeader  int           // bytes of a request's header
	HeaderTime time.Duration // for the header to arrive
	BodyTime   time.Duration // for header and body to arrive
	WriteTime  time.Duration // for a request to be answered, from when its header came; 0: the handler sets its own
	IdleTime   time.Duration // for the next request on a connection
	DrainTime  time.Duration // for requests under way when the server ends; then their connections are closed
	Ending     func()        // called when the server ends, before it lets requests finish; nil: nothing is
}

// Server serves at one listener, or several.
type Server struct {
	cfg    Config
	conns  atomic.Int64
	turned atomic.Uint64
}

// New makes a server. It starts nothing.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Conns is how many connections there are, those beyond the bound included until they are closed.
func (s *Server) Conns() int { return int(s.conns.Load()) }

// Turned is how many connections were closed because there were MaxConns.
func (s *Server) Turned() uint64 { return s.turned.Load() }

// Run serves until ctx ends, then lets requests under way finish. It closes the listeners. Its error is that of one of them, and
// then the others end, too.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	server := &http.Server{
		Handler:           s.cfg.Handler,
		ReadHeaderTimeout: s.cfg.HeaderTime,
		ReadTimeout:       s.cfg.BodyTime,
		WriteTimeout:      s.cfg.WriteTime,
		IdleTimeout:       s.cfg.IdleTime,
		MaxHeaderBytes:    s.cfg.MaxHeader,
		ConnState:         s.watch,
		ErrorLog:          log.New(io.Discard, "", 0), // a client that breaks off is no event
	}
	group, ended := errgroup.WithContext(ctx)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ended.Done()
		if s.cfg.Ending != nil {
			s.cfg.Ending()
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.DrainTime)
		defer cancel()
		if server.Shutdown(drain) != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// watch counts connections and closes those beyond the bound.
func (s *Server) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > int64(s.cfg.MaxConns) {
			s.turned.Add(1)
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}

// A page of another site reaches this host through its visitor's browser. It gives itself away by one of two things.

// ForeignName reports whether a request asks for another name than loopback has: a name of the page's own that is made to point
// here.
func ForeignName(r *http.Request) bool {
	name := r.Host
	if h, _, err := net.SplitHostPort(name); err == nil {
		name = h
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return !strings.EqualFold(name, "localhost") && (ip == nil || !ip.IsLoopback())
}

// ForeignPage reports whether a browser says that a page of another site sends the request. Programs say nothing of the kind.
func ForeignPage(r *http.Request) bool {
	for _, origin := range r.Header.Values("Origin") {
		if !strings.EqualFold(origin, "http://"+r.Host) {
			return true
		}
	}
	return false
}
