package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newDoctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "look at this machine: ports, terminal, redis, limits; what was found, and the fix",
		Example: "  fracture doctor\n  fracture doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ok    cores     %d\n", runtime.NumCPU())
			return err
		},
	}
}
