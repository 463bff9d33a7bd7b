package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/control"
)

// cutOff reads the fault that a node is cut off from all others.
func cutOff(t *testing.T, node string) harm {
	t.Helper()
	h, err := parseHarm(strings.Fields("cut --for 5s --node " + node))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// limited is a breaker before a company of four, of which one may be broken at once.
func limited() (*company, *breaker) {
	c, i := meetUp(1, "n1", "n2", "n3", "n4")
	b := &breaker{injector: i, limits: control.Limits{Nodes: 1}, tiles: func(string) []uint32 { return nil }}
	b.stock = func() (list []control.Node) {
		for _, s := range c.statuses() {
			list = append(list, control.Node{Name: s.Name, State: "alive"})
		}
		return list
	}
	return c, b
}

func TestAim_countsBeforeItStrikes(t *testing.T) {
	c, b := limited()
	aimed, err := b.aim(t.Context(), cutOff(t, "n1"))
	if err != nil {
		t.Fatal(err)
	}
	if now := c.suffering(); len(now) > 0 {
		t.Errorf("%v suffer before their time", now)
	}
	if _, err := b.begin(t.Context(), cutOff(t, "n2")); !errors.Is(err, control.ErrConflict) {
		t.Errorf("another, of which one is allowed: %v, want %v", err, control.ErrConflict)
	}
	f, err := aimed.strike()
	if err != nil || !slices.Equal(f.nodes, []string{"n1"}) || f.since == 0 {
		t.Errorf("it struck %v at %v: %v, want n1", f.nodes, f.since, err)
	}
	if now := c.suffering(); !slices.Equal(now, []string{"n1"}) {
		t.Errorf("%v suffer, want n1", now)
	}
}

func TestAim_isGivenUpWhenAllIsHealed(t *testing.T) {
	c, b := limited()
	aimed, err := b.aim(t.Context(), cutOff(t, "n1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.giveUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f, err := aimed.strike(); f != nil || !errors.Is(err, errHealedFirst) {
		t.Errorf("it struck %v: %v, want nobody and %v", f, err, errHealedFirst)
	}
	if now := c.suffering(); len(now) > 0 {
		t.Errorf("%v suffer, want nobody", now)
	}
	if _, err := b.begin(t.Context(), cutOff(t, "n2")); err != nil {
		t.Errorf("the next after it: %v, for it must count no more", err)
	}
}

func TestAlone_isWhoHasNoOtherJustBefore(t *testing.T) {
	at := []time.Duration{0, time.Second, time.Second, 2 * time.Second, 2*time.Second + nearly, 2*time.Second + 4*nearly}
	var strikes []scenario.Strike
	for _, d := range at {
		strikes = append(strikes, scenario.Strike{At: d})
	}
	if got, want := alone(strikes), []bool{true, false, false, true, false, true}; !slices.Equal(got, want) {
		t.Errorf("of those at %v alone are %v, want %v", at, got, want)
	}
}

func TestPunctually_doesItOnceAndNotBefore(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, nearly} {
		at, times := clock.Now().Add(d), 0
		var began clock.Instant
		punctually(at, func() { times, began = times+1, clock.Now() })
		if times != 1 || began < at {
			t.Errorf("%v ahead it was done %d times, %v too early, want once and not before", d, times, max(at.Sub(began), 0))
		}
	}
}
