package cluster

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"fracture/chaos"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/cluster/wire"
)

// reset breaks the links that an order wants broken; but for that to who ordered it, over which the node confirms.
func (n *Node) reset(o ordered) {
	for _, s := range o.order.Stand {
		if !s.Fault.Once() {
			continue
		}
		for _, m := range n.roster.members() {
			if m.ID() != o.sink && (s.Peer == "" || s.Peer == m.Name) {
				n.links.Reset(m.ID())
			}
		}
	}
}

// stand makes what is ordered stand at its sites, and nothing else. What is ordered about a member that is not known now
// does not stand. All draw from the newest order's seed.
func (n *Node) stand() {
	var links, beats []wire.Standing
	var work, gossip, store, loop, resource []chaos.Standing
	seed := uint64(0)
	for _, o := range n.faults.list {
		seed = o.order.Seed
		for _, s := range o.order.Stand {
			peer, known := n.roster.named(s.Peer)
			s.Rule ^= uint32(o.sink) // so that two sinks' faults draw apart
			on := wire.Standing{Rule: s.Rule, Fault: s.Fault, Peer: peer.ID(), Spared: o.sink, Inward: s.Inward}
			switch {
			case s.Peer == "":
				on.Peer = 0
			case !known:
				continue
			}
			switch s.Site {
			case chaos.Link:
				if !s.Fault.Once() {
					links = append(links, on)
				}
			case chaos.Beat:
				beats = append(beats, on)
			case chaos.Work:
				work = append(work, s)
			case chaos.Gossip:
				gossip = append(gossip, s)
			case chaos.Store:
				store = append(store, s)
			case chaos.Loop:
				loop = append(loop, s)
			case chaos.Resource:
				resource = append(resource, s)
			case chaos.Process: // the order's Check has refused it
			}
		}
	}
	for _, err := range []error{n.links.SetFaults(seed, links...), n.beats.SetFaults(seed, beats...), n.standAtStore(seed, store)} {
		if err != nil { // the order's Check was too kind
			n.cfg.Log.Error("obeying an order", "err", err)
		}
	}
	standAt(&n.work.faults, newSpotFaults(seed, chaos.Work, n.id, work))
	standAt(&n.gossip.mouth.faults, newSpotFaults(seed, chaos.Gossip, n.id, gossip))
	n.clock.set(clock.Now(), loop)
	n.strain.set(resource)
}

// standAtStore lets faults stand between the node and its store, unless they do already.
func (n *Node) standAtStore(seed uint64, list []chaos.Standing) error {
	if n.cfg.StoreFaults == nil || seed == n.faults.storeSeed && slices.Equal(list, n.faults.store) {
		return nil
	}
	n.faults.storeSeed, n.faults.store = seed, list
	return n.cfg.StoreFaults(seed, uint32(n.id), list)
}

// standAt lets faults stand at a spot, unless they do already: those count on.
func standAt(spot *atomic.Pointer[spotFaults], f *spotFaults) {
	if now := spot.Load(); now == nil || f == nil || now.seed != f.seed || !slices.Equal(now.list, f.list) {
		spot.Store(f)
	}
}

// spotFaults are the faults that stand at a site of this node alone. None is a nil pointer, and costs one branch.
type spotFaults struct {
	seed  uint64
	spot  chaos.Spot
	list  []chaos.Standing
	asked atomic.Uint64

	mu    sync.Mutex     // guards terms
	terms []*chaos.Chain // of each in the list; nil where it has none
}

func newSpotFaults(seed uint64, site chaos.Site, self failover.NodeID, list []chaos.Standing) *spotFaults {
	if len(list) == 0 {
		return nil
	}
	f := &spotFaults{
		seed: seed, spot: chaos.Spot{Site: site, From: uint32(self)}, list: list, terms: make([]*chaos.Chain, len(list)),
	}
	for i, s := range list {
		if terms, err := chaos.ParseTerms(s.Fault.Terms); err == nil && s.Fault.Kind == chaos.Fail { // the order's Check has seen to it
			f.terms[i] = chaos.NewChain(terms)
		}
	}
	return f
}

// blow is what the terms that stand at the calculators do to one run of a task.
type blow struct {
	panics bool // what runs it dies
	fails  bool // it is not run, and answers with the error
	reason string
	spoils bool
	rule   uint32 // that spoils it
	longer time.Duration
}

// blow lets all terms have the nth run that asks.
func (f *spotFaults) blow(nth uint64) (b blow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, chain := range f.terms {
		if chain == nil {
			continue
		}
		switch act := chain.Next(chaos.Draw(f.seed, f.spot, f.list[i].Rule, nth)); act.Kind {
		case chaos.Return:
			b.fails, b.reason = true, act.Text
		case chaos.Panic:
			b.panics = true
		case chaos.Sleep:
			b.longer += act.By
		case chaos.Spoil:
			b.spoils, b.rule = true, f.list[i].Rule
		case chaos.Off:
		}
	}
	return b
}

