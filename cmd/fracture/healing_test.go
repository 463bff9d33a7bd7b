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
		if node == "n3" {
			return errLetGo
		}
		return nil
	}}
	i := newInjector(&home{}, &orderBook{}, nil, 1)
	f := &standingFault{id: 1, harm: harm{name: down, deed: &d}, nodes: []string{"n1", "n2", "n3"}}
	i.stands = []*standingFault{f}
	if err := i.heal(t.Context(), 1); !errors.Is(err, stubborn) || !errors.Is(err, errLetGo) {
		t.Fatalf("healing where one cannot be healed, and one was not seen to be: %v, want %v and %v", err, stubborn, errLetGo)
	}
	if err := i.heal(t.Context(), 1); err != nil {
		t.Fatalf("healing once more: %v", err)
	}
	if want := (map[string]int{"n1": 1, "n2": 2, "n3": 1}); !maps.Equal(tries, want) {
		t.Errorf("they were healed %v times, want %v", tries, want)
	}
}
