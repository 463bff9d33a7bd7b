package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/clock"
	"fracture/cluster/front"
	"fracture/cluster/store"
	"fracture/cluster/wire"
	"fracture/lab"
	"fracture/netns"
)

// Where the lab's store is, in the cluster directory: the embedded one's socket, or a file with the URL of another, which
// may hold a password.
const (
	storeSocket = "store.sock"
	storeFile   = "store.url"
)

// startTime bounds how long the nodes of a home may take to be ready.
const startTime = 20 * time.Second

// homeConfig says what cluster to make.
type homeConfig struct {
	nodes   int
	zones   int      // over which the nodes are spread; 0: they have none
	redis   string   // URL of the store; "" for the embedded one
	gossip  string   // address of the first node's membership; "" for any
	http    string   // address that the nodes' front doors share beside their own; "" for none
	args    []string // more that every node is told
	program string   // of the nodes; "" for this one
	server  string   // program of a store that is a process of its own; "" for none
	sink    bool     // a second receiver is to run

	network *netns.Network // in which each node has an interface of its own; nil: all are on the loopback
}

// home is a cluster of this process's own: a directory with its keys, a store, and nodes as child processes.
type home struct {
	cfg      homeConfig
	dir      lab.Dir
	creds    *wire.Credentials
	lab      *lab.Lab
	embedded *store.Embedded
	listener net.Listener
	door     *front.Claimed // the shared address; nil where there is none
	server   *server        // nil where the store is no process of ours
	sweeper  sweeper        // that removes dir if this process cannot

	mu    sync.Mutex // guards what follows
	nodes map[string]announcement
	told  []func(node, what string, before clock.Instant) // of each fault
}

// openHome makes the directory, the keys and the store's socket. Nothing runs until run.
func openHome(ctx context.Context, cfg homeConfig) (*home, error) {
	if cfg.redis != "" {
		client, err := store.Open(ctx, cfg.redis)
		if err != nil {
			return nil, err
		}
		_ = client.Close()
	}
	dir, err := lab.OpenDir()
	if err != nil {
		return nil, err
	}
	h := &home{cfg: cfg, dir: dir, nodes: map[string]announcement{}}
	if err := h.furnish(); err != nil {
		return nil, errors.Join(err, h.letDoorGo(), h.clear())
	}
	return h, nil
}

// furnish fills the directory.
func (h *home) furnish() error {
	var err error
	if h.sweeper, err = startSweeper(h.cfg.program, h.dir); err != nil {
		return err
	}
	if h.creds, err = wire.Create(h.dir.Path); err != nil {
		return err
	}
	if h.cfg.http != "" {
		if h.door, err = front.Claim(h.cfg.http); err != nil {
			return explainPort(err, h.cfg.http)
		}
		if err := writeWhole(filepath.Join(h.dir.Path, doorFile), []byte(h.door.Address+"\n"), 0o600); err != nil {
			return fmt.Errorf("noting where the front door is: %w", err)
		}
	}
	if h.cfg.server != "" {
		if h.server, err = newServer(h.cfg.server, h.dir.Path); err != nil {
			return err
		}
		h.cfg.redis = serverURL(h.dir.Path)
	}
	env := []string{storeEnv + "=" + h.cfg.redis}
	if h.cfg.redis != "" {
		if err := writeWhole(filepath.Join(h.dir.Path, storeFile), []byte(h.cfg.redis+"\n"), 0o600); err != nil {
			return fmt.Errorf("noting where the store is: %w", err)
		}
	} else {
		h.embedded = store.NewEmbedded(store.EmbeddedConfig{})
		if h.listener, err = store.Listen(filepath.Join(h.dir.Path, storeSocket)); err != nil {
			return err
		}
	}
	cfg := lab.Config{Dir: h.dir.Path, Program: h.cfg.program, Command: h.command, Env: env}
	if h.cfg.network != nil {
		cfg.Network = plugs{h.cfg.network}
	}
	if h.lab, err = lab.New(cfg); err != nil {
		return err
	}
	return h.noteNetwork()
}

// letDoorGo gives the shared address back.
func (h *home) letDoorGo() error {
	if h.door == nil {
		return nil
	}
	return h.door.Close()
}

// nodeName is the name of the i-th node, from 1.
func nodeName(i int) string { return fmt.Sprintf("n%d", i) }

