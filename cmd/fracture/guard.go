package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
)

// guardTime is what the verb may take in all.
const guardTime = 15 * time.Second

// errNoNodes: nothing of the cluster could be reached; look whether its nodes live.
var errNoNodes = errors.New("no node of the cluster has answered")

type guardFlags struct {
	cluster clusterFlags
	stream  string
	factor  int
	json    bool
}

func newGuardCommand() *cobra.Command {
	var f guardFlags
	cmd := &cobra.Command{
		Use:   "guard [strategy]",
		Short: "how the streams of a running cluster are guarded, and changing it while they run",
		Long: "Without a strategy: lists the streams that run, how each is guarded, and who leads it and stands by.\n\n" +
			"With one: has them guarded by it from now on, without a gap. That is every stream without end: in a lab the\n" +
			"picture and the probes that measure it. --stream names another, or one of them. The strategies are\n" +
			strategyList() + "\n\n" +
			"A stream that failfast has stopped runs no more, and is not found here: the lab that submitted it starts it\n" +
			"again by the key S.\n\n" +
			"Exit codes: 0 done, 1 the cluster refused, 2 wrong command line, 3 no lab, no such stream, or no leader has told\n" +
			"of one.",
		Example: "  fracture guard\n  fracture guard active\n  fracture guard standby --factor 3\n  fracture guard vote --stream 1 --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return guard(cmd.Context(), f, args, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.stream, "stream", "", "id of the only stream to change, as the list shows it")
	flags.IntVar(&f.factor, "factor", 0, "copies of each task, the owner's included, up to 4; 0: the fewest that the strategy takes")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	f.cluster.register(flags)
	return cmd
}

// strategyList names every strategy with its copies, for help.
func strategyList() string {
	var parts []string
	for _, s := range work.Strategies {
		fewest, most := s.Factors()
		copies := strconv.Itoa(int(fewest))
		if most != fewest {
			copies += "-" + strconv.Itoa(int(most))
		}
		parts = append(parts, fmt.Sprintf("%v (%s)", s, copies))
	}
	return strings.Join(parts, ", ") + ": in brackets, how many copies of a task."
}

// wish is how streams are to be guarded.
type wish struct {
	strategy work.Strategy // 0: they are only to be listed
	factor   uint8
	only     work.StreamID // 0: every stream without end
}

// wish reads the command line, naming what makes no sense.
func (f *guardFlags) wish(args []string) (w wish, err error) {
	if f.stream != "" {
		id, err := strconv.ParseUint(strings.TrimPrefix(f.stream, "0x"), 16, 64)
		if err != nil || id == 0 {
			return w, fmt.Errorf("--stream %q: want an id as the list shows it, in hexadecimal digits", f.stream)
		}
		w.only = work.StreamID(id)
	}
	if len(args) == 0 {
		if f.factor != 0 {
			return w, fmt.Errorf("--factor %d: say of which strategy: fracture guard STRATEGY --factor %d", f.factor, f.factor)
		}
		return w, nil
	}
	if w.strategy, err = work.ParseStrategy(args[0]); err != nil {
		return w, err
	}
	w.factor, err = factorOf(w.strategy, f.factor)
	return w, err
}

// factorOf is the factor that the flag asks for, 0 being the fewest copies that the strategy takes.
func factorOf(strategy work.Strategy, flag int) (uint8, error) {
	if flag < 0 || flag > math.MaxUint8 {
		return 0, wrongValue("factor", "%d: want as many copies as the strategy takes, or 0 for the fewest", flag)
	}
	factor := uint8(flag)
	if flag == 0 {
		factor, _ = strategy.Factors()
	}
	if err := strategy.Check(factor); err != nil {
		return 0, wrongValue("factor", "%d: %w", flag, err)
	}
	return factor, nil
}

func guard(ctx context.Context, f guardFlags, args []string, out io.Writer) error {
	w, err := f.wish(args)
	if err != nil {
		return wrongUse(err)
	}
	creds, join, err := f.cluster.find()
	if err != nil {
		return err
	}
	ask := &asker{}
	heard := newSurvey()
	ask.client, err = cluster.NewClient(cluster.ClientConfig{
		Name: fmt.Sprintf("guard-%d", os.Getpid()), Credentials: creds, Join: join, Log: slog.New(slog.DiscardHandler),
		Answer: func(m *failover.Message) { ask.answered(m) }, News: heard.news,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, guardTime, fmt.Errorf("%w within %v", errNoNodes, guardTime))
	defer cancel()
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return ask.client.Run(inner) })
	var list []ward
	var failed error // what kept the wish from being fulfilled: also the client's failure, which is then inner's cause
	group.Go(func() error {
		defer cancel()
		if list, failed = heard.streams(inner, ask.client.Nodes); failed == nil {
			list, failed = w.fulfil(inner, ask, list)
		}
		return failed
	})
	_ = group.Wait() // may be no more than that the client was told to end
	return errors.Join(printGuarded(out, f.json, w, list), failed)
}

// ward is one stream, how it is guarded, and by whom.
type ward struct {
	telemetry.Stream
	leader   holder
	standbys []holder
	was      telemetry.Stream // before; the zero value where nothing was changed
	refused  error            // why it is guarded as before
}

