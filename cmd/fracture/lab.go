package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/store"
	"fracture/lab"
	"fracture/render"
	"fracture/tui"
	"fracture/work"
	"fracture/work/fractal"
	"fracture/work/probe"
)

// screenFlags are those of every verb that draws.
type screenFlags struct {
	plain, json    bool
	color, palette string
	fps            int
	duration       time.Duration
	lookFlags
}

func (f *screenFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.plain, "plain", false, "no screen: one line an event and a summary each second (chosen by itself where stdin or stdout is no terminal)")
	flags.BoolVar(&f.json, "json", false, "no screen: one JSON object an event and a summary each second")
	flags.StringVar(&f.color, "color", "auto", "depth of colour: auto, truecolor, 256, 16 or none")
	flags.StringVar(&f.palette, "palette", render.PaletteNames[0], fmt.Sprintf("colours of the picture, one of %v", render.PaletteNames))
	f.lookFlags.register(cmd, "")
	flags.IntVar(&f.fps, "fps", 30, "frames a second, of the stream and of the screen, 1 to 60")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long; 0: when told to")
}

// check names the first flag that makes no sense.
func (f *screenFlags) check() error {
	if f.fps < 1 || f.fps > 60 {
		return fmt.Errorf("--fps %d: want 1 to 60", f.fps)
	}
	if f.duration < 0 {
		return fmt.Errorf("--duration %v: want 0, which is until told, or more", f.duration)
	}
	if _, err := render.NewPalette(f.palette); err != nil {
		return fmt.Errorf("--palette: %w", err)
	}
	if err := f.lookFlags.check(); err != nil {
		return err
	}
	if _, err := tui.ParseDepth(f.color, os.Environ()); err != nil {
		return fmt.Errorf("--color: %w", err)
	}
	return nil
}

func (f *screenFlags) period() time.Duration { return time.Second / time.Duration(f.fps) }

// options are those of the screen.
func (f *screenFlags) options(out io.Writer) tui.Options {
	depth, _ := tui.ParseDepth(f.color, os.Environ()) // checked before
	if f.ascii {
		depth = render.ASCII
	}
	return tui.Options{
		Depth: depth, ASCII: f.ascii, JSON: f.json, FPS: f.fps, NoMouse: f.noMouse, NoAnim: f.noAnim, Palette: f.palette, Theme: f.theme,
		Period: f.period(), Out: out,
	}
}

type labFlags struct {
	screenFlags
	nodes, zones             int
	redis, strategy, kind    string
	gossip, http             string // "": the usual address, or where that is taken any
	view, journey            string
	tiles, factor, supersize int
	probe                    time.Duration
	tmux                     bool
	control                  controlFlags
	record                   string // file; "": nothing is recorded unless a key says so
	netns                    netnsFlag
	nodeArgs
}

func newLabCommand() *cobra.Command { return labCommand(&labFlags{}) }

