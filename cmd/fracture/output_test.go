package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutput_isFoundUnwritableBeforeAnythingRuns(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none", "x")
	file := filepath.Join(dir, "x")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--out", missing + ".json"}, "--out " + missing + ".json cannot be written"},
		{[]string{"run", "--out", file}, "--out: " + file + " is a file: name a directory"},
		{[]string{"run", "--out", filepath.Join(file, "out")}, "--out: " + file + " is a file"},
		{[]string{"run", "--out", dir}, "--out: x in " + dir + " is no part of a report"},
		{[]string{"run", "--out", "/proc/none"}, "--out: /proc/none cannot be written"},
		{[]string{"compare", "--out", missing}, "--out " + missing + " cannot be written"},
		{[]string{"compare", "--svg", dir}, "--svg " + dir + " is a directory"},
		{[]string{"view", "--local", "--png", dir, "9,9,-1,1,1,-1"}, "--png " + dir + " is a directory"},
		{[]string{"view", "--local", "--png", missing, "9,9,-1,1,1,-1"}, "no such file or directory"},
	} {
		var out, errs strings.Builder
		if code := run(c.args, &out, &errs); code != exitEnvironment || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%q ended with %d and said %q; want %d and %q", c.args, code, errs.String(), exitEnvironment, c.want)
		}
	}
}

func TestCanWrite_leavesNothingAndTakesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", path, filepath.Join(dir, "new.json"), os.DevNull} {
		if err := canWrite("--out", path); err != nil {
			t.Errorf("canWrite of %q = %v", path, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the report lie %v, %v; want nothing", entries, err)
	}
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the report became %q", text)
	}
	if err := writeWhole(os.DevNull, []byte("x"), 0o600); err != nil {
		t.Errorf("writing to a device: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("the device became %v, %v", info.Mode(), err)
	}
}
