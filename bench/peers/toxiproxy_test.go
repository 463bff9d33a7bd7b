package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	client "github.com/Shopify/toxiproxy/v2/client"

	"fracture/chaos/toxiproxy"
)

// echoServer says everything again, until the test ends.
func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// TestToxiproxy_itsOwnClientDrivesOurs goes through every call of Toxiproxy's own Go client.
func TestToxiproxy_itsOwnClientDrivesOurs(t *testing.T) {
	server := toxiproxy.New(toxiproxy.Config{Address: "127.0.0.1:0"})
	addr, err := server.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	c, upstream := client.NewClient(addr.String()), echoServer(t)

	proxy, err := c.CreateProxy("echo", "127.0.0.1:0", upstream)
	if err != nil || !proxy.Enabled || strings.HasSuffix(proxy.Listen, ":0") {
		t.Fatalf("CreateProxy = %+v, %v, want it enabled at a port", proxy, err)
	}
	if _, err := c.CreateProxy("echo", "127.0.0.1:0", upstream); err == nil || !strings.Contains(err.Error(), "HTTP 409: proxy already exists") {
		t.Errorf("CreateProxy again = %v, want 409", err)
	}
	if _, err := c.Proxy("none"); err == nil || !strings.Contains(err.Error(), "HTTP 404: proxy not found") {
		t.Errorf("Proxy = %v, want 404", err)
	}

	throughToxics(t, c, proxy)

	if err := proxy.Disable(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", proxy.Listen); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a disabled proxy answers %v, want it refused", err)
	}
	if err := c.ResetState(); err != nil {
		t.Fatal(err)
	}
	if toxics, err := proxy.Toxics(); err != nil || len(toxics) != 0 {
		t.Errorf("after a reset there are %v, %v", toxics, err)
	}
	exchange(t, proxy.Listen)

	made, err := c.Populate([]client.Proxy{
		{Name: "echo", Listen: proxy.Listen, Upstream: upstream, Enabled: true},
		{Name: "two", Listen: "127.0.0.1:0", Upstream: upstream, Enabled: true},
	})
	if err != nil || len(made) != 2 || made[0].Listen != proxy.Listen {
		t.Fatalf("Populate = %v, %v, want both, the first as it was", made, err)
	}
	exchange(t, made[1].Listen)
	if err := proxy.Delete(); err != nil {
		t.Fatal(err)
	}
	if all, err := c.Proxies(); err != nil || len(all) != 1 || all["two"] == nil {
		t.Errorf("Proxies = %v, %v, want the second alone", all, err)
	}
}

// throughToxics adds, changes, lists and removes toxics, and looks whether they have an effect.
func throughToxics(t *testing.T, c *client.Client, proxy *client.Proxy) {
	t.Helper()
	added, err := proxy.AddToxic("", "latency", "downstream", 1, client.Attributes{"latency": 50})
	if err != nil || added.Name != "latency_downstream" || added.Attributes["latency"] != 50.0 {
		t.Fatalf("AddToxic = %+v, %v", added, err)
	}
	if took := exchange(t, proxy.Listen); took < 50*time.Millisecond {
		t.Errorf("a reply took %v under 50 ms of latency", took)
	}
	if _, err := proxy.AddToxic("", "latency", "sideways", 1, nil); err == nil || !strings.Contains(err.Error(), "HTTP 400: stream was invalid") {
		t.Errorf("AddToxic to no stream = %v, want 400", err)
	}
	changed, err := proxy.UpdateToxic("latency_downstream", 0.5, client.Attributes{"jitter": 5})
	if err != nil || changed.Toxicity != 0.5 || changed.Attributes["latency"] != 50.0 || changed.Attributes["jitter"] != 5.0 {
		t.Errorf("UpdateToxic = %+v, %v", changed, err)
	}
	if _, err := proxy.AddToxic("every", "nth_call", "upstream", 1, client.Attributes{"n": 1000}); err != nil {
		t.Errorf("a type of our own: %v", err)
	}
	if shown, err := c.Proxy("echo"); err != nil || len(shown.ActiveToxics) != 2 {
		t.Errorf("Proxy = %+v, %v, want both toxics", shown, err)
	}
	if err := proxy.RemoveToxic("latency_downstream"); err != nil {
		t.Error(err)
	}
	if err := proxy.RemoveToxic("latency_downstream"); err == nil || !strings.Contains(err.Error(), "HTTP 404: toxic not found") {
		t.Errorf("RemoveToxic again = %v, want 404", err)
	}
}

// exchange says something through a proxy, wants it again, and answers how long that took.
func exchange(t *testing.T, at string) time.Duration {
	t.Helper()
	began := time.Now()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	said := bytes.Repeat([]byte("x"), 100)
	if _, err := conn.Write(said); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, said); err != nil {
		t.Fatalf("heard nothing through %s: %v", at, err)
	}
	return time.Since(began)
}
