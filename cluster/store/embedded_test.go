package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestEmbedded_isReadByRedisCLI(t *testing.T) {
	cli := needTool(t, "redis-cli", "redis-tools")
	e := startEmbedded(t, EmbeddedConfig{})
	path := serveUnix(t, e)
	if err := closing(t, e.Client()).Set(context.Background(), Entry{"i=1", []byte("89504e47")}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(cli, "-s", path, "get", "i=1").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "89504e47" {
		t.Errorf("redis-cli answers %q, %v; want 89504e47", out, err)
	}
}

func TestEmbedded_lasts(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	path := serveUnix(t, e)
	kept := openURL(t, "unix://"+path)
	if err := kept.Set(context.Background(), Entry{"k", []byte("v")}); err != nil {
		t.Fatal(err)
	}
	for name, abuse := range map[string]string{
		"a header that announces a gigabyte":    "*2\r\n$3\r\nGET\r\n$1400000000\r\n",
		"a length beyond what a number holds":   "*2\r\n$3\r\nGET\r\n$9223372036854775807\r\n",
		"a negative length":                     "*2\r\n$3\r\nGET\r\n$-5\r\n",
		"an empty command":                      "*0\r\n",
		"a null command":                        "*-1\r\n",
		"a million arguments":                   "*1000000\r\n",
		"a command in a line":                   "GET k\r\n",
		"a line without end":                    strings.Repeat("*", 1<<16),
		"an argument that is no string":         "*2\r\n$3\r\nGET\r\n:1\r\n",
		"an argument longer than it says":       "*2\r\n$3\r\nGETGET\r\n",
		"a web page":                            "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a header with a bare newline":          "*1\n$4\nPING\n",
		"a sign in a length":                    "*1\r\n$+4\r\nPING\r\n",
		"a blank length":                        "*\r\n",
		"a command of more than it may weigh":   "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\n",
		"a script that would never let it go":   "*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n",
		"a script, in small letters":            "*3\r\n$4\r\neval\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n",
		"a script kept for later":               "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$17\r\nwhile true do end\r\n",
		"a null argument where a string is due": "*2\r\n$3\r\nGET\r\n$-1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.WriteString(conn, abuse) // it may be cut off before it is through
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if !strings.HasPrefix(answer, "-ERR ") && !errors.Is(err, io.EOF) && err == nil {
				t.Errorf("answer %q, %v; want an error", answer, err)
			}
			if err := want(kept, "k", "v"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestEmbedded_doesNotWaitForASlowReader: the reader asks for far more than any buffer holds, and reads none of it.
func TestEmbedded_doesNotWaitForASlowReader(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{MaxReplyBytes: 8 << 20})
	path := serveUnix(t, e)
	c := closing(t, e.Client())
	if err := c.Set(context.Background(), Entry{"big", make([]byte, 1<<20)}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // from here on it is known, and is waited for
		t.Fatalf("PING answered %q, %v", answer, err)
	}
	for range 100 {
		if _, err := io.WriteString(conn, "*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"); err != nil {
			break // it has been cut off already
		}
	}
	for i := range 100 {
		if err := c.Set(context.Background(), Entry{"k", fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the slow reader is let go", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.open) > 1 {
			return fmt.Errorf("%d connections, want that of the other client", len(e.open))
		}
		return nil
	})
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if n, err := io.Copy(io.Discard, conn); n > 20<<20 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the slow reader got %d bytes and %v, want to be cut off by then", n, err)
	}
}

func TestEmbedded_doesNotWaitForASlowSubscriber(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	path := serveUnix(t, e)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: path})
	defer func() { _ = rdb.Close() }()
	message := strings.Repeat("m", 64<<10)
	eventually(t, "the subscriber is heard of", func() error {
		if n, err := rdb.Publish(context.Background(), "c", message).Result(); err != nil || n != 1 {
			return fmt.Errorf("%d subscribers, %w", n, err)
		}
		return nil
	})
	for range 64 {
		if err := rdb.Publish(context.Background(), "c", message).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmbedded_takesALongPipelineFromThisProcess(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	c := closing(t, e.Client())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmds, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 5000 {
			p.Set(ctx, fmt.Sprint("k", i), strings.Repeat("v", 100), 0)
			p.Get(ctx, fmt.Sprint("k", i))
		}
		return nil
	})
	if err != nil || len(cmds) != 10000 {
		t.Errorf("%d commands, %v; want 10000", len(cmds), err)
	}
}