// holder is a node that has a part in a stream's splitter.
type holder struct {
	Node string `json:"node"`
	Zone string `json:"zone,omitempty"`
}

func (h holder) String() string {
	if h.Zone == "" {
		return h.Node
	}
	return h.Node + " (" + h.Zone + ")"
}

// errUnled: its leader has just failed, or is too busy to tell; ask again.
var errUnled = errors.New("of the stream that some nodes follow no leader has told; try again")

// streams lists the streams that run, once the members have told of them.
func (s *survey) streams(ctx context.Context, members func() []string) ([]ward, error) {
	_, unled, err := s.await(ctx, true, members)
	if err != nil {
		return nil, err
	}
	if len(unled) > 0 {
		return nil, fmt.Errorf("%w: %x", errUnled, unled)
	}
	return s.list(), nil
}

func (s *survey) list() (list []ward) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		for _, led := range n.Streams {
			g := ward{Stream: led, leader: holder{n.Name, n.Zone}}
			for _, other := range s.nodes {
				if slices.Contains(other.Follows, led.ID) {
					g.standbys = append(g.standbys, holder{other.Name, other.Zone})
				}
			}
			slices.SortFunc(g.standbys, func(a, b holder) int { return strings.Compare(a.Node, b.Node) })
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b ward) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// fulfil changes the streams of the list that are meant, and answers with them alone; of a wish to see, with all.
func (w wish) fulfil(ctx context.Context, ask *asker, list []ward) ([]ward, error) {
	var running []string
	for _, g := range list {
		running = append(running, fmt.Sprintf("%x (%s)", g.ID, streamName(g.Stream)))
	}
	list = slices.DeleteFunc(list, func(g ward) bool {
		if w.only != 0 {
			return g.ID != uint64(w.only)
		}
		return w.strategy != 0 && g.Frames != 0
	})
	if len(list) == 0 && (w.only != 0 || w.strategy != 0) {
		return nil, fmt.Errorf("%w; those that run: %s", errNoSuchStream, cmp.Or(strings.Join(running, ", "), "none"))
	}
	if w.strategy == 0 {
		return list, nil
	}
	var failed error
	for i := range list {
		g := &list[i]
		g.was = g.Stream
		if g.refused = ask.change(ctx, work.StreamID(g.ID), w.strategy, w.factor); g.refused == nil {
			g.Strategy, g.Factor = w.strategy.String(), int(w.factor)
			continue
		}
		err := fmt.Errorf("%s stays as it is, %s: %w", streamName(g.Stream), g.Guard(), g.refused)
		if errors.Is(err, errGuardRefused) {
			err = &exitError{exitBroken, err}
		}
		failed = cmp.Or(failed, err)
	}
	return list, failed
}

// printGuarded prints what was changed, or the list.
func printGuarded(out io.Writer, asJSON bool, w wish, list []ward) error {
	switch {
	case asJSON:
		return printGuardedJSON(out, list)
	case w.strategy != 0:
		for _, g := range list {
			if g.refused == nil {
				if _, err := fmt.Fprintln(out, changed(g.Stream, g.was)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "stream\tname\tstrategy\tcopies\tleader\tstandbys") // an error comes again from Flush
	for _, g := range list {
		standbys := make([]string, len(g.standbys))
		for i, h := range g.standbys {
			standbys[i] = h.String()
		}
		_, _ = fmt.Fprintf(table, "%x\t%s\t%s\t%d\t%v\t%s\n", g.ID, streamName(g.Stream), g.Strategy, g.Factor, g.leader,
			cmp.Or(strings.Join(standbys, ", "), "none"))
	}
	if len(list) == 0 {
		_, _ = fmt.Fprintln(table, "none runs")
	}
	return table.Flush()
}

// printGuardedJSON prints the list as one object.
func printGuardedJSON(out io.Writer, list []ward) error {
	type how struct {
		Strategy string `json:"strategy"`
		Copies   int    `json:"copies"`
	}
	type stream struct {
		Stream string `json:"stream"`
		Name   string `json:"name"`
		how
		Leader   holder   `json:"leader"`
		Standbys []holder `json:"standbys"`
		Was      *how     `json:"was,omitempty"`
		Refused  string   `json:"refused,omitempty"`
		Have     uint32   `json:"have,omitempty"` // nodes that there are, where there are too few
		Need     uint32   `json:"need,omitempty"` // and that it takes
	}
	whole := struct {
		Streams []stream `json:"streams"`
	}{[]stream{}}
	for _, g := range list {
		s := stream{
			Stream: strconv.FormatUint(g.ID, 16), Name: streamName(g.Stream), how: how{g.Strategy, g.Factor},
			Leader: g.leader, Standbys: append([]holder{}, g.standbys...),
		}
		var refused *refusedError
		switch {
		case g.refused != nil:
			s.Refused = g.refused.Error()
			if errors.As(g.refused, &refused) {
				s.Have, s.Need = refused.answer.Have, refused.answer.Need
			}
		case g.was.Strategy != "":
			s.Was = &how{g.was.Strategy, g.was.Factor}
		}
		whole.Streams = append(whole.Streams, s)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(whole)
}
