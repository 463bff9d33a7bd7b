package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What README and docs tell a reader to type must be understood as it stands there.

// quoted are the command lines that a page tells of: what follows `fracture` at the start of a line of a block, up to the
// remark beside it, and between backticks. One with a gap, such as … or FILE, is not whole.
func quoted(page string) (lines []string) {
	gap := regexp.MustCompile(`…|\b[A-Z]{3,}\b| [A-Z]\b|\[`)
	block := regexp.MustCompile(`(?m)^(?:\./bin/)?fracture (.+)$`)
	inline := regexp.MustCompile("`fracture ([^`]+)`")
	remark := regexp.MustCompile(`\s{2,}|\s#|\\$|\s[;&|>]`)
	for _, m := range slices.Concat(block.FindAllStringSubmatch(page, -1), inline.FindAllStringSubmatch(page, -1)) {
		line := m[1]
		if at := remark.FindStringIndex(line); at != nil {
			line = line[:at[0]]
		}
		if !gap.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// shellWords parts a line at its blanks, as a shell does with quotes and no expansions.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		words = append(words, strings.NewReplacer("'", "", `"`, "").Replace(m))
	}
	return words
}

func TestDocs_theirCommandLinesAreUnderstood(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range quoted(string(text)) {
			seen++
			if err := understood(shellWords(line)); err != nil {
				t.Errorf("%s: fracture %s: %v", filepath.Base(page), line, err)
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d command lines found in the docs, want the hundred that there are: are they written otherwise now?", seen)
	}
}

// understood reads a command line as the program does, and begins nothing.
func understood(words []string) error {
	var reached bool
	cmd, rest, err := newRootCommand(&reached).Find(words)
	if err != nil {
		return err
	}
	if cmd.Name() == "inject" && len(rest) > 0 {
		if i := slices.Index(rest, "--json"); i >= 0 {
			rest = slices.Delete(slices.Clone(rest), i, i+1)
		}
		_, err = parseHarm(rest)
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if len(rest) == 0 {
		return nil // the verb alone is spoken of
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestDocs_theirFaultsAreUnderstood(t *testing.T) {
	text, err := os.ReadFile("../../docs/CHAOS.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+ --[^`…]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		seen++
		if _, err := parseHarm(shellWords(m[1])); err != nil {
			t.Errorf("CHAOS.md: %s: %v", m[1], err)
		}
	}
	if seen < 20 {
		t.Errorf("%d faults found in the tables of CHAOS.md, want the twenty that there are: are they written otherwise now?", seen)
	}
}
