package sim

import (
	"time"

	"fracture/chaos"
	"fracture/cluster/failover"
	"fracture/work"
)

// How streams are guarded: a strategy for each, drawn, and now and then another one while it runs; and a node that answers
// wrongly where it is asked for a vote.
const (
	maxChanges = 3
	lieChance  = 0.3 // that one node lies. Two could outvote an honest third, and no protocol helps against that
	none       = -1
)

// strategyShares are how often, of a hundred streams, each strategy is drawn.
var strategyShares = [work.Vote + 1]uint64{
	work.FailFast: 5, work.Expendable: 6, work.Reschedule: 9, work.Standby: 40, work.Hedge: 12, work.Active: 16, work.Vote: 12,
}

// drawGuard gives a stream a strategy and a factor.
func (w *World) drawGuard(nth uint64, spec work.Stream) work.Stream {
	luck := w.luck(luckGuard, 0, 0, nth)
	left := luck.Below(100)
	for _, s := range work.Strategies {
		if s == w.cfg.Strategy || w.cfg.Strategy == 0 && left < strategyShares[s] {
			fewest, most := s.Factors()
			most = min(most, max(fewest, 3))
			spec.Strategy, spec.Factor = s, fewest+uint8(luck.Next().Below(uint64(most-fewest)+1))
			break
		}
		left -= min(left, strategyShares[s])
	}
	return spec
}

// planChanges draws when the stream of frames, submitted at a time, is guarded otherwise, and who lies.
func (w *World) planChanges(at time.Duration) {
	for i := range w.luck(luckGuard, 1, 0, 0).Below(maxChanges + 1) {
		if w.cfg.Strategy != 0 {
			break
		}
		w.at(w.luck(luckGuard, 2, 0, i).Within(between(at, time.Duration(w.heals))), entry{kind: changes, arg: uint32(i)})
	}
	if luck := w.luck(luckLie, 0, 0, 0); luck.Hits(lieChance) {
		w.liar = int(luck.Next().Below(uint64(w.cfg.Nodes)))
	}
}

// change lets the sink's owner ask for a stream to be guarded otherwise.
func (w *World) change(i int) {
	p, s := w.sinkProcess(), &w.streams[i]
	spec := w.drawGuard(1000+uint64(w.now), s.spec)
	spec.Params = s.params[:]
	s.ever[spec.Strategy] = true
	w.feed(p, &failover.Event{Kind: failover.Received, Peer: p.id, Message: failover.Message{Kind: failover.Change, Stream: &spec}})
}

// guarded: a leader says how it guards a stream from now on. What one says that was deposed is not what holds.
func (w *World) guarded(e *failover.Effect) {
	spec := e.Message.Stream
	if s := w.streamOf(spec.ID); s != nil && !e.Message.Epoch.Below(s.guard) {
		s.guard = e.Message.Epoch
		s.spec.Strategy, s.spec.Factor = spec.Strategy, spec.Factor
		s.ever[spec.Strategy] = true
	}
}

// lie changes an answer of the process that lies, where it is asked for a vote.
func (w *World) lie(p *process, m *failover.Message, output []byte) {
	if p.index == w.liar && m.Strategy == work.Vote && len(output) > 0 {
		output[0] ^= 1
		w.out.Faults[chaos.Wrong]++
	}
}

// apart checks that no node has two places among the holders of a task: a copy beside its owner dies with it.
type apart struct{}

func (apart) effect(w *World, p *process, e *failover.Effect) {
	if e.Kind != failover.Send || e.Message.Kind != failover.Place && e.Message.Kind != failover.Copy {
		return
	}
	for r := range e.Message.Holders.Len() {
		if e.Message.Holders.Rank(e.Message.Holders[r]) != r {
			w.violate("apart", "%s gives %s two places among the holders of task %v",
				p.name, w.nameOf(e.Message.Holders[r]), e.Message.Task)
		}
	}
}

// sameCall reports whether two epochs are of one call of a task: either by different placers in one reign, or for a strategy
// that has every holder run its copy. See failover.Epoch.
func sameCall(s work.Strategy, a, b failover.Epoch) bool {
	return a.Term == b.Term && a.Try == b.Try && (a.By != b.By || s.Everyone())
}
