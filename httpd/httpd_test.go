package httpd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds each wait of a test.
const patience = 20 * time.Second

func TestForeign_tellsPagesOfOtherSites(t *testing.T) {
	for _, c := range []struct {
		host       string
		origins    []string
		name, page bool
	}{
		{"127.0.0.1:80", nil, false, false},
		{"localhost", []string{"http://LOCALHOST"}, false, false},
		{"[::1]:80", []string{"http://[::1]:80"}, false, false},
		{"evil.example", nil, true, false},
		{"10.0.0.1:80", nil, true, false},
		{"", nil, true, false},
		{"localhost:1", []string{"http://localhost:2"}, false, true},
		{"localhost", []string{"null"}, false, true},
		{"localhost", []string{"http://localhost", "http://evil.example"}, false, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = c.host
		r.Header["Origin"] = c.origins
		if name, page := ForeignName(r), ForeignPage(r); name != c.name || page != c.page {
			t.Errorf("to %q from %q: foreign name %v, page %v; want %v, %v", c.host, c.origins, name, page, c.name, c.page)
		}
	}
}

// serving runs a server until the test ends, or end is called, which answers with what Run did.
func serving(t *testing.T, cfg Config) (s *Server, address string, end func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxHeader, cfg.HeaderTime, cfg.BodyTime, cfg.IdleTime = 1<<10, patience, patience, patience
	s = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	return s, listener.Addr().String(), func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return errors.New("it does not end")
		}
	}
}

func TestServer_finishesWhatIsUnderWay(t *testing.T) {
	begun, ending := make(chan struct{}), make(chan struct{})
	_, address, end := serving(t, Config{MaxConns: 1, DrainTime: patience, Ending: func() { close(ending) },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-ending
			_, _ = io.WriteString(w, "done")
		})})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	said := make(chan string, 1)
	go func() {
		reply, err := client.Get("http://" + address)
		if err != nil {
			said <- err.Error()
			return
		}
		defer func() { _ = reply.Body.Close() }()
		text, _ := io.ReadAll(reply.Body)
		said <- string(text)
	}()
	<-begun
	if err := end(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := <-said; got != "done" {
		t.Errorf("a request under way is answered %q, want done", got)
	}
}

func TestServer_closesConnectionsBeyondTheBound(t *testing.T) {
	_, address, end := serving(t, Config{MaxConns: 1, DrainTime: time.Millisecond, Handler: http.NotFoundHandler()})
	read := func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	if err := read(); err != nil {
		t.Errorf("the first connection reads %v, want a reply", err)
	}
	if err := read(); err == nil {
		t.Error("a connection too many has a reply")
	}
	if err := end(); err != nil {
		t.Errorf("Run = %v", err)
	}
}
