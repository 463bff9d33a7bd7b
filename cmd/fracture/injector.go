package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"fracture/chaos"
	"fracture/clock"
	"fracture/telemetry"
)

// standingFault is a fault that an injector has brought about.
type standingFault struct {
	id           uint32
	harm         harm
	nodes        []string
	stand        map[string][]chaos.Standing // by node: what it is ordered
	late         map[string][]chaos.Standing // of those that joined later; the injector's mu guards it
	starts       map[string]int              // by node: how often its process had been started before the fault
	tries        int                         // to heal it that failed
	healed       []string                    // processes that need no other try; the injector's mu guards it
	since, until clock.Instant               // the injector's mu guards until
}

// rule tells the draws of a fault from those of others of its seed: by its place in a scenario, or else in the order of asking.
// One with a seed of its own needs no more.
func (f *standingFault) rule() uint32 {
	switch {
	case f.harm.place > 0:
		return 1<<16 + f.harm.place
	case f.harm.seed > 0:
		return 0
	}
	return f.id
}

// Errors of an injector.
var (
	// errNotOurProcess: a process is to suffer that this command did not start; ask the lab that did.
	errNotOurProcess = errors.New("only who started a process may break it")
	// errUnsuited: the process is in a state in which the fault means nothing to it; look, and ask otherwise.
	errUnsuited = errors.New("that does not suit the node")
	// errNoSuchFault: no fault of that number stands.
	errNoSuchFault = errors.New("no such fault stands")
)

// injector breaks a running cluster of which this process is a member, and heals what it broke: each fault on its own,
// however many stand at one node. Everything it does is a lease of this process.
type injector struct {
	home     *home                     // whose processes may be broken; nil: none
	statuses func() []telemetry.Status // the newest words of the nodes that are up
	seed     uint64
	woken    chan struct{}                     // of size 1: when the next fault is over may have changed
	failed   func(f *standingFault, err error) // told of what could not be healed when its time came; nil: nobody is
	recorder *recorder                         // told of what begins and ends; nil: nobody is
	ending   <-chan struct{}                   // closed when the cluster ends too, and nothing is healed any more; nil: never

	telling sync.Mutex // guards what the book gives: what is said later must come later
	book    *orderBook

	mu     sync.Mutex // guards what follows
	last   uint32     // number ever given
	stands []*standingFault
}

func newInjector(h *home, book *orderBook, statuses func() []telemetry.Status, seed uint64) *injector {
	return &injector{home: h, statuses: statuses, seed: seed, book: book, woken: make(chan struct{}, 1)}
}

