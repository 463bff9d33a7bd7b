package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fracture/chaos/scenario"
)

// newScenarioCommand is the verb scenario, which reads scenarios and runs none.
func newScenarioCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "check a script of faults, and show what it means",
		Long: "A scenario says what a cluster is like, what goes wrong when, and what must still hold. It is written in a short\n" +
			"form, of which the faults have the flags of `fracture inject` as keys, or as an experiment of Chaos Toolkit. The\n" +
			"first expands to the second. docs/CHAOS.md teaches both by example; scenarios/ has some to begin with.\n\n" +
			"Exit codes: 0 every file is good, 2 one is not, or the command line is wrong.",
		Example: "  fracture scenario check scenarios/*.yaml\n  fracture scenario plan scenarios/chaos-monkey.yaml\n" +
			"  fracture scenario expand scenarios/split-brain.yaml --json > experiment.json\n  fracture scenario schema > scenario.schema.json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckCommand(), newExpandCommand(), newPlanCommand(), newSchemaCommand())
	return cmd
}

// scenarioFiles completes the names of files that may be scenarios.
func scenarioFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

func newCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check file...",
		Short: "say what is wrong with scenarios, and where",
		Long: "Reads each file as a run would, and prints what is wrong with it as file:line:column: text.\n" +
			"What is passed over goes to the standard error.",
		Example:           "  fracture scenario check scenarios/*.yaml\n  fracture scenario check my.yaml --json",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: scenarioFiles,
		RunE: func(cmd *cobra.Command, files []string) error {
			return checkScenarios(files, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func newExpandCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "expand file",
		Short: "print a scenario in its long form, an experiment of Chaos Toolkit",
		Long: "Each time that a fault strikes is an action that runs `fracture inject`; what Chaos Toolkit cannot say stands in an\n" +
			"extension. The long form is a scenario too, and means the same.",
		Example:           "  fracture scenario expand scenarios/split-brain.yaml\n  fracture scenario expand scenarios/split-brain.yaml --json > experiment.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: scenarioFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := loadScenario(args[0], scenarioOptions(usualRun(), noneGiven), cmd.ErrOrStderr())
			if err != nil {
				return wrongUse(err)
			}
			text := e.YAML()
			if asJSON {
				text = e.JSON()
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of YAML")
	return cmd
}

func newPlanCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "plan file",
		Short:             "print what a run of a scenario would do, and when",
		Example:           "  fracture scenario plan scenarios/chaos-monkey.yaml",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: scenarioFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := loadScenario(args[0], scenarioOptions(usualRun(), noneGiven), cmd.ErrOrStderr())
			if err != nil {
				return wrongUse(err)
			}
			return e.PrintPlan(cmd.OutOrStdout())
		},
	}
}

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "print the JSON Schema of scenarios, for editors",
		Example: "  fracture scenario schema > scenario.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(scenario.Schema)
			return err
		},
	}
}

// scenarioOptions are what a reader of scenarios needs to know of this program, and of the flags of a run, of which some were given.
func scenarioOptions(f runFlags, given func(flag string) bool) scenario.Options {
	return scenario.Options{Check: checkInject, Flags: faultFlags(), Environment: os.LookupEnv, Inject: byHand, NetNS: f.netns.wanted, Bounds: f.bounds(given)}
}

// checkInject tells whether arguments are such as `fracture inject` takes.
func checkInject(arguments []string) error {
	_, err := parseHarm(arguments)
	return err
}

// faultFlags are the flags of inject that say something about a fault: all but `for`, which a scenario reads itself.
func faultFlags() (names []string) {
	flags := pflag.NewFlagSet("inject", pflag.ContinueOnError)
	new(harmFlags).register(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "for" {
			names = append(names, f.Name)
		}
	})
	return names
}

// loadScenario reads a file as readScenario does.
func loadScenario(path string, o scenario.Options, stderr io.Writer) (*scenario.Experiment, error) {
	text, err := scenario.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return readScenario(path, text, o, stderr)
}

// readScenario reads the text of a file, and prints what of it is passed over.
func readScenario(path string, text []byte, o scenario.Options, stderr io.Writer) (*scenario.Experiment, error) {
	e, err := scenario.Parse(path, text, o)
	var wrong *scenario.Wrong
	switch {
	case err == nil:
		printWarnings(stderr, e.Warnings)
	case errors.As(err, &wrong):
		printWarnings(stderr, wrong.Findings)
	}
	return e, err
}

func printWarnings(out io.Writer, findings []scenario.Finding) {
	for _, f := range findings {
		if f.Warning {
			_, _ = fmt.Fprintln(out, f)
		}
	}
}

// scenarioReport is what is said of one file.
type scenarioReport struct {
	File     string             `json:"file"`
	Form     scenario.Form      `json:"form"`
	Good     bool               `json:"good"`
	Findings []scenario.Finding `json:"findings"`
	summary  string
}

// checkScenarios looks at each file, whatever the others are like.
func checkScenarios(files []string, asJSON bool, out, stderr io.Writer) error {
	var reports []scenarioReport
	bad := 0
	for _, name := range files {
		r := checkFile(name)
		if !r.Good {
			bad++
		}
		reports = append(reports, r)
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"files": reports}); err != nil {
			return err
		}
	} else {
		printReports(reports, out, stderr)
	}
	if bad > 0 {
		return wrongUse(fmt.Errorf("%d of %d files cannot be run", bad, len(files)))
	}
	return nil
}

func printReports(reports []scenarioReport, out, stderr io.Writer) {
	for _, r := range reports {
		printWarnings(stderr, r.Findings)
		for _, f := range r.Findings {
			if !f.Warning {
				_, _ = fmt.Fprintln(out, f)
			}
		}
		if r.Good {
			_, _ = fmt.Fprintf(out, "%s: good, %s\n", r.File, r.summary)
		}
	}
}

// checkFile looks at one file of any form.
func checkFile(name string) scenarioReport {
	r := scenarioReport{File: name, Findings: []scenario.Finding{}}
	text, err := scenario.ReadFile(name)
	if err != nil {
		r.Findings = append(r.Findings, scenario.Finding{File: name, Line: 1, Column: 1, Text: err.Error()})
		return r
	}
	r.Form = scenario.FormOf(text)
	e, err := scenario.Parse(name, text, scenarioOptions(usualRun(), noneGiven))
	var wrong *scenario.Wrong
	if errors.As(err, &wrong) {
		r.Findings = append(r.Findings, wrong.Findings...)
		return r
	}
	r.Good, r.Findings = true, append(r.Findings, e.Warnings...)
	r.summary = string(r.Form)
	if n := len(e.Fracture.Trials); n > 0 {
		r.summary += fmt.Sprintf(", trials of %d pairs", n)
	}
	if n := len(e.Plan()); n > 0 || len(e.Fracture.Trials) == 0 {
		r.summary += fmt.Sprintf(", %d steps within %v", n, e.Length())
	}
	return r
}

// usualRun are the flags of `fracture run` where none is given.
func usualRun() runFlags {
	f := runFlags{trials: 1, controls: 1, role: "owner", fault: "kill", strategy: "standby", load: "half", probe: runProbePeriod}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.registerTrial(flags, 10*time.Second)
	f.control.register(flags)
	return f
}

// noneGiven is a command line without flags.
func noneGiven(string) bool { return false }
