package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"fracture/chaos/toxiproxy"
)

// maxToxiproxyConfig bounds the file of --config.
const maxToxiproxyConfig = 1 << 20

type toxiproxyFlags struct {
	listen string
	config string
	seed   uint64
	expose bool
}

func newToxiproxyCommand() *cobra.Command {
	var f toxiproxyFlags
	cmd := &cobra.Command{
		Use:   "toxiproxy",
		Short: "proxies whose connections go wrong as asked, by Toxiproxy's HTTP API",
		Long: "Serves the HTTP API of Toxiproxy " + toxiproxy.Spoken + ", so that its client libraries and toxiproxy-cli drive it unchanged:\n" +
			"proxies between a client and its server, and toxics on what passes them. Beside Toxiproxy's toxics (latency,\n" +
			"bandwidth, slow_close, timeout, reset_peer, slicer, limit_data) there are nth_call and corrupt, and for\n" +
			"datagrams, where a proxy's listen begins with udp:, packet_loss, duplicate and reorder.\n\n" +
			"It is reached from this host alone, and so are its proxies, unless --expose is given. Ctrl-C or SIGTERM ends it,\n" +
			"with all proxies and connections.\n\n" +
			"Exit codes: 0 it was ended, 2 wrong command line or --config, 3 an address could not be taken.",
		Example: "  fracture toxiproxy\n" +
			"  fracture toxiproxy --config toxiproxy.json --seed 7\n" +
			"  curl 127.0.0.1:8474/proxies -d '{\"name\":\"db\",\"listen\":\"127.0.0.1:26379\",\"upstream\":\"127.0.0.1:6379\"}'\n" +
			"  curl 127.0.0.1:8474/proxies/db/toxics -d '{\"type\":\"latency\",\"attributes\":{\"latency\":100,\"jitter\":20}}'\n" +
			"  curl 127.0.0.1:8474/proxies/db/toxics -d '{\"type\":\"nth_call\",\"stream\":\"upstream\",\"attributes\":{\"n\":7}}'\n" +
			"  curl -X POST 127.0.0.1:8474/reset",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			proxies, err := f.proxies()
			if err != nil {
				return err
			}
			return serveToxiproxy(cmd.Context(), f, proxies, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8474", "where the API listens")
	flags.StringVar(&f.config, "config", "", "a JSON file with a list of proxies to begin with, as toxiproxy-server takes it")
	flags.Uint64Var(&f.seed, "seed", 0, "decides which connections a toxicity below 1 has, and the luck of jitter and loss")
	flags.BoolVar(&f.expose, "expose", false, "allow the API and proxies to listen where other hosts reach them: who does may open ports here")
	return cmd
}

// proxies reads the file of --config.
func (f toxiproxyFlags) proxies() ([]toxiproxy.Proxy, error) {
	if f.config == "" {
		return nil, nil
	}
	file, err := os.Open(f.config)
	if err != nil {
		return nil, wrongUse(fmt.Errorf("--config: %w", err))
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxToxiproxyConfig+1))
	if err == nil && len(text) > maxToxiproxyConfig {
		err = fmt.Errorf("more than %d bytes", maxToxiproxyConfig)
	}
	if err != nil {
		return nil, wrongUse(fmt.Errorf("--config %s: %w", f.config, err))
	}
	proxies, err := toxiproxy.ReadConfig(text)
	if err != nil {
		return nil, wrongUse(fmt.Errorf("--config %s:%w", f.config, err))
	}
	return proxies, nil
}

// serveToxiproxy runs the server until ctx ends, which is how it is meant to end.
func serveToxiproxy(ctx context.Context, f toxiproxyFlags, proxies []toxiproxy.Proxy, out io.Writer) error {
	server := toxiproxy.New(toxiproxy.Config{Address: f.listen, Expose: f.expose, Seed: f.seed, Proxies: proxies})
	address, err := server.Listen(ctx)
	switch {
	case errors.Is(err, toxiproxy.ErrExposed):
		return wrongUse(fmt.Errorf("--listen %s: %w; give --expose to allow it", f.listen, err))
	case err != nil:
		return fmt.Errorf("--listen %s: %w", f.listen, err)
	}
	for _, p := range proxies {
		_, _ = fmt.Fprintf(out, "%s: %s to %s\n", p.Name, p.Listen, p.Upstream)
	}
	_, _ = fmt.Fprintf(out, "Toxiproxy's API at http://%v; ctrl-c ends it\n", address)
	err = server.Run(ctx)
	if n := server.Counters(); n != (toxiproxy.Counters{}) {
		_, _ = fmt.Fprintf(out, "%d connections refused as too many, %d closed because the upstream did not answer, %d datagrams dropped, %d requests of other sites refused\n",
			n.Turned, n.Failed, n.Dropped, n.Foreign)
	}
	return err
}
