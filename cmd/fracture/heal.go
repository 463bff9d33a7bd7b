package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fracture/control"
	"fracture/lab"
)

// errNotHealed: something stands yet; look at the node's log, or end the lab, which ends all of it.
var errNotHealed = errors.New("not everything could be healed")

func newHealCommand() *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "heal",
		Short: "end everything that stands at the running lab, now",
		Long: "Ends all faults that were begun by the lab's control API, thaws nodes that are frozen and starts those that are\n" +
			"dead, and returns when all of that is done. What `fracture inject` has ordered nodes is its own to heal: end it there.\n\n" +
			"Exit codes: 0 nothing stands any more, 2 wrong command line, 3 no lab, a lab without a control API, or something\n" +
			"could not be healed.",
		Example: "  fracture heal\n  fracture heal --json\n  fracture heal --cluster /run/user/1000/fracture/4711@81234-1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return heal(cmd.Context(), dir, asJSON, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&dir, "cluster", "", "cluster directory of the lab; none: of the one that runs on this host")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func heal(ctx context.Context, dir string, asJSON bool, out io.Writer) error {
	if dir == "" {
		found, err := lab.FindDir()
		if err != nil {
			return fmt.Errorf("%w; name a cluster directory with --cluster", err)
		}
		dir = found.Path
	}
	client, err := control.Dial(dir)
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := client.HealAll(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(out).Encode(all)
	} else {
		err = printHealed(out, all)
	}
	if len(all.Failed) > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %s", errNotHealed, strings.Join(all.Failed, "; ")))
	}
	return err
}

// healer ends everything that stands, for the screen's key.
type healer func(ctx context.Context) control.Healed

// Heal implements part of tui.Control.
func (h healer) Heal(ctx context.Context) (string, error) {
	all := h(ctx)
	var ended []string
	for _, f := range all.Healed {
		ended = append(ended, f.What+" at "+strings.Join(f.Whom, ", "))
	}
	ended = append(ended, all.Mended...)
	switch {
	case len(all.Failed) > 0:
		return "", fmt.Errorf("%w: %s", errNotHealed, strings.Join(all.Failed, "; "))
	case len(ended) == 0:
		return "nothing stands", nil
	}
	return "healed: " + strings.Join(ended, "; "), nil
}

// printHealed prints a line for each that has ended.
func printHealed(out io.Writer, all control.Healed) error {
	for _, f := range all.Healed {
		if _, err := fmt.Fprintf(out, "healed %s: %s at %s\n", f.ID, f.What, strings.Join(f.Whom, ", ")); err != nil {
			return err
		}
	}
	for _, what := range all.Mended {
		if _, err := fmt.Fprintln(out, what); err != nil {
			return err
		}
	}
	if len(all.Healed)+len(all.Mended)+len(all.Failed) > 0 {
		return nil
	}
	_, err := fmt.Fprintln(out, "nothing stands")
	return err
}
