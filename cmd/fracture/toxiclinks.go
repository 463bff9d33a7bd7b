package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"fracture/chaos/toxiproxy"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/control"
	"fracture/telemetry"
)

// toxicLinks are the links of a running cluster as Toxiproxy's API shows them: one for each two nodes. What they suffer are
// faults of the injector, told to the node at whose end each belongs.
type toxicLinks struct {
	*breaker
	ending <-chan struct{} // closed when the cluster ends too, and nothing is healed any more

	mu     sync.Mutex            // guards what follows, also while nodes confirm; it is taken before the breaker's
	links  map[string]*toxicLink // those that suffer something, by name
	healed map[string]uint64     // how often somebody else has ended all of it
}

// toxicLink is what one link suffers.
type toxicLink struct {
	ends  [2]string // upstream is from the first to the second
	state toxiproxy.State
	stand []toxicFault
}

// toxicFault is one fault of a link that stands.
type toxicFault struct {
	what string // the toxic's name, and the words
	id   uint32 // the injector's
	node string // who is ordered it
}

func newToxicLinks(b *breaker, ending <-chan struct{}) *toxicLinks {
	return &toxicLinks{breaker: b, ending: ending, links: map[string]*toxicLink{}, healed: map[string]uint64{}}
}

// linkName names what two nodes say to each other. Where the name of a node has a dash, another sign keeps the two apart.
func linkName(a, b string) string {
	if strings.Contains(a+b, "-") {
		return a + "~" + b
	}
	return a + "-" + b
}

// members are the nodes that are known and do not leave, as people count them.
func (l *toxicLinks) members() []control.Node {
	nodes := slices.DeleteFunc(l.stock(), func(n control.Node) bool { return n.State == "leaving" })
	slices.SortFunc(nodes, byName)
	return nodes
}

// List implements toxiproxy.Links.
func (l *toxicLinks) List() (list []toxiproxy.Link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notice()
	nodes := l.members()
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			name := linkName(a.Name, b.Name)
			list = append(list, toxiproxy.Link{Name: name, Listen: a.Gossip, Upstream: b.Gossip, Healed: l.healed[name]})
		}
	}
	return list
}

// notice forgets the links whose faults somebody else has ended, all of them; the caller holds mu.
func (l *toxicLinks) notice() {
	stands := l.injector.faults()
	for name, at := range l.links {
		still := slices.ContainsFunc(at.stand, func(t toxicFault) bool {
			return slices.ContainsFunc(stands, func(f *standingFault) bool { return f.id == t.id })
		})
		if len(at.stand) > 0 && !still {
			delete(l.links, name)
			l.healed[name]++
		}
	}
}

// wantedFault is a fault that a link is to suffer.
type wantedFault struct {
	what string
	harm harm
}

// Set implements toxiproxy.Links. What the link suffers already stands on as it is.
func (l *toxicLinks) Set(ctx context.Context, name string, state toxiproxy.State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := l.link(name)
	if at == nil {
		if !state.Cut && len(state.Toxics) == 0 {
			return nil
		}
		return err
	}
	wanted, err := l.wanted(name, at.ends, state)
	if err != nil {
		return err
	}
	var over, stand []toxicFault
	for _, t := range at.stand {
		if slices.ContainsFunc(wanted, func(w wantedFault) bool { return w.what == t.what }) {
			stand = append(stand, t)
		} else {
			over = append(over, t)
		}
	}
	begun, err := l.begin(ctx, at, wanted, over, state.Cut && !at.state.Cut)
	if err != nil {
		return errors.Join(err, l.end(context.WithoutCancel(ctx), begun))
	}
	at.state, at.stand = state, append(stand, begun...)
	if l.links[name] = at; !state.Cut && len(state.Toxics) == 0 {
		delete(l.links, name)
	}
	return l.end(ctx, over)
}

