package sim

import (
	"slices"
	"time"

	"fracture/chaos"
	"fracture/clock"
)

// standing is a strike that is not over.
type standing struct {
	rule  int // its index among the world's rules
	nth   uint64
	spot  chaos.Spot
	until clock.Instant // 0: it is over, and its place can be used again
	began bool          // it has struck
	since clock.Instant // when it struck
	asked uint64        // how many messages, or tasks, it has touched or spared
	terms *chaos.Chain  // of a Fail
	free  clock.Instant // of a Bandwidth: when it has let pass what was sent
	bytes uint64        // of a LimitData: that have passed
	fuse  bool          // when it is over the link breaks
}

// all, in place of a process's index, makes a spot concern every process. Spots number processes from 1.
const all = -1

// ms is a number of milliseconds.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// ruleTable is what can go wrong. A rule on average strikes a few times in a run in which it takes part.
func ruleTable(buf []chaos.Rule) []chaos.Rule {
	process, link, beat := chaos.Process, chaos.Link, chaos.Beat
	rule := func(site chaos.Site, f chaos.Fault, odds float64, wait, last chaos.Span, times int) {
		buf = append(buf, chaos.Rule{
			ID: uint32(len(buf) + 1), Site: site, Fault: f, Odds: odds, Wait: wait, Last: last, Times: times,
		})
	}
	late, window := between(assembly, ms(500)), between(ms(5), ms(150))
	rule(process, chaos.Fault{Kind: chaos.Kill}, 0.4, late, between(ms(20), ms(400)), 2)
	// A death between two deeds of one Step: some were told, others were not.
	rule(process, chaos.Fault{Kind: chaos.Kill, Share: 0.02}, 0.4, late, between(ms(50), ms(300)), 2)
	rule(process, chaos.Fault{Kind: chaos.Freeze}, 0.4, late, between(ms(2), ms(400)), 3)
	rule(link, chaos.Fault{Kind: chaos.Reset}, 0.1, late, chaos.Span{}, 3)
	rule(link, chaos.Fault{Kind: chaos.Loss, Share: 0.3}, 0.1, late, window, 3)
	rule(link, chaos.Fault{Kind: chaos.Delay, Share: 0.5, By: ms(15), Jitter: ms(15)}, 0.1, late, window, 3)
	rule(link, chaos.Fault{Kind: chaos.Duplicate, Share: 0.4, By: ms(10), Jitter: ms(10)}, 0.1, late, window, 3)
	rule(link, chaos.Fault{Kind: chaos.Reorder, Share: 0.4, By: ms(5) / 2, Jitter: ms(5) / 2}, 0.1, late, window, 3)
	rule(link, chaos.Fault{Kind: chaos.Cut}, 0.08, late, window, 2)
	rule(beat, chaos.Fault{Kind: chaos.Loss, Share: 0.4}, 0.1, late, window, 3)
	rule(beat, chaos.Fault{Kind: chaos.Delay, Share: 0.5, By: beatLate / 2, Jitter: beatLate / 2}, 0.1, late, window, 3)
	rule(beat, chaos.Fault{Kind: chaos.Duplicate, Share: 0.4, By: beatLate / 2, Jitter: beatLate / 2}, 0.1, late, window, 3)
	rule(beat, chaos.Fault{Kind: chaos.Reorder, Share: 0.4, By: ms(4), Jitter: ms(4)}, 0.1, late, window, 3)
	rule(beat, chaos.Fault{Kind: chaos.Cut}, 0.08, late, window, 2)
	rule(chaos.Work, chaos.Fault{Kind: chaos.Slow, Times: 10}, 0.3, late, between(ms(20), ms(300)), 2)
	rule(chaos.Work, chaos.Fault{Kind: chaos.Fail, Terms: "20%panic"}, 0.2, late, between(ms(20), ms(300)), 2)
	rule(link, chaos.Fault{Kind: chaos.Corrupt, Share: 0.05}, 0.1, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Bandwidth, Rate: 20_000}, 0.1, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Slicer, Size: 100, Vary: 50, By: ms(1)}, 0.1, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.LimitData, Bytes: 4000}, 0.1, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.SlowClose, By: ms(20)}, 0.2, late, between(ms(20), ms(300)), 2)
	rule(link, chaos.Fault{Kind: chaos.Blackhole}, 0.05, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Blackhole, Timeout: ms(30)}, 0.05, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Reset, Timeout: ms(20)}, 0.05, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Loss, Share: 1, Every: 7, Burst: 2}, 0.05, late, window, 2)
	rule(link, chaos.Fault{Kind: chaos.Delay, Share: 1, By: ms(5), Jitter: ms(5), Distribution: chaos.Pareto}, 0.05, late, window, 2)
	rule(beat, chaos.Fault{Kind: chaos.Corrupt, Share: 0.4}, 0.1, late, window, 2)
	rule(beat, chaos.Fault{Kind: chaos.Blackhole}, 0.05, late, window, 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Wedge}, 0.3, late, between(ms(2), ms(700)), 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Skew, By: ms(60)}, 0.15, late, between(ms(20), ms(300)), 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Skew, By: -ms(60)}, 0.15, late, between(ms(20), ms(300)), 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Jump, By: ms(200)}, 0.15, late, between(ms(20), ms(300)), 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Jump, By: -ms(100)}, 0.15, late, between(ms(20), ms(300)), 2)
	rule(chaos.Loop, chaos.Fault{Kind: chaos.Strobe, By: ms(30), Period: ms(7)}, 0.2, late, between(ms(20), ms(300)), 2)
	return buf
}

