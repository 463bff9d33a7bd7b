package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/chaos"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/cluster/keep"
	"fracture/cluster/store"
	"fracture/cluster/wire"
	"fracture/lab"
	"fracture/work"
	"fracture/work/fractal"
	"fracture/work/probe"
)

// functions are what every node can compute.
var functions = []work.Function{fractal.Function{}, probe.Function{}}

// storeEnv carries the store's URL to a node where a command line would show its password to everybody on the host.
const storeEnv = "FRACTURE_REDIS"

// joinFile lists, in a cluster directory, the gossip addresses of the lab's nodes.
const joinFile = "join"

// doorFile says, in a lab's directory, at which address the front doors of its nodes listen together.
const doorFile = "door"

// flushTime bounds the last writes to the store of a node that ends, after half as much for the one under way. With what the
// node itself takes to hand over and to leave, all is over within 5 s of SIGTERM.
const flushTime = 1300 * time.Millisecond

// silenceCeiling is the longest silence that a node's lease on a peer learns to bear. On a machine so busy that its
// processes stand still for longer, takeovers would only add to the load; overdue tasks bound the wait there.
const silenceCeiling = time.Second

type nodeFlags struct {
	name, zone, dir, redis, parent string
	gossip, link, beat             string
	http, shared                   string
	join                           []string
	remote, verbose                bool
	nodeArgs
}

func newNodeCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:   "node",
		Short: "run one node of a cluster, on this or another host",
		Long: "Runs one node until it is told to end (SIGTERM, ctrl-c): then it hands its work over and leaves within 5 s.\n" +
			"The cluster directory holds the keys; copy it to join from another host. Without --cluster the node joins the\n" +
			"lab that runs on this host, and its front door answers at the lab's address too. The store's URL may also be given in\n" +
			storeEnv + ", where its password is not seen.",
		Example: "  fracture node --name n6 --join 127.0.0.1:7946\n" +
			"  fracture node --name n6 --beat-class other --rss-ballast 64MiB\n" +
			"  fracture node --name far --cluster ./keys --join 10.0.0.1:7946 \\\n" +
			"    --gossip 10.0.0.2:7946 --link 10.0.0.2:7947 --beat 10.0.0.2:7947",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runNode(cmd.Context(), f, cmd.ErrOrStderr()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "the node's name among the members (required)")
	flags.StringArrayVar(&f.join, "join", nil, "gossip address of a member; may be repeated; none: the lab's, or a new cluster with --cluster")
	flags.StringVar(&f.dir, "cluster", "", "cluster directory with the keys; made where it does not exist")
	flags.StringVar(&f.gossip, "gossip", "127.0.0.1:0", "address of membership (TCP and UDP)")
	flags.StringVar(&f.link, "link", "127.0.0.1:0", "address of the links (TCP), one that other nodes can call")
	flags.StringVar(&f.beat, "beat", "127.0.0.1:0", "address of the beats (UDP), one that other nodes can call")
	flags.StringVar(&f.http, "http", "127.0.0.1:0", "address of the front door; none: no door")
	flags.StringVar(&f.shared, "http-shared", "", "address that front doors on this host share: a new connection finds one that lives; none: the lab's")
	flags.BoolVar(&f.remote, "http-remote", false, "allow a front door that other hosts can reach")
	flags.StringVar(&f.zone, "zone", "", "zone of the node: standbys are sought in another one")
	flags.StringVar(&f.redis, "redis", "", "where the store is, a URL; none: the lab's, or one of the node's own")
	flags.BoolVar(&f.verbose, "verbose", false, "log gossip too")
	flags.StringVar(&f.parent, "parent", "", "pid@start of the process to die with")
	f.register(cmd)
	_ = flags.MarkHidden("parent")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

// announcement is what a node tells the lab that started it.
type announcement struct {
	Gossip string `json:"gossip"`
	Link   string `json:"link"`
	HTTP   string `json:"http,omitempty"`
}

func runNode(ctx context.Context, f nodeFlags, logs io.Writer) error {
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level})).With("node", f.name)
	creds, err := f.credentials()
	if err != nil {
		return err
	}
	client, embedded, err := f.store(ctx, creds.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	writer := store.NewWriter(client, store.WriterConfig{Flush: flushTime})
	keeper, err := keep.New(writer)
	if err != nil {
		return err
	}
	cfg := cluster.NodeConfig{
		Name: f.name, Zone: f.zone, Credentials: creds, Gossip: f.gossip, Link: f.link, Beat: f.beat, Join: f.join,
		Functions: functions, Keeper: keeper, StoreFaults: storeFaults(client), Log: log, Core: failover.Config{SilenceCeiling: silenceCeiling},
	}
	var door *front.Server
	late := &lateCluster{}
	if f.http != "none" {
		if door, err = front.New(front.Config{Address: f.http, Shared: f.shared, Remote: f.remote, Name: f.name}, late); err != nil {
			return err
		}
		addr, err := door.Listen(ctx)
		if err != nil {
			return explainPort(err, f.http, f.shared)
		}
		cfg.HTTP = addr.String()
	}
	cfg.Around = around(writer, door)
	f.apply(&cfg)
	cfg.Ready = func(m cluster.Member) {
		text, _ := json.Marshal(announcement{Gossip: m.Gossip, Link: m.Link, HTTP: m.HTTP}) // strings always encode
		if err := lab.Announce(string(text)); err != nil {
			log.Warn("announcing", "err", err)
		}
	}
	node, err := cluster.NewNode(cfg)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	late.Node = node
	beside := []part{staySlim, stayLean}
	behind := []part{writer.Run}
	if door != nil {
		beside = append(beside, door.Run)
	}
	if f.parent != "" {
		beside = append(beside, func(ctx context.Context) error { return lab.WatchParent(ctx, f.parent) })
	}
	if embedded != nil {
		log.Warn("the store is this node's own: what it keeps is seen by this node alone, and ends with it; name one with --redis")
		behind = append(behind, embedded.Run)
	}
	return explainPort(runTogether(ctx, node.Run, beside, behind), f.gossip, f.link, f.beat)
}

