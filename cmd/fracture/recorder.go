package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"fracture/chaos"
	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/telemetry"
	"fracture/tui"
	"fracture/work"
)

// recorder notes what is broken and healed in a lab, whoever asks for it, to be replayed as a scenario. The nil recorder notes
// nothing. All methods may be called from any goroutine.
type recorder struct {
	cluster scenario.Cluster        // but for how it is guarded
	guard   func() telemetry.Stream // how the picture is, now
	file    string                  // where the first recording is written; empty: as all others, in the state directory

	mu   sync.Mutex // guards what follows
	tape *tape      // nil: nothing is recorded
}

// tape is one recording.
type tape struct {
	began  clock.Instant
	wall   time.Time
	guard  telemetry.Stream
	faults []*taped
	guards []scenario.Strike // how the streams were guarded since, one after the other; none: by guard
	notes  []string
	sure   bool // a last holder was broken
	missed int  // faults beyond the bound
}

// taped is a fault on a tape.
type taped struct {
	scenario.Strike
	id   uint32 // the injector's; 0: a key's
	node string // whose process suffers it; empty: it was ordered
	open bool   // it stands
}

// begin begins a recording; false where one is under way.
func (r *recorder) begin() bool {
	guard := r.guard()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tape != nil {
		return false
	}
	r.tape = &tape{began: clock.Now(), wall: time.Now(), guard: guard}
	return true
}

// noting calls note with the tape, where one runs.
func (r *recorder) noting(note func(t *tape)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tape != nil {
		note(r.tape)
	}
}

// key takes in that a key has broken a node since then.
func (r *recorder) key(at clock.Instant, kind, node string, sure bool) {
	r.noting(func(t *tape) {
		t.strike(&taped{Strike: t.strikeOf(at, kind, []string{node}, nil), node: node, open: true})
		t.sure = t.sure || sure
	})
}

// mended takes in that a node was thawed, or started again.
func (r *recorder) mended(at clock.Instant, how, node string) {
	r.noting(func(t *tape) { t.mended(at, how, node) })
}

// remark takes in what a scenario cannot say.
func (r *recorder) remark(at clock.Instant, format string, values ...any) {
	r.noting(func(t *tape) { t.remark(at, format, values...) })
}

// begun takes in a fault that an injector has brought about.
func (r *recorder) begun(f *standingFault) {
	r.noting(func(t *tape) {
		h := f.harm
		t.sure = t.sure || h.sure
		if h.server != nil {
			t.server(f)
			return
		}
		var strangers []string // the replay's cluster has only the lab's own
		own := slices.DeleteFunc(slices.Clone(f.nodes), func(n string) bool {
			strange := !r.owns(n)
			if strange {
				strangers = append(strangers, n)
			}
			return strange
		})
		switch {
		case h.name == "thaw" || h.name == "revive":
			for _, n := range own {
				t.mended(f.since, h.name, n)
			}
		case h.deed != nil:
			for _, n := range own {
				s := &taped{Strike: t.strikeOf(f.since, h.name, []string{n}, h.flags), id: f.id, node: n, open: !h.once()}
				if h.name == down { // which goes on beside what else the process suffers
					s.node = ""
				}
				t.strike(s)
			}
		case h.flags == nil, h.peer() != "" && !r.owns(h.peer()):
			strangers = f.nodes
		default:
			for _, s := range t.ordered(f, own) {
				t.strike(&taped{Strike: s, id: f.id, open: !h.once()})
			}
		}
		if len(strangers) > 0 {
			t.remark(f.since, "%s at %s cannot be replayed", h.name, strings.Join(strangers, ", "))
		}
	})
}

// server takes in what the store's own process suffers.
func (t *tape) server(f *standingFault) {
	h := f.harm
	if h.name == "thaw" || h.name == "revive" {
		t.mended(f.since, h.name, serverName)
		return
	}
	s := &taped{Strike: t.strikeOf(f.since, h.name, nil, nil), id: f.id, open: !h.once()}
	s.Fault.Flags = h.flags
	if !h.server.alone {
		s.node = serverName
		s.Fault.Flags = append([]scenario.Flag{{Name: "role", Values: []string{serverRole}}}, h.flags...)
	}
	t.strike(s)
}

// owns reports whether a node is one of those that a replay's cluster has.
func (r *recorder) owns(node string) bool {
	for i := range r.cluster.Nodes {
		if node == nodeName(i+1) {
			return true
		}
	}
	return false
}

// ended takes in that a fault of an injector is to be over now.
func (r *recorder) ended(f *standingFault) {
	r.noting(func(t *tape) {
		for _, s := range t.faults {
			if s.id == f.id && s.open {
				t.close(s, clock.Now())
				if whole := f.harm.last; s.Fault.For > whole-endsInTime && s.Fault.For < whole+endsInTime {
					s.Fault.For = whole // as it was asked for
				}
			}
		}
	})
}

// endsInTime is how far from the time that was asked for a fault ends that nobody has healed before.
const endsInTime = 25 * time.Millisecond

// state is what a screen shows of it; zero where nothing is recorded.
func (r *recorder) state() (s tui.Recording) {
	r.noting(func(t *tape) { s = tui.Recording{Since: t.began, Faults: len(t.faults)} })
	return s
}

