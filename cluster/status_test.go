package cluster

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/telemetry"
	"fracture/work"
	"fracture/work/fractal"
)

// Who only watches a stream must know what it promises: no due time can be had from results alone.
func TestStatus_describesTheStreamsThatTheNodeLeads(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	client := startClient(t, crew)
	stream := fractalStream(6, 0)
	client.Submit(stream)
	leader := client.leader(t, crew, stream.ID).cfg.Name
	want := telemetry.StreamOf(stream)
	eventually(t, "the leader describes the stream", client.reading(func() error {
		if got := client.status[leader].Streams; !slices.Equal(got, []telemetry.Stream{want}) {
			return errors.New("it describes something else")
		}
		return nil
	}))
	client.mu.Lock()
	defer client.mu.Unlock()
	for name, s := range client.status {
		if name != leader && len(s.Streams) > 0 {
			t.Errorf("%s, which leads nothing, describes %+v", name, s.Streams)
		}
	}
}

func TestStatus_describesNoMoreStreamsThanItsBound(t *testing.T) {
	n, err := NewNode(NodeConfig{Name: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	lead := func(id work.StreamID, frames uint64) {
		n.leads(fractalStream(id, frames))
		ids = append(ids, uint64(id))
	}
	for i := range work.StreamID(2 * telemetry.MaxStreams) {
		lead(100+i, 1)
	}
	lead(7, 0)
	lead(100, 1) // again, under a new term
	got := n.promised(ids)
	if len(got) != telemetry.MaxStreams || got[0].ID != 7 {
		t.Errorf("%d streams are described, %+v first; want %d, and the one without end first", len(got), got[0], telemetry.MaxStreams)
	}
	n.leadsNoMore(7)
	if got = n.promised(ids); got[0].ID == 7 || len(n.led) != 2*telemetry.MaxStreams {
		t.Errorf("after it leads stream 7 no more %+v is described first, of %d", got[0], len(n.led))
	}
}

func TestStatus_ownedTilesAreOfOneStream(t *testing.T) {
	n := openNode(t, NodeConfig{Name: "n1", Functions: []work.Function{fractal.Function{}}})
	peer := n.meet("n2")
	place := func(stream work.StreamID, tile uint32, holders failover.Holders) {
		term := failover.Term(1)<<32 | failover.Term(peer)
		n.step(clock.Now(), failover.Event{Kind: failover.Received, Peer: peer, Message: failover.Message{
			Kind: failover.Place, Task: work.TaskID{Stream: stream, Tile: tile}, Epoch: failover.Epoch{Term: term},
			Function: fractal.Function{}.Name(), Holders: holders, Splitters: failover.Holders{peer}, Payload: []byte("x"),
		}})
	}
	mine, others := failover.Holders{n.id, peer}, failover.Holders{peer, n.id}
	place(9, 4, mine)
	place(9, 5, mine)
	place(2, 5, mine)
	place(2, 1, others)
	place(9, 1, others)
	var s telemetry.Status
	n.holdings(&s)
	if s.Owns != 3 || s.StandsBy != 2 {
		t.Errorf("owns %d and stands by for %d tiles, want 3 and 2: those of two streams are not the same", s.Owns, s.StandsBy)
	}
	if s.OwnedOf != 2 || !slices.Equal(s.OwnedTiles, []uint32{5}) {
		t.Errorf("owns tiles %v of stream %d, want 5 of stream 2", s.OwnedTiles, s.OwnedOf)
	}
}

func TestStatus_saysThatTheNodeLeaves(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	client := startClient(t, crew)
	client.untilStatuses(t, 1, "n1", "n2")
	if err := crew[1].end(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last status of n2 says that it leaves", client.reading(func() error {
		if !client.status["n2"].Draining {
			return errors.New("it does not")
		}
		return nil
	}))
}

func TestStatus_saysForHowLongTheStoreHasBeenAway(t *testing.T) {
	log := &diary{}
	n := openNode(t, NodeConfig{Name: "n1", Log: slog.New(log)})
	now := clock.Now()
	for i, turn := range []struct {
		at   time.Duration
		down bool
		want float64
	}{
		{0, false, 0}, {time.Second, true, 0.001}, {3 * time.Second, true, 2}, {4 * time.Second, false, 0}, {9 * time.Second, true, 0.001},
	} {
		if got := n.watchStore(now.Add(turn.at), turn.down); got != turn.want {
			t.Errorf("turn %d: the store is away for %v s, want %v", i, got, turn.want)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	told := slices.DeleteFunc(slices.Clone(log.lines), func(line string) bool { return !strings.Contains(line, "the store") })
	if want := 3; len(told) != want {
		t.Errorf("the log has %q, want %d lines: one a change", told, want)
	}
}
