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
// does not stand. Each draws from its own seed, by the names of the ends, and counts by itself.
func (n *Node) stand() {
	var links, beats []wire.Standing
	var work, gossip, store, loop, resource []chaos.Standing
	for _, o := range n.faults.list {
		for _, s := range o.order.Stand {
			peer, known := n.roster.named(s.Peer)
			s.Seed = n.seedOf(s)
			on := wire.Standing{Seed: s.Seed, Rule: s.Rule, Fault: s.Fault, Peer: peer.ID(), Spared: o.sink, Inward: s.Inward}
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
	for _, err := range []error{n.links.SetFaults(links...), n.beats.SetFaults(beats...), n.standAtStore(store)} {
		if err != nil { // the order's Check was too kind
			n.cfg.Log.Error("obeying an order", "err", err)
		}
	}
	standAt(&n.work.faults, work)
	standAt(&n.gossip.mouth.faults, gossip)
	n.clock.set(clock.Now(), loop)
	n.strain.set(resource)
}

// seedOf is what a fault draws from at this node: the same in each run, whatever else stands.
func (n *Node) seedOf(s chaos.Standing) uint64 {
	from, to := n.self.Name, s.Peer
	if s.Inward {
		from, to = to, from
	}
	return chaos.SeedAt(s.Seed, s.Site, from, to, s.Rule)
}

// standAtStore lets faults stand between the node and its store, unless they do already.
func (n *Node) standAtStore(list []chaos.Standing) error {
	if n.cfg.StoreFaults == nil || slices.Equal(list, n.faults.store) {
		return nil
	}
	n.faults.store = list
	return n.cfg.StoreFaults(list)
}

// standAt lets faults stand at a spot of this node, and nothing else. What stood there before counts on.
func standAt(spot *atomic.Pointer[spotFaults], list []chaos.Standing) {
	now := spot.Load()
	if now == nil && len(list) == 0 || now != nil && slices.EqualFunc(now.list, list, func(f *spotFault, s chaos.Standing) bool { return f.Standing == s }) {
		return
	}
	spot.Store(newSpotFaults(now, list))
}

// spotFaults are the faults that stand at a site of this node alone. None is a nil pointer, and costs one branch.
type spotFaults struct{ list []*spotFault }

// spotFault is one of them. It outlives the list that it is in for as long as it stands.
type spotFault struct {
	chaos.Standing
	asked atomic.Uint64

	mu    sync.Mutex   // guards terms
	terms *chaos.Chain // nil where it has none
}

// newSpotFaults are those of the list: those of before, where they stood, and new ones.
func newSpotFaults(before *spotFaults, list []chaos.Standing) *spotFaults {
	if len(list) == 0 {
		return nil
	}
	var old []*spotFault
	if before != nil {
		old = slices.Clone(before.list)
	}
	f := &spotFaults{}
	for _, s := range list {
		if i := slices.IndexFunc(old, func(o *spotFault) bool { return o.Standing == s }); i >= 0 {
			f.list = append(f.list, old[i])
			old = slices.Delete(old, i, i+1)
			continue
		}
		fresh := &spotFault{Standing: s}
		if terms, err := chaos.ParseTerms(s.Fault.Terms); err == nil && s.Fault.Kind == chaos.Fail { // the order's Check has seen to it
			fresh.terms = chaos.NewChain(terms)
		}
		f.list = append(f.list, fresh)
	}
	return f
}

// draw is the luck of whoever asks next, and how many asked before.
func (f *spotFault) draw() (nth uint64, luck chaos.Luck) {
	nth = f.asked.Add(1) - 1
	return nth, chaos.Draw(f.Seed, chaos.Spot{Site: f.Site}, f.Rule, nth)
}

// act is what the terms do to the next run that asks; nothing, and no luck, where there are none.
func (f *spotFault) act() (chaos.Act, chaos.Luck) {
	if f.terms == nil {
		return chaos.Act{}, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, luck := f.draw()
	return f.terms.Next(luck), luck
}

// stand reports whether all of these are among those that stand now.
func (f *spotFaults) stand(now *spotFaults) bool {
	return now == f || now != nil && !slices.ContainsFunc(f.list, func(s *spotFault) bool { return !slices.Contains(now.list, s) })
}

// blow is what the terms that stand at the calculators do to one run of a task.
type blow struct {
	panics bool // what runs it dies
	fails  bool // it is not run, and answers with the error
	reason string
	spoils bool
	luck   chaos.Luck // that spoils it
	longer time.Duration
}

// blow lets all terms have the run that asks.
func (f *spotFaults) blow() (b blow) {
	for _, s := range f.list {
		switch act, luck := s.act(); act.Kind {
		case chaos.Return:
			b.fails, b.reason = true, act.Text
		case chaos.Panic:
			b.panics = true
		case chaos.Sleep:
			b.longer += act.By
		case chaos.Spoil:
			b.spoils, b.luck = true, luck
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
func (w *workers) struck(f *spotFaults, task *failover.Message, output []byte, most time.Duration) failover.Event {
	began := clock.Now()
	end := began.Add(most)
	b := f.blow()
	for ; b.panics && clock.Now() < end && f.stand(w.faults.Load()); b = f.blow() {
		w.faulted.Add(1)
		w.stretch(f, min(clock.Now().Add(startAgain), end))
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
		spoiled = chaos.Fault{Kind: chaos.Wrong, Share: 1}.Spoil(b.luck, m.Payload)
	}
	for _, s := range f.list {
		longer += s.Fault.Stretch(m.Ran)
		if s.Fault.Kind == chaos.Wrong && !m.Failed {
			_, luck := s.draw()
			spoiled = s.Fault.Spoil(luck, m.Payload) || spoiled
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
	for now := clock.Now(); now < end && f.stand(w.faults.Load()); now = clock.Now() {
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
	return f != nil && m.silences(f)
}

func (m *mouth) silences(f *spotFaults) bool {
	var fate chaos.Fate
	for _, s := range f.list {
		fate = fate.And(s.Fault.Touch(s.draw()))
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
