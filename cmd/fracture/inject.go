package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// Bounds of an injected fault.
const (
	meetTime      = 15 * time.Second // until a word of each node that is to be told
	usualInject   = 10 * time.Second
	longestInject = time.Hour
)

type injectFlags struct {
	cluster clusterFlags
	nodes   []string
	peer    string
	inward  bool
	gossip  bool
	share   string
	by      time.Duration
	times   float64
	terms   string
	last    time.Duration
	seed    uint64
	json    bool
	network networkFlags
	parted  partFlags
}

func newInjectCommand() *cobra.Command {
	var f injectFlags
	cmd := &cobra.Command{
		Use:   "inject fault",
		Short: "a fault at nodes of a running cluster, for a while",
		Long: "Orders nodes of a running cluster to suffer a fault, and heals it after --for, or with ctrl-c. The fault is a\n" +
			"lease that this command renews: if it dies, all is healed within " + chaos.MaxLease.String() + ". Each node says when the fault stands and\n" +
			"when it is over. `fracture faults` lists them, with what each wants.\n\n" +
			"Exit codes: 0 it stood and is healed, 2 wrong command line, 3 no lab, no such node, or a node did not confirm, 130\n" +
			"interrupted (and healed).",
		Example: "  fracture inject cut --node n3\n" +
			"  fracture inject loss --share 20% --node n3 --peer n4 --for 30s\n" +
			"  fracture inject delay --share 100% --by 20ms --jitter 5ms --distribution normal --node n2\n" +
			"  fracture inject bandwidth --rate 64KB/s --node n2 --peer n3\n" +
			"  fracture inject partition --shape majorities-ring --for 5s\n" +
			"  fracture inject partition --groups n1,n2/n3,n4,n5\n" +
			"  fracture inject slow --times 10 --node n2\n" +
			"  fracture inject fail --terms 'every(7)panic' --node all --for 1m\n" +
			"  fracture inject fail --terms '5%return(\"boom\")->1%sleep(50)' --node n1 --node n2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(orderedKinds(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			stand, err := f.standing(args[0], cmd.Flags().Changed)
			if err != nil {
				return wrongUse(err)
			}
			return inject(cmd.Context(), f, stand, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.nodes, "node", nil, "which node suffers it, by name; may be repeated; all: every one")
	flags.StringVar(&f.peer, "peer", "", "only on the way to this node; none: to every one")
	flags.BoolVar(&f.inward, "inward", false, "on the way from there, instead of to there")
	flags.BoolVar(&f.gossip, "gossip", false, "what the node gossips suffers it, instead of its links and beats (cut, loss)")
	flags.StringVar(&f.share, "share", "", "what share of the messages, answers or packets, such as 20%, or which, such as every(7) or burst(3,100)")
	flags.DurationVar(&f.by, "by", 0, "how late, up to "+chaos.MaxLate.String()+"; of a slicer the pause")
	flags.Float64Var(&f.times, "times", 0, "how many times as long a task takes")
	flags.StringVar(&f.terms, "terms", "", "what becomes of which task, as gofail spells it; see fracture faults")
	flags.DurationVar(&f.last, "for", usualInject, "how long it stands")
	flags.Uint64Var(&f.seed, "seed", 0, "decides which messages and tasks it has; 0: from the clock, and printed")
	flags.BoolVar(&f.json, "json", false, "print what the nodes say as one JSON object a line")
	f.network.register(flags)
	f.parted.register(flags)
	f.cluster.register(flags)
	return cmd
}

// standing reads the command line: what is to stand at each node.
func (f *injectFlags) standing(name string, given func(flag string) bool) ([]chaos.Standing, error) {
	e, err := entryOf(name)
	if err != nil {
		return nil, err
	}
	if e.name == partition && len(f.nodes) == 0 {
		f.nodes = []string{everyNode}
	}
	if len(f.nodes) == 0 {
		return nil, errors.New("--node is missing: name who suffers it, or all")
	}
	if f.last < shortestFor || f.last > longestInject {
		return nil, fmt.Errorf("--for %v: want %v to %v", f.last, shortestFor, longestInject)
	}
	for _, flag := range slices.Concat([]string{"share", "by", "times", "terms", "peer", "inward", "gossip"}, networkFlagNames, partFlagNames) {
		wants := slices.Contains(e.flags, flag) || slices.Contains(e.may, flag)
		switch {
		case given(flag) && !wants:
			return nil, fmt.Errorf("--%s means nothing to %s, which takes %s", flag, name, cmp.Or(strings.Join(dashed(slices.Concat(e.flags, e.may)), ", "), "none of its own"))
		case !given(flag) && slices.Contains(e.flags, flag):
			return nil, fmt.Errorf("--%s is missing: such as `%s`", flag, e.example)
		}
	}
	if f.gossip && (f.peer != "" || f.inward) {
		return nil, errors.New("--gossip: what a node gossips goes to no one in particular; leave --peer and --inward away")
	}
	if err := f.parted.check(e); err != nil {
		return nil, err
	}
	fault, err := f.network.fault(chaos.Fault{Kind: e.kind, By: f.by, Times: f.times, Terms: f.terms})
	if err == nil && given("share") {
		fault, err = parseShare(fault, f.share)
	}
	if err != nil {
		return nil, err
	}
	var stand []chaos.Standing
	for _, site := range e.sites(f.gossip) {
		stand = append(stand, chaos.Standing{Site: site, Fault: fault, Peer: f.peer, Inward: f.inward})
	}
	stand = numbered(stand)
	return stand, chaos.Order{Lease: chaos.Lease(chaos.MaxLease), Stand: stand}.Check()
}

// word is what a node has said about an order.
type word struct {
	AtMS float64 `json:"at_ms"` // since the first order
	Node string  `json:"node"`
	Verb string  `json:"verb"` // fault, heal
	Text string  `json:"text"`
}

// injection is a fault while it stands.
type injection struct {
	book  orderBook
	heard *survey
	out   io.Writer
	json  bool

	mu    sync.Mutex // guards what follows
	began clock.Instant
	mine  string // the client's name: others' orders are not ours
}

// news takes what nodes tell. It is called on the goroutines of links.
func (i *injection) news(n telemetry.News) {
	i.heard.news(n)
	if n.Event == nil || n.Event.Order == 0 || n.Event.Peer != i.mine {
		return
	}
	i.mu.Lock()
	w := word{AtMS: n.Event.At.Sub(i.began).Seconds() * 1000, Node: n.Event.Node, Verb: n.Event.Verb, Text: n.Event.Text}
	if i.json {
		text, _ := json.Marshal(w) // numbers and strings always encode
		_, _ = fmt.Fprintln(i.out, string(text))
	} else {
		_, _ = fmt.Fprintf(i.out, "%9.1f ms  %s\n", w.AtMS, w.Text)
	}
	i.mu.Unlock()
	i.book.confirm(n.Event.Order)
}

func inject(ctx context.Context, f injectFlags, stand []chaos.Standing, out io.Writer) error {
	creds, join, err := f.cluster.find()
	if err != nil {
		return err
	}
	i := &injection{heard: newSurvey(), out: out, json: f.json, mine: fmt.Sprintf("inject-%d", os.Getpid())}
	client, err := cluster.NewClient(cluster.ClientConfig{
		Name: i.mine, Credentials: creds, Join: join, Log: slog.New(slog.DiscardHandler),
		Answer: func(*failover.Message) {}, News: i.news,
	})
	if err != nil {
		return err
	}
	i.book.order = client.Order
	// The client outlives the interrupt by as long as healing takes.
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, living := errgroup.WithContext(living)
	group.Go(func() error { return client.Run(living) })
	failed := i.stand(ctx, living, f, client, stand)
	end()
	return errors.Join(failed, group.Wait())
}

// stand has the fault stand at the nodes for as long as it shall, and heals it; also where it is interrupted.
func (i *injection) stand(ctx, living context.Context, f injectFlags, client *cluster.Client, stand []chaos.Standing) error {
	nodes, err := i.meet(ctx, living, f, client)
	if err != nil || len(nodes) == 0 {
		return err
	}
	seed := f.seed
	if seed == 0 {
		seed = clock.Stamp()
	}
	told, err := f.told(nodes, seed, stand)
	if err != nil {
		return err
	}
	once := stand[0].Fault.Once() // it strikes, and is over
	if once {
		f.last = 0
	}
	until := i.begin(nodes, f.last, seed)
	failed := i.book.stand(living, seed, until.Add(leaseMargin), told)
	if once {
		return failed
	}
	tick := time.NewTicker(renewEvery / 2)
	defer tick.Stop()
	for failed == nil && ctx.Err() == nil && living.Err() == nil && clock.Now() < until {
		select {
		case <-ctx.Done():
		case <-living.Done():
		case <-time.After(until.Sub(clock.Now())):
		case <-tick.C:
			i.book.renew()
		}
	}
	if _, err = i.book.heal(living, told); err != nil { // an interrupt is told as one only where it left nothing behind
		return errors.Join(failed, fmt.Errorf("healing: %w; what stands is over with its lease, within %v", err, chaos.MaxLease))
	}
	return errors.Join(failed, ctx.Err())
}

// begin says what begins, and answers when it shall be over.
func (i *injection) begin(nodes []string, last time.Duration, seed uint64) (until clock.Instant) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.began = clock.Now()
	if i.json {
		text, _ := json.Marshal(map[string]any{"nodes": nodes, "for_s": last.Seconds(), "seed": seed}) // always encodes
		_, _ = fmt.Fprintln(i.out, string(text))
	} else {
		span := ""
		if last > 0 {
			span = fmt.Sprintf(" for %v", last)
		}
		_, _ = fmt.Fprintf(i.out, "%s%s, seed %d\n", strings.Join(nodes, ", "), span, seed)
	}
	return i.began.Add(last)
}

