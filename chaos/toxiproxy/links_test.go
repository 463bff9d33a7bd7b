package toxiproxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// wires are the links of a cluster of two, which remember what they were told.
type wires struct {
	mu    sync.Mutex // guards what follows
	told  []string
	fails error // the answer to everything, where it is set
	away  bool  // no node is there
}

func (w *wires) List() []Link {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return nil
	}
	return []Link{
		{Name: "n2-n1", Listen: "127.0.0.1:7002", Upstream: "127.0.0.1:7001"},
		{Name: "n1-n2", Listen: "127.0.0.1:7001", Upstream: "127.0.0.1:7002"},
	}
}

func (w *wires) Set(_ context.Context, name string, state State) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return w.fails
	}
	said := name
	if state.Cut {
		said += " cut"
	}
	for _, t := range state.Toxics {
		switch a := t.Attributes.(type) {
		case *PacketLoss:
			said += fmt.Sprintf(" loses %v %s", a.Probability, t.Stream)
		case *Latency:
			said += fmt.Sprintf(" delays %d %s", a.Latency, t.Stream)
		default:
			return fmt.Errorf("%w: %s", ErrUnable, t.Type)
		}
	}
	w.told = append(w.told, said)
	return nil
}

func TestLinks_sufferWhatTheirProxiesAreTold(t *testing.T) {
	w := &wires{}
	s := begin(t, Config{Links: w})
	s.must("POST", "/proxies/n1-n2/toxics", `{"type":"packet_loss","attributes":{"probability":0.2}}`)
	s.must("POST", "/proxies/n1-n2/toxics", `{"type":"latency","stream":"upstream","attributes":{"latency":5}}`)
	s.must("PATCH", "/proxies/n1-n2", `{"enabled":false}`)
	s.must("PATCH", "/proxies/n1-n2", `{"enabled":false}`)
	s.must("DELETE", "/proxies/n1-n2/toxics/packet_loss_downstream", "")
	s.must("POST", "/reset", "")
	s.must("POST", "/reset", "")
	s.must("PATCH", "/proxies/n2-n1", `{"enabled":false}`)
	s.end()
	want := []string{
		"n1-n2 loses 0.2 downstream",
		"n1-n2 delays 5 upstream loses 0.2 downstream",
		"n1-n2 cut delays 5 upstream loses 0.2 downstream",
		"n1-n2 cut delays 5 upstream",
		"n1-n2",     // reset, once
		"n2-n1 cut", // and healed when the server ended
		"n2-n1",
	}
	if got := strings.Join(w.told, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the links were told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestLinks_aFailureLeavesAllAsItWas(t *testing.T) {
	w := &wires{fails: errors.New("n1 did not answer")}
	s := begin(t, Config{Links: w})
	status, text := s.call("PATCH", "/proxies/n1-n2", `{"enabled":false}`)
	if status != 500 || !strings.Contains(text, "link n1-n2: n1 did not answer") {
		t.Errorf("answered %d %s, want 500 and why", status, text)
	}
	if text := s.must("GET", "/proxies/n1-n2", ""); !strings.Contains(text, `"enabled":true`) {
		t.Errorf("it is %s, want it enabled", text)
	}
}

func TestLinks_thoseThatAreAwayAreHealedToo(t *testing.T) {
	w := &wires{}
	s := begin(t, Config{Links: w})
	s.must("PATCH", "/proxies/n1-n2", `{"enabled":false}`)
	away := func(away bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.away = away
	}
	away(true)
	if status, text := s.call("GET", "/proxies/n1-n2", ""); status != 404 {
		t.Errorf("a link that is away is answered %d %s, want 404", status, text)
	}
	s.must("POST", "/reset", "")
	away(false)
	if text := s.must("GET", "/proxies/n1-n2", ""); !strings.Contains(text, `"enabled":true`) {
		t.Errorf("it comes back as %s, want it healed", text)
	}
	if got := strings.Join(w.told, ", "); got != "n1-n2 cut, n1-n2" {
		t.Errorf("the links were told %q, want the cut and the healing", got)
	}
}
