package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

var errBroke = errors.New("it broke")

// untilTold is a part that ends when it is told to.
func untilTold(ctx context.Context) error { <-ctx.Done(); return nil }

func TestRunTogether_aFailureAnywhereEndsTheNodeAndIsTold(t *testing.T) {
	breaks := func(context.Context) error { return errBroke }
	for name, c := range map[string]struct{ node, beside, behind part }{
		"node":   {breaks, untilTold, untilTold},
		"beside": {untilTold, breaks, untilTold},
		"behind": {untilTold, untilTold, breaks},
		"behind, while the node answers an end with an error": {
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, untilTold, breaks,
		},
	} {
		err := runTogether(t.Context(), c.node, []part{c.beside}, []part{c.behind})
		if !errors.Is(err, errBroke) || errors.Is(err, context.Canceled) {
			t.Errorf("%s: runTogether = %v, want what broke and nothing else", name, err)
		}
	}
}

func TestRunTogether_whatStandsBehindOutlivesTheNode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	nodeEnded := make(chan struct{})
	node := func(ctx context.Context) error {
		defer close(nodeEnded)
		cancel() // as if told to
		<-ctx.Done()
		return nil
	}
	behind := func(ctx context.Context) error {
		<-ctx.Done()
		select {
		case <-nodeEnded:
			return nil
		default:
			return errors.New("told to end before the node had")
		}
	}
	if err := runTogether(ctx, node, nil, []part{behind}); err != nil {
		t.Errorf("runTogether = %v, want nil", err)
	}
}

func TestLabStore_readsWhereTheLabsStoreIs(t *testing.T) {
	dir := t.TempDir()
	want := func(want string) {
		t.Helper()
		if got, err := labStore(dir); got != want || err != nil {
			t.Errorf("labStore = %q, %v, want %q", got, err, want)
		}
	}
	want("")
	socket := filepath.Join(dir, storeSocket)
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("unix://" + socket)
	if err := os.WriteFile(filepath.Join(dir, storeFile), []byte("redis://:pw@127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("redis://:pw@127.0.0.1:1")
}
