package cluster

import (
	"context"
	"errors"
	"log/slog"
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
