package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"fracture/httpd"
)

// Listen takes the address, and leaves it and the token in the cluster directory, for [Dial]. The error is [ErrExposed],
// [ErrInUse] or the system's. [Server.Run] must follow, which undoes it.
func (s *Server) Listen(ctx context.Context) (net.Addr, error) {
	var cfg net.ListenConfig
	listener, err := cfg.Listen(ctx, "tcp", s.cfg.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, s.cfg.Address)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the control API: %w", err)
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		_ = listener.Close()
		return nil, fmt.Errorf("%w: %s is no loopback address", ErrExposed, s.cfg.Address)
	}
	if err := leaveWord(s.cfg.Dir, s.token, listener.Addr().String()); err != nil {
		_ = listener.Close()
		return nil, err
	}
	s.listener = listener
	return listener.Addr(), nil
}

// Run serves until ctx ends. Then it heals what stands, ends those who follow events, lets other requests finish, and takes
// address and token away. It listens where Listen did not. A server runs once.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(ctx); err != nil {
			return err
		}
	}
	defer takeWordAway(s.cfg.Dir)
	if err := s.http.Run(ctx, s.listener); err != nil {
		return fmt.Errorf("serving the control API: %w", err)
	}
	return nil
}

// route is one thing that can be asked for.
type route struct {
	method, path string // the path's last part may be {id}
	open         bool   // without the token
	answer       func(w http.ResponseWriter, r *http.Request, id string)
}

// table lists what can be asked for.
func (s *Server) table() []route {
	list := func(what string, of func() any) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, _ string) {
			s.say(w, http.StatusOK, map[string]any{what: of()})
		}
	}
	return []route{
		{"GET", "/v1/nodes", false, list("nodes", func() any { return s.lab.Nodes() })},
		{"GET", "/v1/streams", false, list("streams", func() any { return s.lab.Streams() })},
		{"GET", "/v1/incidents", false, list("incidents", func() any { return s.Incidents() })},
		{"GET", "/v1/version", false, list("version", func() any { return s.cfg.Version })},
		{"GET", "/v1/faults", false, list("faults", func() any { return s.faults() })},
		{"POST", "/v1/faults", false, s.postFault},
		{"DELETE", "/v1/faults", false, s.deleteFaults},
		{"PUT", "/v1/faults/{id}", false, s.putFault},
		{"DELETE", "/v1/faults/{id}", false, s.deleteFault},
		{"GET", "/v1/catalogue", false, s.catalogue},
		{"GET", "/v1/events", false, func(w http.ResponseWriter, r *http.Request, _ string) { s.follow(w, r) }},
		{"GET", "/metrics", true, s.metrics},
	}
}

// matches reports whether a path is the route's, and the id in it.
func (rt route) matches(path string) (id string, ok bool) {
	prefix, named := strings.CutSuffix(rt.path, "{id}")
	if !named {
		return "", path == rt.path
	}
	id, ok = strings.CutPrefix(path, prefix)
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// serve answers one request: who may not ask learns nothing, not even what there is.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if bad := stranger(r); bad != nil {
		s.refuse(w, http.StatusForbidden, bad)
		return
	}
	var allowed []string
	var meant *route
	id := ""
	open := false
	for i := range s.routes {
		rt := &s.routes[i]
		found, ok := rt.matches(r.URL.Path)
		if !ok {
			continue
		}
		allowed = append(allowed, rt.method)
		open = open || rt.open
		if rt.method == r.Method {
			meant, id = rt, found
		}
	}
	switch {
	case !open && !s.knows(r):
		h.Set("WWW-Authenticate", `Bearer realm="fracture"`)
		s.refuse(w, http.StatusUnauthorized, wrong("Authorization",
			"want \"Bearer TOKEN\"; the token stands in the file %s of the cluster directory", tokenFile))
	case len(allowed) == 0:
		s.refuse(w, http.StatusNotFound, wrong("", "there is nothing of this path; docs/CHAOS.md lists what there is"))
	case meant == nil:
		h.Set("Allow", strings.Join(allowed, ", "))
		s.refuse(w, http.StatusMethodNotAllowed, wrong("", "%s means nothing here; want %s", shorten(r.Method), strings.Join(allowed, " or ")))
	case meant.bare() && r.Body != http.NoBody:
		s.refuse(w, http.StatusBadRequest, wrong("body", "%s takes none", meant.method))
	case meant.bare() && !s.mayTake(w):
	default:
		meant.answer(w, r, id)
	}
}

// bare reports whether a request of the route has no body.
func (rt route) bare() bool { return rt.method == http.MethodGet || rt.method == http.MethodDelete }

// mayTake ends the time in which a request must arrive, for it has: left standing, it would end one that waits for a node to
// start, or that follows events.
func (s *Server) mayTake(w http.ResponseWriter) bool {
	err := http.NewResponseController(w).SetReadDeadline(time.Time{})
	if err != nil {
		s.fail(w, err)
	}
	return err == nil
}

