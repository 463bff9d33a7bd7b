package front

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"fracture/cluster/store"
	"fracture/work"
	"fracture/work/fractal"
)

// NodeHeader is the header of a reply that names the node which gave it: at a shared address nothing else tells.
const NodeHeader = "Fracture-Node"

// reply is what a request is answered with.
type reply struct {
	status int
	kind   string // content type; text/plain where it is empty
	body   []byte
	again  bool   // worth asking again: told by Retry-After
	done   func() // gives back what the request holds, once the reply is written; nil where it holds nothing
}

func plain(status int, body string) reply { return reply{status: status, body: []byte(body)} }

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	answer := s.answer(w, r)
	if answer.done != nil {
		defer answer.done()
	}
	// Who reads slowly holds a place; where the deadline cannot be set, net/http's own still stands.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.WriteTime))
	h := w.Header()
	if answer.kind == "" {
		answer.kind = "text/plain; charset=utf-8"
	}
	h.Set("Content-Type", answer.kind)
	h.Set("Content-Length", strconv.Itoa(len(answer.body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if s.cfg.Name != "" {
		h.Set(NodeHeader, s.cfg.Name)
	}
	if answer.again {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // the client may be gone: there is nobody to tell
	switch {
	case answer.status == http.StatusForbidden:
		s.foreign.Add(1)
	case answer.status == http.StatusServiceUnavailable:
		s.refused.Add(1)
	case answer.status >= 500:
		s.broken.Add(1)
	case answer.status >= 400:
		s.bad.Add(1)
	}
}

// answer finds the reply: first the door's own rules, then the ingress's (E-012), then the function's (E-005 to E-007).
func (s *Server) answer(w http.ResponseWriter, r *http.Request) reply {
	if s.isForeign(r) {
		return plain(http.StatusForbidden, "requests from pages of other sites are refused")
	}
	if r.URL.Path == "/healthz" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return plain(http.StatusOK, "ok")
	}
	if !s.isHost(r.Host) || r.Method != http.MethodPost {
		return plain(http.StatusNotFound, "Not Found")
	}
	if r.URL.Path != "/calc_fractal" {
		return plain(http.StatusNotFound, fractal.ErrInvalidPath.Error())
	}
	select {
	case s.requests <- struct{}{}:
	default:
		return reply{status: http.StatusServiceUnavailable, again: true,
			body: fmt.Appendf(nil, "%d requests at once are all that this node takes; ask again", s.cfg.MaxRequests)}
	}
	release := func() { <-s.requests }
	stream, refused := s.read(w, r)
	if refused != nil {
		release()
		return *refused
	}
	if r.URL.Query().Get("async") == "true" {
		s.cast(stream, release)
		return plain(http.StatusOK, "OK")
	}
	answer := s.call(r, stream)
	answer.done = release
	return answer
}

// isHost applies the rule of the ingress: the Host header must be the configured one; where there is none (HTTP/1.0), the
// listen address stands for it.
func (s *Server) isHost(host string) bool {
	if host == "" {
		host = s.listener.Addr().String()
	}
	return s.cfg.AnyHost || strings.EqualFold(host, s.cfg.Host)
}

// isForeign reports whether a page of another site sent the request: browsers say so by Origin.
func (s *Server) isForeign(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return false
	}
	origin, err := url.Parse(origins[0])
	return len(origins) > 1 || err != nil || origin.Host == "" || !strings.EqualFold(origin.Host, r.Host) || !s.isOwn(r.Host)
}

// isOwn reports whether host is a name of this door: the served one, or an address of loopback. A name that merely points
// here is not.
func (s *Server) isOwn(host string) bool {
	if s.isHost(host) && !s.cfg.AnyHost {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// read makes a stream of a request, or says what is wrong with it.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (work.Stream, *reply) {
	bad := func(status int, what string) (work.Stream, *reply) {
		answer := plain(status, what)
		return work.Stream{}, &answer
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, fractal.MaxRequest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bad(http.StatusRequestEntityTooLarge, fmt.Sprintf("a body has at most %d bytes: six numbers with commas between them", tooLarge.Limit))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return bad(http.StatusRequestTimeout, fmt.Sprintf("the request did not arrive within %v", s.cfg.BodyTime))
	}
	if err != nil {
		return bad(http.StatusBadRequest, "the body did not arrive whole")
	}
	// The time for the body is over with the body: left standing, it would end a request that waits for its picture.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return bad(http.StatusInternalServerError, err.Error())
	}
	view, err := fractal.ParseRequest(body)
	if err != nil {
		return bad(http.StatusBadRequest, err.Error())
	}
	params := fractal.Params{Kind: fractal.Mandelbrot, View: view, Supersample: 1, Iterations: 255, Request: string(body)}
	if wantsPicture(r) {
		params = smooth(params)
	}
	strategy, factor, err := s.choose(r.URL.Query())
	if err != nil {
		return bad(http.StatusBadRequest, err.Error())
	}
	key, err := readKey(r.Header)
	if err != nil {
		return bad(http.StatusBadRequest, err.Error())
	}
	stream := work.Stream{
		ID:       newID(),
		Function: fractal.Function{}.Name(),
		Params:   params.Append(nil),
		Tiles:    fractal.TilesFor(view, params.Supersample),
		Frames:   1,
		Strategy: strategy,
		Factor:   factor,
	}
	if key != "" {
		stream.ID = keyedID(key, &stream)
	}
	return stream, nil
}

// wantsPicture reports whether the picture is to come in the reply.
func wantsPicture(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			kind, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "image/png") {
				return true
			}
		}
	}
	return false
}