// beatLate is how late a fault makes a beat at most.
const beatLate = 15 * time.Millisecond

// fewest is how many nodes no kill goes below: a cluster of which nothing is left proves nothing.
const fewest = 2

// Kinds lists the kinds of fault that this package knows: those of the sites that have a door here.
func Kinds() []chaos.Kind {
	var kinds []chaos.Kind
	for _, k := range chaos.Kinds {
		for _, site := range chaos.Sites {
			if site.Admits(k) && slices.Contains(site.Doors(), "chaos/sim") {
				kinds = append(kinds, k)
				break
			}
		}
	}
	return kinds
}

// quiet reports whether nothing goes wrong but what a calm world's seed says.
func (w *World) quiet() bool { return w.cfg.Faultless || w.calm }

// planFaults draws which rules take part in this run, each with even chances (swarm testing, Groce et al. 2012: a run
// that leaves faults out reaches what they would have hidden), and their first strikes.
func (w *World) planFaults() {
	w.rules = w.rules[:0]
	w.planPartitions()
	w.planAftershocks()
	w.planStore()
	if w.quiet() {
		return
	}
	w.rules = ruleTable(w.rules)
	for r := range w.rules {
		if w.luck(luckSwarm, 0, 0, uint64(r)).Hits(0.5) {
			continue
		}
		site := w.rules[r].Site
		for i := range w.processes {
			if alone(site) {
				if i < w.cfg.Nodes {
					w.schedule(r, spotOf(site, i, all), 0, 0)
				}
				continue
			}
			for j := range w.processes {
				if i != j {
					w.schedule(r, spotOf(site, i, j), 0, 0)
				}
			}
			if w.rules[r].Fault.Kind == chaos.Cut { // a node that is not heard by anybody, or hears nobody
				w.schedule(r, spotOf(site, i, all), 0, 0)
				w.schedule(r, spotOf(site, all, i), 0, 0)
			}
		}
	}
}

// alone reports whether a spot of the site is a node, and not the way from one to another.
func alone(site chaos.Site) bool {
	return site == chaos.Process || site == chaos.Work || site == chaos.Loop
}

// schedule puts a rule's nth strike at a spot on the heap, unless it comes after the healing of all.
func (w *World) schedule(rule int, spot chaos.Spot, nth uint64, from clock.Instant) {
	s, ok := w.rules[rule].Strike(w.seed, spot, nth, from)
	if !ok || s.At >= w.heals {
		return
	}
	slot := int32(-1)
	for i := range w.standing {
		if w.standing[i].until == 0 {
			slot = int32(i)
			break
		}
	}
	if slot < 0 {
		slot = int32(len(w.standing))
		w.standing = append(w.standing, standing{})
	}
	w.standing[slot] = standing{rule: rule, nth: nth, spot: spot, until: min(s.Until, w.heals)}
	w.queue.push(entry{at: s.At, kind: strikes, slot: slot})
}

