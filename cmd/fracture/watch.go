package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/lab"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
)

// watchConfig says what to watch, and how.
type watchConfig struct {
	creds   *wire.Credentials
	join    []string
	streams []*work.Stream // those of others are known by no more than their IDs
	submit  bool           // the streams are this process's own
	plain   bool
	options tui.Options
	control *home             // nil where the cluster is not ours
	outside controlFlags      // where there is a control API, which needs control
	record  string            // the file to which all is recorded from the beginning, which needs control; "": none is
	logDir  string            // for what must not be written over the screen
	notes   []telemetry.Event // what to tell first
	ready   func()            // called when all is set up, and faults will be seen; may be nil
}

// watchCluster links to a cluster and draws it, or prints it, until ctx ends or the user quits.
func watchCluster(ctx context.Context, cfg watchConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	logs, err := lab.OpenLog(filepath.Join(cfg.logDir, "screen.log"))
	if err != nil {
		return err
	}
	defer func() { _ = logs.Close() }()
	s := newScene(cfg.streams...)
	g := &guardian{scene: s, viewer: newViewer(&s.broker, cfg)}
	if cfg.submit {
		g.own = cfg.streams
	}
	refused := make(chan error, 1)
	s.client, err = newScreenClient(cfg, logs, s, g, refused)
	if err != nil {
		return err
	}
	g.client, g.viewer.client = s.client, s.client
	for _, note := range cfg.notes {
		s.broker.Event(note)
	}
	group, inner := errgroup.WithContext(ctx)
	var before *sceneLab // nil where the cluster is not ours
	if cfg.control != nil {
		s.child = cfg.control.childState
		cfg.control.listen(s.fault)
		s.breaks = newInjector(cfg.control, &orderBook{client: screenName(), order: s.client.Order}, s.known, clock.Stamp())
		s.breaks.ending, s.breaks.failed = inner.Done(), s.unhealed
		s.recorder = newRecorder(cfg, s)
		s.breaks.recorder = s.recorder
		s.monkey = &monkey{
			inject: func(ctx context.Context, arguments []string) (tui.Heal, error) { return s.inject(ctx, arguments) },
			told:   s.tellOfMonkey, seed: clock.Stamp(), woken: make(chan struct{}, 1),
		}
		before = newSceneLab(s, s.breaks, cfg.outside.limits())
		if err := runControl(inner, cfg, s, before, group); err != nil {
			return err
		}
		group.Go(guarded(func() error { return s.breaks.run(inner) }))
		group.Go(guarded(func() error { return s.monkey.run(inner) }))
	}
	for _, stream := range cfg.streams {
		if cfg.submit {
			s.client.Submit(stream)
		} else {
			s.client.Watch(stream.ID)
		}
	}
	if cfg.ready != nil {
		cfg.ready()
	}
	group.Go(guarded(func() error { return s.client.Run(inner) }))
	group.Go(guarded(func() error { return s.watch(inner) }))
	group.Go(func() error {
		select {
		case err := <-refused:
			return &exitError{exitUsage, err}
		case <-inner.Done():
			return nil
		}
	})
	group.Go(guarded(func() error {
		defer cancel()
		return show(inner, cfg, s, g, before)
	}))
	err = noteCrash(group.Wait())
	return errors.Join(err, s.keepRecording(cfg.options))
}

// screenName is what this process's screen is called among the members.
func screenName() string { return fmt.Sprintf("screen-%d", os.Getpid()) }

// newScreenClient makes the client by which a screen sees a cluster and asks it for things.
func newScreenClient(cfg watchConfig, logs io.Writer, s *scene, g *guardian, refused chan<- error) (*cluster.Client, error) {
	return cluster.NewClient(cluster.ClientConfig{
		Name: screenName(), Credentials: cfg.creds, Join: cfg.join,
		Log:     slog.New(slog.NewTextHandler(logs, nil)),
		Deliver: s.deliver, News: s.news,
		Answer: func(m *failover.Message) {
			switch {
			case m.Kind == failover.Revised:
				g.viewer.revised(m)
			case m.Reason == failover.Stopped:
				s.stop(m)
			case m.Kind == failover.Accepted:
				s.restarted(m.Task.Stream)
				g.answered(m)
			case !g.answered(m) && m.Kind == failover.Refused:
				select {
				case refused <- notTaken("stream", m):
				default:
				}
			}
		},
	})
}

// show draws, or prints where nothing can be drawn.
func show(ctx context.Context, cfg watchConfig, s *scene, g *guardian, before *sceneLab) error {
	why := "--plain"
	drawable := !cfg.plain && !cfg.options.JSON
	if drawable {
		drawable, why = tui.CanDraw(os.Environ(), unix.Stdin, unix.Stdout)
	}
	if !drawable {
		if !cfg.options.JSON {
			_, _ = fmt.Fprintf(cfg.options.Out, "line mode (%s)\n", why)
		}
	}
	var control tui.Control = onlooker{g, g.viewer, keeper{}}
	if cfg.control != nil {
		control = labControl{cfg.control, g, before.breaker, s, s.recorder, s.monkey, g.viewer, s.heal, keeper{}}
	}
	switch {
	case drawable:
		return tui.Run(ctx, cfg.options, &s.broker, control)
	case !mayRead(unix.Stdin):
		return tui.Print(ctx, cfg.options, &s.broker)
	}
	return tui.Steer(ctx, cfg.options, &s.broker, control)
}

// mayRead reports whether a file may be read from without being stopped: a terminal stops whoever reads it in the background.
func mayRead(fd int) bool {
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return true // no terminal
	}
	signal.Ignore(syscall.SIGTTIN) // reading fails instead, if it goes there later
	front, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && front == unix.Getpgrp()
}
