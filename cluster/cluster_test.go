package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fracture/cluster/failover"
	"fracture/cluster/front"
	"fracture/cluster/wire"
	"fracture/work"
	"fracture/work/fractal"
)

func TestCluster_deliversEveryTileOfAStreamOnce(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 3)
	client := startClient(t, crew)
	stream := fractalStream(1, 10)
	client.Submit(stream)
	client.untilFrames(t, stream, 0, 10)
	client.untilStatuses(t, 2, "n1", "n2", "n3") // so that what would come twice has come
	client.noneTwice(t)
	client.mu.Lock()
	defer client.mu.Unlock()
	if len(client.results) != 60 {
		t.Errorf("%d results of 10 frames of 6 tiles", len(client.results))
	}
	if len(client.answers) != 1 || client.answers[0].Kind != failover.Accepted {
		t.Errorf("answers %+v, want Accepted once", client.answers)
	}
}

func TestCluster_refusesWhatItCannotKeep(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	client := startClient(t, crew)
	stream := fractalStream(2, 1)
	stream.Factor = 4
	client.Submit(stream)
	eventually(t, "the client is answered", client.reading(func() error {
		if len(client.answers) == 0 {
			return errors.New("no answer")
		}
		return nil
	}))
	client.mu.Lock()
	defer client.mu.Unlock()
	if m := client.answers[0]; m.Kind != failover.Refused || m.Reason != failover.TooFewNodes || m.Have != 2 || m.Need != 4 {
		t.Errorf("answer %+v, want refused, too few nodes: 2 of 4", m)
	}
}

// askFor asks a node for one picture and returns its tiles as they came.
func askFor(n *Node, stream *work.Stream) ([]uint32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	results, err := n.Request(ctx, *stream)
	if err != nil {
		return nil, err
	}
	var tiles []uint32
	for r := range results {
		if r.Failed {
			return tiles, fmt.Errorf("tile %d failed: %s", r.Tile, r.Payload)
		}
		if _, err := fractal.DecodeTile(r.Payload); err != nil {
			return tiles, fmt.Errorf("tile %d: %w", r.Tile, err)
		}
		tiles = append(tiles, r.Tile)
	}
	slices.Sort(tiles)
	return tiles, ctx.Err()
}

func TestNode_answersItsFrontDoorWithEveryTileOnce(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 3)
	for i, n := range crew {
		tiles, err := askFor(n.Node, fractalStream(work.StreamID(10+i), 1))
		if want := []uint32{0, 1, 2, 3, 4, 5}; err != nil || !slices.Equal(tiles, want) {
			t.Errorf("a request at %s: tiles %v, %v; want %v", n.cfg.Name, tiles, err, want)
		}
	}
}

// A picture that is delivered and of which nothing is kept is over: however many are asked for, none is refused for want
// of room among the streams.
func TestNode_isDoneWithARequestOnceItIsDelivered(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	for i := range 70 { // the bound is 64 streams
		if _, err := askFor(crew[0].Node, fractalStream(work.StreamID(100+i), 1)); err != nil {
			t.Fatalf("request %d: %v", i+1, err)
		}
	}
}

func TestNode_refusesARequestWithBothFigures(t *testing.T) {
	creds := newKeys(t)
	alone := startNode(t, creds, "n1")
	_, err := askFor(alone.Node, fractalStream(20, 1))
	var refusal front.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != failover.TooFewNodes || refusal.Have != 1 || refusal.Need != 2 {
		t.Errorf("a request for two copies at a lone node = %v, want too few nodes: have 1, need 2", err)
	}
}

func TestNewNode_refusesANameThatIsNone(t *testing.T) {
	for _, name := range []string{"", "two words", "ü", strings.Repeat("n", 33), "n/1"} {
		if _, err := NewNode(NodeConfig{Name: name}); !errors.Is(err, ErrName) {
			t.Errorf("NewNode %q = %v, want ErrName", name, err)
		}
		if _, err := NewClient(ClientConfig{Name: name}); !errors.Is(err, ErrName) {
			t.Errorf("NewClient %q = %v, want ErrName", name, err)
		}
	}
}

