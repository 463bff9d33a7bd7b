// Command fracture is a chaos lab in a terminal: node processes compute a fractal together, you break them with a key or
// a script, and the receiver measures how long the work stood still.
//
// Each verb is one file with one constructor, listed in [verbs]. A verb parses its flags, wires packages by hand and
// calls a Run; nothing is decided here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// verbs are the constructors of the commands, in the order in which help lists them.
var verbs = []func() *cobra.Command{
	newViewCommand,
	newLabCommand,
	newAttachCommand,
	newGuardCommand,
	newInjectCommand, newHealCommand, newFaultsCommand,
	newRunCommand, newReportCommand, newCompareCommand, newScenarioCommand,
	newSimCommand,
	newNodeCommand,
	newPaneCommand, newSweepCommand,
	newToxiproxyCommand,
	newConfigCommand,
	newDoctorCommand,
}

// The exit codes, the same for every verb. An error that carries none is an exitEnvironment.
const (
	exitHeld        = 0   // it worked; budgets, where there were any, were kept
	exitBroken      = 1   // a budget was broken, or the cluster refused
	exitUsage       = 2   // the command line or a parameter is wrong
	exitEnvironment = 3   // something outside failed: a port, a terminal, a store, a node
	exitThin        = 4   // too little traffic to judge
	exitInterrupted = 130 // a signal came before the end
)

// exitError is an error that says with which code the process should end.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// main keeps the process's first thread for its own goroutine: what the system shows of a process, such as its files and
// its niceness, is that thread's, and is not to be a worker's.
func main() {
	runtime.LockOSThread()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and answers with its exit code. The first SIGINT, SIGTERM or SIGHUP cancels the
// command's context; a second one ends the process as if nobody had listened.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)

	var reached bool // the command line was understood and a verb began
	root := newRootCommand(&reached)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := fang.Execute(ctx, root,
		fang.WithVersion(version()),
		fang.WithErrorHandler(func(w io.Writer, _ fang.Styles, err error) { explain(w, err, reached) }))
	return exitCode(ctx, err, reached)
}

func newRootCommand(reached *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "fracture",
		Short: "a chaos lab in a terminal: break nodes, and measure at the receiver how long the work stood still",
		Long: "Nodes form a gossip cluster and compute a fractal together; every task is copied to hot standbys.\n" +
			"Break things with a key or a script, and measure at the receiver how long the work stood still.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return explainFlag(err) })
	for _, newCommand := range verbs {
		cmd := newCommand()
		noteReached(cmd, reached)
		root.AddCommand(cmd)
	}
	return root
}

// noteReached has a verb, and those within it, take their settings, and say when they begin.
func noteReached(cmd *cobra.Command, reached *bool) {
	begin := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := applySettings(cmd); err != nil {
			return wrongUse(err)
		}
		*reached = true
		return begin(cmd, args)
	}
	for _, within := range cmd.Commands() {
		noteReached(within, reached)
	}
}

// explainFlag says what a flag wants where the library says how it failed to read it.
func explainFlag(err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	wants := map[string]string{
		"uint64": "a whole number from 0", "int": "a whole number", "float64": "a number",
		"bool": "true or false", "duration": "a duration, such as 300ms, 10s or 2m",
	}[bad.GetFlag().Value.Type()]
	if wants == "" {
		return err // one of our own, which says it
	}
	return fmt.Errorf("--%s %s: want %s", bad.GetFlag().Name, bad.GetValue(), wants)
}

// exitCode maps a command's end to the code of the process. What fails before a verb began is a wrong command line.
func exitCode(ctx context.Context, err error, reached bool) int {
	var coded *exitError
	switch {
	case err == nil:
		return exitHeld
	case errors.As(err, &coded):
		return coded.code
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case !reached:
		return exitUsage
	}
	return exitEnvironment
}

// explain prints an error the way a person reads it: what was wrong, and for a command line where to look it up.
func explain(w io.Writer, err error, reached bool) {
	text := strings.TrimSpace(err.Error())
	if text == "" {
		return
	}
	_, _ = fmt.Fprintln(w, "fracture: "+text)
	if !reached {
		_, _ = fmt.Fprintln(w, "run `fracture --help` for the commands, `fracture <command> --help` for the flags of one")
	}
}

// version is what the module was built as: a release, a commit, or devel.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
