package toxiproxy

import (
	"context"
	"fmt"
	"slices"
)

// Links are the links between the nodes of a running cluster, which appear as proxies, one for each two nodes. Both methods
// are called from one goroutine at a time.
type Links interface {
	// List are the links of this moment, in any order. A name is one that no proxy has.
	List() []Link
	// Set makes a link suffer this and nothing else, from when it returns until it is set again; the zero State heals it,
	// and is no error where the link is no longer there.
	// Who carries it out keeps it standing, also where a node begins anew. An error means that all is as before; it wraps
	// [ErrUnable] where the link cannot suffer such a toxic at all, and [ErrTooMuch] where the cluster is not to.
	Set(ctx context.Context, name string, state State) error
}

// Link is what two nodes say to each other.
type Link struct {
	Name     string // such as n1-n2: Upstream is what n1 says to n2, Downstream what n2 says to n1
	Listen   string // the address of the first node
	Upstream string // the address of the second
	Healed   uint64 // how often others than the server have ended all that it suffered: where it grows, that is nothing now
}

// State is what a link suffers.
type State struct {
	Cut    bool    // nothing passes: the proxy is not enabled
	Toxics []Toxic // those upstream first
}

// linked is a link as a proxy.
type linked struct {
	Link
	links Links
	state State
}

func (l *linked) show() Proxy {
	return Proxy{Name: l.Name, Listen: l.Listen, Upstream: l.Upstream, Enabled: !l.state.Cut}
}

func (l *linked) carries() carrier { return links }

func (l *linked) all() []Toxic {
	if l.state.Toxics == nil {
		return []Toxic{}
	}
	return l.state.Toxics
}

// be has the link suffer a state, and remembers it.
func (l *linked) be(ctx context.Context, state State) error {
	if err := l.links.Set(ctx, l.Name, state); err != nil {
		return fmt.Errorf("link %s: %w", l.Name, err)
	}
	l.state = state
	return nil
}

func (l *linked) update(ctx context.Context, told Proxy) error {
	if told.Listen != l.Listen || told.Upstream != l.Upstream {
		return errLinkIsGiven
	}
	if told.Enabled == !l.state.Cut {
		return nil
	}
	return l.be(ctx, State{Cut: !told.Enabled, Toxics: l.state.Toxics})
}

func (l *linked) set(ctx context.Context, t Toxic) error {
	toxics := slices.Clone(l.state.Toxics)
	at := slices.IndexFunc(toxics, func(o Toxic) bool { return o.Name == t.Name })
	switch {
	case at >= 0:
		toxics[at] = t
	case t.Stream == Upstream:
		first := slices.IndexFunc(toxics, func(o Toxic) bool { return o.Stream != Upstream })
		if first < 0 {
			first = len(toxics)
		}
		toxics = slices.Insert(toxics, first, t)
	default:
		toxics = append(toxics, t)
	}
	return l.be(ctx, State{Cut: l.state.Cut, Toxics: toxics})
}

func (l *linked) unset(ctx context.Context, t Toxic) error {
	toxics := slices.DeleteFunc(slices.Clone(l.state.Toxics), func(o Toxic) bool { return o.Name == t.Name })
	return l.be(ctx, State{Cut: l.state.Cut, Toxics: toxics})
}

func (l *linked) restore(ctx context.Context) error {
	if !l.state.Cut && len(l.state.Toxics) == 0 {
		return nil
	}
	return l.be(ctx, State{})
}
