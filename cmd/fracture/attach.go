package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fracture/cluster/wire"
	"fracture/lab"
	"fracture/work"
)

// clusterFlags say which running cluster is meant: without any, the lab that runs on this host.
type clusterFlags struct {
	dir  string
	join []string
}

func (f *clusterFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.join, "join", nil, "gossip address of a member; may be repeated; none: the lab's")
	flags.StringVar(&f.dir, "cluster", "", "cluster directory with the keys; none: the lab's")
}

// find loads the keys of the cluster and completes whom to join.
func (f clusterFlags) find() (*wire.Credentials, []string, error) {
	if f.dir == "" {
		found, err := lab.FindDir()
		if err != nil {
			return nil, nil, fmt.Errorf("%w; name a cluster directory with --cluster", err)
		}
		f.dir = found.Path
	}
	if err := enterNetwork(f.dir); err != nil {
		return nil, nil, err
	}
	creds, err := wire.Load(f.dir)
	if err != nil {
		return nil, nil, err
	}
	if len(f.join) == 0 {
		f.join, err = readJoin(f.dir)
	}
	return creds, f.join, err
}

type attachFlags struct {
	screenFlags
	cluster clusterFlags
}

func newAttachCommand() *cobra.Command {
	var f attachFlags
	cmd := &cobra.Command{
		Use:   "attach",
		Short: "the screen on a running cluster",
		Long: "Links to a running cluster and draws what it computes. The cluster does not notice whether a screen watches:\n" +
			"quitting one leaves it as it was. Without --cluster it attaches to the lab that runs on this host.",
		Example: "  fracture attach\n  fracture attach --join 127.0.0.1:7946 --cluster ./keys\n  fracture attach --plain --duration 10s",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return wrongUse(err)
			}
			return attach(cmd.Context(), f, cmd.OutOrStdout())
		},
	}
	f.register(cmd)
	cmd.Flags().Lookup("fps").Usage = "frames a second of the screen, 1 to 60"
	f.cluster.register(cmd.Flags())
	return cmd
}

func attach(ctx context.Context, f attachFlags, out io.Writer) error {
	ctx, cancel := withDuration(ctx, f.duration)
	defer cancel()
	creds, join, err := f.cluster.find()
	if err != nil {
		return err
	}
	opts := f.options(out)
	opts.Cluster, opts.Store = join[0], "the cluster's"
	return unlessTold(ctx, watchCluster(ctx, watchConfig{
		creds: creds, join: join, streams: []*work.Stream{{ID: pictureStream}, {ID: probeStream}}, plain: f.plain, options: opts,
		logDir: creds.Dir,
	}))
}
