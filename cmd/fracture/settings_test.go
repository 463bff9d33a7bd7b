package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// withSettings is a home whose file of settings holds a text, and the commands before it.
func withSettings(t *testing.T, text string) *cobra.Command {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	if err := os.MkdirAll(filepath.Join(dir, "fracture"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fracture", "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return newRootCommand(new(bool))
}

// settled are the flags of a command that was called with some arguments, once settings were taken.
func settled(t *testing.T, root *cobra.Command, args ...string) *cobra.Command {
	t.Helper()
	cmd, rest, err := root.Find(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	if err := applySettings(cmd); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestSettings_theCommandLineGoesBeforeTheEnvironmentAndThatBeforeTheFile(t *testing.T) {
	const text = "color: 256 # of all\nfps: 12\nlab:\n  fps: 9\n  nodes: 7\n  strategy: active\nrun: {load: idle}\n"
	for _, c := range []struct {
		line, env string
		want      map[string]string
	}{
		{"lab", "", map[string]string{"color": "256", "fps": "9", "nodes": "7", "strategy": "active", "palette": "abyss"}},
		{"lab --nodes 3", "", map[string]string{"nodes": "3", "fps": "9"}},
		{"lab --nodes 3", "FRACTURE_NODES=4", map[string]string{"nodes": "3"}},
		{"lab", "FRACTURE_FPS=20", map[string]string{"fps": "20", "nodes": "7"}},
		{"lab", "FRACTURE_LAB_FPS=21", map[string]string{"fps": "21"}},
		{"attach", "FRACTURE_LAB_FPS=21", map[string]string{"fps": "12", "color": "256"}},
		{"run", "", map[string]string{"load": "idle", "nodes": "5"}},
		{"node", "FRACTURE_ZONE=z9", map[string]string{"zone": ""}},
	} {
		root := withSettings(t, text)
		if name, value, set := strings.Cut(c.env, "="); set {
			t.Setenv(name, value)
		}
		cmd := settled(t, root, strings.Fields(c.line)...)
		for flag, want := range c.want {
			f := cmd.Flags().Lookup(flag)
			if f == nil || f.Value.String() != want {
				t.Errorf("%s with %q: --%s is %v, want %s", c.line, c.env, flag, f.Value, want)
			}
			if f.Changed != strings.Contains(c.line, "--"+flag) {
				t.Errorf("%s: whether --%s was given is %v", c.line, flag, f.Changed)
			}
		}
		if name, _, set := strings.Cut(c.env, "="); set {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSettings_sayWhereTheyAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"colour: 256":                    "config.yaml:1:1: no command has a flag --colour; did you mean color?",
		"lab:\n  node: 7":                "config.yaml:2:3: lab has no flag --node; did you mean nodes?",
		"labs: {nodes: 7}":               "config.yaml:1:1: no command has a flag --labs; did you mean lab?",
		"pane: {zone: z1}":               "no command has a flag --pane",
		"fps: 3\nfps: 4":                 "config.yaml: ",
		"sim: {seed: 7}":                 "sim has no flag --seed",
		"inject: {by: 3ms}":              "no command has a flag --inject",
		"fps: {a: 3}":                    "config.yaml:1:6: want a value, or a list of values",
		"fps: *a":                        "config.yaml",
		"- fps":                          "want flags, each with its value behind a colon",
		"lab: [1]":                       "want flags",
		"lab:\n  fps: many":              "config.yaml:2:3: --fps many: want a whole number",
		"fps: [1":                        "config.yaml",
		strings.Repeat("# long\n", 9500): "more than 64 KiB",
	} {
		root := withSettings(t, text)
		cmd, _, err := root.Find([]string{"lab"})
		if err != nil {
			t.Fatal(err)
		}
		if err := applySettings(cmd); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	withSettings(t, "colour: 256")
	var out, errs bytes.Buffer
	if code := run([]string{"lab", "--plain", "--duration", "1ms"}, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "did you mean color?") {
		t.Errorf("a lab with such a file ends with %d: %s", code, errs.String())
	}
	if code := run([]string{"config"}, &out, &errs); code != exitUsage {
		t.Errorf("config with such a file ends with %d, want %d", code, exitUsage)
	}
}

func TestConfig_saysWhatIsSaidAndWhere(t *testing.T) {
	withSettings(t, "lab:\n  nodes: 7\nfps: 12\n")
	t.Setenv("FRACTURE_RUN_LOAD", "idle")
	t.Setenv("FRACTURE_REDIS", "redis://me:secret@somewhere:6379")
	var out, errs bytes.Buffer
	if code := run([]string{"config"}, &out, &errs); code != exitHeld {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"lab --nodes 7   by ", "config.yaml:2:3", "attach --fps 12   by ", "config.yaml:3:1", "run --load idle   by FRACTURE_RUN_LOAD\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "secret") || !strings.Contains(out.String(), "redis://me:xxxxx@somewhere:6379") {
		t.Errorf("the store's password is printed, or not the store:\n%s", out.String())
	}
	if strings.Contains(out.String(), "node --") {
		t.Errorf("a node's flags are set:\n%s", out.String())
	}
}

// Taken as it is printed, but for the comments' signs, the file changes nothing.
func TestConfig_theDefaultsAreWhatTheFlagsAreAnyway(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var out, errs bytes.Buffer
	if code := run([]string{"config", "--default"}, &out, &errs); code != exitHeld {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	line := regexp.MustCompile(`(?m)^#((?:  )?[a-z][a-z-]*:( .*)?)$`)
	text := line.ReplaceAllString(out.String(), "$1")
	root := withSettings(t, text)
	if !strings.Contains(text, "\nlab:\n") || !strings.Contains(text, "\n  nodes: 5 ") {
		t.Fatalf("the file has no flags of lab:\n%s", text)
	}
	for _, name := range []string{"lab", "run", "attach", "view", "compare", "sim"} {
		cmd := settled(t, root, name)
		for _, f := range []string{"nodes", "fps", "color", "strategy", "load", "calm", "timeout", "seeds"} {
			if flag := cmd.Flags().Lookup(f); flag != nil && flag.Value.String() != flag.DefValue {
				t.Errorf("%s --%s is %v, want %s", name, f, flag.Value, flag.DefValue)
			}
		}
	}
}

func FuzzSettings(f *testing.F) {
	known := map[string][]string{"": {"fps", "color"}, "lab": {"fps"}}
	for _, text := range []string{"fps: 3", "lab: {fps: 3}", "lab:\n  fps: [1, 2]\n", "&a fps: *a", "? fps\n: 3", "fps: |\n  x\n", "---\nfps: 1\n---\nlab:\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parseSettings("settings.yaml", text, known)
		if err != nil {
			if !errors.Is(err, errSettings) || !strings.Contains(err.Error(), "settings.yaml") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for command, flags := range list {
			for flag := range flags {
				if command != "" && command != "lab" || flag != "fps" && flag != "color" {
					t.Errorf("%q: %s --%s is nobody's", text, command, flag)
				}
			}
		}
	})
}
