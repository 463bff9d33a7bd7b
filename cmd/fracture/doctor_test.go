package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

func TestDoctor_namesWhoHoldsAPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	f := checkPort("tcp", port, "front door", "--http")
	if f.Level != levelWarn || !strings.Contains(f.Found, fmt.Sprintf("(pid %d)", os.Getpid())) || !strings.Contains(f.Fix, "--http") {
		t.Errorf("finding = %+v, want a warning that names pid %d and the flag", f, os.Getpid())
	}
}

func TestDoctor_looksAtTheStoreThatALabWouldUse(t *testing.T) {
	t.Setenv(storeEnv, "redis://me:secret@127.0.0.1:1")
	var out, errs bytes.Buffer
	code := run([]string{"doctor"}, &out, &errs)
	if both := out.String() + errs.String(); code != exitEnvironment || !strings.Contains(both, "127.0.0.1:1") || strings.Contains(both, "secret") {
		t.Errorf("exit %d, want %d and the URL without its password:\n%s", code, exitEnvironment, both)
	}
}

func TestDoctor_looksAtEverythingOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range examine(context.Background(), "") {
		if seen[f.Check] || f.Found == "" {
			t.Errorf("finding = %+v, want one for each check, with what was found", f)
		}
		seen[f.Check] = true
		if f.Level == levelFail && f.Fix == "" {
			t.Errorf("finding = %+v, want a fix for what fails", f)
		}
	}
}

func TestDoctor_endsWithTheEnvironmentsCodeAndHidesThePassword(t *testing.T) {
	var out, errs bytes.Buffer
	code := run([]string{"doctor", "--json", "--redis", "redis://me:secret@127.0.0.1:1"}, &out, &errs)
	var findings []finding
	if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	last := findings[len(findings)-1]
	if code != exitEnvironment || last.Check != "store" || last.Level != levelFail {
		t.Errorf("exit %d with %+v, want %d and a store that failed", code, last, exitEnvironment)
	}
	if both := out.String() + errs.String(); strings.Contains(both, "secret") || !strings.Contains(both, "127.0.0.1:1") {
		t.Errorf("the output should name the URL without its password:\n%s", both)
	}
}

func TestCheckLeftovers_namesWhatRemovesThem(t *testing.T) {
	if f := checkLeftovers(nil, nil); f.Level != levelOK {
		t.Errorf("nothing left: %+v", f)
	}
	f := checkLeftovers([]string{"/run/fracture/1@2-3", "/run/fracture/4@5-6"}, nil)
	if f.Level != levelWarn || !strings.Contains(f.Found, "2 labs") || !strings.HasSuffix(f.Fix, "rm -r /run/fracture/1@2-3 /run/fracture/4@5-6") {
		t.Errorf("of two that were left: %+v", f)
	}
}