// candidates are the nodes among which a selection chooses.
func candidates(statuses []telemetry.Status) (list []chaos.Candidate) {
	for _, s := range statuses {
		c := chaos.Candidate{Name: s.Name, Zone: s.Zone, Tiles: s.OwnedTiles}
		for _, r := range []struct {
			role chaos.Role
			held bool
		}{
			{chaos.Owner, s.Owns > 0}, {chaos.Standby, s.StandsBy > 0}, {chaos.Splitter, len(s.Leads) > 0}, {chaos.Door, s.HTTP != ""},
		} {
			if r.held {
				c.Roles = append(c.Roles, r.role)
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b chaos.Candidate) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// choose numbers a fault and chooses who suffers it.
func (i *injector) choose(h harm) (*standingFault, error) {
	if h.deed != nil && i.home == nil {
		return nil, fmt.Errorf("%s: %w", h.name, errNotOurProcess)
	}
	if i.home != nil {
		if err := i.home.hasInterfaces(h.name); err != nil {
			return nil, err
		}
	}
	f := &standingFault{id: i.number(), harm: h}
	if h.server != nil {
		f.nodes = []string{serverName}
		return f, i.home.canSuffer(h.server)
	}
	words, err := i.suited(h)
	if err != nil {
		return f, err
	}
	luck := chaos.Draw(i.seedOf(h), chaos.Spot{Site: chaos.Process}, f.rule(), 0)
	if f.nodes, err = h.whom.From(candidates(words), luck); err != nil || h.deed != nil {
		return f, err
	}
	f.stand, err = h.told(f.nodes, uint64(luck))
	f.nodes = slices.DeleteFunc(f.nodes, func(n string) bool { return len(f.stand[n]) == 0 })
	return f, err
}

// number is a fault's.
func (i *injector) number() uint32 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last++
	return i.last
}

// suited are the words of those nodes whose process can suffer what is asked for. One that is named and cannot is an error.
func (i *injector) suited(h harm) (list []telemetry.Status, err error) {
	fit := awake
	if h.deed != nil {
		fit = h.deed.suits
	}
	for _, s := range i.statuses() {
		if i.home == nil {
			list = append(list, s)
			continue
		}
		child, unknown := i.home.lab.Child(s.Name)
		named := slices.Contains(h.whom.Names, s.Name)
		switch {
		case unknown != nil && h.deed == nil, unknown == nil && slices.Contains(fit, child.State):
			list = append(list, s)
		case named && unknown != nil:
			return nil, fmt.Errorf("%s: %s: %w", h.name, s.Name, errNotOurProcess)
		case named:
			return nil, fmt.Errorf("%w: %s is %v, and %s does nothing to it", errUnsuited, s.Name, child.State, h.name)
		}
	}
	return list, nil
}

// begin chooses who suffers, and has the fault begin: when it returns, the fault is in force.
func (i *injector) begin(ctx context.Context, h harm) (standingFault, error) {
	f, err := i.choose(h)
	if err != nil {
		return standingFault{}, err
	}
	err = i.bring(ctx, f)
	i.mu.Lock()
	defer i.mu.Unlock()
	return *f, err
}

// bring brings a fault about to those that were chosen. What failed is taken back.
func (i *injector) bring(ctx context.Context, f *standingFault) (err error) {
	h := f.harm
	if h.deed != nil {
		f.starts = map[string]int{}
		for _, node := range f.nodes {
			f.starts[node] = i.home.startsOf(h, node)
		}
	}
	f.since = clock.Now()
	f.until = f.since.Add(h.last)
	if h.deed != nil {
		f.until = clock.Never // until it is done: how long it stands counts from then
	}
	if !h.once() {
		i.mu.Lock()
		i.stands = append(i.stands, f)
		i.mu.Unlock()
	}
	switch {
	case h.deed != nil:
		each := forEach
		if h.deed.brief() {
			each = oneByOne
		}
		err = each(f.nodes, func(node string) error { return i.home.does(ctx, h, node) })
		i.mu.Lock()
		f.until = clock.Now().Add(h.last)
		i.mu.Unlock()
	case h.once():
		err = i.tell(ctx, f.nodes, f)
	default:
		err = i.tell(ctx, f.nodes, nil)
	}
	if err != nil && i.remove(f) {
		err = errors.Join(err, i.end(context.WithoutCancel(ctx), f)) // also where it failed since who asked has gone
	}
	if err == nil {
		i.recorder.begun(f)
		if !h.once() && !slices.Contains(i.faults(), f) { // a short one: it was over before all had said that it stands
			i.recorder.ended(f)
		}
	}
	select {
	case i.woken <- struct{}{}:
	default:
	}
	return err
}

// seedOf is what a fault draws from: another in each round of a scenario.
func (i *injector) seedOf(h harm) uint64 {
	seed := cmp.Or(h.seed, i.seed)
	if h.round == 0 {
		return seed
	}
	return uint64(chaos.Draw(seed, chaos.Spot{}, 0, h.round))
}

// forEach does a deed to all nodes at the same time.
func forEach(nodes []string, do func(node string) error) error {
	errs := make([]error, len(nodes))
	var all sync.WaitGroup
	for n, node := range nodes {
		all.Go(func() {
			if err := do(node); err != nil {
				errs[n] = fmt.Errorf("%s: %w", node, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// oneByOne does a deed to one node after the other, without going to another goroutine, which takes its time on a busy machine.
func oneByOne(nodes []string, do func(node string) error) (failed error) {
	for _, node := range nodes {
		if err := do(node); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", node, err))
		}
	}
	return failed
}

// rulesAFault is how many rules one fault may have: the numbers of its draws.
const rulesAFault = 64

// tell orders nodes what is to stand at them now: all that does, and more, which may be nil. It waits until they have said
// that it does.
func (i *injector) tell(ctx context.Context, nodes []string, more *standingFault) error {
	ids := map[uint64]string{}
	failed := i.say(ids, nodes, more)
	return errors.Join(failed, i.book.awaitConfirmed(ctx, ids))
}

// say is tell, without waiting for an answer. The numbers of the orders are noted in ids, unless that is nil.
func (i *injector) say(ids map[uint64]string, nodes []string, more *standingFault) (failed error) {
	i.telling.Lock()
	defer i.telling.Unlock()
	stands := i.ordered()
	if more != nil {
		stands = append(stands, more)
	}
	for _, node := range nodes {
		o, until := nodeOrder{node: node}, clock.Instant(0)
		for _, f := range stands {
			i.mu.Lock()
			stand := f.at(node)
			i.mu.Unlock()
			if len(stand) == 0 {
				continue
			}
			until = max(until, f.until)
			for n, s := range stand {
				s.Seed, s.Rule = i.seedOf(f.harm), f.rule()*rulesAFault+uint32(n)
				o.stand = append(o.stand, s)
			}
		}
		failed = errors.Join(failed, i.book.tell(ids, 0, until.Add(leaseMargin), o))
	}
	return failed
}

// ordered lists the faults that stand because nodes were told.
func (i *injector) ordered() []*standingFault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(i.stands), func(f *standingFault) bool { return f.harm.deed != nil })
}

// How often it is tried to heal a process, and what is between.
const (
	healTries = 3
	healAgain = time.Second
)

// faults lists what stands.
func (i *injector) faults() []*standingFault {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.stands)
}
