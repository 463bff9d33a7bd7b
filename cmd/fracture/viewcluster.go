package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/render"
	"fracture/work"
	"fracture/work/fractal"
)

// errTileFailed: a tile of the picture could not be computed; the text says why.
var errTileFailed = errors.New("a tile failed")

// errNoPicture: the cluster did not compute the picture in time; look whether its nodes live, or give it longer.
var errNoPicture = errors.New("the cluster did not compute the picture")

// computeByCluster asks a running cluster for a picture: a stream of one frame, of which this process is the sink.
func computeByCluster(which clusterFlags, timeout time.Duration) compute {
	return func(ctx context.Context, v fractal.View) (render.Field, error) {
		creds, join, err := which.find()
		if err != nil {
			return render.Field{}, fmt.Errorf("%w; or compute the picture here with --local", err)
		}
		params := finest(v)
		stream := &work.Stream{
			ID: randomStream(), Function: (fractal.Function{}).Name(), Params: params.Append(nil),
			Tiles: fractal.TilesFor(v, params.Supersample), Frames: 1, Strategy: work.Standby, Factor: 2,
		}
		arrived := make(chan failover.Message, stream.Tiles)
		refused := make(chan failover.Message, 1)
		client, err := cluster.NewClient(cluster.ClientConfig{
			Name: fmt.Sprintf("view-%d", os.Getpid()), Credentials: creds, Join: join,
			Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
			Deliver: func(m *failover.Message, _ clock.Instant) { arrived <- *m },
			Answer: func(m *failover.Message) {
				if m.Kind != failover.Refused {
					return
				}
				select {
				case refused <- *m:
				default: // one is enough to know
				}
			},
		})
		if err != nil {
			return render.Field{}, err
		}
		client.Submit(stream)
		ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%w within %v", errNoPicture, timeout))
		defer cancel()
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return client.Run(ctx) })
		var joiner fractal.Joiner
		var failed error // what kept the picture from being whole: also the client's failure, which is then ctx's cause
		group.Go(func() error {
			defer cancel()
			failed = gather(ctx, &joiner, arrived, refused)
			return failed
		})
		_ = group.Wait() // may be no more than that the client was told to end
		if failed != nil {
			return render.Field{}, failed
		}
		return render.Field(joiner.Field()), nil
	}
}

// gather joins tiles until the picture is whole.
func gather(ctx context.Context, joiner *fractal.Joiner, arrived, refused <-chan failover.Message) error {
	for !joiner.Complete() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-refused:
			return notTaken("picture", &m)
		case m := <-arrived:
			if m.Failed {
				return fmt.Errorf("%w: %s", errTileFailed, m.Payload)
			}
			tile, err := fractal.DecodeTile(m.Payload)
			if err != nil {
				return err
			}
			if err := joiner.Add(tile); err != nil {
				return err
			}
		}
	}
	return nil
}

// notTaken is the error of what the cluster did not take, or took no further; how many nodes it would take where that is why.
func notTaken(what string, m *failover.Message) error {
	if m.Need == 0 {
		return fmt.Errorf("the cluster refused the %s: %v", what, m.Reason)
	}
	return fmt.Errorf("the cluster refused the %s: %v: need %d, have %d", what, m.Reason, m.Need, m.Have)
}

// randomStream is an id that no other request has.
func randomStream() work.StreamID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return work.StreamID(binary.LittleEndian.Uint64(b[:]) | 1<<63)
}
