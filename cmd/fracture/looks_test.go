package main

import (
	"bytes"
	"strings"
	"testing"

	"fracture/tui"
)

func TestLooks_areCompletedAndExplainedWhereverAScreenIsDrawn(t *testing.T) {
	for _, verb := range []string{"lab", "attach", "run"} {
		var out bytes.Buffer
		if code := run([]string{"__complete", verb, "--theme", ""}, &out, &out); code != exitHeld {
			t.Fatalf("%s: exit %d: %s", verb, code, out.String())
		}
		for _, name := range tui.ThemeNames {
			if !strings.Contains(out.String(), name+"\n") {
				t.Errorf("the completions of %s --theme are %q, want %s among them", verb, out.String(), name)
			}
		}
		out.Reset()
		run([]string{verb, "--help"}, &out, &out)
		for _, flag := range []string{"--theme", "--no-anim", "--no-mouse", "--ascii"} {
			if !strings.Contains(out.String(), flag) {
				t.Errorf("%s --help does not tell of %s", verb, flag)
			}
		}
	}
}

func TestLooks_reachTheScreen(t *testing.T) {
	f, err := parsed(t, "--theme", "light", "--no-anim", "--no-mouse")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.options(nil); got.Theme != "light" || !got.NoAnim || !got.NoMouse {
		t.Errorf("the options are %+v, want what the flags say", got)
	}
	code := run([]string{"run", "../../scenarios/split-brain.yaml", "--live", "--theme", "mauve"}, new(bytes.Buffer), new(bytes.Buffer))
	if code != exitUsage {
		t.Errorf("run --live --theme mauve = %d, want %d", code, exitUsage)
	}
}
