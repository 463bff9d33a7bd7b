package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"fracture/chaos/scenario"
	"fracture/tui"
)

// monkeyEvery is from one strike of the monkey to the next.
const monkeyEvery = 3 * time.Second

// monkey breaks something again and again, drawn by weight, while it is loose. Its goroutine is run's.
type monkey struct {
	inject func(ctx context.Context, arguments []string) (tui.Heal, error)
	told   func(text string) // of what could not be broken
	seed   uint64

	loose atomic.Bool
	woken chan struct{} // of size 1: it has been let loose
}

// nemesis is what it draws from: what scenarios/chaos-monkey.yaml does, more often.
func (m *monkey) nemesis() scenario.Nemesis {
	const times = 1000 // then they come again
	n := scenario.Nemesis{Every: monkeyEvery, Times: times}
	for _, f := range []struct {
		weight     int
		kind, role string
		last       time.Duration
		more       []scenario.Flag
	}{
		{4, "kill", "owner", 2 * time.Second, nil},
		{2, "kill", "splitter", 2 * time.Second, nil},
		{2, "freeze", "owner", 500 * time.Millisecond, nil},
		{1, "cut", "standby", time.Second, nil},
		{1, "loss", "owner", 2 * time.Second, []scenario.Flag{{Name: "share", Values: []string{"20%"}}}},
		{1, "slow", "owner", 2 * time.Second, []scenario.Flag{{Name: "times", Values: []string{"10"}}}},
	} {
		flags := append([]scenario.Flag{{Name: "role", Values: []string{f.role}}, {Name: "pick", Values: []string{"one"}}}, f.more...)
		n.Faults = append(n.Faults, scenario.Weighted{Weight: f.weight, Fault: scenario.Fault{Kind: f.kind, For: f.last, Flags: flags}})
	}
	return n
}

// let lets it loose, or has it rest. What stands by then ends when its time is over.
func (m *monkey) let(loose bool) {
	m.loose.Store(loose)
	if loose {
		select {
		case m.woken <- struct{}{}:
		default:
		}
	}
}

// run strikes while it is loose, until ctx ends.
func (m *monkey) run(ctx context.Context) error {
	n := m.nemesis()
	strikes := n.Strikes(m.seed)
	next := time.NewTimer(0)
	next.Stop() // it is not loose yet
	defer next.Stop()
	for nth := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-m.woken:
		case <-next.C:
		}
		if !m.loose.Load() {
			continue
		}
		next.Reset(monkeyEvery)
		arguments := strikes[nth%len(strikes)].Fault.Arguments()
		heal, err := m.inject(ctx, arguments)
		if err == nil && !m.loose.Load() { // all was healed meanwhile
			err = heal(ctx)
		}
		if err != nil && ctx.Err() == nil {
			m.told(fmt.Sprintf("%s: %v", strings.Join(arguments, " "), err))
		}
		nth++
	}
}
