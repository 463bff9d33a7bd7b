package sim

import (
	"testing"
	"time"

	"fracture/cluster/failover"
)

// A node's beats, links, messages and copies do not grow with the number of nodes.
func TestField_costsANodeTheSameHoweverManyThereAre(t *testing.T) {
	type cost struct{ beats, messages, tasks, links float64 }
	costs := func(nodes int) cost {
		o := NewField(nodes, 3).Run()
		share := float64(nodes) * o.Window.Seconds()
		return cost{
			float64(o.Beats) / share, float64(o.Messages) / share, float64(o.Delivered) / share,
			2 * float64(o.Links) / float64(nodes),
		}
	}
	small, large := costs(100), costs(800)
	for name, pair := range map[string][2]float64{
		"beats": {small.beats, large.beats}, "messages": {small.messages, large.messages},
		"tasks": {small.tasks, large.tasks}, "links": {small.links, large.links},
	} {
		if pair[0] == 0 || pair[1] > 1.1*pair[0] {
			t.Errorf("a node's %s: %.1f among 100 nodes, %.1f among 800", name, pair[0], pair[1])
		}
	}
}

func TestField_takesOverWithinTheBounds(t *testing.T) {
	seen := map[failover.Signal]int{}
	for _, nodes := range []int{MinFieldNodes, 300} {
		for seed := range uint64(4) {
			for _, k := range NewField(nodes, seed).Run().Takeovers {
				seen[k.Signal]++
				bound := afterSilence
				if k.Signal == failover.Reset { // or when the copy came, if its owner was gone before that
					bound = resetHigh + latencyTail
				}
				if k.After > bound {
					t.Errorf("%d nodes, seed %d: a takeover by %v after %v, want %v at most", nodes, seed, k.Signal, k.After, bound)
				}
			}
		}
	}
	if seen[failover.Reset] == 0 || seen[failover.Silence] == 0 {
		t.Errorf("takeovers by signal: %v, want some of each", seen)
	}
}

// Everything that was due comes, but for what is still on its way at the end.
func TestField_losesNothing(t *testing.T) {
	const nodes = 200
	o := NewField(nodes, 5).Run()
	frames := uint64(o.Window / streamSlow)
	if want := (frames - 1) * uint64(o.Streams) * streamTiles; o.Delivered < want {
		t.Errorf("%d results in %v, want %d at least", o.Delivered, o.Window, want)
	}
}

func TestField_isTheSameEachTime(t *testing.T) {
	a, b := NewField(60, 9).Run(), NewField(60, 9).Run()
	if a.Messages != b.Messages || a.Beats != b.Beats || len(a.Takeovers) != len(b.Takeovers) {
		t.Errorf("one seed, two fields: %d messages and %d beats, then %d and %d", a.Messages, a.Beats, b.Messages, b.Beats)
	}
}

// A node gives work to its neighbours alone, and watches whom it meets in it.
func TestField_nodesKnowTheirNeighbourhood(t *testing.T) {
	f := NewField(400, 2)
	f.Run()
	for i := range f.nodes {
		p := &f.plots[i]
		for _, s := range p.strands {
			q := &f.plots[s.to]
			if q.core == nil {
				continue
			}
			d := max(p.index-q.index, q.index-p.index)
			if d = min(d, f.nodes-d); d > 2*fieldReach {
				t.Errorf("%s is linked to %s, %d places away", p.name, q.name, d)
			}
			if s.near != (d <= fieldReach) {
				t.Errorf("%s and %s are %d places apart; near: %v", p.name, q.name, d, s.near)
			}
		}
	}
	if fieldTo-fieldStops < 300*time.Millisecond {
		t.Error("a field ends before every silence is noticed")
	}
}