// strike lets a fault begin.
func (w *World) strike(e entry) {
	s := &w.standing[e.slot]
	fault := w.rules[s.rule].Fault
	from, to := int(s.spot.From)-1, int(s.spot.To)-1
	struck := true
	switch fault.Kind {
	case chaos.Kill:
		struck = fault.Share == 0 && w.killable(from) // or else it may stumble, later
		if struck {
			w.kill(&w.processes[from])
		}
	case chaos.Freeze:
		w.freeze(&w.processes[from])
	case chaos.Wedge:
		struck = w.wedge(&w.processes[from])
	case chaos.Skew, chaos.Jump, chaos.Strobe: // see swing, below
	case chaos.Reset, chaos.Blackhole:
		if fault.Once() {
			w.breakLink(from, to)
		} else if at := w.now.Add(fault.Timeout); fault.Timeout > 0 && at < s.until {
			s.until, s.fuse = at, true
		}
	case chaos.Loss, chaos.Delay, chaos.Duplicate, chaos.Reorder, chaos.Cut, chaos.Corrupt: // see fate
	case chaos.Bandwidth, chaos.Slicer, chaos.LimitData: // see squeeze
	case chaos.SlowClose: // see closesLate
	case chaos.Slow: // see slowed
	case chaos.Fail: // see dies
		if terms, err := chaos.ParseTerms(fault.Terms); err == nil { // a test has the table's checked
			s.terms = chaos.NewChain(terms)
		}
	case chaos.Wrong: // no rule: one node lies for a whole run, see lie
	case chaos.Restart, chaos.Thaw: // they heal, and are nobody's strike
	case chaos.Deny, chaos.Stress, chaos.Ballast, chaos.GC: // of stores and of resources, of which there are none here
	}
	s.began, s.since = true, w.now
	if struck {
		w.out.Faults[fault.Kind]++
		if fault.Kind != chaos.Kill { // a death speaks for itself
			w.tell(s.spot, fault.Kind.String())
		}
	}
	w.swing(entry{kind: swings, a: uint16(s.rule), slot: e.slot, arg: uint32(s.nth)})
	w.queue.push(entry{at: s.until, kind: passes, slot: e.slot})
}

// pass lets a fault end, and plans the rule's next strike at that spot.
func (w *World) pass(e entry) {
	s := w.standing[e.slot]
	w.standing[e.slot] = standing{}
	p := &w.processes[max(int(s.spot.From)-1, 0)]
	kind := w.rules[s.rule].Fault.Kind
	switch healer := kind.HealedBy(); {
	case healer == chaos.Restart && !p.up:
		w.out.Faults[healer]++
		w.start(p)
	case healer == chaos.Thaw && p.frozen:
		w.out.Faults[healer]++
		w.tell(s.spot, healer.String())
		w.thaw(p)
	case healer == 0 && !w.rules[s.rule].Fault.Once():
		w.tell(s.spot, "heal")
	}
	switch {
	case kind == chaos.Wedge:
		w.free(p)
	case s.spot.Site == chaos.Loop:
		w.mislead(p, w.rules[s.rule].Fault)
	}
	if s.fuse {
		w.breakLink(int(s.spot.From)-1, int(s.spot.To)-1)
	}
	w.schedule(s.rule, s.spot, s.nth+1, w.now)
}

// tell writes a fault at a spot into the trace; what concerns every process is shown as concerning "all".
func (w *World) tell(spot chaos.Spot, verb string) {
	name := func(number uint32) string {
		if number == 0 {
			return "all"
		}
		return w.processes[number-1].name
	}
	peer := ""
	if !alone(spot.Site) {
		peer = name(spot.To)
	}
	if spot.Site == chaos.Beat {
		verb += "~" // of beats
	}
	w.trace.fault(w.now, name(spot.From), peer, verb)
}

// killable reports whether a node may die: it lives, and enough others do.
func (w *World) killable(i int) bool {
	live := 0
	for j := range w.cfg.Nodes {
		if w.processes[j].up {
			live++
		}
	}
	return w.processes[i].up && live > fewest
}

// stumble lets a process die between two deeds where a rule says so.
func (w *World) stumble(p *process) {
	for i := range w.standing {
		s := &w.standing[i]
		if !s.began || s.spot.Site != chaos.Process || int(s.spot.From) != p.index+1 {
			continue
		}
		if f := w.rules[s.rule].Fault; f.Kind != chaos.Kill || f.Share == 0 {
			continue
		}
		s.asked++
		luck := chaos.Draw(w.seed, s.spot, touching+w.rules[s.rule].ID, s.nth<<32|s.asked)
		if luck.Hits(w.rules[s.rule].Fault.Share) && w.killable(p.index) {
			w.out.Faults[chaos.Kill]++
			w.kill(p)
			return
		}
	}
}