// stranger says why a request may come from a page of another site, which must not kill processes.
func stranger(r *http.Request) *complaint {
	switch {
	case httpd.ForeignName(r):
		return wrong("Host", "%s is not served; ask for localhost or an address of loopback", shorten(r.Host))
	case httpd.ForeignPage(r):
		return wrong("Origin", "requests from pages of other sites are refused")
	}
	return nil
}

// knows reports whether the request has the token.
func (s *Server) knows(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && sameToken(strings.TrimSpace(token), s.token)
}

// Incidents lists those that are kept, the oldest first.
func (s *Server) Incidents() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Incident{}, s.incidents...)
}

func (s *Server) catalogue(w http.ResponseWriter, _ *http.Request, _ string) {
	s.extend(w)
	w.Header().Set("Content-Type", "application/json")
	_ = s.lab.Catalogue(w) // the client may be gone: there is nobody to tell
}

func (s *Server) postFault(w http.ResponseWriter, r *http.Request, _ string) {
	o, ok := s.read(w, r)
	if !ok {
		return
	}
	if len(o.arguments) == 0 {
		s.refuse(w, http.StatusBadRequest, wrong(faultKey, "is missing: which fault? GET /v1/catalogue lists them"))
		return
	}
	fault, err := s.begin(r.Context(), o)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Location", "/v1/faults/"+fault.ID)
	s.say(w, http.StatusCreated, fault)
}

func (s *Server) putFault(w http.ResponseWriter, r *http.Request, id string) {
	o, ok := s.read(w, r)
	if !ok {
		return
	}
	if len(o.arguments) > 0 || o.lease == 0 {
		s.refuse(w, http.StatusBadRequest, wrong(leaseKey, "want a lease and nothing else, such as {\"lease\":\"2s\"}"))
		return
	}
	st := s.find(id)
	if st == nil {
		s.refuseID(w, id)
		return
	}
	fault, ok := s.renew(st, o.lease)
	if !ok {
		s.refuseID(w, id)
		return
	}
	s.say(w, http.StatusOK, fault)
}

func (s *Server) deleteFault(w http.ResponseWriter, _ *http.Request, id string) {
	switch err := s.Heal(id); {
	case errors.Is(err, ErrOver):
		s.refuseID(w, id)
	case err != nil:
		s.fail(w, err)
	default:
		s.extend(w)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request, _ string) {
	h := s.HealAll(r.Context())
	status := http.StatusOK
	if len(h.Failed) > 0 {
		status = http.StatusInternalServerError
	}
	s.say(w, status, h)
}

// refuseID says that no fault of an id stands.
func (s *Server) refuseID(w http.ResponseWriter, id string) {
	s.refuse(w, http.StatusNotFound, wrong("id", "no fault %s stands; it is over, or never was", shorten(id)))
}

// formType is what curl -d calls a body unless it is told otherwise. One that begins with a brace is JSON all the same.
const formType = "application/x-www-form-urlencoded"

// read reads a body, or says what is wrong with it.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (order, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && kind != formType {
		s.refuse(w, http.StatusUnsupportedMediaType, wrong("Content-Type", "want application/json"))
		return order{}, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		s.refuse(w, http.StatusRequestEntityTooLarge, wrong("body", "a fault has at most %d bytes", maxBodyBytes))
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.refuse(w, http.StatusRequestTimeout, wrong("body", "it did not arrive within %v", s.cfg.BodyTime))
	case err != nil:
		s.refuse(w, http.StatusBadRequest, wrong("body", "it did not arrive whole"))
	default:
		if !s.mayTake(w) {
			return order{}, false
		}
		if kind == formType && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
			s.refuse(w, http.StatusUnsupportedMediaType, wrong("Content-Type", "this is a form; send JSON, as application/json"))
			return order{}, false
		}
		o, bad := readOrder(body)
		if bad != nil {
			s.refuse(w, http.StatusBadRequest, bad)
		}
		return o, bad == nil
	}
	return order{}, false
}

// fail answers with an error of the lab's.
func (s *Server) fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrOrder):
		status = http.StatusBadRequest
	case errors.Is(err, ErrConflict), errors.Is(err, errFull):
		status = http.StatusConflict
	case errors.Is(err, errEnding):
		status = http.StatusServiceUnavailable
	}
	bad := wrong("", "%v", err)
	if last := (*LastError)(nil); errors.As(err, &last) {
		bad.Last = last.Why
	}
	s.refuse(w, status, bad)
}

func (s *Server) refuse(w http.ResponseWriter, status int, bad *complaint) { s.say(w, status, bad) }

// say answers with JSON of one line.
func (s *Server) say(w http.ResponseWriter, status int, what any) {
	text, err := json.Marshal(what)
	if err != nil { // a figure that JSON cannot carry
		status, text = http.StatusInternalServerError, []byte(`{"error":"this cannot be told as JSON"}`)
	}
	s.extend(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone: there is nobody to tell
}

// extend gives who asked its time to read the reply, from now on. Where no deadline can be set, none was before.
func (s *Server) extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.WriteTime))
}
