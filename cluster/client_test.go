package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// Whoever holds a terminal has to put it right before the process ends, whatever broke.
func TestClient_endsWithAnErrorWhereWhatItCallsPanics(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	for what, spoil := range map[string]func(*ClientConfig){
		"the news": func(cfg *ClientConfig) { cfg.News = func(telemetry.News) { panic("broken by a test") } },
		"a result": func(cfg *ClientConfig) {
			cfg.Deliver = func(*failover.Message, clock.Instant) { panic("broken by a test") }
		},
	} {
		cfg := ClientConfig{
			Name: "sink", Credentials: creds, Join: []string{crew[0].member.Gossip}, Log: slog.New(slog.DiscardHandler),
		}
		spoil(&cfg)
		client, err := NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		client.Submit(fractalStream(8, 0))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = client.Run(ctx)
		cancel()
		var crash *Panic
		if !errors.As(err, &crash) || !strings.Contains(err.Error(), "broken by a test") {
			t.Fatalf("%s: Run = %v, want the panic", what, err)
		}
		if !strings.Contains(string(crash.Stack()), "client_test.go") {
			t.Errorf("%s: the stack does not show where it panicked:\n%s", what, crash.Stack())
		}
	}
}

// A client listens where those that it joins can reach it.
func TestReaching_isTheAddressOnTheWayToTheFirst(t *testing.T) {
	for _, c := range []struct {
		join []string
		want string
	}{
		{nil, "127.0.0.1:0"},
		{[]string{"127.0.0.1:7946"}, "127.0.0.1:0"},
		{[]string{"[::1]:7946"}, "127.0.0.1:0"},
		{[]string{"a-name:7946"}, "127.0.0.1:0"},
		{[]string{"no address"}, "127.0.0.1:0"},
	} {
		if got := reaching(c.join); got != c.want {
			t.Errorf("reaching(%q) = %q, want %q", c.join, got, c.want)
		}
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range interfaces {
		own, err := netip.ParsePrefix(a.String())
		if err != nil || !own.Addr().Is4() || own.Addr().IsLoopback() {
			continue
		}
		there := netip.AddrPortFrom(own.Addr(), 7946).String() // to itself a host goes by that address
		if got, want := reaching([]string{there, "127.0.0.1:1"}), netip.AddrPortFrom(own.Addr(), 0).String(); got != want {
			t.Errorf("reaching(%q) = %q, want %q", there, got, want)
		}
	}
}