// Bounds of how long a fault makes a task take: of a worker, and of a task that the loop itself runs.
const (
	maxStretch      = 10 * time.Second
	maxQuickStretch = 200 * time.Microsecond
	stretchLook     = 5 * time.Millisecond // between two looks at whether the fault still stands
	startAgain      = time.Millisecond     // what runs tasks is up again so long after it panicked
)

// struck runs a task as the faults at the calculators have it: it fails, its answer is spoiled, or it takes longer, at most so
// long: also because what runs it panics, and is started again. It ends early where the faults end, and costs no more
// processor time.
func (w *workers) struck(f *spotFaults, task failover.Message, output []byte, most time.Duration) failover.Event {
	began := clock.Now()
	end := began.Add(most)
	nth := f.asked.Add(1) - 1
	b := f.blow(nth)
	for ; b.panics && clock.Now() < end && w.faults.Load() == f; b = f.blow(nth) {
		w.faulted.Add(1)
		w.stretch(f, min(clock.Now().Add(startAgain), end))
		nth = f.asked.Add(1) - 1
	}
	lost := clock.Now().Sub(began)
	var ev failover.Event
	if b.fails {
		ev = computed(task)
		ev.Message.Failed, ev.Message.Payload = true, append(output, b.reason...)
	} else {
		ev = compute(w.function, task, output)
	}
	m := &ev.Message
	longer, spoiled := b.longer, false
	if b.spoils && !m.Failed {
		spoiled = chaos.Fault{Kind: chaos.Wrong, Share: 1}.Spoil(chaos.Draw(f.seed, f.spot, b.rule, nth), m.Payload)
	}
	for _, s := range f.list {
		longer += s.Fault.Stretch(m.Ran)
		if !m.Failed {
			spoiled = s.Fault.Spoil(chaos.Draw(f.seed, f.spot, s.Rule, nth), m.Payload) || spoiled
		}
	}
	if longer > 0 || spoiled || b.fails {
		w.faulted.Add(1)
	}
	ran := clock.Now()
	w.stretch(f, min(ran.Add(longer), end))
	m.Ran += lost + clock.Now().Sub(ran)
	return ev
}

// stretch waits until then, or until the faults are over.
func (w *workers) stretch(f *spotFaults, end clock.Instant) {
	for now := clock.Now(); now < end && w.faults.Load() == f; now = clock.Now() {
		if left := end.Sub(now); left >= time.Millisecond {
			time.Sleep(min(left, stretchLook)) // gives the P away, so that the fault slows nothing but tasks
		} else {
			clock.Sleep(end)
		}
	}
}

// mouth is how a process gossips: memberlist's own transport, unless a fault silences it. What reaches a silent process it
// still hears, and answers no more; who calls it gets an answer, on the caller's connection.
type mouth struct {
	*memberlist.NetTransport
	faults  atomic.Pointer[spotFaults]
	faulted atomic.Uint64 // packets and calls that faults had
}

// errSilenced: a fault has the call; it is over when the fault is.
var errSilenced = &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%v of %v", chaos.Cut, chaos.Gossip)}

// silenced tells whether a fault has what is about to be said.
func (m *mouth) silenced() bool {
	f := m.faults.Load()
	if f == nil {
		return false
	}
	var fate chaos.Fate
	nth := f.asked.Add(1) - 1
	for _, s := range f.list {
		fate = fate.And(s.Fault.Touch(nth, chaos.Draw(f.seed, f.spot, s.Rule, nth)))
	}
	if fate.Lost {
		m.faulted.Add(1)
	}
	return fate.Lost
}

// WriteTo implements memberlist.Transport.
func (m *mouth) WriteTo(b []byte, addr string) (time.Time, error) {
	return m.WriteToAddress(b, memberlist.Address{Addr: addr})
}

// WriteToAddress implements memberlist.NodeAwareTransport. A packet that a fault has counts as sent.
func (m *mouth) WriteToAddress(b []byte, addr memberlist.Address) (time.Time, error) {
	if m.silenced() {
		return time.Now(), nil
	}
	return m.NetTransport.WriteToAddress(b, addr)
}

// DialTimeout implements memberlist.Transport.
func (m *mouth) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return m.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (m *mouth) DialAddressTimeout(addr memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if m.silenced() {
		return nil, errSilenced
	}
	return m.NetTransport.DialAddressTimeout(addr, timeout)
}
