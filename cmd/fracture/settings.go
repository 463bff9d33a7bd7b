package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fracture/chaos/scenario"
)

// What the flags of a command are where the command line does not say: the environment's, or else those of the user's file. A
// flag goes before the environment, the environment before the file, and either counts as a default: what a scenario says goes
// before both.

// maxSettings bounds the file, in bytes.
const maxSettings = 64 << 10

// setting is what a file says of a flag.
type setting struct {
	values []string // one, or those of a list
	at     string   // file:line:column
}

// settings are what a file says, by the command that is meant, empty for all, and by the flag.
type settings map[string]map[string]setting

// ownCommands are those whose flags say what somebody else asks for: those who start them decide.
var ownCommands = []string{"node", "pane", "sweep", "help", "completion", "man", "config", "inject"}

// lineFlags are those that mean something by being there, or by what else is: they are the command line's alone.
var lineFlags = []string{"help", "version", "role", "fault", "trials", "for", "seed", "first"}

// settingsFile is where they are: below XDG_CONFIG_HOME, or what stands for it.
func settingsFile() (string, error) {
	if config := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return filepath.Join(config, "fracture", "config.yaml"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no directory for settings: %w; set XDG_CONFIG_HOME", err)
	}
	return filepath.Join(home, ".config", "fracture", "config.yaml"), nil
}

// applySettings gives the flags of a command that was called what the environment and the file say of them.
func applySettings(cmd *cobra.Command) error {
	if slices.Contains(ownCommands, cmd.Name()) {
		return nil
	}
	file, err := settingsFile()
	if err != nil {
		return nil //nolint:nilerr // who has no home has no settings
	}
	list, err := readSettings(file, cmd.Root())
	if err != nil {
		return err
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || err != nil {
			return
		}
		s, said := settingOf(cmd, f.Name, list)
		if !said {
			return
		}
		for _, v := range s.values {
			if setErr := cmd.Flags().Set(f.Name, v); setErr != nil && err == nil {
				err = fmt.Errorf("%s: %w", s.at, explainFlag(setErr))
			}
		}
		f.Changed = false
	})
	return err
}

// settingOf is what is said of a flag of a command: of that command first.
func settingOf(cmd *cobra.Command, flag string, list settings) (setting, bool) {
	if slices.Contains(lineFlags, flag) {
		return setting{}, false
	}
	for _, name := range []string{envName(cmd.Name(), flag), envName("", flag)} {
		if v := os.Getenv(name); v != "" {
			return setting{[]string{v}, name}, true
		}
	}
	for _, section := range []string{cmd.Name(), ""} {
		if s, ok := list[section][flag]; ok {
			return s, true
		}
	}
	return setting{}, false
}

// envName is the variable of a flag, of one command, or of all.
func envName(command, flag string) string {
	name := "FRACTURE_"
	if command != "" {
		name += command + "_"
	}
	return strings.ToUpper(strings.ReplaceAll(name+flag, "-", "_"))
}

// errSettings: the file of settings says something that no command understands; the text says where, and what is there.
var errSettings = errors.New("the settings")

// readSettings reads a file; there need not be one. Every command and flag in it must be one of root's.
func readSettings(file string, root *cobra.Command) (settings, error) {
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errSettings, err)
	}
	return parseSettings(file, text, flagsOf(root))
}

// flagsOf are the names of the flags of each command that settings are for, and, under the empty name, of all.
func flagsOf(root *cobra.Command) map[string][]string {
	known := map[string][]string{"": nil}
	for _, cmd := range userCommands(root) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(lineFlags, f.Name) {
				return
			}
			known[cmd.Name()] = append(known[cmd.Name()], f.Name)
			if !slices.Contains(known[""], f.Name) {
				known[""] = append(known[""], f.Name)
			}
		})
	}
	return known
}

// parseSettings reads the text of a file.
func parseSettings(file string, text []byte, known map[string][]string) (settings, error) {
	if len(text) > maxSettings {
		return nil, fmt.Errorf("%w: %s: more than %d KiB", errSettings, file, maxSettings>>10)
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", errSettings, file, yaml.FormatError(err, false, false))
	}
	r := settingsReader{file: file, known: known, list: settings{}}
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if err := r.section("", doc.Body); err != nil {
			return nil, err
		}
	}
	return r.list, nil
}

// settingsReader reads a tree of YAML of two levels: flags, and commands with flags.
type settingsReader struct {
	file  string
	known map[string][]string
	list  settings
}

func (r *settingsReader) wrong(t *token.Token, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", errSettings, r.place(t), fmt.Sprintf(format, args...))
}

func (r *settingsReader) place(t *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", r.file, t.Position.Line, t.Position.Column)
}

// section reads the flags of a command, or of all with the commands themselves.
func (r *settingsReader) section(command string, body ast.Node) error {
	var pairs []*ast.MappingValueNode
	switch n := body.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return r.wrong(body.GetToken(), "want flags, each with its value behind a colon")
	}
	for _, p := range pairs {
		key, at := p.Key.GetToken().Value, p.Key.GetToken()
		if _, isCommand := r.known[key]; command == "" && isCommand && key != "" && !isScalar(p.Value) {
			if err := r.section(key, p.Value); err != nil {
				return err
			}
			continue
		}
		if !slices.Contains(r.known[command], key) {
			return r.wrong(at, "%s", r.unknown(command, key))
		}
		if _, twice := r.list[command][key]; twice {
			return r.wrong(at, "%s is said twice", key)
		}
		values, err := r.values(p.Value)
		if err != nil {
			return err
		}
		if r.list[command] == nil {
			r.list[command] = map[string]setting{}
		}
		r.list[command][key] = setting{values, r.place(at)}
	}
	return nil
}

// unknown says what is wrong with a key that is no flag, and what may have been meant.
func (r *settingsReader) unknown(command, key string) string {
	names, what := r.known[command], "no command has a flag --"+key
	if command != "" {
		what = command + " has no flag --" + key
	} else {
		for name := range r.known {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	if near := scenario.Nearest(key, names); near != "" {
		what += "; did you mean " + near + "?"
	}
	return what
}

// values are those of a flag: a scalar, or a list of them.
func (r *settingsReader) values(n ast.Node) (values []string, err error) {
	list := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		list = s.Values
	}
	for _, n := range list {
		if !isScalar(n) {
			return nil, r.wrong(n.GetToken(), "want a value, or a list of values")
		}
		values = append(values, n.GetToken().Value)
	}
	return values, nil
}

func isScalar(n ast.Node) bool {
	switch n.Type() {
	case ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType:
		return true
	default:
		return false
	}
}
