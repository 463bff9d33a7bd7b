package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"fracture/chaos/report"
)

// reportFlags are the command line of `fracture report`.
type reportFlags struct {
	baseline, tolerance string
	json                bool
}

// maxReports bounds how many runs one command compares.
const maxReports = 64

func newReportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report DIR…",
		Short: "write a run's report anew, or tell whether a run is worse than another",
		Long: "Reads the report.json of each directory that `fracture run --out DIR` wrote, and writes its page, texts and other\n" +
			"files anew. Of several, or with --baseline, it lays the figures side by side: each run beside the baseline, which is\n" +
			"the first unless it is named. A named baseline, and a file in place of a directory, is read alone.\n\n" +
			"A figure of the downtime (p50, p90, p99, max of a row) is a regression where it lies beyond the baseline's by more\n" +
			"than the tolerance and " + strconv.FormatFloat(report.Unnoticed, 'f', -1, 64) + " ms, and so many more of the run's trials do that luck is out of the question: Fisher's\n" +
			"exact test on how many trials of both lie beyond that limit, at one in a hundred, parted by how many figures are\n" +
			"compared. With too few trials to tell, it says so, and calls nothing a regression. A lost, second or wrong result is\n" +
			"one where the baseline had none.\n\n" +
			"Exit codes: 0 no regression, 1 a regression, 2 wrong command line, 3 a report that cannot be read or written.",
		Example: "  fracture report out\n" +
			"  fracture report --baseline main out\n" +
			"  fracture report --baseline baseline/report.json --tolerance 10% --json out",
		Args: cobra.RangeArgs(1, maxReports),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			share, err := parseTolerance(f.tolerance)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return f.report(args, report.Tolerance{Share: share}, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.baseline, "baseline", "", "the report to compare with: a directory, or its report.json; none: the first of several")
	flags.StringVar(&f.tolerance, "tolerance", "20%", "by how much a figure may be worse, such as 20% or 0.2")
	flags.BoolVar(&f.json, "json", false, "print the comparisons as one JSON array; nothing is printed of what is written anew")
	return cmd
}

// parseTolerance reads 20% or 0.2.
func parseTolerance(text string) (float64, error) {
	share, ok := shareIn(text)
	if !ok || share > 100 {
		return 0, fmt.Errorf("--tolerance %q: want a share of at least 0, such as 20%% or 0.2", text)
	}
	return share, nil
}

// named is a run and where it was read.
type named struct {
	path   string
	run    *report.Run
	object []byte
}

// report reads all before it writes any.
func (f reportFlags) report(paths []string, tolerance report.Tolerance, stdout io.Writer) error {
	var runs []named
	for _, path := range paths {
		run, object, err := runOf(path)
		if err != nil {
			return err
		}
		runs = append(runs, named{path, run, object})
	}
	base, others := runs[0], runs[1:]
	if f.baseline != "" {
		run, _, err := runOf(f.baseline)
		if err != nil {
			return fmt.Errorf("--baseline: %w", err)
		}
		base, others = named{path: f.baseline, run: run}, runs
	}
	written, err := f.rebuildAll(runs, stdout)
	if err != nil {
		return err
	}
	if written == 0 && len(others) == 0 {
		return &exitError{exitUsage, fmt.Errorf("%s is a file: there is nothing to write anew; name its directory, or a --baseline to compare it with", base.path)}
	}
	all := []report.Comparison{}
	var failed error
	for _, r := range others {
		c := report.Compare(base.run, r.run, tolerance)
		c.Baseline, c.Run = base.path, r.path
		if c.Regression {
			failed = &exitError{exitBroken, errors.New("")} // the table has said it all
		}
		all = append(all, c)
	}
	return errors.Join(f.print(all, stdout), failed)
}

// rebuildAll writes the report of each directory anew, and says of how many.
func (f reportFlags) rebuildAll(runs []named, stdout io.Writer) (written int, err error) {
	for _, r := range runs {
		if info, err := os.Stat(r.path); err != nil || !info.IsDir() {
			continue
		}
		if err := rebuild(r.path, r.run, r.object); err != nil {
			return written, err
		}
		written++
		if !f.json {
			_, _ = fmt.Fprintf(stdout, "%s: written anew, %d trials, %s\n", r.path, len(r.run.Trials), r.run.Verdict)
		}
	}
	return written, nil
}

// print prints what was compared.
func (f reportFlags) print(all []report.Comparison, stdout io.Writer) error {
	if f.json {
		return report.WriteJSON(stdout, all)
	}
	for _, c := range all {
		_, _ = fmt.Fprintln(stdout)
		if err := c.WriteText(stdout); err != nil {
			return err
		}
	}
	return nil
}