// link finds what a link suffers; nil, and why, where there is no such link.
func (l *toxicLinks) link(name string) (*toxicLink, error) {
	if at := l.links[name]; at != nil {
		return at, nil
	}
	nodes := l.members()
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			if linkName(a.Name, b.Name) == name {
				return &toxicLink{ends: [2]string{a.Name, b.Name}}, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: none between two nodes is called %s", errNoSuchNode, name)
}

// wanted are the faults that a state asks for.
func (l *toxicLinks) wanted(link string, ends [2]string, state toxiproxy.State) (list []wantedFault, err error) {
	add := func(toxic string, words []string) error {
		h, err := parseHarm(words)
		if err != nil {
			return fmt.Errorf("%w: %w", toxiproxy.ErrUnable, err)
		}
		h.last = untilRemoved
		h.place = 1<<20 + toxicLuck(link, toxic)>>8 // behind the places of any scenario
		list = append(list, wantedFault{strings.Join(append([]string{toxic}, words...), " "), h})
		return nil
	}
	if state.Cut {
		for i, node := range ends {
			if err := add("", []string{"cut", "--node", node, "--peer", ends[1-i]}); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range state.Toxics {
		from, to := ends[1], ends[0]
		if t.Stream == toxiproxy.Upstream {
			from, to = to, from
		}
		words := suffering(l.injector.seed, link, t, from, to)
		if words == nil {
			continue
		}
		if err := add(t.Name, words); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// begin has those that do not stand yet begin, in place of those that will be over. A link that is cut now breaks as well, as the
// connections of a proxy do that is not enabled any more. What began is answered also beside an error.
func (l *toxicLinks) begin(
	ctx context.Context, at *toxicLink, wanted []wantedFault, over []toxicFault, cut bool,
) (begun []toxicFault, err error) {
	wanted = slices.DeleteFunc(wanted, func(w wantedFault) bool {
		return slices.ContainsFunc(at.stand, func(t toxicFault) bool { return t.what == w.what })
	})
	var harms []harm
	for _, w := range wanted {
		harms = append(harms, w.harm)
	}
	if cut {
		h, err := parseHarm([]string{"reset", "--node", at.ends[0], "--peer", at.ends[1]})
		if err != nil {
			return nil, err
		}
		harms = append(harms, h)
	}
	var ending []uint32
	for _, t := range over {
		ending = append(ending, t.id)
	}
	stood, err := l.beginAll(ctx, harms, ending)
	for i, f := range stood[:min(len(stood), len(wanted))] {
		begun = append(begun, toxicFault{wanted[i].what, f.id, f.nodes[0]})
	}
	if errors.Is(err, control.ErrConflict) {
		err = fmt.Errorf("%w: %w, by `fracture inject` or the control API", toxiproxy.ErrTooMuch, err)
	}
	return begun, err
}

// end ends faults that stand. One that others have ended is as good, and so is what a node suffers that does not live: its
// order is over with its lease.
func (l *toxicLinks) end(ctx context.Context, list []toxicFault) (failed error) {
	select {
	case <-l.ending:
		return nil
	default:
	}
	for _, t := range list {
		if err := l.injector.heal(ctx, t.id); err != nil && !errors.Is(err, errNoSuchFault) && l.lives(t) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// lives reports whether the node at which a fault was to end is up, and that it did not heed is its own doing.
func (l *toxicLinks) lives(t toxicFault) bool {
	return !slices.ContainsFunc(l.stock(), func(n control.Node) bool { return n.Name == t.node && !n.Up() })
}

// heal ends what all links suffer, and says what that was.
func (l *toxicLinks) heal(ctx context.Context) (healed []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, at := range l.links {
		if len(at.stand) > 0 {
			err = errors.Join(err, l.end(ctx, at.stand))
			healed = append(healed, name+" enabled, without toxics")
		}
	}
	l.notice()
	slices.Sort(healed)
	return healed, err
}

// checkToxiproxy refuses an address for Toxiproxy's API that others reach, or that is none.
func checkToxiproxy(address string) error {
	if address == "" {
		return nil
	}
	if err := checkAddress("--toxiproxy", address, "127.0.0.1:8474"); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--toxiproxy %s: other hosts could reach it, and it asks for no token: give 127.0.0.1:%s", address, port)
	}
	return nil
}

// serveLinks serves Toxiproxy's API on links until ctx ends, and tells where it is, where anybody wants to know.
func serveLinks(ctx context.Context, address string, l *toxicLinks, told func(telemetry.Event)) error {
	s := toxiproxy.New(toxiproxy.Config{Address: address, Seed: l.injector.seed, Links: l})
	var addr net.Addr
	err := l.breaker.injector.home.atHost(func() (err error) { addr, err = s.Listen(ctx); return err })
	if err != nil {
		return fmt.Errorf("--toxiproxy %s: %w", address, err)
	}
	if told != nil {
		told(telemetry.Event{
			Trace: failover.Trace{At: clock.Now(), Node: "lab", Verb: "listen"},
			Text:  fmt.Sprintf("Toxiproxy's API is at http://%v, and shows the links between nodes as proxies", addr),
		})
	}
	return s.Run(ctx)
}
