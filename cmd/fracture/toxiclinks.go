package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"fracture/chaos"
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

	mu     sync.Mutex            // guards what follows; it is taken before the breaker's
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
	l.breaker.mu.Lock()
	defer l.breaker.mu.Unlock()
	if err := l.spare(name, at, state); err != nil {
		return err
	}
	begun, err := l.begin(ctx, at, wanted, state.Cut && !at.state.Cut)
	if err != nil {
		return errors.Join(err, l.end(context.WithoutCancel(ctx), begun))
	}
	var over, stand []toxicFault
	for _, t := range at.stand {
		if slices.ContainsFunc(wanted, func(w wantedFault) bool { return w.what == t.what }) {
			stand = append(stand, t)
		} else {
			over = append(over, t)
		}
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

// begin has those that do not stand yet begin. A link that is cut now breaks first, as the connections of a proxy do that is
// not enabled any more. What began is answered also beside an error.
func (l *toxicLinks) begin(ctx context.Context, at *toxicLink, wanted []wantedFault, cut bool) (begun []toxicFault, err error) {
	for _, w := range wanted {
		if slices.ContainsFunc(at.stand, func(t toxicFault) bool { return t.what == w.what }) {
			continue
		}
		f, err := l.injector.begin(ctx, w.harm)
		if err != nil {
			return begun, err
		}
		begun = append(begun, toxicFault{w.what, f.id})
	}
	if !cut {
		return begun, nil
	}
	h, err := parseHarm([]string{"reset", "--node", at.ends[0], "--peer", at.ends[1]})
	if err == nil {
		_, err = l.injector.begin(ctx, h)
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
		if err := l.injector.heal(ctx, t.id); err != nil && !errors.Is(err, errNoSuchFault) && l.lives(err) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// lives reports whether an error is one of nodes that are all up.
func (l *toxicLinks) lives(err error) bool {
	for _, n := range l.stock() {
		if !n.Up() && strings.Contains(err.Error(), n.Name+": ") {
			return false
		}
	}
	return true
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

// spare checks whether a link may be in a state: whom nobody hears any more counts as broken.
func (l *toxicLinks) spare(name string, at *toxicLink, state toxiproxy.State) error {
	nodes := l.members()
	before := l.isolated(nodes, "", nil)
	after := l.isolated(nodes, name, &toxicLink{ends: at.ends, state: state})
	victims := slices.DeleteFunc(after, func(n string) bool { return slices.Contains(before, n) })
	if len(victims) == 0 {
		return nil
	}
	var stock []control.Stock
	for _, n := range l.stocks() {
		n.Broken = n.Broken || slices.Contains(before, n.Name)
		stock = append(stock, n)
	}
	if err := l.limits.Check(stock, victims, false); err != nil {
		return fmt.Errorf("%w: no other node would hear %s: %w, by `fracture inject` or the control API", toxiproxy.ErrTooMuch, strings.Join(victims, ", "), err)
	}
	return nil
}

// isolated are the nodes that no other hears because of what the links suffer, one of them otherwise than it does. Where that
// is every node, one of them is no worse off than if the others had died.
func (l *toxicLinks) isolated(nodes []control.Node, name string, other *toxicLink) (list []string) {
	mute := func(a, b string) bool {
		link, from := linkName(a, b), 0
		if at := l.links[link]; at == nil && link != name {
			link, from = linkName(b, a), 1
		}
		at := l.links[link]
		if link == name {
			at = other
		}
		return at != nil && at.ends[from] == a && at.shut(from)
	}
	for _, n := range nodes {
		if len(nodes) > 1 && !slices.ContainsFunc(nodes, func(o control.Node) bool { return o.Name != n.Name && o.Up() && !mute(n.Name, o.Name) }) {
			list = append(list, n.Name)
		}
	}
	if len(list) == len(nodes) && len(list) > 0 {
		list = list[1:]
	}
	return list
}

// shut reports whether nothing passes from one of the ends.
func (t *toxicLink) shut(from int) bool {
	stream := [2]string{toxiproxy.Upstream, toxiproxy.Downstream}[from]
	return t.state.Cut || slices.ContainsFunc(t.state.Toxics, func(t toxiproxy.Toxic) bool {
		words := toxicWords(t)
		return t.Stream == stream && t.Toxicity >= 1 && len(words) > 0 && words[0] == chaos.Blackhole.String()
	})
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