// labCommand is the verb, with its flags in f.
func labCommand(f *labFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "start nodes, draw what they compute, and break them by key",
		Long: "Starts nodes and a store, and draws the fractal that they compute together. Pick a node with a number and kill it\n" +
			"with x: its standbys take over, and the screen shows how long the work stood still. S guards the picture by the next\n" +
			"strategy while it runs, and starts it again where failfast has stopped it. ? lists the keys.\n" +
			"Everything ends with the lab. Without a terminal, for keys or for the picture, it prints lines until it is interrupted, and\n" +
			"takes lines: kill n3, heal, guard; help lists them.",
		Example: "  fracture lab\n  fracture lab --nodes 7 --strategy reschedule\n  fracture lab --nodes 6 --zones 2\n  fracture lab --redis redis://127.0.0.1:6379\n  fracture lab --redis own\n" +
			"  fracture lab --plain --duration 10s\n  fracture lab --kind julia --view -1.6,1.2,1.6,-1.2\n" +
			"  fracture lab --journey original\n  fracture lab --tmux",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.redis = cmp.Or(f.redis, os.Getenv(storeEnv)) // not as the flag's default, which help would print
			stream, err := f.stream()
			if err != nil {
				return wrongUse(err)
			}
			if f.tmux && os.Getenv("TMUX") == "" {
				return startTmux(cmd.Context(), again(cmd), f.redis)
			}
			if err := f.netns.open(f.redis); err != nil {
				return err
			}
			return leavingFate(cmd.Context(), func(ctx context.Context) error {
				return runLab(ctx, *f, stream, cmd.OutOrStdout())
			})
		},
	}
	f.screenFlags.register(cmd)
	f.nodeArgs.register(cmd)
	flags := cmd.Flags()
	flags.IntVar(&f.nodes, "nodes", 5, "how many nodes, 1 to 32")
	flags.IntVar(&f.zones, "zones", 0, "zones to spread the nodes over, in turn: no zone holds an owner and its standby; 0: none")
	flags.StringVar(&f.redis, "redis", "", "where the store is, a URL; "+ownRedis+": a redis-server of the lab's own, which can be broken; none: an embedded one (also by "+storeEnv+")")
	flags.StringVar(&f.strategy, "strategy", "standby", fmt.Sprintf("how tasks are guarded, one of %v", work.Strategies))
	flags.IntVar(&f.factor, "factor", 0, "copies of each task, the owner's included, up to 4; 0: the fewest that the strategy takes")
	flags.IntVar(&f.tiles, "tiles", 24, "tiles of a frame")
	flags.StringVar(&f.kind, "kind", "mandelbrot", "the fractal: mandelbrot, julia or burning-ship")
	flags.StringVar(&f.view, "view", "", "one view that stays, left,top,right,bottom; none: a journey, or the whole set")
	flags.StringVar(&f.journey, "journey", "", "through the Mandelbrot set: coral (the default), original (the original's zoom: black from 10× on) or none")
	flags.IntVar(&f.supersize, "supersample", 1, fmt.Sprintf("samples a side of a pixel, 1 to %d", fractal.MaxSupersample))
	flags.StringVar(&f.gossip, "gossip", "", "address of the first node's membership; none: "+usualGossip+", or another where that is taken")
	flags.StringVar(&f.http, "http", "", "address of the front door, which all nodes share; none: "+usualHTTP+", or another where that is taken")
	flags.DurationVar(&f.probe, "probe", probePeriod, "period of the probes that see what falls between two frames; 0: none")
	f.control.register(flags)
	flags.StringVar(&f.record, "record", "", "record what is broken and healed, and write it to this file at the end, as a scenario for `fracture run`")
	f.netns.register(flags)
	flags.BoolVar(&f.tmux, "tmux", false, "each node in a pane of its own, beside the screen")
	return cmd
}

// The picture of a lab, in pixels: a terminal of about 120×36 cells in half blocks.
const labWidth, labHeight = 144, 96

// maxLabNodes bounds what one host is asked to carry.
const maxLabNodes = 32

// stream makes the lab's stream from the flags, naming the first that makes no sense.
func (f *labFlags) stream() (*work.Stream, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.tmux && (f.plain || f.json) {
		return nil, errors.New("--tmux lays out panes beside the screen, and with --plain or --json there is none: leave one of the two out")
	}
	strategy, err := work.ParseStrategy(f.strategy)
	if err != nil {
		return nil, fmt.Errorf("--strategy: %w", err)
	}
	if f.nodes < 1 || f.nodes > maxLabNodes {
		return nil, fmt.Errorf("--nodes %d: want 1 to %d", f.nodes, maxLabNodes)
	}
	if f.zones < 0 || f.zones > f.nodes {
		return nil, fmt.Errorf("--zones %d: want 0, which is none, to as many as --nodes, %d", f.zones, f.nodes)
	}
	factor, err := factorOf(strategy, f.factor)
	if err != nil {
		return nil, err
	}
	if int(factor) > f.nodes {
		return nil, fmt.Errorf("--factor %d with --nodes %d: strategy %v needs %d nodes, one for each copy, and there are %d",
			factor, f.nodes, strategy, factor, f.nodes)
	}
	if err := f.fits(f.nodes); err != nil {
		return nil, err
	}
	if f.tiles < 1 || f.tiles > failover.MaxTiles {
		return nil, fmt.Errorf("--tiles %d: want 1 to %d", f.tiles, failover.MaxTiles)
	}
	if f.probe != 0 && (f.probe < time.Millisecond || f.probe > time.Second) {
		return nil, fmt.Errorf("--probe %v: want 1ms to 1s, or 0 for none", f.probe)
	}
	if err := f.addresses(); err != nil {
		return nil, err
	}
	params, err := f.params()
	if err != nil {
		return nil, err
	}
	return &work.Stream{
		ID: pictureStream, Function: (fractal.Function{}).Name(), Params: params.Append(nil), Tiles: uint32(f.tiles),
		Period: f.period(), Strategy: strategy, Factor: factor,
	}, nil
}

// addresses checks those that are given.
func (f *labFlags) addresses() error {
	if err := f.control.check(f.nodes); err != nil {
		return err
	}
	if err := f.netns.excludes(f.gossip, f.http); err != nil {
		return err
	}
	if f.record != "" && f.nodes < 2 {
		return fmt.Errorf("--record: %w", errTooFew)
	}
	if err := canWrite("--record", f.record); err != nil {
		return err
	}
	if f.gossip != "" {
		if err := checkAddress("--gossip", f.gossip, usualGossip); err != nil {
			return err
		}
	}
	if f.http != "" {
		return checkDoor(f.http)
	}
	return nil
}

