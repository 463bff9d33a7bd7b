package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fracture/chaos"
	"fracture/chaos/meter"
	"fracture/chaos/report"
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/telemetry"
	"fracture/work"
)

// noop is what a scenario calls a fault that does nothing.
const noop = string(meter.Noop)

// longestRead bounds how long a fault is looked at from its beginning: what the recorder must remember.
const longestRead = time.Minute

// blow is a fault of a scenario that has begun.
type blow struct {
	name          string // of the activity
	harm          harm
	nodes         []string
	held          string // what the first of them held
	victim        func(work.TaskID) bool
	rss           int64
	before, after clock.Instant
	until         clock.Instant
	restored      clock.Instant // the cluster was seen whole after it; 0 before
	read          bool          // it has been made a trial of
	failed        error
	calm          []meter.Calm
	duplicates    uint64
	wrong         uint64
}

// span is what of the results is looked at.
func (b *blow) span(window, grace time.Duration) meter.Span {
	stood := min(max(b.until.Sub(b.before), 0), longestRead)
	return meter.Span{At: b.before, Window: stood + window, Grace: grace, OnVictim: b.victim}
}

// blamed are the nodes from which a takeover is not needless while the blow is in force.
func (b *blow) blamed() []string {
	if ofNoNode(componentOf(b.harm)) {
		return nil
	}
	if b.harm.peer() != "" {
		return append(slices.Clone(b.nodes), b.harm.peer())
	}
	return b.nodes
}

// ofNoNode reports whether a fault of the component is no reason to take anything over from anybody.
func ofNoNode(c meter.Component) bool {
	return c == meter.Store || c == serverRole || c == meter.Gossip
}

// componentOf is what a fault was meant for, as reports call it: a role where one is named, else what it stands at.
func componentOf(h harm) meter.Component {
	switch {
	case h.server != nil: // the store's process; meter.Store is the store as nodes see it
		return serverRole
	case h.at(chaos.Store):
		return meter.Store
	case h.at(chaos.Gossip):
		return meter.Gossip
	case h.peer() != "":
		return meter.Link
	case len(h.whom.Roles) == 1:
		return meter.Component(h.whom.Roles[0])
	}
	return "node"
}

// turn is when a fault of a scenario is to begin.
type turn struct {
	at    clock.Instant
	place int  // in the timeline, from 1; 0: it has no time, and begins now
	alone bool // no other is to begin just before it, which might change who can suffer it
}

// strikeTimed has a fault of the timeline, or of the nemesis, begin at its time, or the streams guarded otherwise.
func (p *player) strikeTimed(ctx context.Context, t turn, s scenario.Strike) {
	if a, guards := p.e.Guarding(s); guards {
		p.guardTimed(ctx, t.at, a)
		return
	}
	p.strike(ctx, t, cmp.Or(s.Action, s.Fault.Kind), p.e.ArgumentsOf(s), false)
}

// alone tells of each of some strikes whether no other begins when it does, or just before it.
func alone(strikes []scenario.Strike) []bool {
	times, list := make([]time.Duration, len(strikes)), make([]bool, len(strikes))
	for i, s := range strikes {
		times[i] = s.At
	}
	slices.Sort(times)
	for i, s := range strikes {
		from, _ := slices.BinarySearch(times, s.At-2*nearly)
		to, _ := slices.BinarySearch(times, s.At+1)
		list[i] = to-from == 1
	}
	return list
}

// strike has a fault begin at its time. In turn, it waits until the fault is over.
func (p *player) strike(ctx context.Context, t turn, name string, arguments []string, inTurn bool) {
	h, err := parseHarm(arguments)
	if err == nil {
		err = p.arena.Wait(ctx, t.at.Add(-nearly))
	}
	if err != nil { // it was checked; so this is the end
		return
	}
	h.place, h.round = uint32(t.place), p.nth
	h.sure = (h.sure || p.lab.options.sure) && !p.lab.options.unsure
	words := p.arena.Statuses() // before it: the dead hold nothing
	b := &blow{name: name, harm: h}
	var aimed *aim
	if t.alone && h.name != noop {
		aimed, _ = p.lab.lab.aim(ctx, h) // what is wrong now is tried again when it is time
	}
	begin := func() {
		b.before = p.arena.Now()
		if b.failed = context.Cause(ctx); h.name != noop && b.failed == nil {
			b.failed = p.bring(ctx, b, aimed)
		}
		b.after = p.arena.Now()
	}
	if t.place > 0 {
		punctually(t.at, begin)
	} else {
		begin()
	}
	if h.once() || b.failed != nil {
		b.until = b.before
	}
	p.describe(b, words)
	until := b.until // from here on b is the player's
	p.mu.Lock()
	p.fresh = append(p.fresh, b)
	p.mu.Unlock()
	if inTurn && b.failed == nil {
		_ = p.arena.Wait(ctx, until) // what comes then says that it was interrupted
	}
	n := note{at: b.before, ended: p.arena.Now(), Activity: report.Activity{Phase: report.Method, Name: name, Provider: "process", Path: "fracture",
		Arguments: append([]string{"inject"}, arguments...), Output: strings.Join(b.nodes, ", ")}}
	if t.place > 0 {
		n.planned = t.at
	}
	if b.failed != nil {
		n.Failed = b.failed.Error()
	}
	p.note(n)
}

// bring has a blow's fault begin, as far as the limits allow it: the one that was aimed before, if it still is to.
func (p *player) bring(ctx context.Context, b *blow, aimed *aim) error {
	var f *standingFault
	err := errHealedFirst
	if aimed != nil {
		f, err = aimed.strike()
	}
	if f == nil && errors.Is(err, errHealedFirst) {
		f, err = p.lab.lab.begin(ctx, b.harm)
	}
	if f != nil && f.since != 0 { // it was tried
		p.injector.mu.Lock()
		defer p.injector.mu.Unlock()
		b.nodes, b.before, b.until = f.nodes, max(f.since, b.before), f.until
	}
	return err
}

// describe notes what the victims held.
func (p *player) describe(b *blow, words []telemetry.Status) {
	var victims []telemetry.Status
	for _, s := range words {
		if slices.Contains(b.nodes, s.Name) {
			victims = append(victims, s)
		}
	}
	b.victim = func(task work.TaskID) bool {
		return slices.ContainsFunc(victims, func(s telemetry.Status) bool { return p.ownedBy(s)(task) })
	}
	b.held = "member"
	for _, s := range victims {
		b.rss = max(b.rss, s.RSS)
		for _, role := range []meter.Component{meter.Splitter, meter.Owner, meter.Standby} {
			if words := holds(s, role); words != "" && b.held == "member" {
				b.held = words
			}
		}
	}
}