// end ends a recording, and answers with its text; ok is false where none is under way.
func (r *recorder) end() (text []byte, faults int, wall time.Time, ok bool) {
	r.noting(func(t *tape) {
		now := clock.Now()
		for _, s := range t.faults {
			if s.open {
				t.close(s, now)
			}
		}
		if t.missed > 0 {
			t.notes = append(t.notes, fmt.Sprintf("%d more were not recorded", t.missed))
		}
		text, faults, wall, ok = t.written(r.cluster), len(t.faults), t.wall, true
		r.tape = nil
	})
	return text, faults, wall, ok
}

// written spells a tape that has ended as a scenario.
func (t *tape) written(c scenario.Cluster) []byte {
	c.Strategy = t.guard.Strategy
	if s, err := work.ParseStrategy(c.Strategy); err == nil {
		c.Factor = int(guardOf(s, t.guard.Factor).Factor)
	}
	all := scenario.Recording{
		Title:    "recorded on " + t.wall.Format("2006-01-02 at 15:04:05"),
		Question: "Does the work go on as it did when this was recorded?",
		Cluster:  c, YesBreakIt: t.sure, Notes: t.notes,
	}
	for _, s := range t.faults {
		all.Faults = append(all.Faults, s.Strike)
	}
	all.Faults = append(all.Faults, t.guards...)
	return all.YAML()
}

// strikeOf is a fault at nodes since then.
func (t *tape) strikeOf(at clock.Instant, kind string, nodes []string, flags []scenario.Flag) scenario.Strike {
	f := scenario.Fault{Kind: kind, Flags: append([]scenario.Flag{{Name: "node", Values: nodes}}, flags...)}
	return scenario.Strike{At: max(at.Sub(t.began), 0), Fault: f}
}

// strike appends a fault, if there is room. A process bears one at a time: what it suffered before is over.
func (t *tape) strike(s *taped) {
	if s.node != "" {
		t.over(s.node, t.began.Add(s.At))
	}
	if t.full(s.At) {
		t.missed++
		return
	}
	t.faults = append(t.faults, s)
}

// full reports whether nothing more can be taken in.
func (t *tape) full(at time.Duration) bool {
	return len(t.faults)+len(t.guards) >= scenario.MaxRecorded || at > scenario.MaxRecordedTime
}

// over ends what a process suffers, and reports whether there was something.
func (t *tape) over(node string, at clock.Instant) (some bool) {
	for _, s := range t.faults {
		if s.node == node && s.open {
			t.close(s, at)
			some = true
		}
	}
	return some
}

func (t *tape) close(s *taped, at clock.Instant) {
	s.open = false
	s.Fault.For = min(max(at.Sub(t.began)-s.At, time.Millisecond), scenario.MaxRecordedTime)
}

func (t *tape) mended(at clock.Instant, how, node string) {
	if !t.over(node, at) {
		t.remark(at, "%s of %s, which was broken before the recording began, or by no key and no script", how, node)
	}
}

func (t *tape) remark(at clock.Instant, format string, values ...any) {
	if len(t.notes) < scenario.MaxRecorded {
		t.notes = append(t.notes, fmt.Sprintf("at %v: ", max(at.Sub(t.began), 0).Round(time.Millisecond))+fmt.Sprintf(format, values...))
	}
}

// ordered are the faults of which a replay orders nodes the same. A partition is drawn once: what is written says who was parted.
func (t *tape) ordered(f *standingFault, nodes []string) []scenario.Strike {
	flags := f.harm.flags
	switch {
	case len(nodes) == 0:
		return nil
	case f.harm.parted != (partFlags{}):
		return t.partedBy(f, nodes)
	case f.harm.at(chaos.Store) && !slices.ContainsFunc(flags, func(f scenario.Flag) bool { return f.Name == storeRole }):
		flags = append(slices.Clone(flags), scenario.Flag{Name: storeRole})
	}
	return []scenario.Strike{t.strikeOf(f.since, f.harm.name, nodes, flags)}
}

// partedBy spells a partition as groups, or where these cannot say it as cuts, one for each way.
func (t *tape) partedBy(f *standingFault, nodes []string) (all []scenario.Strike) {
	beyond := map[string][]string{} // by node: whom it cannot reach
	for _, n := range nodes {
		for _, s := range f.stand[n] {
			if !slices.Contains(beyond[n], s.Peer) {
				beyond[n] = append(beyond[n], s.Peer)
			}
		}
	}
	if groups := groupsOf(nodes, beyond); groups != "" {
		s := t.strikeOf(f.since, partition, nil, []scenario.Flag{{Name: "groups", Values: []string{groups}}})
		s.Fault.Flags = s.Fault.Flags[1:] // who is in no group reaches all
		return []scenario.Strike{s}
	}
	for _, n := range nodes {
		for _, peer := range beyond[n] {
			all = append(all, t.strikeOf(f.since, chaos.Cut.String(), []string{n}, []scenario.Flag{{Name: "peer", Values: []string{peer}}}))
		}
	}
	return all
}

// groupsOf are nodes parted into groups as `--groups` has them: who reaches each other is in one. It is empty where that would
// say something else than whom each cannot reach.
func groupsOf(nodes []string, beyond map[string][]string) string {
	var groups chaos.Groups
	for _, n := range nodes {
		i := slices.IndexFunc(groups, func(g []string) bool { return !slices.Contains(beyond[n], g[0]) })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], n)
	}
	var words []string
	for _, g := range groups {
		words = append(words, strings.Join(g, ","))
	}
	for i, cut := range groups.Cuts(nodes) {
		if !sameNames(cut, beyond[nodes[i]]) {
			return ""
		}
	}
	return strings.Join(words, "/")
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
