package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needTool finds a program that a test runs. Where it is missing the test is skipped and says what to install; under CI
// a skipped test is a failure.
func needTool(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: CI must install the package %s", name, pkg)
	}
	t.Skipf("%s is not installed: install the package %s to run this test", name, pkg)
	return ""
}

// redisProcess is a real redis-server on a unix socket of its own, which can be killed and started again.
type redisProcess struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

func startRedis(t testing.TB, args ...string) *redisProcess {
	t.Helper()
	needTool(t, "redis-server", "redis-server")
	dir := shortDir(t)
	r := &redisProcess{t: t, dir: dir}
	r.args = append([]string{"--port", "0", "--unixsocket", r.socket(), "--dir", dir, "--save", "", "--appendonly", "no",
		"--loglevel", "warning"}, args...)
	r.start()
	t.Cleanup(r.kill)
	return r
}

func (r *redisProcess) socket() string { return filepath.Join(r.dir, "redis.sock") }

func (r *redisProcess) url() string { return "unix://" + r.socket() }

func (r *redisProcess) start() {
	r.t.Helper()
	_ = os.Remove(r.socket())
	r.cmd = exec.Command("redis-server", r.args...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("starting redis-server: %v", err)
	}
	eventually(r.t, "redis-server listens", func() error { // the socket's file is there a moment before
		conn, err := net.Dial("unix", r.socket())
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// kill ends the server at once, and waits until it is gone. A second kill does nothing.
func (r *redisProcess) kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

func (r *redisProcess) pause()  { _ = r.cmd.Process.Signal(syscall.SIGSTOP) }
func (r *redisProcess) resume() { _ = r.cmd.Process.Signal(syscall.SIGCONT) }

// shortDir is a private directory whose path leaves room for a socket's name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// eventually asks until ok answers nil, for ten seconds at most.
func eventually(t testing.TB, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	err := ok()
	for err != nil && time.Now().Before(deadline) {
		<-time.After(2 * time.Millisecond)
		err = ok()
	}
	if err != nil {
		t.Fatalf("%s: not within 10 s: %v", what, err)
	}
}

// running runs a part in the background and joins it when the test ends, or when stop is called.
func running(t testing.TB, run func(context.Context) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var result error
	stopped := false
	stop = func() error {
		cancel()
		if !stopped {
			result, stopped = <-ended, true
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func startEmbedded(t testing.TB, cfg EmbeddedConfig) *Embedded {
	t.Helper()
	e := NewEmbedded(cfg)
	running(t, e.Run)
	return e
}

func serveUnix(t testing.TB, e *Embedded) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "store.sock")
	listener, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	running(t, func(ctx context.Context) error { return e.Serve(ctx, listener) })
	return path
}

func closing(t testing.TB, c *Client) *Client {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
	})
	return c
}

func openURL(t testing.TB, rawURL string) *Client {
	t.Helper()
	var c *Client
	eventually(t, "opening "+Redact(rawURL), func() (err error) {
		c, err = Open(context.Background(), rawURL)
		return err
	})
	return closing(t, c)
}

// want reads a key and compares.
func want(c *Client, key, value string) error {
	got, err := c.Get(context.Background(), key)
	if err != nil {
		return err
	}
	if string(got) != value {
		return fmt.Errorf("%s = %.60q, want %.60q", key, got, value)
	}
	return nil
}

// counted waits until the writer's counters satisfy ok.
func counted(t testing.TB, w *Writer, what string, ok func(Counters) bool) {
	t.Helper()
	eventually(t, what, func() error {
		if c := w.Counters(); !ok(c) {
			return fmt.Errorf("counters %+v", c)
		}
		return nil
	})
}

func mention(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that mentions %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not mention %q", err, word)
		}
	}
}

func wantError(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}