// storeFaults lets what is ordered at a node's store stand there.
func storeFaults(client *store.Client) cluster.StoreFaults {
	return func(list []chaos.Standing) error {
		var stand []store.Standing
		for _, s := range list {
			stand = append(stand, store.Standing{Seed: s.Seed, Rule: s.Rule, Fault: s.Fault})
		}
		return client.SetFaults(stand...)
	}
}

// lateCluster is the node behind a front door whose address the node must know before it is made.
type lateCluster struct{ *cluster.Node }

// part is one of what a node's process runs.
type part func(context.Context) error

// runTogether runs a node with what stands beside and behind it. The node ends when ctx does, after its handover; what it
// stores in the end is written after it. A failure of any ends all: a node whose store is dead would go on as if it kept
// what it is given.
func runTogether(ctx context.Context, node part, beside, behind []part) error {
	rearCtx, stopRear := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRear()
	faceCtx, stopFace := context.WithCancel(ctx)
	defer stopFace()
	rear, rearCtx := errgroup.WithContext(rearCtx)
	defer context.AfterFunc(rearCtx, stopFace)()
	for _, run := range behind {
		rear.Go(func() error { return run(rearCtx) })
	}
	face, faceCtx := errgroup.WithContext(faceCtx)
	face.Go(func() error {
		defer stopRear()
		return node(faceCtx)
	})
	for _, run := range beside {
		face.Go(func() error { return run(faceCtx) })
	}
	err := face.Wait()
	stopRear()
	rearErr := rear.Wait()
	if rearErr != nil && errors.Is(err, context.Canceled) {
		err = nil // no more than that it was ended
	}
	return errors.Join(err, rearErr)
}

// credentials loads the cluster's keys: from --cluster, made where there are none, or from the lab that runs here.
func (f *nodeFlags) credentials() (*wire.Credentials, error) {
	if f.dir != "" {
		creds, err := wire.Load(f.dir)
		if errors.Is(err, wire.ErrNoCredentials) && len(f.join) == 0 {
			return wire.Create(f.dir)
		}
		return creds, err
	}
	dir, err := lab.FindDir()
	if err != nil {
		return nil, fmt.Errorf("%w, or name a cluster directory with --cluster", err)
	}
	if err := f.enter(dir.Path); err != nil {
		return nil, err
	}
	if len(f.join) == 0 {
		if f.join, err = readJoin(dir.Path); err != nil {
			return nil, err
		}
	}
	if door, err := os.ReadFile(filepath.Join(dir.Path, doorFile)); err == nil && f.shared == "" { // some labs have none
		f.shared = strings.TrimSpace(string(door))
	}
	return wire.Load(dir.Path)
}

// readJoin reads the gossip addresses of a lab's nodes.
func readJoin(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, joinFile))
	if err != nil {
		return nil, fmt.Errorf("looking for the lab's nodes: %w", err)
	}
	return strings.Fields(string(text)), nil
}

// store opens the node's store: the one named, the lab's, or one in this very process.
func (f *nodeFlags) store(ctx context.Context, dir string) (*store.Client, *store.Embedded, error) {
	url := cmp.Or(f.redis, os.Getenv(storeEnv))
	labs := url == ""
	if labs {
		var err error
		if url, err = labStore(dir); err != nil {
			return nil, nil, err
		}
	}
	if url == "" {
		embedded := store.NewEmbedded(store.EmbeddedConfig{})
		return embedded.Client(), embedded, nil
	}
	if f.parent != "" { // a lab has asked already; its node must also come up while the store is away
		client, err := store.NewClient(url)
		return client, nil, err
	}
	client, err := store.Open(ctx, url)
	if err != nil && labs {
		err = fmt.Errorf("%w; so says %s: name another with --redis", err, dir)
	}
	return client, nil, err
}

// labStore is the URL of the store of the lab whose directory that is; "" where there is none.
func labStore(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, storeFile))
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("looking for the lab's store: %w", err)
	}
	socket := filepath.Join(dir, storeSocket)
	if _, err := os.Stat(socket); err == nil {
		return "unix://" + socket, nil
	}
	return "", nil
}

// explainPort adds to an error that says that an address is in use who holds it and what to do. It goes by the text:
// memberlist does not wrap the kernel's error.
func explainPort(err error, addrs ...string) error {
	if err == nil || !strings.Contains(err.Error(), "in use") {
		return err
	}
	for _, addr := range addrs {
		_, text, _ := net.SplitHostPort(addr)
		port, _ := strconv.ParseUint(text, 10, 16)
		for _, network := range []string{"tcp", "udp"} {
			if port != 0 && len(lab.PortHolders(network, uint16(port))) > 0 {
				return fmt.Errorf("%w: %s; end that process or choose another address",
					err, lab.ExplainPort(network, uint16(port)))
			}
		}
	}
	return err
}