// touching, added to a rule's ID, tells the draws for single messages and tasks from those for its strikes.
const touching = 1 << 16

// fate is what the standing faults do to the message or packet of so many bytes that process i sends to process j. With a spoiled
// message its link breaks.
func (w *World) fate(site chaos.Site, i, j int, bytes uint64) chaos.Fate {
	var fate chaos.Fate
	for k := range w.parts {
		fate.Lost = fate.Lost || w.parts[k].between(i, j)
	}
	for k := range w.standing {
		s := &w.standing[k]
		if !s.began || s.spot.Site != site || !s.concerns(i, j) {
			continue
		}
		s.asked++
		rule := &w.rules[s.rule]
		if site == chaos.Link && rule.Fault.Kind.OfBytes() && rule.Fault.Kind != chaos.Corrupt {
			fate = fate.And(w.squeeze(s, bytes))
			continue
		}
		fate = fate.And(rule.Fault.Touch(s.asked-1, chaos.Draw(w.seed, s.spot, touching+rule.ID, s.nth<<32|s.asked)))
	}
	return fate
}

// squeeze is what a fault of a link's bytes does to a message of so many.
func (w *World) squeeze(s *standing, bytes uint64) chaos.Fate {
	switch f := w.rules[s.rule].Fault; f.Kind {
	case chaos.Bandwidth:
		s.free = max(s.free, w.now).Add(time.Duration(bytes * uint64(time.Second) / f.Rate))
		return chaos.Fate{Late: s.free.Sub(w.now)}
	case chaos.Slicer:
		return chaos.Fate{Late: time.Duration((bytes-1)/f.Size) * f.By}
	case chaos.LimitData:
		if s.bytes += bytes; s.bytes > f.Bytes {
			s.bytes = 0
			return chaos.Fate{Lost: true, Spoiled: true}
		}
	case chaos.Blackhole:
		return chaos.Fate{Lost: s.fuse, Late: s.until.Sub(w.now)}
	default: // a Reset, or a SlowClose, which strike the link itself
	}
	return chaos.Fate{}
}

// closesLate is how late process i learns that its link to process j has ended.
func (w *World) closesLate(i, j int) (late time.Duration) {
	for k := range w.standing {
		if s := &w.standing[k]; s.began && w.rules[s.rule].Fault.Kind == chaos.SlowClose && s.concerns(j, i) {
			late += w.rules[s.rule].Fault.By
		}
	}
	return late
}

// slowed is how long a task of process i takes under the faults that stand, if it takes usual without.
func (w *World) slowed(i int, usual time.Duration) time.Duration {
	took := usual
	for k := range w.standing {
		if s := &w.standing[k]; s.began && s.spot.Site == chaos.Work && int(s.spot.From) == i+1 {
			took += w.rules[s.rule].Fault.Stretch(usual)
		}
	}
	return took
}

// dies reports whether what runs a task at process i dies under the faults that stand, before it has an answer.
func (w *World) dies(i int) (dead bool) {
	for k := range w.standing {
		if s := &w.standing[k]; s.began && s.terms != nil && int(s.spot.From) == i+1 {
			s.asked++
			act := s.terms.Next(chaos.Draw(w.seed, s.spot, touching+w.rules[s.rule].ID, s.nth<<32|s.asked))
			dead = dead || act.Kind == chaos.Panic
		}
	}
	return dead
}

// concerns reports whether the strike's spot lies on the way from process i to process j.
func (s *standing) concerns(i, j int) bool {
	return (s.spot.From == 0 || int(s.spot.From) == i+1) && (s.spot.To == 0 || int(s.spot.To) == j+1)
}

// cutUntil reports whether nothing passes on links from process i to process j, and until when.
func (w *World) cutUntil(i, j int) (until clock.Instant, cut bool) {
	for k := range w.parts {
		if p := &w.parts[k]; p.between(i, j) {
			until, cut = max(until, p.until), true
		}
	}
	for k := range w.standing {
		s := &w.standing[k]
		kind := w.rules[s.rule].Fault.Kind
		if s.began && s.spot.Site == chaos.Link && (kind == chaos.Cut || kind == chaos.Blackhole) && s.concerns(i, j) {
			until, cut = max(until, s.until), true
		}
	}
	return until, cut
}

func (w *World) isCut(i, j int) bool {
	_, cut := w.cutUntil(i, j)
	return cut
}
