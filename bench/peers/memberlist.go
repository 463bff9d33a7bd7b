package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"fracture/clock"
)

// gossip is memberlist alone: three workers, of which the one that lives longest is active. The others take over when
// memberlist tells them that it left, and by nothing else.
func gossip() peer {
	const signal = "an unanswered probe, then suspicion: NotifyLeave"
	return peer{
		name: "memberlist", victim: "worker",
		modules: []string{"github.com/hashicorp/memberlist"},
		faults:  killAndFreeze(terms{signal: signal, window: time.Second, grace: 4 * time.Second}),
		open:    openGossip,
	}
}

const gossipWorkers = 3

// gossipConfig is memberlist's for one host, with its times made as short as it bears. A suspicion lasts one interval of
// probes for each of its multiples; with two, nobody is asked to confirm it.
func gossipConfig() *memberlist.Config {
	c := memberlist.DefaultLocalConfig()
	c.ProbeInterval = 10 * time.Millisecond
	c.ProbeTimeout = 5 * time.Millisecond
	c.GossipInterval = 2 * time.Millisecond
	c.IndirectChecks = 1
	c.SuspicionMult = 2
	c.SuspicionMaxTimeoutMult = 1
	c.AwarenessMaxMultiplier = 1
	c.DisableTcpPings = true
	c.TCPTimeout = time.Second
	c.LogOutput = io.Discard
	return c
}

func openGossip(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(2 * gossipWorkers)
	if err != nil {
		return nil, err
	}
	var workers []pairWorker
	for i := range gossipWorkers {
		address := loopback(ports[i])
		err := s.startWorker(i, "memberlist", address, strconv.Itoa(ports[gossipWorkers+i]), joinable(ports[gossipWorkers:], i))
		if err != nil {
			return nil, err
		}
		workers = append(workers, pairWorker{workerName(i), netip.MustParseAddrPort(address)})
	}
	return newPair(workers, 5*time.Second, done)
}

// joinable are the ports of all but one, for that one to join.
func joinable(ports []int, but int) (list string) {
	for i, port := range ports {
		if i != but {
			list += " " + strconv.Itoa(port)
		}
	}
	return list
}

// seniority is memberlist's delegate: it knows who is alive, by name, and who of them is the eldest. Names are the moment
// of the start, on the host's one clock, so they grow.
type seniority struct {
	self   string
	worker *standing

	mu    sync.Mutex // guards alive
	alive map[string]bool
}

// NotifyJoin implements memberlist.EventDelegate.
func (s *seniority) NotifyJoin(n *memberlist.Node) { s.note(n.Name, true) }

// NotifyLeave implements memberlist.EventDelegate.
func (s *seniority) NotifyLeave(n *memberlist.Node) { s.note(n.Name, false) }

// NotifyUpdate implements memberlist.EventDelegate.
func (s *seniority) NotifyUpdate(*memberlist.Node) {}

func (s *seniority) note(name string, alive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if alive {
		s.alive[name] = true
	} else {
		delete(s.alive, name)
	}
	eldest := s.self
	for other := range s.alive {
		eldest = min(eldest, other)
	}
	s.worker.become(eldest == s.self, len(s.alive))
}

// joinEvery is how often a worker looks for others while it sees none.
const joinEvery = 200 * time.Millisecond

// serveGossip is a worker.
func serveGossip(address, port, others string) error {
	worker, err := newStanding(address)
	if err != nil {
		return err
	}
	c := gossipConfig()
	c.Name = fmt.Sprintf("%020d", clock.Now())
	c.BindAddr, c.AdvertiseAddr = "127.0.0.1", "127.0.0.1"
	if c.BindPort, err = strconv.Atoi(port); err != nil {
		return err
	}
	c.AdvertisePort = c.BindPort
	c.Events = &seniority{self: c.Name, worker: worker, alive: map[string]bool{}}
	members, err := memberlist.Create(c)
	if err != nil {
		return err
	}
	var known []string
	for _, other := range strings.Fields(others) {
		known = append(known, "127.0.0.1:"+other)
	}
	go func() {
		for ; ; time.Sleep(joinEvery) {
			if members.NumMembers() < gossipWorkers {
				_, _ = members.Join(known) // it fails where nobody is there yet, and is tried again
			}
		}
	}()
	return worker.run()
}