// What a node binds its links and beats to is what it tells others to call.
func TestNewNode_refusesAnAddressThatNobodyCanCall(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:7947", "[::]:7947", ":7947", "7947"} {
		for _, cfg := range []NodeConfig{{Name: "n1", Link: addr}, {Name: "n1", Beat: addr}} {
			_, err := NewNode(cfg)
			if err == nil || !strings.Contains(err.Error(), addr) {
				t.Errorf("NewNode with links %q and beats %q = %v, want an error that names the address", cfg.Link, cfg.Beat, err)
			}
			if strings.Contains(addr, ":") && (!errors.Is(err, ErrWildcard) || !strings.Contains(err.Error(), "10.0.0.2:7947")) {
				t.Errorf("NewNode with links %q and beats %q = %v, want ErrWildcard and what to give instead", cfg.Link, cfg.Beat, err)
			}
		}
	}
	for _, addr := range []string{"10.0.0.2:7947", "127.0.0.1:0", "[::1]:7947", "localhost:7947"} {
		if _, err := NewNode(NodeConfig{Name: "n1", Link: addr, Beat: addr}); err != nil {
			t.Errorf("NewNode at %s = %v, want no error", addr, err)
		}
	}
}

// A second process of a name is told so, and the first one does not suffer from it.
func TestNode_ofANameThatIsTakenIsRefusedAndDisturbsNobody(t *testing.T) {
	crew, client, stream := startWorking(t, 3)
	_, err := tryNode(t, crew[0].cfg.Credentials, "n2", crew[0].member.Gossip)
	if !errors.Is(err, ErrNameTaken) || !strings.Contains(err.Error(), "--name") {
		t.Fatalf("a second n2 = %v, want ErrNameTaken and what to do", err)
	}
	if !strings.Contains(err.Error(), crew[1].member.Link) {
		t.Errorf("%v does not say where the first one is, %s", err, crew[1].member.Link)
	}
	client.untilStatuses(t, 8, "n1", "n2", "n3")
	if n := client.told("detect", "n2"); n != 0 {
		t.Errorf("n2 was missed %d times because another tried to bear its name", n)
	}
	if now, _ := client.incarnations("n2"); now != crew[1].member.Incarnation {
		t.Errorf("the client takes n2 for incarnation %d, want the living one, %d", now, crew[1].member.Incarnation)
	}
	client.untilFrames(t, stream, 0, client.newest(stream.ID)+5)
	client.noneTwice(t)
}

func TestNode_ofAnotherClusterDoesNotJoinAndIsCounted(t *testing.T) {
	creds := newKeys(t)
	crew := startCrew(t, creds, 2)
	client := startClient(t, crew)
	_, err := tryNode(t, newKeys(t), "n9", crew[0].member.Gossip)
	if !errors.Is(err, ErrNoCluster) || !strings.Contains(err.Error(), crew[0].member.Gossip) {
		t.Fatalf("a node with another cluster's keys = %v, want ErrNoCluster and the address it tried", err)
	}
	eventually(t, "n1 counts a stranger", client.reading(func() error {
		if s := client.status["n1"]; s.Strangers == 0 {
			return errors.New("none")
		}
		return nil
	}))
	if now, before := client.incarnations("n9"); now != 0 || len(before) != 0 {
		t.Error("the stranger was taken for a member")
	}
}