// meet waits until every node that is meant, and the peer, has said a word, over a link by which it can be told. It finds
// none where the client has ended, which says why.
func (i *injection) meet(ctx, living context.Context, f injectFlags, client *cluster.Client) ([]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, meetTime, fmt.Errorf("%w within %v", errNoNodes, meetTime))
	defer cancel()
	defer context.AfterFunc(living, cancel)()
	var nodes []string
	silent, err := i.heard.await(ctx, func() []string {
		nodes = wanted(f.nodes, client.Nodes())
		if f.peer == "" {
			return slices.Clone(nodes)
		}
		return append(slices.Clone(nodes), f.peer)
	})
	if living.Err() != nil {
		return nil, nil
	}
	switch {
	case err != nil:
	case len(nodes) == 0:
		err = errNoNodes
	case len(silent) > 0:
		err = fmt.Errorf("%w: %s; the members are %s", errNoSuchNode, strings.Join(silent, ", "), strings.Join(client.Nodes(), ", "))
	}
	return nodes, err
}

// everyNode is the name that means all.
const everyNode = "all"

// errNoSuchNode: a node that is meant does not answer, or is none; the text says who is.
var errNoSuchNode = errors.New("no such node answers")

// wanted are the nodes that are meant, each once.
func wanted(names, all []string) (list []string) {
	for _, n := range names {
		if n == everyNode {
			list = append(list, all...)
		} else {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
