package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fracture/tui"
)

func TestMonkey_strikesWhileItIsLoose(t *testing.T) {
	struck := func(seed uint64) (all, told []string) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			m := &monkey{
				inject: func(_ context.Context, arguments []string) (tui.Heal, error) {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, strings.Join(arguments, " "))
					return nil, errors.New("refused")
				},
				told: func(text string) { told = append(told, text) },
				seed: seed, woken: make(chan struct{}, 1),
			}
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- m.run(ctx) }()
			<-time.After(10 * monkeyEvery)
			m.let(true)
			<-time.After(9*monkeyEvery + monkeyEvery/2)
			m.let(false)
			<-time.After(10 * monkeyEvery)
			end()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return all, told
	}
	first, told := struck(1)
	if len(first) != 10 || len(told) != 10 {
		t.Errorf("loose for nine spans and a half it struck %d times, and told of %d failures; want ten of both", len(first), len(told))
	}
	again, _ := struck(1)
	other, _ := struck(2)
	if !slices.Equal(first, again) || slices.Equal(first, other) {
		t.Errorf("under one seed it did %q and then %q, and under another %q", first, again, other)
	}
}

func TestMonkey_drawsWhatInjectTakes(t *testing.T) {
	n := (&monkey{}).nemesis()
	for _, f := range n.Faults {
		if _, err := parseHarm(f.Fault.Arguments()); err != nil {
			t.Errorf("%q: %v", f.Fault.Arguments(), err)
		}
	}
}
