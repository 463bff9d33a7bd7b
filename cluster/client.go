package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
	"fracture/telemetry"
	"fracture/work"
)

// ClientConfig is what a client is told at its making. Of the functions, Deliver and Answer are called on the client's loop,
// News on the goroutines of its links, of several at once. None may wait; where one panics, Run ends with a [Panic].
type ClientConfig struct {
	Name        string // of this process among the members; must be its own
	Credentials *wire.Credentials
	Gossip      string   // host:port of its membership; any port, where this host reaches the first of Join
	Join        []string // gossip addresses of members
	Log         *slog.Logger

	Deliver func(m *failover.Message, arrival clock.Instant) // the first valid result of a task; it may be kept
	Answer  func(m *failover.Message)                        // Accepted; Refused for good, or Stopped; Changed; Revised
	News    func(news telemetry.News)                        // of the nodes
}

// Client is a process that receives results: a sink, linked to every node.
type Client struct {
	cfg    ClientConfig
	self   Member
	id     failover.NodeID
	in     *inbox
	links  *wire.Links
	roster *roster
	sink   *failover.Sink
	broken chan error // of size 1: a panic beside the loop
}

// Panic is the error of a goroutine that panicked: a fault of the program's. Let the process end in order, and show the
// stack to whoever can mend it.
type Panic struct {
	value any
	stack []byte
}

// Error names what was panicked with; the stack is asked for.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Stack is the stack of the goroutine where it panicked.
func (p *Panic) Stack() []byte { return p.stack }

// Catch, deferred, makes an error of a panic.
func Catch(err *error) {
	if r := recover(); r != nil {
		*err = &Panic{value: r, stack: debug.Stack()}
	}
}

// NewClient makes a client. Nothing runs until Run.
func NewClient(cfg ClientConfig) (*Client, error) {
	if err := checkName(cfg.Name); err != nil {
		return nil, err
	}
	if cfg.Gossip == "" {
		cfg.Gossip = reaching(cfg.Join)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Client{
		cfg: cfg, in: newInbox(), broken: make(chan error, 1),
		self: Member{Name: cfg.Name, Incarnation: clock.Stamp(), Sink: true},
	}
	c.id = c.self.ID()
	c.roster = newRoster(c.self, c.in)
	c.sink = failover.NewSink(failover.SinkConfig{ID: c.id, Clock: clock.Axis()})
	return c, nil
}

// reaching is any port at the address of this host from which the first of some members is reached, so that they reach this
// process there; on the loopback where there is none, or it is not given by its address.
func reaching(join []string) string {
	const loopback = "127.0.0.1:0"
	if len(join) == 0 {
		return loopback
	}
	there, err := netip.ParseAddrPort(join[0])
	if err != nil || there.Addr().IsLoopback() {
		return loopback
	}
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(there)) // which says nothing
	if err != nil {
		return loopback
	}
	defer func() { _ = socket.Close() }()
	here := socket.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	return netip.AddrPortFrom(here.Unmap(), 0).String()
}

// Submit asks the cluster for a stream; the answer comes by Answer, the results by Deliver.
func (c *Client) Submit(stream *work.Stream) {
	c.tell(failover.Message{Kind: failover.Submit, Stream: stream})
}

// Change asks for a stream that runs to be guarded with stream's strategy and factor from now on; the answer comes by
// Answer.
func (c *Client) Change(stream *work.Stream) {
	c.tell(failover.Message{Kind: failover.Change, Stream: stream})
}

// Revise asks for the function of a stream that runs to be told stream's Params from now on; the answer comes by Answer, and so
// does that of anybody else who asks. What is asked for before an answer takes the place of what was asked for before.
func (c *Client) Revise(stream *work.Stream) {
	c.tell(failover.Message{Kind: failover.Revise, Stream: stream})
}

// Told asks what the function of a stream is told now; the answer comes by Answer, as if it had just been revised.
func (c *Client) Told(stream work.StreamID) {
	c.tell(failover.Message{Kind: failover.Revise, Have: 1, Stream: &work.Stream{ID: stream}})
}

// Watch subscribes to a stream that somebody else submitted; 0 is all of them.
func (c *Client) Watch(stream work.StreamID) {
	c.tell(failover.Message{Kind: failover.Subscribe, Task: work.TaskID{Stream: stream}})
}

// ErrUnlinked: no link to a node of that name stands now, or it takes no more. Ask again once it does.
var ErrUnlinked = errors.New("no link to the node")

// Order tells a node which faults are to stand at it, in place of all that this client ordered before; its Lease says for
// how long, and nothing outlives this process. The node answers with an event that bears the order's ID.
func (c *Client) Order(node string, o chaos.Order) error {
	text, err := o.Append(nil)
	if err != nil {
		return err
	}
	m, ok := c.roster.named(node)
	if !ok || !c.links.SendTelemetry(m.ID(), text) {
		return fmt.Errorf("%s: %w", node, ErrUnlinked)
	}
	c.links.Flush()
	return nil
}

