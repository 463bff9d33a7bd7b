package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcd keeps keys by agreement: three members, one of which leads. Every piece of work is a linearizable write. The
// leader's heartbeat and the election's timeout are a tenth and a twentieth of their defaults, the shortest that fit
// together: an election takes five heartbeats at least.
func etcd() peer {
	const signal = "missed heartbeats, then an election: 50 ms to twice that"
	return peer{
		name: "etcd", victim: "leader",
		programs: []program{{"etcd", "etcd-server"}},
		modules:  []string{"go.etcd.io/etcd/client/v3"},
		faults:   killAndFreeze(terms{signal: signal, window: 2 * time.Second, grace: 6 * time.Second}),
		open:     openEtcd,
	}
}

const (
	etcdMembers   = 3
	etcdHeartbeat = 10 * time.Millisecond
	etcdElection  = 50 * time.Millisecond
)

// etcdSystem writes to one member until an attempt there fails, and then to the next. The client's own way, which asks all
// members in turn, would go on to ask a frozen one: a connection that is only silent it gives up after 10 s at the
// earliest.
type etcdSystem struct {
	*caller
	clients   []*clientv3.Client // one for each member
	endpoints []string
	current   atomic.Int32 // the client that is asked
}

func openEtcd(ctx context.Context, s *stand, done func(frame uint64)) (system, error) {
	ports, err := freePorts(2 * etcdMembers)
	if err != nil {
		return nil, err
	}
	var members []string
	e := &etcdSystem{}
	for i := range etcdMembers {
		members = append(members, fmt.Sprintf("%s=http://%s", memberName(i), loopback(ports[etcdMembers+i])))
		e.endpoints = append(e.endpoints, "http://"+loopback(ports[i]))
	}
	for i := range etcdMembers {
		peerURL := "http://" + loopback(ports[etcdMembers+i])
		err := s.start(memberName(i), "etcd", "--name", memberName(i), "--data-dir", s.path(memberName(i)+".data"),
			"--listen-client-urls", e.endpoints[i], "--advertise-client-urls", e.endpoints[i],
			"--listen-peer-urls", peerURL, "--initial-advertise-peer-urls", peerURL,
			"--initial-cluster", strings.Join(members, ","), "--initial-cluster-state", "new",
			"--heartbeat-interval", fmt.Sprint(etcdHeartbeat.Milliseconds()), "--election-timeout", fmt.Sprint(etcdElection.Milliseconds()))
		if err != nil {
			return nil, err
		}
	}
	for i := range etcdMembers {
		if err := s.answers(ctx, memberName(i), loopback(ports[i])); err != nil {
			return nil, err
		}
	}
	for _, endpoint := range e.endpoints {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: time.Second, Logger: zap.NewNop()})
		if err != nil {
			return nil, err
		}
		e.clients = append(e.clients, client)
	}
	e.caller = newCaller(ctx, &caller{try: e.try, done: done, attempt: 2 * etcdElection, patience: 8 * time.Second})
	return e, nil
}

func memberName(i int) string { return fmt.Sprintf("member-%d", i+1) }

func (e *etcdSystem) try(ctx context.Context, frame uint64) error {
	at := e.current.Load()
	_, err := e.clients[at].Put(ctx, keyOf(frame), fmt.Sprint(frame))
	if err != nil {
		e.current.CompareAndSwap(at, (at+1)%etcdMembers)
	}
	return err
}

// leader asks every member who leads; all that answer must agree, and be enough.
func (e *etcdSystem) leader(ctx context.Context, need int) (member int, err error) {
	var lead uint64
	agreed := 0
	for i, endpoint := range e.endpoints {
		once, cancel := context.WithTimeout(ctx, probeWait/etcdMembers)
		status, askErr := e.clients[i].Status(once, endpoint)
		cancel()
		if askErr != nil {
			err = errors.Join(err, askErr)
			continue
		}
		if status.Leader == 0 || lead != 0 && lead != status.Leader {
			return 0, fmt.Errorf("%s sees another leader: %w", endpoint, errNotYet)
		}
		lead = status.Leader
		agreed++
		if status.Header.MemberId == lead {
			member = i
		}
	}
	if agreed < need {
		return 0, fmt.Errorf("%d of %d members answer: %w", agreed, etcdMembers, err)
	}
	return member, nil
}

func (e *etcdSystem) missing(ctx context.Context) string {
	if _, err := e.leader(ctx, etcdMembers); err != nil {
		return err.Error()
	}
	return ""
}

func (e *etcdSystem) victim(ctx context.Context) (name, held string, err error) {
	i, err := e.leader(ctx, etcdMembers)
	if err != nil {
		return "", "", err
	}
	return memberName(i), fmt.Sprintf("leader of %d", etcdMembers), nil
}

func (e *etcdSystem) close() {
	e.caller.close()
	for _, client := range e.clients {
		_ = client.Close()
	}
}
