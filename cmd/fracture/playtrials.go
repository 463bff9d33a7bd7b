package main

import (
	"context"
	"fmt"
	"slices"

	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/chaos/scenario"
)

// trials carries the scenario's trials out, one after the other, and then waits for the calm again.
func (p *player) trials(ctx context.Context) error {
	if len(p.series) == 0 {
		return nil
	}
	before := len(p.done)
	err := p.carry(ctx, p.series)
	for _, t := range p.done[before:] {
		p.note(p.carriedOut(t))
	}
	if err != nil {
		return err
	}
	whole, err := p.awaitWhole(ctx)
	if err == nil && p.plays() {
		err = p.wait(ctx, whole.Add(p.runner.calm))
	}
	return err
}

// carriedOut is a trial as something that was done: in place of its action, where it has one.
func (p *player) carriedOut(t meter.Trial) note {
	s := scenario.Series{Component: t.Component, Fault: t.Fault}
	n := note{at: t.Before, ended: max(t.Before.Add(t.Length), t.After), Activity: report.Activity{Phase: report.Method, Name: s.String(),
		Provider: "process", Path: "fracture", Arguments: []string{"run", "--role", string(t.Component), "--fault", string(t.Fault), "--trials", "1"},
		Output: fmt.Sprintf("%s (%s): %.2f ms of downtime", t.Victim, t.Held, meter.Millis(t.Reading.Downtime)), Failed: t.Uncounted()}}
	if i := slices.IndexFunc(p.e.Fracture.Trials, func(o scenario.Series) bool { return o.String() == n.Name && o.Action != "" }); i >= 0 {
		n.Arguments = append([]string{"inject"}, byHand(p.e.Fracture.Trials[i])...)
	}
	return n
}

// plays reports whether the scenario has more than trials.
func (p *player) plays() bool { return len(p.e.Plan()) > 0 || p.e.Fracture.Nemesis != nil }