// Members lists the other processes of the cluster, as gossip tells of them.
func (c *Client) Members() []Member { return c.roster.members() }

// Name spells a member's id.
func (c *Client) Name(id failover.NodeID) string { return c.roster.name(id) }

// Nodes names the nodes that gossip knows of by now.
func (c *Client) Nodes() (names []string) {
	for _, m := range c.roster.members() {
		if !m.Sink {
			names = append(names, m.Name)
		}
	}
	return names
}

func (c *Client) tell(m failover.Message) {
	c.in.put(failover.Event{Kind: failover.Received, Peer: c.id, Message: m})
}

// Run joins the cluster and receives until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	var err error
	c.links, err = wire.Listen(wire.LinksConfig{
		Self:        wire.Peer{Name: c.self.Name, Incarnation: c.self.Incarnation, Sink: true},
		Credentials: c.cfg.Credentials,
		Up: func(p wire.Peer) {
			c.roster.up(p.ID)
			c.in.put(failover.Event{Kind: failover.LinkUp, Peer: p.ID})
		},
		Down: func(p wire.Peer) {
			c.roster.down(p.ID)
			c.in.put(failover.Event{Kind: failover.LinkDown, Peer: p.ID})
		},
		Received:  c.in.putMessages,
		Telemetry: c.news,
	})
	if err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return c.links.Run(inner) })
	group.Go(func() (err error) {
		defer Catch(&err)
		return c.loop(inner)
	})
	group.Go(func() error {
		select {
		case err := <-c.broken:
			return err
		case <-inner.Done():
			return nil
		}
	})
	group.Go(func() error {
		g, err := startGossip(c.self, c.cfg.Credentials, c.cfg.Gossip, c.cfg.Log, c.roster.joined, c.roster.left)
		if err != nil {
			return err
		}
		defer g.leave(gossipLeave)
		if err := g.join(c.cfg.Join); err != nil {
			return err
		}
		<-inner.Done()
		return nil
	})
	return group.Wait()
}

// news passes on what a node tells of itself; a line that cannot be read is dropped.
func (c *Client) news(from failover.NodeID, items [][]byte) {
	if c.cfg.News == nil {
		return
	}
	var broken error
	defer func() {
		if broken != nil {
			select {
			case c.broken <- broken:
			default: // one is enough
			}
		}
	}()
	defer Catch(&broken)
	for _, item := range items {
		if news, err := telemetry.ParseNews(item); err == nil {
			c.cfg.News(news)
		} else {
			c.cfg.Log.Warn("reading telemetry", "from", c.roster.name(from), "err", err)
		}
	}
}

// loop takes what happened out of the inbox and steps the sink until ctx ends.
func (c *Client) loop(ctx context.Context) error {
	defer c.in.close()
	bell, err := hangBell(c.in.wake)
	if err != nil {
		return err
	}
	defer bell.takeDown()
	c.in.wake()
	var in taken // its messages are left to the collector: who is told of a result may keep it
	var effects []failover.Effect
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.in.ready:
		}
		in = c.in.take(in)
		for i := range in.events {
			c.membership(&in.events[i])
			now := clock.Now()
			effects = c.sink.Step(now, in.events[i], effects[:0])
			c.carryOut(now, effects)
		}
		now := clock.Now()
		effects = c.sink.Step(now, failover.Event{Kind: failover.Tick}, effects[:0])
		c.carryOut(now, effects)
		c.links.Flush()
		bell.ring(clock.Now(), c.sink.Wake())
	}
}

// membership links this client with nodes that join; other sinks are none of its business.
func (c *Client) membership(ev *failover.Event) {
	switch ev.Kind {
	case failover.Joined:
		if m, ok := c.roster.find(ev.Peer); ok && !m.Sink {
			c.links.Connect(wire.Peer{ID: ev.Peer, Name: m.Name, Incarnation: m.Incarnation, Addr: m.Link, Dial: true})
		}
	case failover.Left:
		c.links.Disconnect(ev.Peer)
	default:
	}
}

func (c *Client) carryOut(now clock.Instant, effects []failover.Effect) {
	for i := range effects {
		switch e := &effects[i]; e.Kind {
		case failover.Send:
			c.links.Send(e.Peer, &e.Message)
		case failover.Deliver:
			if c.cfg.Deliver != nil {
				c.cfg.Deliver(&e.Message, now)
			}
		case failover.Forward:
			if c.cfg.Answer != nil {
				c.cfg.Answer(&e.Message)
			}
		default: // what it repeats, refuses and drops is told by nobody here
		}
	}
}
