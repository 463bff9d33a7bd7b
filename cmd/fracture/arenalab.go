package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fracture/chaos/meter"
	"fracture/clock"
	"fracture/control"
	"fracture/telemetry"
	"fracture/tui"
)

// arenaLab is the lab before which `fracture run` opens the control API: what its nodes tell, and its trials.
type arenaLab struct {
	*breaker
	arena  *labArena
	toxics *toxicLinks
}

// newArenaLab makes the lab of an arena. Toxics it has none before the arena runs.
func newArenaLab(a *labArena) *arenaLab {
	l := &arenaLab{arena: a}
	l.breaker = &breaker{injector: a.injector, limits: a.options.control.limits(), stock: l.Nodes, tiles: l.tiles}
	a.home.listen(func(node, what string, _ clock.Instant) {
		if what == killed {
			a.bury(node)
		}
	})
	return l
}

// statuses are the last words of all nodes, by name, of those that are dead too.
func (l *arenaLab) statuses() (list []telemetry.Status) {
	l.arena.mu.Lock()
	defer l.arena.mu.Unlock()
	for _, n := range l.arena.nodes {
		list = append(list, n.status)
	}
	return list
}

// Nodes implements control.Lab.
func (l *arenaLab) Nodes() []control.Node {
	list := []control.Node{}
	for _, s := range l.statuses() {
		state, ours := l.arena.home.childState(s.Name)
		list = append(list, nodeOf(tui.Node{Status: s, State: state, Foreign: !ours}))
	}
	slices.SortFunc(list, byName)
	return list
}

func (l *arenaLab) tiles(name string) []uint32 {
	for _, s := range l.statuses() {
		if s.Name == name {
			return heldTiles(s)
		}
	}
	return nil
}

// Streams implements control.Lab.
func (l *arenaLab) Streams() []control.Stream {
	list := []control.Stream{}
	for _, status := range l.arena.Statuses() {
		for _, s := range status.Streams {
			list = append(list, streamOf(s, status.Name))
		}
	}
	return list
}

// Totals implements control.Lab. A run's are the runner's own until it ends, and then they stand in the report.
func (*arenaLab) Totals() (control.Totals, bool) { return control.Totals{}, false }

// Catalogue implements control.Lab.
func (*arenaLab) Catalogue(w io.Writer) error { return printFaultsJSON(w) }

// Mend implements control.Lab: what stands by order, and what a scenario has broken, is healed. The trial whose fault that was does not
// count; a process that a trial has broken it heals itself.
func (l *arenaLab) Mend(ctx context.Context) (mended []string, err error) {
	mended, late := l.giveUp(ctx)
	healed, err := l.injector.healAll(ctx)
	for _, f := range healed {
		mended = append(mended, fmt.Sprintf("%s at %s healed", f.harm.name, strings.Join(f.nodes, ", ")))
	}
	return mended, errors.Join(late, err)
}

// noteTrial tells the control API of a trial, as an incident that is over.
func (a *labArena) noteTrial(t meter.Trial) {
	out := a.outside.Load()
	if out == nil {
		return
	}
	a.noted++
	i := control.Incident{
		Number: a.noted, At: wall(t.Before), Node: t.Victim, Fault: string(t.Fault), Role: string(t.Component),
		Downtime: meter.Millis(t.Reading.Downtime), Untold: t.Uncounted(),
	}
	if t.Timeline.Signal != 0 {
		i.Signal = t.Timeline.Signal.String()
	}
	out.Note(i)
}
