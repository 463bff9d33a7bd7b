package main

import (
	"context"
	"errors"
	"maps"
	"sync"
	"syscall"
	"testing"
)

// Who was healed is not healed again because another was not: a second try would take away what somebody else holds.
func TestInjector_triesAgainWhereHealingFailedAndNowhereElse(t *testing.T) {
	var mu sync.Mutex // guards tries
	tries := map[string]int{}
	stubborn := errors.New("not yet")
	d := deed{name: down, stands: true, heal: func(_ context.Context, _ *home, node string, _ syscall.Signal) error {
		mu.Lock()
		defer mu.Unlock()
		if tries[node]++; node == "n2" && tries[node] == 1 {
			return stubborn
		}
		return nil
	}}
	i := newInjector(&home{}, &orderBook{}, nil, 1)
	f := &standingFault{id: 1, harm: harm{name: down, deed: &d}, nodes: []string{"n1", "n2"}}
	i.stands = []*standingFault{f}
	if err := i.heal(t.Context(), 1); !errors.Is(err, stubborn) {
		t.Fatalf("healing where one cannot be healed: %v, want %v", err, stubborn)
	}
	if err := i.heal(t.Context(), 1); err != nil {
		t.Fatalf("healing once more: %v", err)
	}
	if want := (map[string]int{"n1": 1, "n2": 2}); !maps.Equal(tries, want) {
		t.Errorf("they were healed %v times, want %v", tries, want)
	}
}
