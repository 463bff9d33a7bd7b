package cluster

import (
	"slices"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/work"
	"fracture/work/probe"
)

// openNode makes a node whose sockets are open and whose loop does not run, so that a test takes its turns.
func openNode(t *testing.T, cfg NodeConfig) *Node {
	t.Helper()
	cfg.Credentials = newKeys(t)
	n, err := NewNode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.gossip.leave(gossipLeave)
		n.beats.Close()
		n.links.Close()
	})
	n.gauge.begin()
	return n
}

// meet tells a node of a peer that is linked to it.
func (n *Node) meet(name string) failover.NodeID {
	id := failover.Identify(name, 1)
	n.step(clock.Now(), failover.Event{Kind: failover.Joined, Peer: id, Member: failover.Member{ID: id, Weight: failover.WeightOf(name)}})
	n.step(clock.Now(), failover.Event{Kind: failover.LinkUp, Peer: id})
	return id
}

// noted lists the verbs of the notes that speak of a task.
func (n *Node) noted(task work.TaskID) (verbs []string) {
	for i := range n.notes.list {
		if e := n.notes.list[i].effect; e.Message.Task == task {
			verbs = append(verbs, e.Verb())
		}
	}
	return verbs
}

// An incident's timeline wants to know when the first result of what was taken over went its way; also where it goes no
// further than this node, which splits the stream.
func TestNode_tellsOfTheResultOfATaskThatItTookOver(t *testing.T) {
	n := openNode(t, NodeConfig{Name: "n1", Functions: []work.Function{probe.Function{}}})
	owner := n.meet("n2")
	term := failover.Term(1)<<32 | failover.Term(n.id)
	place := func(kind failover.MessageKind, tile uint32, holders failover.Holders) work.TaskID {
		task := work.TaskID{Stream: 1, Frame: 7, Tile: tile}
		n.step(clock.Now(), failover.Event{Kind: failover.Received, Peer: owner, Message: failover.Message{
			Kind: kind, Task: task, Epoch: failover.Epoch{Term: term}, Function: probe.Name, Holders: holders,
			Splitters: failover.Holders{n.id}, Payload: []byte("input"),
		}})
		return task
	}
	taken := place(failover.Copy, 0, failover.Holders{owner, n.id})
	own := place(failover.Place, 1, failover.Holders{n.id, owner})
	n.step(clock.Now(), failover.Event{Kind: failover.LinkDown, Peer: owner})
	if got := n.noted(taken); len(got) != 2 || got[0] != "promote" || got[1] != "result" {
		t.Errorf("told of the task taken over: %v, want promote and result", got)
	}
	if got := n.noted(own); len(got) != 0 {
		t.Errorf("told of a task that was this node's from the start: %v, want nothing", got)
	}
}

// What a node tells of a stream that it leads is what holds now, and the log says that it was changed.
func TestNode_tellsHowAStreamIsGuardedFromNowOn(t *testing.T) {
	n := openNode(t, NodeConfig{Name: "n1", Functions: []work.Function{probe.Function{}}})
	asker := failover.Identify("sink", 1)
	n.step(clock.Now(), failover.Event{Kind: failover.Joined, Peer: asker, Member: failover.Member{ID: asker, Sink: true}})
	ask := func(kind failover.MessageKind, strategy work.Strategy) {
		stream := &work.Stream{ID: 0x1f, Function: probe.Name, Tiles: 1, Period: time.Second, Strategy: strategy, Factor: 1}
		n.step(clock.Now(), failover.Event{Kind: failover.Received, Peer: asker, Message: failover.Message{
			Kind: kind, Task: work.TaskID{Stream: stream.ID}, Stream: stream,
		}})
	}
	ask(failover.Submit, work.FailFast)
	ask(failover.Change, work.Expendable)
	if got := n.promised([]uint64{0x1f}); len(got) != 1 || got[0].Guard() != "expendable, 1 copy" {
		t.Errorf("the status promises %+v, want the one stream, and what it was changed to", got)
	}
	var texts []string
	for i := range n.notes.list {
		texts = append(texts, n.text(&n.notes.list[i].effect))
	}
	if want := "n1 guards stream 1f by expendable, 1 copy"; !slices.Contains(texts, want) {
		t.Errorf("the log says %q, want %q among it", texts, want)
	}
}

// The sink of the front door asks those last that the node takes for failed, so it must hear of them.
func TestNode_tellsItsFrontDoorWhoHasFailed(t *testing.T) {
	n := openNode(t, NodeConfig{Name: "n1"})
	peer := failover.Identify("n2", 1)
	heard := func(ev failover.Event) (kinds []failover.EventKind) {
		ev.Peer = peer
		n.step(clock.Now(), ev)
		for _, p := range n.pending {
			if p.sink && p.event.Peer == peer {
				kinds = append(kinds, p.event.Kind)
			}
		}
		return kinds
	}
	heard(failover.Event{Kind: failover.Joined, Member: failover.Member{ID: peer, Weight: 5}})
	heard(failover.Event{Kind: failover.LinkUp})
	if got := heard(failover.Event{Kind: failover.LinkDown}); !slices.Equal(got, []failover.EventKind{failover.Detected}) {
		t.Errorf("once the link had broken the front door's sink was told %v, want %v", got, failover.Detected)
	}
	if got := heard(failover.Event{Kind: failover.LinkUp}); !slices.Equal(got, []failover.EventKind{failover.Recovered}) {
		t.Errorf("once the link stood again the front door's sink was told %v, want %v", got, failover.Recovered)
	}
}
