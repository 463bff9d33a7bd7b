package toxiproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestServer_refusesWhatAPageMayHaveSent(t *testing.T) {
	s := begin(t, Config{})
	for _, c := range []struct {
		what   string
		header map[string]string
		host   string
		want   int
	}{
		{"a client library", map[string]string{"User-Agent": "toxiproxy-cli/2.7.0 linux/go"}, "", 200},
		{"by name", nil, "localhost:8474", 200},
		{"by address of the other family", nil, "[::1]:8474", 200},
		{"a browser", map[string]string{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, "", 403},
		{"a page elsewhere", map[string]string{"Origin": "https://example.org"}, "", 403},
		{"a page without origin", map[string]string{"Origin": "null"}, "", 403},
		{"a name made to point here", nil, "rebound.example.org:8474", 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/proxies", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		r.Host = c.host
		reply, err := s.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		if reply.StatusCode != c.want {
			t.Errorf("%s is answered %d, want %d", c.what, reply.StatusCode, c.want)
		}
	}
	if n := s.server.Counters().Foreign; n != 4 {
		t.Errorf("counted %d foreign, want 4", n)
	}
}

func TestServer_exposedServesEveryName(t *testing.T) {
	s := begin(t, Config{Expose: true})
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/proxies", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "toxiproxy:8474" // as a container is found
	reply, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode != 200 {
		t.Errorf("answered %d, want 200", reply.StatusCode)
	}
	if text := s.must("POST", "/proxies", `{"name":"open","listen":"0.0.0.0:0","upstream":"127.0.0.1:1"}`); !strings.Contains(text, `"enabled":true`) {
		t.Errorf("made %s, want it to listen", text)
	}
}

func TestServer_keepsItsBounds(t *testing.T) {
	s := begin(t, Config{MaxProxies: 2, MaxToxics: 2, MaxBody: 256})
	for i := range 3 {
		status, text := s.call("POST", "/proxies", fmt.Sprintf(`{"name":"p%d","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`, i))
		if full := i == 2; (status == 409) != full {
			t.Errorf("proxy %d of 2 is answered %d %s", i+1, status, text)
		}
	}
	for i := range 3 {
		status, text := s.call("POST", "/proxies/p0/toxics", fmt.Sprintf(`{"name":"t%d","type":"latency"}`, i))
		if full := i == 2; (status == 409) != full {
			t.Errorf("toxic %d of 2 is answered %d %s", i+1, status, text)
		}
	}
	long := `{"name":"` + strings.Repeat("x", 300) + `"}`
	for _, path := range []string{"/proxies", "/populate", "/proxies/p0", "/proxies/p0/toxics", "/proxies/p0/toxics/t0"} {
		if status, text := s.call("POST", path, long); status != 400 || !strings.Contains(text, "bad request body: http: request body too large") {
			t.Errorf("%s answers %d %s to a long body, want 400", path, status, text)
		}
	}
}

func TestListen_saysWhoHasThePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for address, want := range map[string]error{taken.Addr().String(): ErrInUse, "0.0.0.0:0": ErrExposed, "192.0.2.1:8474": ErrExposed} {
		if _, err := New(Config{Address: address}).Listen(t.Context()); !errors.Is(err, want) {
			t.Errorf("Listen at %s = %v, want %v", address, err, want)
		}
	}
}

func TestRun_beginsWithItsProxies(t *testing.T) {
	at := upstream(t, echo)
	s := begin(t, Config{Proxies: []Proxy{{Name: "p", Listen: "127.0.0.1:0", Upstream: at, Enabled: true}, {Name: "off", Upstream: at}}})
	if text := s.must("GET", "/proxies/off", ""); !strings.Contains(text, `"enabled":false`) {
		t.Errorf("off is %s, want it not enabled", text)
	}
	s.server.mu.Lock()
	listen := s.server.proxies["p"].Listen
	s.server.mu.Unlock()
	c := dial(t, listen)
	say(t, c, "x")
	hear(t, c, "x")
}

func TestRun_endsWhereAProxyCannotBegin(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s := New(Config{Address: "127.0.0.1:0", Proxies: []Proxy{
		{Name: "first", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1", Enabled: true},
		{Name: "second", Listen: taken.Addr().String(), Upstream: "127.0.0.1:1", Enabled: true},
	}})
	if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "second") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Run = %v, want which proxy could not begin, and why", err)
	}
}

func TestReadConfig_saysWhereItIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"[\n  {\"name\": \"db\",\n  }\n]": "3:3: ",
		"{}":                              "want a JSON list",
		"[7]":                             "cannot unmarshal number",
		`[{"name":"a","upstream":"b"},{"name":"c"}]`:   "upstream at proxy 2",
		`[{"name":"a","upstream":"b","enabled":"no"}]`: "enabled",
		"": "1:1: ",
	} {
		if _, err := ReadConfig([]byte(text)); !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadConfig(%q) = %v, want %q", text, err, want)
		}
	}
	proxies, err := ReadConfig([]byte(`[{"name":"a","listen":"x","upstream":"b"},{"name":"c","upstream":"d","enabled":false}]`))
	if err != nil || len(proxies) != 2 || proxies[0] != (Proxy{"a", "x", "b", true}) || proxies[1] != (Proxy{"c", "", "d", false}) {
		t.Errorf("ReadConfig = %+v, %v", proxies, err)
	}
}
