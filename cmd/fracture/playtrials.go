package main

import (
	"context"
	"slices"

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
		n := note{at: t.Before, ended: max(t.Before.Add(t.Length), t.After), Activity: report.Activity{Phase: report.Method,
			Name: string(t.Component) + " " + string(t.Fault), Provider: "process", Path: "fracture", Output: t.Victim, Failed: t.Failed}}
		if i := slices.IndexFunc(p.e.Fracture.Trials, func(s scenario.Series) bool { return s.String() == n.Name }); i >= 0 {
			n.Arguments = append([]string{"inject"}, byHand(p.e.Fracture.Trials[i])...)
		}
		p.note(n)
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

// plays reports whether the scenario has more than trials.
func (p *player) plays() bool { return len(p.e.Plan()) > 0 || p.e.Fracture.Nemesis != nil }
