package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
)

// ErrNameTaken: a living member of the cluster bears the name. Choose another with --name.
var ErrNameTaken = errors.New("the name is taken")

// ErrNoCluster: no address given with --join answered with this cluster's key. Check the address and the cluster
// directory.
var ErrNoCluster = errors.New("no member of the cluster could be reached")

// Member is a process of the cluster, as gossip describes it.
type Member struct {
	Name        string `json:"n"`
	Incarnation uint64 `json:"i"`
	Link        string `json:"l,omitempty"` // host:port of its links; none at a sink
	Beat        string `json:"b,omitempty"` // host:port of its beats; none at a sink
	HTTP        string `json:"h,omitempty"` // host:port of its front door, where it has one
	Zone        string `json:"z,omitempty"`
	Sink        bool   `json:"s,omitempty"`
	Gossip      string `json:"-"` // host:port of its gossip
}

// ID is the member's identity.
func (m Member) ID() failover.NodeID { return failover.Identify(m.Name, m.Incarnation) }

// member is what the core is told of it.
func (m Member) member() failover.Member {
	out := failover.Member{ID: m.ID(), Weight: failover.WeightOf(m.Name), Sink: m.Sink}
	if m.Zone != "" {
		out.Zone = uint32(failover.WeightOf(m.Zone)) | 1
	}
	return out
}

// gossip tells who exists. It decides nothing else: its verdict on a dead node comes after seconds.
//
// A process gossips under its name and its incarnation, so a node started again is a new member at once, whatever is
// still believed of its predecessor.
type gossip struct {
	self    Member
	list    *memberlist.Memberlist
	mouth   *mouth
	joined  func(Member)
	left    func(Member)
	meta    []byte
	log     *slog.Logger
	address string
	going   chan struct{} // closed when the process leaves
	greeted chan struct{} // closed when greet has ended; nil before it began

	strangers atomic.Uint64 // packets and connections without this cluster's key or label
}

// gossipLeave bounds how long a leaving process waits for its goodbye to spread.
const gossipLeave = 500 * time.Millisecond

// startGossip opens gossip's sockets and begins to answer. joined and left are called on memberlist's goroutine, with
// its lock held: they must not wait.
func startGossip(self Member, creds *wire.Credentials, addr string, logs *slog.Logger, joined, left func(Member)) (*gossip, error) {
	g := &gossip{self: self, joined: joined, left: left, log: logs, going: make(chan struct{})}
	var err error
	if g.meta, err = json.Marshal(self); err != nil {
		return nil, fmt.Errorf("describing this process to gossip: %w", err)
	}
	if len(g.meta) > memberlist.MetaMaxSize {
		return nil, fmt.Errorf("describing this process to gossip: %d bytes, at most %d: use a shorter name or zone",
			len(g.meta), memberlist.MetaMaxSize)
	}
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("gossip address %q: %w", addr, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("gossip address %q: port: %w", addr, err)
	}
	cfg := memberlist.DefaultLANConfig()
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		cfg = memberlist.DefaultLocalConfig()
	}
	cfg.Name = fmt.Sprintf("%s/%x", self.Name, self.Incarnation)
	cfg.BindAddr, cfg.BindPort = host, int(port)
	cfg.AdvertisePort = int(port)
	cfg.SecretKey, cfg.Label = creds.Gossip[:], creds.Label
	cfg.EnableCompression = false
	cfg.Delegate, cfg.Events = g, g
	cfg.Logger = log.New(g, "", 0)
	if g.mouth, err = openMouth(cfg); err != nil {
		return nil, fmt.Errorf("listening for gossip on %s: %w", addr, err)
	}
	if g.list, err = memberlist.Create(cfg); err != nil {
		_ = g.mouth.Shutdown()
		return nil, fmt.Errorf("listening for gossip on %s: %w", addr, err)
	}
	local := g.list.LocalNode()
	g.address = net.JoinHostPort(local.Addr.String(), strconv.Itoa(int(local.Port)))
	return g, nil
}

// portTries is how often a port that is free for TCP and for UDP is sought, as memberlist itself does.
const portTries = 10

// openMouth opens gossip's sockets, any where the port is 0, and enters them into cfg.
func openMouth(cfg *memberlist.Config) (*mouth, error) {
	var err error
	for range portTries {
		var transport *memberlist.NetTransport
		transport, err = memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{cfg.BindAddr}, BindPort: cfg.BindPort, Logger: cfg.Logger,
		})
		if err == nil {
			m := &mouth{NetTransport: transport}
			cfg.BindPort = transport.GetAutoBindPort()
			cfg.AdvertisePort, cfg.Transport = cfg.BindPort, m
			return m, nil
		}
		if cfg.BindPort != 0 || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return nil, err
}

