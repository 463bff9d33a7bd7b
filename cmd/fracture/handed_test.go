package main

import (
	"os"
	"testing"
)

func TestHanded_isWhatWasHandedOnAndOnlyOnce(t *testing.T) {
	t.Setenv(handedEnv, "") // so that the test leaves it as it was
	if text, ok := handed(); ok {
		t.Errorf("nothing was handed on, and %q is there", text)
	}
	const want = "title: t\n"
	if err := handOn([]byte(want)); err != nil {
		t.Fatal(err)
	}
	if text, ok := handed(); !ok || string(text) != want {
		t.Errorf("%q, %v is handed on; want %q", text, ok, want)
	}
	if text, ok := handed(); ok {
		t.Errorf("%q is there again", text)
	}
	for _, fd := range []string{"1", "-1", "x", "999"} {
		t.Setenv(handedEnv, fd)
		if text, ok := handed(); ok || os.Getenv(handedEnv) != "" {
			t.Errorf("descriptor %s is taken as %q", fd, text)
		}
	}
}
