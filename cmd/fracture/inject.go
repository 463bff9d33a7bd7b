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
	"fracture/control"
	"fracture/telemetry"
	"fracture/tui"
)

// Bounds of an injected fault.
const (
	meetTime      = 15 * time.Second // until a word of each node that is to be told
	usualInject   = 10 * time.Second
	longestInject = time.Hour
)

type injectFlags struct {
	harmFlags
	cluster clusterFlags
	json    bool
}

func newInjectCommand() *cobra.Command {
	var f injectFlags
	cmd := &cobra.Command{
		Use:   "inject fault",
		Short: "a fault at nodes of a running cluster, for a while",
		Long: "Has nodes of a running cluster suffer a fault, and heals it after --for, or with ctrl-c. The fault is a lease that\n" +
			"this command renews: if it dies, all is healed within " + chaos.MaxLease.String() + ". Nodes are ordered, and say when the fault stands and\n" +
			"when it is over. What a process suffers, and what leaves a node that nobody hears, the lab does by its control API,\n" +
			"within its limits: what would break the last holder of a task asks, or wants --yes-break-it. `fracture faults` lists\n" +
			"all, with what each wants. Whom it is for say --node, --role, --zone and --tile, which must all hold, at the moment\n" +
			"when the fault begins.\n\n" +
			"Exit codes: 0 it stood and is healed, 2 wrong command line, 3 no lab, no such node, or a node did not confirm, 130\n" +
			"interrupted (and healed).",
		Example: "  fracture inject cut --node n3\n" +
			"  fracture inject loss --share 20% --node n3 --peer n4 --for 30s\n" +
			"  fracture inject delay --share 100% --by 20ms --jitter 5ms --distribution normal --node n2\n" +
			"  fracture inject bandwidth --rate 64KB/s --node n2 --peer n3\n" +
			"  fracture inject partition --shape majorities-ring --for 5s\n" +
			"  fracture inject partition --groups n1,n2/n3,n4,n5\n" +
			"  fracture inject slow --times 10 --role owner --pick one\n" +
			"  fracture inject fail --terms 'every(7)panic' --node all --for 1m\n" +
			"  fracture inject fail --terms '5%return(\"boom\")->1%sleep(50)' --node n1 --node n2\n" +
			"  fracture inject cut --tile 7\n" +
			"  fracture inject freeze --role store --for 5s\n" +
			"  fracture inject kill --role splitter --for 3s\n" +
			"  fracture inject stop --role server --for 3s\n" +
			"  fracture inject flush\n" +
			"  fracture inject restart --zone z1 --pick one",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(faultNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := f.harm(args[0], cmd.Flags().Changed)
			if err != nil {
				return wrongUse(err)
			}
			switch {
			case h.name == noop:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "noop: nothing is done")
				return err
			case h.deed != nil || h.isolates(): // the lab counts who is broken
				err = injectByLab(cmd.Context(), f, h, askedFor(cmd.Flags()), cmd.OutOrStdout())
				if h.deed != nil || !errors.Is(err, control.ErrNoControl) {
					return err
				}
			}
			return inject(cmd.Context(), f, h, cmd.OutOrStdout())
		},
	}
	f.harmFlags.register(cmd.Flags())
	cmd.Flags().BoolVar(&f.json, "json", false, "print what the nodes say as one JSON object a line")
	f.cluster.register(cmd.Flags())
	return cmd
}

// word is what a node has said about an order.
type word struct {
	AtMS float64 `json:"at_ms"` // since the first order
	Node string  `json:"node"`
	Verb string  `json:"verb"` // fault, heal, disobey
	Text string  `json:"text"`
	line string  // the same to people
}

// lineOf is what a node says of an order, to people: what stands there, or why it is healed.
func lineOf(e *telemetry.Event) string {
	what := strings.TrimPrefix(e.Text, e.Node+": "+e.Verb+": ")
	if e.Verb == "heal" {
		what = "healed, " + what
	}
	return e.Node + ": " + what
}

// injection is a fault while it stands, as the verb watches it.
type injection struct {
	injector *injector
	heard    *survey
	out      io.Writer
	json     bool
	mine     string // the client's name: others' orders are not ours

	mu    sync.Mutex // guards what follows
	began clock.Instant
}

// news takes what nodes tell. It is called on the goroutines of links.
func (i *injection) news(n telemetry.News) {
	i.heard.news(n)
	if n.Event == nil || n.Event.Order == 0 || n.Event.Peer != i.mine {
		return
	}
	i.mu.Lock()
	w := word{AtMS: n.Event.At.Sub(i.began).Seconds() * 1000, Node: n.Event.Node, Verb: n.Event.Verb, Text: n.Event.Text, line: lineOf(n.Event)}
	_ = printWord(i.out, i.json, w) // what nobody reads is healed all the same
	i.mu.Unlock()
	i.injector.book.confirm(n.Event)
}