// Write takes memberlist's log lines: it counts those that turn a stranger away, and passes all on. It goes by their text,
// for memberlist tells nobody else.
func (g *gossip) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("unacceptable label")) || bytes.Contains(line, []byte("ecrypt")) {
		g.strangers.Add(1)
	}
	g.log.Debug("gossip", "line", string(line))
	return len(line), nil
}

// join contacts members by address; one that answers is enough.
func (g *gossip) join(addrs []string) error {
	if len(addrs) == 0 {
		return nil
	}
	if n, err := g.list.Join(addrs); n == 0 {
		return fmt.Errorf("joining %v: %w: %w", addrs, ErrNoCluster, err)
	}
	if err := g.nameFree(); err != nil {
		return err
	}
	g.greeted = make(chan struct{})
	go g.greet(addrs)
	return nil
}

// maxGreeted bounds the members that a newcomer contacts of itself.
const maxGreeted = 32

// greet tells the members of whom this process has just heard that it is there. What it said to those that it joined reaches
// the others by chance; one that is missed, as a sink may be whom nobody joins, hears of it when two members next compare all
// they know, and that is every 15 s and more. Some may have died unnoticed, and take their time not to answer.
func (g *gossip) greet(contacted []string) {
	defer close(g.greeted)
	calls := 0
	for _, node := range g.list.Members() {
		m, err := describe(node)
		if err != nil || m.ID() == g.self.ID() || slices.Contains(contacted, m.Gossip) {
			continue
		}
		select {
		case <-g.going:
			return
		default:
		}
		if calls++; calls > maxGreeted {
			g.log.Debug("gossip", "greeted", maxGreeted, "of", g.list.NumMembers())
			return
		}
		if _, err := g.list.Join([]string{m.Gossip}); err != nil {
			g.log.Debug("gossip", "greeting", m.Name, "err", err)
		}
	}
}

// nameFree asks whether another living process bears this one's name. A predecessor that gossip has not yet given up
// does not: its sockets are closed.
func (g *gossip) nameFree() error {
	for _, node := range g.list.Members() {
		m, err := describe(node)
		if err != nil || m.Name != g.self.Name || m.Incarnation == g.self.Incarnation || m.Link == "" {
			continue
		}
		conn, err := net.DialTimeout("tcp", m.Link, time.Second)
		if err != nil {
			continue
		}
		_ = conn.Close()
		return fmt.Errorf("%w: %q runs at %s; choose another with --name", ErrNameTaken, m.Name, m.Link)
	}
	return nil
}

// leave says goodbye, which it waits for no longer than it may, and closes gossip.
func (g *gossip) leave(within time.Duration) {
	close(g.going)
	until := clock.Now().Add(min(within, gossipLeave))
	if g.greeted != nil {
		select {
		case <-g.greeted:
		case <-time.After(until.Sub(clock.Now())): // a member that is dead and far away is still being called
		}
	}
	_ = g.list.Leave(max(until.Sub(clock.Now()), time.Millisecond)) // a goodbye that nobody hears is found out by silence
	_ = g.list.Shutdown()
}

// describe reads what a member says of itself.
func describe(node *memberlist.Node) (Member, error) {
	var m Member
	if err := json.Unmarshal(node.Meta, &m); err != nil {
		return m, fmt.Errorf("reading what %s says of itself: %w", node.Name, err)
	}
	m.Gossip = net.JoinHostPort(node.Addr.String(), strconv.Itoa(int(node.Port)))
	return m, nil
}

// NotifyJoin implements memberlist.EventDelegate.
func (g *gossip) NotifyJoin(node *memberlist.Node) { g.tell(node, g.joined) }

// NotifyUpdate implements memberlist.EventDelegate: what a process says of itself never changes.
func (g *gossip) NotifyUpdate(*memberlist.Node) {}

// NotifyLeave implements memberlist.EventDelegate.
func (g *gossip) NotifyLeave(node *memberlist.Node) { g.tell(node, g.left) }

func (g *gossip) tell(node *memberlist.Node, what func(Member)) {
	m, err := describe(node)
	if err != nil || (m.Name == g.self.Name && m.Incarnation == g.self.Incarnation) {
		return // a member that cannot be read holds the key but is no node of ours
	}
	what(m)
}

// NodeMeta implements memberlist.Delegate.
func (g *gossip) NodeMeta(int) []byte { return g.meta }

// NotifyMsg implements memberlist.Delegate: nothing is said over gossip but who exists.
func (g *gossip) NotifyMsg([]byte) {}

// GetBroadcasts implements memberlist.Delegate.
func (g *gossip) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState implements memberlist.Delegate.
func (g *gossip) LocalState(bool) []byte { return nil }

// MergeRemoteState implements memberlist.Delegate.
func (g *gossip) MergeRemoteState([]byte, bool) {}
