package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/lab"
)

// `fracture lab --tmux`: the screen in one pane, and beside it a pane for each node, with what it logs; ctrl-c in a node's
// pane kills that node. Outside of tmux the lab starts a server of its own and begins again within.

// errNoTmux: install tmux, or leave --tmux out.
var errNoTmux = errors.New("tmux was not found; install it (package tmux), or leave --tmux out")

// startTmux begins the same command line again in a tmux of its own and returns when that has ended.
func startTmux(ctx context.Context, args []string) error {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		return errNoTmux
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	socket := "fracture-" + strconv.Itoa(os.Getpid())
	begin := exec.CommandContext(ctx, tmux, append([]string{"-L", socket, "-f", os.DevNull,
		"start-server", ";", "set", "-g", "default-terminal", "tmux-256color", ";", "set", "-ga", "terminal-features", "*:RGB", ";",
		"set", "-g", "mouse", "on", ";", "new-session", "--", self}, args...)...)
	begin.Stdin, begin.Stdout, begin.Stderr = os.Stdin, os.Stdout, os.Stderr
	begin.Cancel = func() error { return exec.Command(tmux, "-L", socket, "kill-server").Run() }
	begin.WaitDelay = 2 * time.Second
	if err := begin.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("running tmux: %w", err)
	}
	return nil
}

// openPanes splits the window that this process draws in: a pane for each node. They end with the lab.
func openPanes(ctx context.Context, dir string, nodes int) error {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		return errNoTmux
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	own := os.Getenv("TMUX_PANE")
	beside, way := own, "-h"
	for i := 1; i <= nodes; i++ {
		out, err := exec.CommandContext(ctx, tmux, "split-window", "-d", "-P", "-F", "#{pane_id}", way, "-t", beside, self,
			"pane", "--cluster", dir, "--parent", lab.Self().String(), nodeName(i)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("opening a pane for %s: %w: %s", nodeName(i), err, out)
		}
		beside, way = strings.TrimSpace(string(out)), "-v" // the next one below
		if out, err := exec.CommandContext(ctx, tmux, "set", "-w", "-t", own, "main-pane-width", "66%", ";",
			"select-layout", "-t", own, "main-vertical").CombinedOutput(); err != nil {
			return fmt.Errorf("laying out the panes: %w: %s", err, out)
		}
	}
	return nil
}

// newPaneCommand is what runs in a node's pane; people do not call it.
func newPaneCommand() *cobra.Command {
	var dir, parent string
	cmd := &cobra.Command{
		Use:    "pane <node>",
		Short:  "show what a node of a lab logs; ctrl-c kills the node",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPane(dir, parent, args[0], cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&dir, "cluster", "", "cluster directory of the lab")
	cmd.Flags().StringVar(&parent, "parent", "", "pid@start of the lab")
	return cmd
}

// paneEvery is how often a pane looks for new lines.
const paneEvery = 100 * time.Millisecond

// runPane copies a node's log to the pane until the lab has ended. It does not end by ctrl-c: that is for the node.
func runPane(dir, parent, name string, out io.Writer) error {
	interrupts := make(chan os.Signal, 1)
	signal.Reset(os.Interrupt)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	_, _ = fmt.Fprintf(out, "\x1b]2;%s\x1b\\node %s; ctrl-c kills it\n", name, name)
	group, ctx := errgroup.WithContext(context.Background())
	group.Go(func() error { return lab.WatchParent(ctx, parent) })
	group.Go(func() error {
		var at int64
		ticker := time.NewTicker(paneEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-interrupts:
				if err := killChild(dir, name); err != nil {
					_, _ = fmt.Fprintln(out, err)
				}
			case <-ticker.C:
			}
			at += copyFrom(out, filepath.Join(dir, "logs", name+".log"), at)
		}
	})
	if err := group.Wait(); err != nil && !errors.Is(err, lab.ErrOrphaned) {
		return err
	}
	return nil
}

// copyFrom copies what a file holds from an offset on and returns how much that was.
func copyFrom(out io.Writer, path string, at int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0 // the node has not started yet
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		return 0
	}
	n, _ := io.Copy(out, file)
	return n
}

// killChild kills the newest process of a lab's node, if it is still that process.
func killChild(dir, name string) error {
	text, err := os.ReadFile(filepath.Join(dir, "pids", name))
	if err != nil {
		return fmt.Errorf("%s is not running", name)
	}
	proc, err := lab.ParseProc(string(text))
	if err != nil {
		return err
	}
	return proc.Signal(syscall.SIGKILL)
}
