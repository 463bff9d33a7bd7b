package cluster

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"fracture/cluster/wire"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// calls lists the addresses with which memberlist says that it compared all that is known.
func (l *lines) calls() (addrs []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if _, after, found := strings.Cut(line, "Initiating push/pull sync with: "); found {
			addrs = append(addrs, strings.TrimRight(after[strings.LastIndex(strings.TrimRight(after, "\\n\" \n"), " ")+1:], "\\n\" \n"))
		}
	}
	return addrs
}

// gossiping starts gossip alone. joined is told of each member of which it learns.
func gossiping(t *testing.T, creds *wire.Credentials, m Member, log *lines, joined func(Member)) *gossip {
	t.Helper()
	logs := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g, err := startGossip(m, creds, "127.0.0.1:0", logs, joined, func(Member) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.leave(gossipLeave) })
	return g
}

func TestGossip_aNewcomerGreetsThoseThatItOnlyHearsOf(t *testing.T) {
	creds := newKeys(t)
	var said, unread lines
	nobody := func(Member) {}
	known := make(chan string, 4)
	n1 := gossiping(t, creds, Member{Name: "n1", Incarnation: 1}, &unread, func(m Member) { known <- m.Name })
	sink := gossiping(t, creds, Member{Name: "sink", Incarnation: 1, Sink: true}, &unread, nobody)
	if err := sink.join([]string{n1.address}); err != nil {
		t.Fatal(err)
	}
	<-known // who is joined answers with what it knows before it takes in what it was told
	n2 := gossiping(t, creds, Member{Name: "n2", Incarnation: 1}, &said, nobody)
	if err := n2.join([]string{n1.address}); err != nil {
		t.Fatal(err)
	}
	<-n2.greeted
	if calls := said.calls(); len(calls) != 2 || !slices.Contains(calls, n1.address) || !slices.Contains(calls, sink.address) {
		t.Errorf("n2 has called %v, want %s, which it joined, and %s, of which it heard", calls, n1.address, sink.address)
	}
}
