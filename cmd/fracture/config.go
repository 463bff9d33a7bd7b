package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newConfigCommand() *cobra.Command {
	var whole, asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "what the flags are where the command line does not say",
		Long: "Prints what the environment and your file say of the flags of all commands, and where each is said. A flag on the\n" +
			"command line goes before the environment, the environment before the file: FRACTURE_FPS=15 is --fps of every command\n" +
			"that has it, FRACTURE_LAB_FPS that of lab alone. What a scenario says goes before both. The nodes of a lab do not\n" +
			"read them, nor does inject, and --role, --fault, --trials, --for, --seed and --first are the command line's alone. The file is fracture/config.yaml below XDG_CONFIG_HOME, or ~/.config:\n\n" +
			"  color: 256           # of every command that has the flag\n" +
			"  lab:\n" +
			"    nodes: 7           # of lab alone\n" +
			"    strategy: active",
		Example: "  fracture config\n  fracture config --default\n  mkdir -p ~/.config/fracture && fracture config --default > ~/.config/fracture/config.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if whole {
				return printDefaults(cmd.OutOrStdout(), cmd.Root())
			}
			said, file, err := allSettings(cmd.Root())
			if err != nil {
				return wrongUse(err)
			}
			return printSettings(cmd.OutOrStdout(), said, file, asJSON)
		},
	}
	cmd.Flags().BoolVar(&whole, "default", false, "print a file that says of every flag what it is anyway, each line commented out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// saidOf is what is said of a flag, and where.
type saidOf struct {
	Command string   `json:"command"`
	Flag    string   `json:"flag"`
	Values  []string `json:"values"`
	Where   string   `json:"where"` // a variable, or file:line:column
}

// userCommands are those whose flags settings are for, in the order of help.
func userCommands(root *cobra.Command) (list []*cobra.Command) {
	for _, cmd := range root.Commands() {
		if !slices.Contains(ownCommands, cmd.Name()) {
			list = append(append(list, cmd), userCommands(cmd)...)
		}
	}
	return list
}

// allSettings is what is said of every flag of every command; a value that its flag does not take is an error.
func allSettings(root *cobra.Command) (said []saidOf, file string, err error) {
	if file, err = settingsFile(); err != nil {
		return nil, "", err
	}
	list, err := readSettings(file, root)
	if err != nil {
		return nil, file, err
	}
	for _, cmd := range userCommands(root) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			s, ok := settingOf(cmd, f.Name, list)
			if !ok || err != nil {
				return
			}
			for _, v := range s.values {
				if setErr := cmd.LocalFlags().Set(f.Name, v); setErr != nil {
					err = fmt.Errorf("%s: %w", s.at, explainFlag(setErr))
				}
			}
			said = append(said, saidOf{cmd.Name(), f.Name, redacted(s.values), s.at})
		})
	}
	return said, file, err
}

// redacted are values without the passwords of URLs among them.
func redacted(values []string) []string {
	values = slices.Clone(values)
	for i, v := range values {
		if u, err := url.Parse(v); err == nil && u.User != nil {
			values[i] = u.Redacted()
		}
	}
	return values
}

// printSettings prints what is said.
func printSettings(w io.Writer, said []saidOf, file string, asJSON bool) error {
	if asJSON {
		if said == nil {
			said = []saidOf{}
		}
		return json.NewEncoder(w).Encode(map[string]any{"file": file, "settings": said})
	}
	var b strings.Builder
	for _, s := range said {
		fmt.Fprintf(&b, "%s --%s %s   by %s\n", s.Command, s.Flag, strings.Join(s.Values, ","), s.Where)
	}
	if len(said) == 0 {
		fmt.Fprintf(&b, "nothing is said: every flag is as --help shows it. Your file would be %s\n", file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printDefaults prints a file with every flag of every command as it is anyway.
func printDefaults(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	b.WriteString("# What the flags of fracture are where the command line does not say. Take the # away from what is to be otherwise.\n" +
		"# A flag that stands above the first command holds for every command that has it, for example:\n# color: 256\n")
	for _, cmd := range userCommands(root) {
		var flags []string
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(lineFlags, f.Name) || f.Hidden {
				return
			}
			value := f.DefValue
			if value == "" || strings.ContainsAny(value, "#:{}[],&*!|>'\"%@` ") {
				value = fmt.Sprintf("%q", value)
			}
			if _, many := f.Value.(pflag.SliceValue); many {
				value = f.DefValue
			}
			flags = append(flags, fmt.Sprintf("#  %s: %s   # %s", f.Name, value, strings.Join(strings.Fields(f.Usage), " ")))
		})
		if len(flags) > 0 && !cmd.Hidden {
			fmt.Fprintf(&b, "\n# %s: %s\n#%s:\n%s\n", cmd.CommandPath(), cmd.Short, cmd.Name(), strings.Join(flags, "\n"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
