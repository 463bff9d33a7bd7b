package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"

	"fracture/lab"
)

// newSweepCommand waits until a lab has ended and removes its directory, with the keys in it, if the lab has not.
func newSweepCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "sweep <directory>",
		Short:  "remove the directory of a lab once that has ended",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(cmd *cobra.Command, args []string) error { return lab.SweepAfter(cmd.Context(), args[0]) },
	}
}

// sweeper is the process that does so, in a session of its own: what ends the lab and all that it started is not to end
// this.
type sweeper struct{ process *os.Process }

// startSweeper starts one for this process's cluster directory, from a program; "" for this one.
func startSweeper(program string, dir lab.Dir) (s sweeper, err error) {
	self, err := os.Executable()
	if err != nil {
		return s, fmt.Errorf("finding the program that sweeps: %w", err)
	}
	cmd := exec.Command(cmp.Or(program, self), "sweep", dir.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return s, fmt.Errorf("starting the sweeper: %w", err)
	}
	return sweeper{cmd.Process}, nil
}

// dismiss ends it: the lab has cleaned up itself.
func (s sweeper) dismiss() {
	if s.process == nil {
		return
	}
	_ = s.process.Kill() // it may have ended
	_, _ = s.process.Wait()
}