func inject(ctx context.Context, f injectFlags, h harm, out io.Writer) error {
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
	up := func() []telemetry.Status { return i.heard.statuses(client.Nodes()) }
	i.injector = newInjector(nil, &orderBook{client: i.mine, order: client.Order}, up, cmp.Or(h.seed, clock.Stamp()))
	// The client outlives the interrupt by as long as healing takes.
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	group, living := errgroup.WithContext(living)
	group.Go(func() error { return client.Run(living) })
	failed := i.stand(ctx, living, f, client, h)
	end()
	return errors.Join(failed, group.Wait())
}

// stand has the fault stand at the nodes for as long as it shall, and heals it; also where it is interrupted.
func (i *injection) stand(ctx, living context.Context, f injectFlags, client *cluster.Client, h harm) error {
	if err := i.meet(ctx, living, f, client); err != nil || living.Err() != nil {
		return err
	}
	begun := i.begin(h)
	breaker := i.breaker(client)
	stood, failed := breaker.begin(living, h)
	if last := (*control.LastError)(nil); errors.As(failed, &last) && agrees(ctx, last.Why+". Do it all the same?") {
		h.sure = true
		begun = i.beginAnew()
		stood, failed = breaker.begin(living, h)
	}
	if failed != nil || h.once() {
		return failed
	}
	tick := time.NewTicker(renewEvery / 2)
	defer tick.Stop()
	until := begun.Add(h.last)
	for ctx.Err() == nil && living.Err() == nil && clock.Now() < until {
		select {
		case <-ctx.Done():
		case <-living.Done():
		case <-time.After(until.Sub(clock.Now())):
		case <-tick.C:
			i.injector.renew()
		}
	}
	if err := i.injector.heal(living, stood.id); err != nil { // an interrupt is told as one only where it left nothing behind
		return fmt.Errorf("healing: %w; what stands is over with its lease, within %v", err, chaos.MaxLease)
	}
	return ctx.Err()
}

// breaker has limits where no lab does: who has told nothing of itself counts as broken.
func (i *injection) breaker(client *cluster.Client) *breaker {
	word := func(name string) (s telemetry.Status, spoke bool) {
		for _, s := range i.heard.statuses([]string{name}) {
			return s, true
		}
		return s, false
	}
	return &breaker{
		injector: i.injector,
		stock: func() (list []control.Node) {
			for _, name := range client.Nodes() {
				state := tui.Dead
				if _, spoke := word(name); spoke {
					state = tui.Alive
				}
				list = append(list, control.Node{Name: name, State: state.String()})
			}
			return list
		},
		tiles: func(name string) []uint32 { s, _ := word(name); return heldTiles(s) },
	}
}

// beginAnew counts from now on.
func (i *injection) beginAnew() clock.Instant {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.began = clock.Now()
	return i.began
}

// begin says what begins.
func (i *injection) begin(h harm) clock.Instant {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.began = clock.Now()
	seed, last := i.injector.seed, h.last
	if h.once() {
		last = 0
	}
	if i.json {
		text, _ := json.Marshal(map[string]any{"fault": h.name, "for_s": last.Seconds(), "seed": seed}) // always encodes
		_, _ = fmt.Fprintln(i.out, string(text))
	} else {
		span := ""
		if last > 0 {
			span = fmt.Sprintf(" for %v", last)
		}
		_, _ = fmt.Fprintf(i.out, "%s at %v%s, seed %d\n", h.name, h.whom, span, seed)
	}
	return i.began
}

// meet waits until every node that gossip knows, and every one that is named, has said a word, over a link by which it can
// be told. It returns early where the client has ended, which says why.
func (i *injection) meet(ctx, living context.Context, f injectFlags, client *cluster.Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, meetTime, fmt.Errorf("%w within %v", errNoNodes, meetTime))
	defer cancel()
	defer context.AfterFunc(living, cancel)()
	named := slices.DeleteFunc(slices.Clone(f.nodes), func(n string) bool { return n == everyNode })
	if f.peer != "" {
		named = append(named, f.peer)
	}
	wanted := func() []string {
		all := append(slices.Clone(named), client.Nodes()...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	silent, _, err := i.heard.await(ctx, false, wanted)
	if living.Err() != nil {
		return nil
	}
	silent = slices.DeleteFunc(silent, func(n string) bool { return !slices.Contains(named, n) })
	switch {
	case err != nil:
	case len(client.Nodes()) == 0:
		err = errNoNodes
	case len(silent) > 0:
		err = fmt.Errorf("%w: %s; the members are %s", errNoSuchNode, strings.Join(silent, ", "), strings.Join(client.Nodes(), ", "))
	}
	return err
}

// everyNode is the name that means all.
const everyNode = "all"

// errNoSuchNode: a node that is meant does not answer, or is none; the text says who is.
var errNoSuchNode = errors.New("no such node answers")