// smooth asks for more than the original computes: as many iterations as the view is deep, and four samples a pixel
// where the bound on samples allows it.
func smooth(p fractal.Params) fractal.Params {
	p.Iterations = 0
	finer := p
	finer.Supersample = 2
	if finer.Check() != nil {
		return p
	}
	return finer
}

// choose takes strategy and factor from the query, or the configured ones.
func (s *Server) choose(query url.Values) (work.Strategy, uint8, error) {
	strategy, factor := s.cfg.Strategy, s.cfg.Factor
	if name := query.Get("strategy"); name != "" {
		named, err := work.ParseStrategy(name)
		if err != nil {
			return 0, 0, err
		}
		strategy, factor = named, 0
	}
	if text := query.Get("factor"); text != "" {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n == 0 {
			return 0, 0, fmt.Errorf("factor %q: a whole number of copies from 1 to 255", text)
		}
		factor = uint8(n)
	}
	if factor == 0 {
		factor, _ = strategy.Factors()
	}
	return strategy, factor, strategy.Check(factor)
}

// newID is a stream's name that no other request bears, and no key makes.
func newID() work.StreamID {
	var raw [8]byte
	rand.Read(raw[:])
	return max(work.StreamID(binary.LittleEndian.Uint64(raw[:]))&^keyed, 1)
}

// cast submits the stream and tells nobody, the way the original answers async: at once. Unlike the original it has read
// the request first, so that nonsense is still refused.
func (s *Server) cast(stream work.Stream, release func()) {
	s.casts.Go(func() {
		defer release()
		ctx, cancel := context.WithTimeout(s.casting, s.cfg.SubmitTime)
		defer cancel()
		if _, err := s.cluster.Request(ctx, stream); err != nil {
			s.refused.Add(1)
			return
		}
		s.accepted.Add(1)
	})
}

// call submits the stream and answers when the cluster holds it, or with the picture.
func (s *Server) call(r *http.Request, stream work.Stream) reply {
	watch, stop := context.WithCancel(r.Context())
	defer stop()
	late := time.AfterFunc(s.cfg.SubmitTime, stop)
	results, err := s.cluster.Request(watch, stream)
	inTime := late.Stop()
	if err != nil {
		return s.refusal(err, inTime)
	}
	s.accepted.Add(1)
	if !wantsPicture(r) {
		return reply{status: http.StatusOK}
	}
	if !inTime { // acknowledged in the very moment in which the watching was given up
		return unfinished("the cluster was slow to acknowledge")
	}
	defer time.AfterFunc(s.cfg.PictureTime, stop).Stop()
	return s.picture(watch, stream, results)
}

// refusal says why a request was not accepted.
func (s *Server) refusal(err error, inTime bool) reply {
	var refusal Refusal
	what := err.Error()
	switch {
	case errors.As(err, &refusal), errors.Is(err, store.ErrFull), errors.Is(err, ErrEnded):
	case errors.Is(err, ErrKeyReused):
		return plain(http.StatusUnprocessableEntity, what)
	case !inTime:
		what = fmt.Sprintf("the cluster did not acknowledge within %v", s.cfg.SubmitTime)
	default:
		return plain(http.StatusInternalServerError, what)
	}
	return reply{status: http.StatusServiceUnavailable, again: true, body: []byte(what)}
}
