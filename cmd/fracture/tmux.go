package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fracture/lab"
	"fracture/tui"
)

// `fracture lab --tmux`: the screen in one pane, and beside it a pane for each node, with what it logs; ctrl-c in a node's
// pane kills that node. Outside of tmux the lab starts a server of its own and begins again within.

// The errors of a tmux.
var (
	// errNoTmux: install tmux, or leave --tmux out.
	errNoTmux = errors.New("tmux was not found; install it (package tmux), or leave --tmux out")
	// errNoWord: the lab within tmux was killed, or has crashed; the terminal may have shown why.
	errNoWord = errors.New("the lab within tmux ended without a word")
)

// fateEnv names, to a lab that begins again within tmux, the file in which it leaves how it ended: tmux itself ends with 0
// whatever ran in it, and what a pane has shown is gone with the pane.
const fateEnv = "FRACTURE_FATE"

// fate is what that file holds: nothing before the lab began, then who it is, then how it ended.
type fate struct {
	Proc  string // of the lab, as lab.Proc prints it
	Ended bool
	Code  int
	Error string
}

// tmuxSocket is where tmux makes the socket of a name.
func tmuxSocket(name string) string {
	return filepath.Join(cmp.Or(os.Getenv("TMUX_TMPDIR"), "/tmp"), "tmux-"+strconv.Itoa(os.Getuid()), name)
}

// startTmux begins a verb again in a tmux of its own, and ends as that ends.
func startTmux(ctx context.Context, args []string, redis string) error {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		return errNoTmux
	}
	if ok, why := tui.CanDraw(os.Environ(), unix.Stdin, unix.Stdout); !ok {
		return fmt.Errorf("--tmux needs a terminal to lay out panes in: %s; leave it out, and the lab prints lines", why)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	file, err := os.CreateTemp("", "fracture-fate-*") // 0600
	if err != nil {
		return fmt.Errorf("making the file for the end of the lab: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_ = file.Close() // nothing was written
	socket := "fracture-" + strconv.Itoa(os.Getpid())
	begin := exec.CommandContext(ctx, tmux, append([]string{"-L", socket, "-f", os.DevNull,
		"start-server", ";", "set", "-g", "default-terminal", "tmux-256color", ";", "set", "-ga", "terminal-features", "*:RGB", ";",
		"set", "-g", "mouse", "on", ";", "new-session", "--", self}, args...)...)
	begin.Env = append(os.Environ(), fateEnv+"="+file.Name(), storeEnv+"="+redis) // the URL may hold a password: not in args
	begin.Stdin, begin.Stdout, begin.Stderr = os.Stdin, os.Stdout, os.Stderr
	defer func() { _ = os.Remove(tmuxSocket(socket)) }() // tmux leaves it where its server was killed
	killServer := func() error { return exec.Command(tmux, "-L", socket, "kill-server").Run() }
	begin.Cancel = killServer
	begin.WaitDelay = 2 * time.Second
	runErr := begin.Run()
	_ = killServer() // it is there still where somebody has detached: nothing is to live on unseen
	if f := readFate(ctx, file.Name()); f.Ended {
		return f.err()
	} else if f.Proc != "" {
		return errNoWord
	}
	if runErr != nil && ctx.Err() == nil {
		return fmt.Errorf("running tmux: %w", runErr)
	}
	return ctx.Err()
}

// fateTime bounds how long a lab may take to end once its tmux has.
const fateTime = 10 * time.Second

// readFate reads how a lab ended, and waits for its end where it has begun. What cannot be read is as good as nothing.
func readFate(ctx context.Context, path string) fate {
	f := parseFate(path)
	if f.Proc == "" || f.Ended {
		return f
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), fateTime)
	defer cancel()
	_ = lab.WatchParent(bounded, f.Proc) // its end is what we wait for, and what it left is looked at next
	return parseFate(path)
}

func parseFate(path string) (f fate) {
	if text, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(text, &f) // of an empty file, which is none
	}
	return f
}

// err is the error that ends this process as the other one ended.
func (f fate) err() error {
	if f.Code == exitHeld && f.Error == "" {
		return nil
	}
	return &exitError{f.Code, errors.New(f.Error)}
}

// leavingFate runs a lab that may have been begun within tmux, and leaves its end where the one without looks for it.
func leavingFate(ctx context.Context, run func(context.Context) error) error {
	path := os.Getenv(fateEnv)
	if path == "" {
		return run(ctx)
	}
	_ = os.Unsetenv(fateEnv) // its nodes are not to write there
	f := fate{Proc: lab.Self().String()}
	if err := f.leave(path); err != nil {
		return err
	}
	err := run(ctx)
	f.Ended, f.Code = true, exitCode(ctx, err, true)
	if err != nil {
		f.Error = err.Error()
	}
	return errors.Join(err, f.leave(path))
}

// leave writes the file, which exists and is its user's alone.
func (f fate) leave(path string) error {
	text, err := json.Marshal(f)
	if err == nil {
		err = writeWhole(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("leaving word of the end: %w", err)
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
				if err := (lab.Dir{Path: dir}).Kill(name); err != nil {
					_, _ = fmt.Fprintln(out, err)
				}
			case <-ticker.C:
			}
			at = copyFrom(out, filepath.Join(dir, "logs", name+".log"), at)
		}
	})
	if err := group.Wait(); err != nil && !errors.Is(err, lab.ErrOrphaned) {
		return err
	}
	return nil
}

// copyFrom copies what a file holds from an offset on and answers with the next offset. The lab cuts a log that has become
// long: one that is shorter than what was shown goes on at its end.
func copyFrom(out io.Writer, path string, at int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0 // the node has not started yet
	}
	defer func() { _ = file.Close() }()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil || end <= at {
		return end
	}
	n, _ := io.Copy(out, io.NewSectionReader(file, at, end-at))
	return at + n
}
