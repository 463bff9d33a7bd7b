package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRun_aWrongCommandLineIsUsageAndSaysWhereToLook(t *testing.T) {
	for _, args := range [][]string{{"bogus"}, {"doctor", "--bogus"}, {"doctor", "surplus"}} {
		var out, errs bytes.Buffer
		if code := run(args, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "--help") {
			t.Errorf("%v = %d, %q, want %d and a hint", args, code, errs.String(), exitUsage)
		}
	}
}

func TestRun_helpListsEveryVerb(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(nil, &out, &errs); code != exitHeld {
		t.Fatalf("exit %d, %s", code, errs.String())
	}
	for _, newCommand := range verbs {
		cmd := newCommand()
		if cmd.Hidden {
			continue
		}
		if !strings.Contains(out.String(), cmd.Name()) {
			t.Errorf("help does not list %s", cmd.Name())
		}
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s has no description or no example", cmd.Name())
		}
	}
}

func TestRun_helpHidesThePasswordOfTheStore(t *testing.T) {
	t.Setenv(storeEnv, "redis://:secret@127.0.0.1:6379")
	for _, newCommand := range verbs {
		var out bytes.Buffer
		if run([]string{newCommand().Name(), "--help"}, &out, &out); strings.Contains(out.String(), "secret") {
			t.Errorf("%s --help prints the password in %s", newCommand().Name(), storeEnv)
		}
	}
}

func TestExitCode_followsTheError(t *testing.T) {
	plain := errors.New("no port")
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx     context.Context
		err     error
		reached bool
		want    int
	}{
		{context.Background(), nil, true, exitHeld},
		{context.Background(), plain, false, exitUsage},
		{context.Background(), plain, true, exitEnvironment},
		{context.Background(), fmt.Errorf("judging: %w", &exitError{exitBroken, plain}), true, exitBroken},
		{interrupted, fmt.Errorf("running: %w", context.Canceled), true, exitInterrupted},
		{interrupted, plain, true, exitEnvironment},
		{interrupted, &exitError{exitThin, plain}, true, exitThin},
	} {
		if got := exitCode(c.ctx, c.err, c.reached); got != c.want {
			t.Errorf("exitCode(%v, %v) = %d, want %d", c.err, c.reached, got, c.want)
		}
	}
}

func TestRun_saysWhatAFlagWants(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--seed", "-1"}, "--seed -1: want a whole number from 0"},
		{[]string{"run", "--trials", "x"}, "--trials x: want a whole number"},
		{[]string{"run", "--calm", "3"}, "--calm 3: want a duration, such as 300ms"},
		{[]string{"lab", "--rss-ballast", "3"}, "such as 64MiB"},
		{[]string{"sim", "--seed", "5", "--seeds", "10"}, "--seed runs one seed: leave --seeds and --first out"},
	} {
		var out, errs strings.Builder
		code := run(c.args, &out, &errs)
		if code != exitUsage || !strings.Contains(errs.String(), c.want) || strings.Contains(errs.String(), "strconv") {
			t.Errorf("%q ended with %d and said %q; want %d and %q", c.args, code, errs.String(), exitUsage, c.want)
		}
	}
}
