package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLog_isBoundedAndKeepsItsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "screen.log")
	log, err := OpenLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer closeQuietly(log.file)
	const lines = 40_000
	for i := range lines {
		if _, err := fmt.Fprintf(log, "line %d of a log that says the same thing over and over, and never ends\n", i); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > LogBound+LogBound/8+100 || len(text) < LogBound/2 {
		t.Errorf("the log has %d bytes, want at most the bound of %d and an eighth, and half of it at least", len(text), LogBound)
	}
	all := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if all[0]+"\n" != dropped {
		t.Errorf("the log begins with %q, want %q", all[0], dropped)
	}
	for i, line := range all[1:] {
		if want := fmt.Sprintf("line %d of a log that says the same thing over and over, and never ends", lines-len(all)+1+i); line != want {
			t.Fatalf("line %d is %q, want %q", i+1, line, want)
		}
	}
}

// A child appends to its log as long as it lives. Cutting the log must not leave a hole, nor stop it.
func TestTrimLog_doesNotDisturbWhoeverWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n1.log")
	if err := trimLog(path, 100); err != nil {
		t.Errorf("trimLog of a log that is not there = %v, want nil", err)
	}
	child, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer closeQuietly(child)
	say := func(text string) {
		if _, err := child.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	say(strings.Repeat("0123456789 old\n", 20) + "last\n")
	if err := trimLog(path, 20); err != nil {
		t.Fatal(err)
	}
	say("new\n")
	if err := trimLog(path, 200); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := dropped + "last\nnew\n"; err != nil || string(text) != want {
		t.Errorf("the log is %q, %v; want %q", text, err, want)
	}
}
