package cluster

import (
	"fmt"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
)

// notes are what a round of the loop has to tell the sinks and the log. In the middle of a takeover telling takes longer
// than taking over, so it waits until the round's messages are on their way. They are the loop's own.
type notes struct {
	list   []note
	untold int // beyond maxNotes
}

// note is one effect, without what is valid only until the next Step.
type note struct {
	at     clock.Instant
	effect failover.Effect
}

// maxNotes bounds the notes of one round. A takeover of more tasks than that is told in part, and the rest is counted.
const maxNotes = 256

// note remembers an effect that is to be told.
func (n *Node) note(now clock.Instant, e *failover.Effect) {
	if len(n.notes.list) >= maxNotes {
		n.notes.untold++
		return
	}
	told := *e
	told.Message = failover.Message{Kind: e.Message.Kind, Task: e.Message.Task, Epoch: e.Message.Epoch}
	if s := e.Message.Stream; s != nil {
		told.Message.Strategy, told.Message.Need = s.Strategy, uint32(s.Factor)
	}
	n.notes.list = append(n.notes.list, note{n.clock.truly(now), told})
}

// noteResult remembers that the result of a task which this node took over goes its way, for an incident's timeline. The
// core's effects do not always tell: what goes to this node itself, for it splits the stream too, is no Send.
func (n *Node) noteResult(now clock.Instant, m *failover.Message) {
	if m.Epoch.Rank > 0 && !m.Strategy.Everyone() { // where every holder runs its copy, nothing was taken over
		n.note(now, &failover.Effect{Kind: failover.Send, Message: failover.Message{
			Kind: failover.Result, Task: m.Task, Epoch: m.Epoch,
		}})
	}
}

// tellNotes tells the sinks what the round has noted, and the log what a person should read.
func (n *Node) tellNotes() {
	if len(n.notes.list) == 0 {
		return
	}
	for i := range n.notes.list {
		told := &n.notes.list[i]
		ev := telemetry.Event{
			Trace: failover.TraceOf(told.at, n.self.Name, told.effect, n.roster.name), Text: n.text(&told.effect),
		}
		if told.effect.Kind == failover.Guard {
			ev.Strategy, ev.Factor = told.effect.Message.Strategy.String(), int(told.effect.Message.Need)
		}
		n.tell(telemetry.News{Event: &ev})
		if ev.Text != "" {
			n.cfg.Log.Info(ev.Text, "epoch", ev.Epoch.String())
		}
	}
	if n.notes.untold > 0 {
		n.cfg.Log.Warn("too much happened at once to tell all of it", "untold", n.notes.untold)
	}
	n.notes.list, n.notes.untold = n.notes.list[:0], 0
	n.links.Flush()
}

// text is what a person should read of an effect, empty where that is nothing.
func (n *Node) text(e *failover.Effect) string {
	switch task := e.Message.Task; e.Kind {
	case failover.Lead:
		return fmt.Sprintf("%s leads stream %x", n.self.Name, uint64(task.Stream))
	case failover.Detect:
		return fmt.Sprintf("%s misses %s (%s)", n.self.Name, n.roster.name(e.Peer), e.Signal)
	case failover.Promote:
		if task.Tile == failover.SplitterTile {
			return fmt.Sprintf("%s takes the splitter over from %s (%s)", n.self.Name, n.roster.name(e.Peer), e.Signal)
		}
		return fmt.Sprintf("%s takes tile %d over from %s (%s)", n.self.Name, task.Tile, n.roster.name(e.Peer), e.Signal)
	case failover.Guard:
		now := telemetry.Stream{Strategy: e.Message.Strategy.String(), Factor: int(e.Message.Need)}
		return fmt.Sprintf("%s guards stream %x by %s", n.self.Name, uint64(task.Stream), now.Guard())
	case failover.Mask:
		return fmt.Sprintf("%s answered tile %d wrongly and was outvoted", n.roster.name(e.Peer), task.Tile)
	case failover.Stop:
		failed := "all who had a part of it"
		if e.Peer != 0 {
			failed = n.roster.name(e.Peer)
		}
		return fmt.Sprintf("%s stops stream %x: %s failed (%s)", n.self.Name, uint64(task.Stream), failed, e.Signal)
	default:
		return ""
	}
}
