package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fracture/chaos/report"
)

// What a run leaves behind, where it is asked to.

// single reports whether a path names one file, for the one object, and not a directory: by how it ends, or since it is a device.
func single(path string) bool {
	info, err := os.Stat(path)
	return strings.HasSuffix(path, ".json") || err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// canKeep tells, before anything is measured, whether a run's report can be written to where a flag says.
func canKeep(flag, path string) error {
	if path == "" || single(path) {
		return canWrite(flag, path)
	}
	if err := report.Check(path); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// keep writes what was measured and judged to where it was asked for.
func (o runOptions) keep(m measured) error {
	if o.out == "" {
		return nil
	}
	host, _ := os.Hostname() // a report without it is one as well
	run := &report.Run{Title: o.title, Command: o.command, Host: host, Experiment: o.experiment, Activities: m.activities, Report: *m.report, Events: report.Events(m.report, m.traces)}
	if single(o.out) {
		return drawUp(o.out, run.WriteJSON)
	}
	files, err := run.Files()
	if err != nil {
		return err
	}
	if err := report.Write(o.out, files); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// inTitle is how many rows the title of a run names.
const inTitle = 4

// called is a run in a few words: what it breaks.
func (o runOptions) called() string {
	var rows []string
	for _, s := range o.series {
		rows = append(rows, fmt.Sprintf("%s %s", s.component, s.fault))
	}
	if more := len(rows) - inTitle; more > 0 {
		rows = append(rows[:inTitle], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(rows, ", ")
}

// repeating is the command line that does the same again: as it was given, with its seed, and without where its results went.
func repeating(cmd *cobra.Command, args []string, seed uint64) []string {
	line := append([]string{"fracture", cmd.Name()}, args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"out", "json", "seed"}, f.Name) || !f.Changed && len(args) > 0 { // what a scenario says goes before a setting
			return
		}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			for _, value := range many.GetSlice() {
				line = append(line, "--"+f.Name, value)
			}
			return
		}
		if f.Value.Type() == "bool" { // "--live true" would be a flag and a file
			line = append(line, "--"+f.Name+"="+f.Value.String())
			return
		}
		line = append(line, "--"+f.Name, f.Value.String())
	})
	return append(line, "--seed", fmt.Sprint(seed))
}

// runOf reads the run that a directory or a file holds, with its events where it has any.
func runOf(path string) (*report.Run, []byte, error) {
	file, dir := path, false
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		file, dir = filepath.Join(path, report.Object), true
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: name a directory that `fracture run --out` wrote, or its %s", err, report.Object)
	}
	run, err := report.Read(strings.NewReader(string(text)))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w; run again with --out, or take another copy", file, err)
	}
	if !dir {
		return run, text, nil
	}
	events, err := os.Open(filepath.Join(path, report.Stream))
	if os.IsNotExist(err) {
		return run, text, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = events.Close() }()
	if run.Events, err = report.ReadEvents(events); err != nil {
		return nil, nil, fmt.Errorf("%s: %w; remove it, or take another copy", events.Name(), err)
	}
	return run, text, nil
}

// rebuild writes the files of a report anew, but the object that they are made of.
func rebuild(dir string, run *report.Run, object []byte) error {
	files, err := run.Files()
	if err != nil {
		return err
	}
	for i := range files {
		if files[i].Name == report.Object {
			files[i].Content = object
		}
	}
	return report.Write(dir, files)
}
