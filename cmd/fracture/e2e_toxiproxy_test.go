package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// startToxiproxy starts the verb at a free port and answers with its URL.
func (h *house) startToxiproxy(args ...string) (p *process, url string) {
	h.t.Helper()
	p = h.start(append([]string{"toxiproxy", "--listen", "127.0.0.1:0"}, args...)...)
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	await(h.t, "the API listens", func() bool { return address.MatchString(p.out.String()) }, p.said)
	return p, address.FindString(p.out.String())
}

func TestE2E_toxiproxyServesItsConfigUntilItIsEnded(t *testing.T) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = upstream.Close() }()
	go func() {
		for {
			c, err := upstream.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	config := filepath.Join(t.TempDir(), "toxiproxy.json")
	if err := os.WriteFile(config, []byte(`[{"name":"echo","listen":"127.0.0.1:0","upstream":"`+upstream.Addr().String()+`"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p, url := h.startToxiproxy("--config", config)
		reply, err := http.Get(url + "/proxies/echo")
		if err != nil {
			t.Fatal(err)
		}
		var proxy struct{ Listen string }
		err = json.NewDecoder(reply.Body).Decode(&proxy)
		_ = reply.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", proxy.Listen)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "through\n")
		lines := bufio.NewReader(c)
		if line, err := lines.ReadString('\n'); line != "through\n" {
			t.Errorf("heard %q, %v through the proxy, want what was said", line, err)
		}
		p.signal(signal)
		p.wantExit(exitHeld)
		if _, err := lines.ReadByte(); err == nil {
			t.Error("the connection outlives the server")
		}
		_ = c.Close()
		if _, err := net.Dial("tcp", proxy.Listen); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the proxy's port answers %v behind the server, want it refused", err)
		}
	}
}

func TestE2E_toxiproxySaysWhatKeepsItFromServing(t *testing.T) {
	h := newHouse(t)
	first, url := h.startToxiproxy()
	defer first.endBy(syscall.SIGTERM)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("[\n  {\"name\":}\n]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", strings.TrimPrefix(url, "http://")}, exitEnvironment, "is in use"},
		{[]string{"--listen", "0.0.0.0:0"}, exitUsage, "--expose"},
		{[]string{"--config", broken}, exitUsage, "broken.json:2:11: "},
		{[]string{"--config", broken + ".gone"}, exitUsage, "no such file"},
	} {
		p := h.start(append([]string{"toxiproxy"}, c.args...)...)
		if code := p.end(); code != c.code || !strings.Contains(p.said(), c.want) {
			t.Errorf("toxiproxy %q exits with %d, want %d and %q:\n%s", c.args, code, c.code, c.want, p.said())
		}
	}
}
