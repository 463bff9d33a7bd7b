package main

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"

	"fracture/cluster/failover"
	"fracture/work/fractal"
)

const aView = "60,48,-1.2,0.35,-1.0,0.2"

// fractureView runs `fracture view` with the arguments and gives its exit code and what it printed.
func fractureView(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"view"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestView_printsCharactersWhereThereIsNoTerminal(t *testing.T) {
	code, out, errs := fractureView("--local", aView)
	if code != exitHeld || strings.Contains(out, "\x1b") {
		t.Fatalf("exit %d, escapes %v, stderr %q; want plain text", code, strings.Contains(out, "\x1b"), errs)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != plainColumns*48/60/2 || len(lines[0]) != plainColumns {
		t.Errorf("%d lines of %d characters, want %d of %d", len(lines), len(lines[0]), plainColumns*48/60/2, plainColumns)
	}
	for _, glyph := range []string{" ", ".", "#"} {
		if !strings.Contains(out, glyph) {
			t.Errorf("no %q in the picture:\n%s", glyph, out)
		}
	}
}

func TestView_takesItsWidthAndDepthFromTheFlags(t *testing.T) {
	for color, want := range map[string]string{"truecolor": "\x1b[38;2;", "256": "48;5;", "16": "\x1b[", "none": ""} {
		code, out, errs := fractureView("--local", "--width", "20", "--color", color, aView)
		if code != exitHeld || !strings.Contains(out, want) {
			t.Errorf("--color %s: exit %d, stderr %q, %.60q; want %q in it", color, code, errs, out, want)
		}
		if n := strings.Count(out, "\n"); n != 8 {
			t.Errorf("--color %s: %d lines, want 8", color, n)
		}
	}
}

func TestView_writesThePNGAsAWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.png")
	if code, _, errs := fractureView("--local", "--png", path, aView); code != exitHeld {
		t.Fatalf("exit %d, stderr %q", code, errs)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	img, err := png.Decode(file)
	if err != nil || img.Bounds().Dx() != 60 || img.Bounds().Dy() != 48 {
		t.Errorf("the file holds %v, %v; want a picture of 60×48", img, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder holds %v, want the picture alone", entries)
	}
	if info, _ := file.Stat(); info.Mode().Perm() != 0o644 {
		t.Errorf("the file's mode is %v, want what others may read", info.Mode())
	}
	code, out, _ := fractureView("--local", "--png", "-", aView)
	if _, err := png.Decode(strings.NewReader(out)); code != exitHeld || err != nil {
		t.Errorf("--png - exits %d with %v, want a PNG", code, err)
	}
}

func TestView_leavesNothingWhereItCannotWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "by a folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	code, _, errs := fractureView("--local", "--png", path, aView)
	if code != exitEnvironment || !strings.Contains(errs, path) {
		t.Errorf("exit %d, stderr %q; want %d and the path", code, errs, exitEnvironment)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder holds %v, want no leftovers", entries)
	}
}

func TestView_saysWhatIsWrongWithTheRequest(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--local", "60,48,-1.2"}, "input does not contain 6 elements"},
		{[]string{"--local", "60,48,1,0.35,-1.0,0.2"}, "x must rise"},
		{[]string{"--local"}, "width,height,left,top,right,bottom"},
		{[]string{"--local", "--timeout", "-1s", aView}, "--timeout -1s"},
		{[]string{"--local", "100000,48,-1.2,0.35,-1.0,0.2"}, "at most 8192"},
		{[]string{"--local", "--palette", "mauve", aView}, "abyss"},
		{[]string{"--local", "--color", "mauve", aView}, "truecolor"},
		{[]string{"--local", "--width", "-3", aView}, "--width -3"},
	} {
		if code, out, errs := fractureView(c.args...); code != exitUsage || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("view %q: exit %d, stdout %q, stderr %q; want %d and %q", c.args, code, out, errs, exitUsage, c.want)
		}
	}
}

func TestView_fitsTheTerminal(t *testing.T) {
	master, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = master.Close(), terminal.Close() }()
	if err := pty.Setsize(master, &pty.Winsize{Cols: 100, Rows: 21}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("COLORTERM", "truecolor")
	t.Setenv("NO_COLOR", "")
	v, err := fractal.ParseRequest([]byte("1000,800,-1.2,0.35,-1.0,0.2"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := screenOf(terminal, viewFlags{color: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	if w, h := at.fit(v); w != 50 || h != 40 {
		t.Errorf("1000×800 on 100×21 cells takes %d×%d pixels, want 50×40 and a line for the prompt", w, h)
	}
	t.Setenv("NO_COLOR", "yes")
	if plain, err := screenOf(terminal, viewFlags{color: "auto"}); err != nil || plain.depth == at.depth {
		t.Errorf("NO_COLOR=yes gives depth %v, %v; want one without colour", plain.depth, err)
	}
}

func TestComputeHere_stopsWhenNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := fractal.ParseRequest([]byte("1000,800,-1.2,0.35,-1.0,0.2"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := computeHere(ctx, v); !errors.Is(err, context.Canceled) {
		t.Errorf("computeHere after the end = %v, want context.Canceled", err)
	}
}

func TestNotTaken_countsNodesWhereTheyAreTheReason(t *testing.T) {
	few := notTaken("picture", &failover.Message{Kind: failover.Refused, Need: 3, Have: 1}).Error()
	stopped := notTaken("stream", &failover.Message{Kind: failover.Refused, Reason: failover.Stopped}).Error()
	if !strings.HasSuffix(few, "need 3, have 1") || strings.Contains(stopped, "need") || !strings.Contains(stopped, failover.Stopped.String()) {
		t.Errorf("the refusals read %q and %q", few, stopped)
	}
}
