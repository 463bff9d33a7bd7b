package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxEventBytes bounds one event; a longer one is dropped and counted.
const maxEventBytes = 16 << 10

// event is one thing that happened.
type event struct {
	id   uint64 // counted from 1
	kind string
	text []byte // JSON, of one line
}

// history keeps the newest events for those who follow them. Nobody who is slow holds up who tells: each reads from here
// at its own pace, and one that falls behind by more than is kept is told how many it has missed.
type history struct {
	most int

	mu      sync.Mutex    // guards what follows
	ring    []event       // of most, or of those that there were; event i stands at (i-1) mod most
	newest  uint64        // id of the newest; 0 while there is none
	dropped uint64        // events that were missed by who followed, or that could not be told
	more    chan struct{} // closed, and made anew, with each event
}

func newHistory(most int) *history { return &history{most: most, more: make(chan struct{})} }

// add keeps an event.
func (h *history) add(kind string, what any) {
	text, err := json.Marshal(what)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil || len(text) > maxEventBytes {
		h.dropped++
		return
	}
	e := event{h.newest + 1, kind, text}
	if len(h.ring) < h.most {
		h.ring = append(h.ring, e)
	} else {
		h.ring[int((e.id-1)%uint64(h.most))] = e
	}
	h.newest = e.id
	close(h.more)
	h.more = make(chan struct{})
}

// after is the first event after an id and how many before it are forgotten; where there is none yet, more is closed when
// there is. An id that was never given is one of a server before this one: all that is kept comes after it.
func (h *history) after(id uint64) (e event, missed uint64, more <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := h.newest - uint64(len(h.ring)) + 1
	if id > h.newest {
		id = oldest - 1
	}
	if id == h.newest {
		return e, 0, h.more, false
	}
	if id+1 < oldest {
		missed = oldest - id - 1
		h.dropped += missed
		id = oldest - 1
	}
	return h.ring[int(id%uint64(h.most))], missed, nil, true
}

// last is the id of the newest event.
func (h *history) last() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newest
}

// lost is how many events did not reach somebody.
func (h *history) lost() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}

// follow answers with events as they happen, as text/event-stream has them, until the client goes or the server has ended and
// all is told. Who
// names the last event that it saw has those after it, as far as they are kept, and is told of how many are not.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	at := s.history.last()
	if text := r.Header.Get("Last-Event-ID"); text != "" {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			s.refuse(w, http.StatusBadRequest, wrong("Last-Event-ID", "%s: want the number of an event", shorten(text)))
			return
		}
		at = id
	}
	if s.followers.Add(1) > int64(s.cfg.MaxStreams) {
		s.followers.Add(-1)
		w.Header().Set("Retry-After", "1")
		s.refuse(w, http.StatusServiceUnavailable, wrong("", "%d clients follow events, and more cannot; end one", s.cfg.MaxStreams))
		return
	}
	defer s.followers.Add(-1)
	out := stream{http.NewResponseController(w), w, s.cfg.WriteTime}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	if out.write(": events of fracture\n\n") != nil {
		return
	}
	beat := time.NewTicker(s.cfg.Heartbeat)
	defer beat.Stop()
	for {
		e, missed, more, ok := s.history.after(at)
		text := ""
		switch {
		case ok && missed > 0:
			text = fmt.Sprintf("event: dropped\ndata: {\"dropped\":%d}\n\n", missed)
			fallthrough
		case ok:
			text += fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.text)
			at = e.id
		default:
			select {
			case <-more:
				continue
			case <-beat.C:
				text = ": alive\n\n"
			case <-s.ending:
				return
			case <-r.Context().Done():
				return
			}
		}
		if out.write(text) != nil {
			return
		}
	}
}

// stream is a reply that goes on. Each write has a time of its own, for one deadline cannot hold for all.
type stream struct {
	control *http.ResponseController
	w       http.ResponseWriter
	within  time.Duration
}

func (s stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.within)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
