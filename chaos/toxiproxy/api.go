package toxiproxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"fracture/httpd"
)

// reply is what a request is answered with; a body of nil is none.
type reply struct {
	status int
	body   any
}

// call answers one request, under the server's lock.
type call func(r *http.Request) (reply, error)

// aboutProxy answers a request about one proxy; said is its body. It is called under the server's lock.
type aboutProxy func(r *http.Request, n named, said io.Reader) (reply, error)

// routes are the calls of Toxiproxy's API. A POST to what is there is Toxiproxy's older word for PATCH.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range map[string]call{
		"GET /version":                           s.version,
		"POST /reset":                            s.reset,
		"POST /populate":                         s.populateAll,
		"GET /proxies":                           s.listProxies,
		"POST /proxies":                          s.createProxy,
		"GET /proxies/{proxy}":                   s.about(showProxy),
		"POST /proxies/{proxy}":                  s.about(s.updateProxy),
		"PATCH /proxies/{proxy}":                 s.about(s.updateProxy),
		"DELETE /proxies/{proxy}":                s.deleteProxy,
		"GET /proxies/{proxy}/toxics":            s.about(listToxics),
		"POST /proxies/{proxy}/toxics":           s.about(s.createToxic),
		"GET /proxies/{proxy}/toxics/{toxic}":    s.about(showToxic),
		"POST /proxies/{proxy}/toxics/{toxic}":   s.about(updateToxic),
		"PATCH /proxies/{proxy}/toxics/{toxic}":  s.about(updateToxic),
		"DELETE /proxies/{proxy}/toxics/{toxic}": s.about(deleteToxic),
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, call) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.UserAgent(), "Mozilla/"):
			s.foreign.Add(1)
			http.Error(w, "User agent not allowed", http.StatusForbidden)
		case s.isForeign(r):
			s.foreign.Add(1)
			refuse(w, errForeign)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// isForeign reports whether a page of another site may have sent the request. HTTP/1.0 has no Host.
func (s *Server) isForeign(r *http.Request) bool {
	return httpd.ForeignPage(r) || !s.cfg.Expose && r.Host != "" && httpd.ForeignName(r)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, call call) {
	r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
	answer, err := call(r)
	if err != nil {
		refuse(w, refused(err))
		return
	}
	write(w, answer.status, answer.body, "")
}

// about is a call that answers about the proxy which the path names.
func (s *Server) about(answer aboutProxy) call {
	return func(r *http.Request) (reply, error) {
		said, err := body(r)
		if err != nil {
			return reply{}, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		n, err := s.find(r.PathValue("proxy"))
		if err != nil {
			return reply{}, err
		}
		return answer(r, n, said)
	}
}

// body is a request's, whole: who sends slowly must not keep the server's lock.
func body(r *http.Request) (io.Reader, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errBadBody.with("%v", err)
	}
	return bytes.NewReader(text), nil
}

// refuse says no, as Toxiproxy does: with a line end behind the body.
func refuse(w http.ResponseWriter, why *refusal) { write(w, why.Status, why, "\n") }

func write(w http.ResponseWriter, status int, body any, end string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body)
	if err != nil { // a toxicity or a probability that JSON cannot say; none is ever read
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, end...)) // the client may be gone: there is nobody to tell
}

func (s *Server) version(*http.Request) (reply, error) {
	return reply{http.StatusOK, struct {
		Version string `json:"version"`
	}{Spoken}}, nil
}

func (s *Server) reset(r *http.Request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reply{status: http.StatusNoContent}, s.restore(r.Context())
}

func (s *Server) populateAll(r *http.Request) (reply, error) {
	told, err := readProxies(r.Body)
	var there []shown
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		there, err = s.populate(told)
	}
	answer := struct {
		*refusal `json:",omitempty"`
		Proxies  []shown `json:"proxies"`
	}{Proxies: there}
	if err == nil {
		return reply{http.StatusCreated, answer}, nil
	}
	answer.refusal = refused(err)
	return reply{answer.Status, answer}, nil
}

func (s *Server) listProxies(*http.Request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]shown{}
	for _, n := range s.everything() {
		all[n.show().Name] = show(n)
	}
	return reply{http.StatusOK, all}, nil
}

func (s *Server) createProxy(r *http.Request) (reply, error) {
	told, err := readNewProxy(r.Body)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.create(told)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, show(n)}, nil
}

func showProxy(_ *http.Request, n named, _ io.Reader) (reply, error) {
	return reply{http.StatusOK, show(n)}, nil
}

func (s *Server) updateProxy(r *http.Request, n named, said io.Reader) (reply, error) {
	told, err := readProxy(said, n.show())
	if err != nil {
		return reply{}, err
	}
	in := s.life
	if n.carries() == links {
		in = r.Context()
	}
	if err := n.update(in, told); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, show(n)}, nil
}

func (s *Server) deleteProxy(r *http.Request) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reply{status: http.StatusNoContent}, s.remove(r.PathValue("proxy"))
}

func listToxics(_ *http.Request, n named, _ io.Reader) (reply, error) {
	return reply{http.StatusOK, n.all()}, nil
}

func (s *Server) createToxic(r *http.Request, n named, said io.Reader) (reply, error) {
	t, err := readToxic(said)
	if err == nil {
		err = s.fit(n, t)
	}
	if err == nil {
		err = n.set(r.Context(), t)
	}
	return reply{http.StatusOK, t}, err
}

func showToxic(r *http.Request, n named, _ io.Reader) (reply, error) {
	t, err := toxic(n, r.PathValue("toxic"))
	return reply{http.StatusOK, t}, err
}

func updateToxic(r *http.Request, n named, said io.Reader) (reply, error) {
	t, err := toxic(n, r.PathValue("toxic"))
	if err == nil {
		t, err = readUpdate(said, t)
	}
	if err == nil {
		err = n.set(r.Context(), t)
	}
	return reply{http.StatusOK, t}, err
}

func deleteToxic(r *http.Request, n named, _ io.Reader) (reply, error) {
	t, err := toxic(n, r.PathValue("toxic"))
	if err == nil {
		err = n.unset(r.Context(), t)
	}
	return reply{status: http.StatusNoContent}, err
}
