package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoteCrash_writesTheStackAndNamesTheFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	broke := func() error { panic("the scene broke") }
	err := noteCrash(guarded(broke)())
	files, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*"))
	if len(files) != 1 {
		t.Fatalf("files %v, want one", files)
	}
	if !strings.Contains(err.Error(), "the scene broke") || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("%v, want what happened, and %s", err, files[0])
	}
	text, readErr := os.ReadFile(files[0])
	if readErr != nil {
		t.Fatal(readErr)
	}
	for _, want := range []string{"the scene broke", "TestNoteCrash_writesTheStackAndNamesTheFile", "goroutine"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file does not say %q:\n%s", want, text)
		}
	}
}

func TestNoteCrash_leavesOtherErrorsAlone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	plain := errors.New("the terminal is gone")
	for _, want := range []error{nil, plain} {
		if err := noteCrash(guarded(func() error { return want })()); !errors.Is(err, want) {
			t.Errorf("noteCrash = %v, want %v", err, want)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(files) > 0 {
		t.Errorf("files %v, though nothing crashed", files)
	}
}