// zoneOf is the zone of the i-th node, from 1, of nodes that take turns.
func zoneOf(i, zones int) string { return fmt.Sprintf("z%d", (i-1)%zones+1) }

// command is the command line of a node: it joins whoever is known to be there.
func (h *home) command(name string) []string {
	if name == secondSink {
		return h.sinkCommand()
	}
	args := []string{"node", "--name", name, "--cluster", h.dir.Path, "--parent", lab.Self().String()}
	if h.cfg.zones > 0 {
		args = append(args, "--zone", zoneOf(nodeNumber(name), h.cfg.zones))
	}
	if h.cfg.network != nil {
		args = append(args, placed(nodeNumber(name))...)
	}
	if name == nodeName(1) && h.cfg.gossip != "" {
		args = append(args, "--gossip", h.cfg.gossip)
	}
	if h.door != nil {
		args = append(args, "--http-shared", h.door.Address)
	}
	for _, addr := range h.join(name) {
		args = append(args, "--join", addr)
	}
	return append(args, h.cfg.args...)
}

// join lists the gossip addresses of the nodes that were heard of, without the one named.
func (h *home) join(except string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var addrs []string
	for i := 1; i <= h.cfg.nodes; i++ {
		if node, ok := h.nodes[nodeName(i)]; ok && nodeName(i) != except {
			addrs = append(addrs, node.Gossip)
		}
	}
	return addrs
}

// run keeps the cluster until ctx ends, then ends every node and removes the directory.
func (h *home) run(ctx context.Context) error {
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	rear, behind := errgroup.WithContext(behind)
	if h.embedded != nil {
		rear.Go(func() error { return h.embedded.Run(behind) })
		rear.Go(func() error { return h.embedded.Serve(behind, h.listener) })
	}
	if h.server != nil {
		rear.Go(func() error { return h.server.run(behind) })
	}
	err := h.lab.Run(ctx)
	stop()
	return errors.Join(err, rear.Wait(), h.letDoorGo(), h.clear())
}

// clear removes the directory.
func (h *home) clear() error {
	if err := h.dir.Remove(); err != nil {
		return err // the sweeper tries once more when this process has ended
	}
	h.sweeper.dismiss()
	return nil
}

// start starts the store, the nodes, the first before the others, and the second receiver, and returns when all nodes are
// ready. run runs meanwhile.
func (h *home) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := h.startServer(ctx); err != nil {
		return err
	}
	if err := h.startNode(ctx, nodeName(1)); err != nil {
		return err
	}
	var group errgroup.Group
	for i := 2; i <= h.cfg.nodes; i++ {
		group.Go(func() error { return h.startNode(ctx, nodeName(i)) })
	}
	if err := group.Wait(); err != nil || !h.cfg.sink {
		return err
	}
	return h.lab.Start(secondSink)
}

func (h *home) startNode(ctx context.Context, name string) error {
	if err := h.lab.Start(name); err != nil {
		return err
	}
	return h.ready(ctx, name)
}

// revive starts a dead node again and returns when it is ready.
func (h *home) revive(ctx context.Context, name string) error {
	if err := h.lab.Revive(ctx, name); err != nil {
		return err
	}
	return h.ready(ctx, name)
}

// ready waits for a node's announcement and notes where it is.
func (h *home) ready(ctx context.Context, name string) error {
	text, err := h.lab.Ready(ctx, name)
	if err != nil {
		return err
	}
	var said announcement
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return fmt.Errorf("reading what %s announced: %w", name, err)
	}
	h.mu.Lock()
	h.nodes[name] = said
	h.mu.Unlock()
	return h.noteJoin()
}

// listen has someone be told of each fault from now on.
func (h *home) listen(told func(node, what string, before clock.Instant)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, told)
}

// node is what a node announced; the zero announcement where it has not yet.
func (h *home) node(name string) announcement {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nodes[name]
}

// noteJoin writes where the nodes are, for `fracture node` and `fracture attach`.
func (h *home) noteJoin() error {
	text := strings.Join(h.join(""), "\n") + "\n"
	if err := writeWhole(filepath.Join(h.dir.Path, joinFile), []byte(text), 0o600); err != nil {
		return fmt.Errorf("noting where the nodes are: %w", err)
	}
	return nil
}