func TestEmbedded_boundsItsConnections(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{MaxConns: 2})
	path := serveUnix(t, e)
	ping := func() (net.Conn, error) {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return nil, err
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(conn, "*1\r\n$4\r\nPING\r\n")
		answer, err := bufio.NewReader(conn).ReadString('\n')
		if answer != "+PONG\r\n" {
			_ = conn.Close()
			return nil, fmt.Errorf("answer %q, %w", answer, err)
		}
		return conn, nil
	}
	first, err := ping()
	if err != nil {
		t.Fatal(err)
	}
	second, err := ping()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	if third, err := ping(); err == nil {
		_ = third.Close()
		t.Error("a third connection was let in, want two at most")
	}
	silent, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if told, _ := io.ReadAll(silent); !strings.Contains(string(told), "max number of clients") {
		t.Errorf("a connection beyond the bound is told %q, want the bound", told)
	}
	_ = first.Close()
	eventually(t, "there is room again", func() error {
		conn, err := ping()
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

func TestEmbedded_letsKeysExpire(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	c := closing(t, e.Client())
	ctx := context.Background()
	if err := c.rdb.Set(ctx, "brief", "v", 150*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	if err := want(c, "brief", "v"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key expires", func() error {
		if err := want(c, "brief", "v"); !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("still there: %w", err)
		}
		return nil
	})
}

func TestEmbedded_endsWithItsConnections(t *testing.T) {
	e := NewEmbedded(EmbeddedConfig{})
	stop := running(t, e.Run)
	path := serveUnix(t, e)
	c := openURL(t, "unix://"+path)
	idle, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	_ = idle.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadAll(idle); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection outlived the store")
	}
	if err := c.Ping(context.Background()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Ping after the end = %v, want ErrUnreachable", err)
	}
	own := closing(t, e.Client())
	if err := own.Ping(context.Background()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "ended") {
		t.Errorf("Ping after the end = %v, want one that says so", err)
	}
}

func TestEmbedded_clientWaitsForItToRun(t *testing.T) {
	c := closing(t, NewEmbedded(EmbeddedConfig{}).Client())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantError(t, c.Ping(ctx), ErrUnreachable)
}

// TestGuard_takesNoMemoryThatHasNotArrived: sixty connections announce 64 MiB each and send nothing of it.
func TestGuard_takesNoMemoryThatHasNotArrived(t *testing.T) {
	e := startEmbedded(t, EmbeddedConfig{})
	path := serveUnix(t, e)
	c := closing(t, e.Client())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 60 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", 60<<20)
	}
	if err := c.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); took > 16<<20 {
		t.Errorf("the store took %d MiB for what has not been sent, want less than 16", took>>20)
	}
}

// FuzzGuard sends bytes to a store: it must answer or hang up, and be as well as before.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("*1\r\n$4\r\nPING\r\n"))
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))
	f.Add([]byte("*0\r\n*-1\r\n*2\r\n$-1\r\n$99999999999\r\n"))
	e := NewEmbedded(EmbeddedConfig{Stall: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	f.Cleanup(func() { cancel(); <-ended })
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, err := e.dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			_, _ = conn.Write(sent)
			_, _ = conn.Write([]byte("\r\n*1\r\n$4\r\nQUIT\r\n"))
		}()
		_, err = io.Copy(io.Discard, conn)
		_ = conn.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: neither answered nor hung up", sent)
		}
		c := e.Client()
		defer func() { _ = c.Close() }()
		if err := c.Ping(ctx); err != nil {
			t.Errorf("after %q: %v", sent, err)
		}
	})
}

func TestListen_makesAPrivateSocketAndTakesItAway(t *testing.T) {
	path := filepath.Join(shortDir(t), "new", "store.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o, want %04o", filepath.Base(name), info.Mode().Perm(), mode)
		}
	}
	_, err = Listen(path)
	wantError(t, err, ErrInUse)
	_ = l.Close()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there after its listener was closed")
	}
}

func TestListen_replacesWhatAKilledStoreLeft(t *testing.T) {
	path := filepath.Join(shortDir(t), "store.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	l, err = Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func TestListen_refusesWhatItCannotKeepPrivate(t *testing.T) {
	dir := shortDir(t)
	if err := os.WriteFile(filepath.Join(dir, "file"), bytes.Repeat([]byte("x"), 3), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, target := range map[string]error{
		filepath.Join(open, "s"):                     ErrExposed,
		filepath.Join(dir, "file"):                   ErrPath,
		filepath.Join(dir, "file", "s"):              ErrPath,
		filepath.Join(dir, strings.Repeat("x", 100)): ErrPath,
		filepath.Join(dir, "no", "such", "s"):        os.ErrNotExist,
	} {
		_, err := Listen(path)
		wantError(t, err, target)
	}
}
