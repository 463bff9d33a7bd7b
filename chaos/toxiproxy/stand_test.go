package toxiproxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// stand is a server under test.
type stand struct {
	t      *testing.T
	server *Server
	url    string
	http   *http.Client
	end    func() // ends it, and waits
}

// begin runs a server until the test ends.
func begin(t *testing.T, cfg Config) *stand {
	t.Helper()
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1:0"
	}
	s := New(cfg)
	addr, err := s.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	transport := &http.Transport{}
	stopped := false
	stand := &stand{t: t, server: s, url: "http://" + addr.String(), http: &http.Client{Transport: transport, Timeout: patience}}
	stand.end = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		transport.CloseIdleConnections()
	}
	t.Cleanup(stand.end)
	return stand
}

// call makes a request and answers with its status and body.
func (s *stand) call(method, path, body string) (int, string) {
	s.t.Helper()
	var said io.Reader
	if body != "" {
		said = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, said)
	if err != nil {
		s.t.Fatal(err)
	}
	reply, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// must is a call that is to succeed.
func (s *stand) must(method, path, format string, args ...any) string {
	s.t.Helper()
	body := fmt.Sprintf(format, args...)
	status, text := s.call(method, path, body)
	if status >= 300 {
		s.t.Fatalf("%s %s %s = %d %s", method, path, body, status, text)
	}
	return text
}

// proxy makes a proxy named p and answers with where it listens.
func (s *stand) proxy(listen, upstream string) string {
	s.t.Helper()
	var p Proxy
	if err := json.Unmarshal([]byte(s.must("POST", "/proxies", `{"name":"p","listen":%q,"upstream":%q}`, listen, upstream)), &p); err != nil {
		s.t.Fatal(err)
	}
	return p.Listen
}

// toxic puts a toxic named t into p.
func (s *stand) toxic(kind, stream, attributes string) {
	s.t.Helper()
	s.must("POST", "/proxies/p/toxics", `{"name":"t","type":%q,"stream":%q,"attributes":%s}`, kind, stream, attributes)
}

// upstream is a TCP server that has serve deal with each connection; it ends with the test.
func upstream(t *testing.T, serve func(c *net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			go func() {
				defer func() { _ = c.Close() }()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

// echo says everything again.
func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

// echoed is a stand with a proxy p before an echo.
func echoed(t *testing.T, cfg Config) (s *stand, listen string) {
	t.Helper()
	at := upstream(t, echo)
	s = begin(t, cfg)
	return s, s.proxy("127.0.0.1:0", at)
}

func dial(t *testing.T, at string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads as many bytes as text has, and wants them to be it.
func hear(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("heard %q, %v, want %q", got, err, text)
	}
}

// isReset reports whether an error is that of a connection which the other side has reset.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