// probes is the stream that measures, one tile a node.
func probes(period time.Duration, nodes int, like *work.Stream) *work.Stream {
	return &work.Stream{
		ID: probeStream, Function: probe.Name, Tiles: uint32(nodes), Period: period,
		Strategy: like.Strategy, Factor: like.Factor,
	}
}

// again is the command line that runs a verb with the same flags, but for the store's URL, which may hold a password and
// travels in the environment.
func again(cmd *cobra.Command) []string {
	args := []string{cmd.Name()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "redis" {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// runLab is the lab's life: nodes, sink, screen.
func runLab(ctx context.Context, f labFlags, stream *work.Stream, out io.Writer) error {
	ctx, cancel := withDuration(ctx, f.duration)
	defer cancel()
	noGossip, noHTTP, err := f.settle()
	if err != nil {
		return err
	}
	server, err := f.ownServer()
	if err != nil {
		return err
	}
	h, err := openHome(ctx, homeConfig{nodes: f.nodes, zones: f.zones, redis: f.redis, server: server, gossip: f.gossip, http: f.http, args: f.list(), network: f.netns.own})
	if err != nil {
		return err
	}
	streams := []*work.Stream{stream}
	if f.probe != 0 {
		streams = append(streams, probes(f.probe, f.nodes, stream))
	}
	opts := f.options(out)
	opts.Strategy, opts.Factor, opts.Store = stream.Strategy.String(), int(stream.Factor), "embedded"
	switch {
	case server != "":
		opts.Store = "redis-server of its own"
	case f.redis != "":
		opts.Store = store.Redact(f.redis)
	}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return h.run(inner) })
	group.Go(func() error {
		defer cancel()
		if err := h.start(inner); err != nil {
			return err
		}
		if f.tmux {
			if err := openPanes(inner, h.dir.Path, f.nodes); err != nil {
				return err
			}
		}
		first := h.node(nodeName(1))
		opts.Cluster = first.Gossip
		return watchCluster(inner, watchConfig{
			creds: h.creds, join: h.join(""), streams: streams, plain: f.plain, options: opts, control: h, outside: f.control,
			submit: true, logDir: h.dir.Path, record: f.record,
			notes: h.whereItAll(first.Gossip, noGossip, noHTTP),
		})
	})
	return unlessTold(ctx, group.Wait())
}

// ownRedis is what is said in place of a URL for a redis-server of the lab's own.
const ownRedis = "own"

// ownServer finds the program of the store where it is to be the lab's own, and takes the word for it out of the flags.
func (f *labFlags) ownServer() (program string, err error) {
	if f.redis != ownRedis {
		return "", nil
	}
	if program, err = findServer(); err != nil {
		return "", fmt.Errorf("--redis %s: %w", ownRedis, err)
	}
	f.redis = ""
	return program, nil
}

// withDuration ends a context after a while, where one is given.
func withDuration(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d > 0 {
		return context.WithTimeout(ctx, d)
	}
	return context.WithCancel(ctx)
}

// unlessTold is err, unless it is no more than that the lab was told to end, which is what it should do.
func unlessTold(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, lab.ErrClosed)) {
		return nil
	}
	return err
}

// Kill, Freeze, Thaw and Revive are done to the home's own nodes; the scene is told by watchCluster.

// Kill ends a node as kill -9 does.
func (h *home) Kill(_ context.Context, node string) error {
	before, _, err := h.lab.Kill(node)
	h.broke(node, killed, before, err)
	return err
}

// Freeze stops a node.
func (h *home) Freeze(_ context.Context, node string) error {
	before, _, err := h.lab.Freeze(node)
	h.broke(node, frozen, before, err)
	return err
}

// Thaw lets a frozen node go on.
func (h *home) Thaw(_ context.Context, node string) error {
	_, _, err := h.lab.Thaw(node)
	return err
}

// Revive starts a dead node again.
func (h *home) Revive(ctx context.Context, node string) error { return h.revive(ctx, node) }

func (h *home) broke(node, what string, before clock.Instant, err error) {
	if err != nil {
		return
	}
	h.mu.Lock()
	told := slices.Clone(h.told)
	h.mu.Unlock()
	for _, tell := range told {
		tell(node, what, before)
	}
}

// childState is how a node of this home is, where the process itself tells more than its telemetry.
func (h *home) childState(name string) (tui.NodeState, bool) {
	child, err := h.lab.Child(name)
	if err != nil {
		return 0, false
	}
	switch child.State {
	case lab.Starting:
		return tui.Starting, true
	case lab.Frozen:
		return tui.Frozen, true
	case lab.Dead:
		return tui.Dead, true
	case lab.Running:
	}
	return tui.Alive, true
}