// Who knows the address of a link but not the cluster's authority gets no link.
func TestNode_countsStrangersAtItsLinks(t *testing.T) {
	creds := newKeys(t)
	n := startNode(t, creds, "n1")
	stranger, err := wire.Listen(wire.LinksConfig{
		Self: wire.Peer{Name: "a9", Incarnation: 1}, Credentials: newKeys(t), Addr: "127.0.0.1:0",
		Up: func(wire.Peer) { t.Error("a link stands between two clusters") }, Down: func(wire.Peer) {},
		Received: func(failover.NodeID, wire.Incoming) {}, Telemetry: func(failover.NodeID, [][]byte) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- stranger.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
	}()
	stranger.Connect(wire.Peer{ID: n.id, Name: "n1", Incarnation: n.member.Incarnation, Addr: n.member.Link, Dial: true})
	eventually(t, "the stranger is counted", func() error {
		if n.links.Stats().Strangers == 0 {
			return errors.New("none")
		}
		return nil
	})
}

// A node that is told to end hands over what it leads and what it holds. The stream goes on without a lost result,
// also when its splitter leaves, one node after the other.
func TestNode_thatLeavesHandsOverWithoutALostResult(t *testing.T) {
	crew, client, stream := startWorking(t, 4)
	for range 2 {
		leader := client.leader(t, crew, stream.ID)
		crew = slices.DeleteFunc(crew, func(n *running) bool { return n == leader })
		if err := leader.end(); err != nil {
			t.Errorf("%s ended with %v", leader.cfg.Name, err)
		}
		if !leader.diary.has("drained") || leader.diary.has("without being drained") {
			t.Errorf("%s left without having handed over", leader.cfg.Name)
		}
		client.untilFrames(t, stream, 0, client.newest(stream.ID)+10)
	}
	client.noneTwice(t)
}

// A node that is started again joins at once, as another member of the same name. The others see one loss and one
// greeting, and nothing more for as long as one watches (E-064).
func TestNode_startedAgainIsOneLeaveAndOneJoin(t *testing.T) {
	crew, client, stream := startWorking(t, 3)
	client.untilStatuses(t, 2, "n1", "n2", "n3")
	client.mu.Lock()
	client.events = nil
	client.mu.Unlock()

	if err := crew[1].end(); err != nil {
		t.Fatalf("n2 ended with %v", err)
	}
	again := startNode(t, crew[0].cfg.Credentials, "n2", crew[0].member.Gossip)
	if again.member.Incarnation <= crew[1].member.Incarnation {
		t.Errorf("incarnation %d after %d, want a higher one", again.member.Incarnation, crew[1].member.Incarnation)
	}
	eventually(t, "the new n2 is greeted by both", func() error {
		if n := client.told("recover", "n2"); n < 2 {
			return fmt.Errorf("%d greetings", n)
		}
		return nil
	})
	client.untilStatuses(t, 20, "n1", "n2", "n3") // five seconds: two refreshes of the original's
	if n := client.told("detect", "n2"); n != 2 {
		t.Errorf("n2 was missed %d times, want once by each of two", n)
	}
	if n := client.told("recover", "n2"); n != 2 {
		t.Errorf("n2 was greeted %d times, want once by each of two", n)
	}
	now, before := client.incarnations("n2")
	if now != again.member.Incarnation || !slices.Equal(before, []uint64{crew[1].member.Incarnation}) {
		t.Errorf("the client knows n2 as incarnation %d after %d, want %d after %d alone",
			now, before, again.member.Incarnation, crew[1].member.Incarnation)
	}
	client.untilFrames(t, stream, 0, client.newest(stream.ID)+3)
	client.noneTwice(t)
}

func TestNode_endsWhenItsGossipAddressIsTaken(t *testing.T) {
	creds := newKeys(t)
	first := startNode(t, creds, "n1")
	second, err := NewNode(NodeConfig{Name: "n2", Credentials: creds, Gossip: first.member.Gossip})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := second.Run(ctx); err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), first.member.Gossip) {
		t.Errorf("Run on a taken address = %v, want an error that names %s", err, first.member.Gossip)
	}
}

var _ front.Cluster = (*Node)(nil)
