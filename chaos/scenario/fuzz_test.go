package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds are texts of both forms for the fuzzers to begin with: the gallery, and what uses every key.
func seeds(f *testing.F) {
	for _, pattern := range []string{"../../scenarios/*.yaml", "testdata/*.yaml", "testdata/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add(everything)
	f.Add(toolkit)
	f.Add(extended("timeline: [{at: 1s, action: a}]"))
	f.Add(guarding)
	f.Add(extended("timeline: [{at: 1s, guard: vote, factor: 4}]"))
	f.Add(doing("{type: action, name: a, provider: {type: process, path: fracture, arguments: 'guard vote --factor=3'}}"))
	f.Add("title: t\nfaults: [{fault: slow, at: 1s, with: {times: 10}, every: 2s, times: 3}]")
	f.Add(`{"title": "t", "description": "d", "method": [], "configuration": {"a": 1}}`)
}

// FuzzParse looks for texts that make the reader panic, and for what it reads and cannot write so that it reads the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		FormOf([]byte(text))
		e, err := Parse("s.yaml", []byte(text), environment)
		if err != nil {
			var wrong *Wrong
			if !errors.Is(err, ErrScenario) || !errors.As(err, &wrong) || err.Error() == "" {
				t.Fatalf("%q is %v, want a *Wrong that wraps ErrScenario", text, err)
			}
			return
		}
		for _, long := range [][]byte{e.YAML(), e.JSON()} {
			if err := same(e, long); err != nil {
				t.Fatalf("%q\nexpands to\n%s\nwhich is not the same: %v", text, long, err)
			}
		}
		var b strings.Builder
		if err := e.PrintPlan(&b); err != nil {
			t.Fatal(err)
		}
	})
}
