package toxiproxy

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// What follows has the server's lock.

// named is a proxy or a link, by its name.
type named interface {
	show() Proxy
	carries() carrier
	all() []Toxic
	update(ctx context.Context, told Proxy) error
	set(ctx context.Context, t Toxic) error
	unset(ctx context.Context, t Toxic) error
}

// shown is what a reply says of a proxy.
type shown struct {
	Proxy
	Toxics []Toxic `json:"toxics"`
}

func show(n named) shown { return shown{n.show(), n.all()} }

// links are the links of this moment, with what they suffer.
func (s *Server) links() []*linked {
	if s.cfg.Links == nil {
		return nil
	}
	var all []*linked
	for _, link := range s.cfg.Links.List() {
		l := s.linked[link.Name]
		if l == nil {
			l = &linked{links: s.cfg.Links}
			s.linked[link.Name] = l
		}
		if l.Healed != link.Healed {
			l.state = State{}
		}
		l.Link = link
		all = append(all, l)
	}
	return all
}

// everything are all proxies and links, by name.
func (s *Server) everything() []named {
	byName := map[string]named{}
	for _, l := range s.links() {
		byName[l.Name] = l
	}
	for name, p := range s.proxies {
		byName[name] = p
	}
	var all []named
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all
}

// find is the proxy or the link of a name.
func (s *Server) find(name string) (named, error) {
	if p := s.proxies[name]; p != nil {
		return p, nil
	}
	if l := s.link(name); l != nil {
		return l, nil
	}
	return nil, errNoProxy
}

func (s *Server) link(name string) *linked {
	all := s.links()
	if at := slices.IndexFunc(all, func(l *linked) bool { return l.Name == name }); at >= 0 {
		return all[at]
	}
	return nil
}

// create makes a proxy, and starts it where it is enabled.
func (s *Server) create(told Proxy) (named, error) {
	if s.link(told.Name) != nil {
		return nil, errLinkIsGiven
	}
	if s.proxies[told.Name] != nil {
		return nil, errProxyExists
	}
	return s.add(told)
}

func (s *Server) add(told Proxy) (named, error) {
	if len(s.proxies) >= s.cfg.MaxProxies {
		return nil, errManyProxies
	}
	return s.put(told)
}

func (s *Server) put(told Proxy) (named, error) {
	p := newProxy(told, s.cfg, &s.bounds)
	if told.Enabled {
		if err := p.start(s.life); err != nil {
			return nil, err
		}
	}
	s.proxies[told.Name] = p
	return p, nil
}

// populate makes sure that the proxies are there. Those that are there with these addresses are left as they are, toxics
// and all; others are made anew. It answers with what is there, up to where something failed.
func (s *Server) populate(told []Proxy) ([]shown, error) {
	var there []shown
	for _, t := range told {
		n, err := s.ensure(t)
		if err != nil {
			return there, err
		}
		there = append(there, show(n))
	}
	return there, nil
}

func (s *Server) ensure(told Proxy) (named, error) {
	if l := s.link(told.Name); l != nil {
		if told.Listen != l.Listen || told.Upstream != l.Upstream {
			return nil, errLinkIsGiven
		}
		return l, nil
	}
	old := s.proxies[told.Name]
	if old == nil {
		return s.add(told)
	}
	if s.cfg.same(old.Listen, told.Listen) && old.Upstream == told.Upstream {
		return old, nil
	}
	old.stop() // and it stays so where its successor cannot start
	return s.put(told)
}

// remove closes a proxy with all its connections.
func (s *Server) remove(name string) error {
	if s.link(name) != nil && s.proxies[name] == nil {
		return errLinkIsGiven
	}
	p := s.proxies[name]
	if p == nil {
		return errNoProxy
	}
	p.stop()
	delete(s.proxies, name)
	return nil
}

// restore enables everything and takes all toxics out; also of links that are away, lest they come back with them.
func (s *Server) restore(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(s.proxies)) {
		if err := s.proxies[name].restore(s.life); err != nil {
			return err
		}
	}
	return s.heal(ctx)
}

// heal heals every link that suffers something. One that fails does not spare the others.
func (s *Server) heal(ctx context.Context) (failed error) {
	for _, name := range slices.Sorted(maps.Keys(s.linked)) {
		failed = errors.Join(failed, s.linked[name].restore(ctx))
	}
	return failed
}

// toxic is one of a proxy's, by name.
func toxic(n named, name string) (Toxic, error) {
	all := n.all()
	if at := slices.IndexFunc(all, func(t Toxic) bool { return t.Name == name }); at >= 0 {
		return all[at], nil
	}
	return Toxic{}, errNoToxic
}

// fit says whether a toxic can be put in.
func (s *Server) fit(n named, t Toxic) error {
	if _, err := toxic(n, t.Name); err == nil {
		return errToxicExists
	}
	if t.Attributes.fits()&n.carries() == 0 {
		if n.carries() == datagrams {
			return errType.with("%s means nothing to datagrams", t.Type)
		}
		return errType.with("%s is for datagrams, and a TCP connection makes good what is lost: choose a proxy whose listen begins with udp:", t.Type)
	}
	if len(n.all()) >= s.cfg.MaxToxics {
		return errManyToxics
	}
	return nil
}
