package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"fracture/chaos/meter"
)

// peer is a foreign system, as it is measured.
type peer struct {
	name     string
	victim   meter.Component // what is broken: "worker", "leader"
	programs []program       // what must be installed
	modules  []string        // of the Go module proxy, named with their versions in the report
	faults   []terms         // in the order of the table
	open     func(ctx context.Context, s *stand, done func(frame uint64)) (system, error)
}

// terms say how one fault of a peer is looked at.
type terms struct {
	fault  meter.Kind
	signal string        // what tells the peer of it, in words
	window time.Duration // as meter.Span's
	grace  time.Duration // the bound of a trial: what has not come so long after the window is lost
	most   int           // trials, where one takes minutes; 0: as many as asked for
}

// killAndFreeze are both faults, looked at alike.
func killAndFreeze(t terms) []terms {
	kill, freeze := t, t
	kill.fault, freeze.fault = meter.Kill, meter.Freeze
	return []terms{kill, freeze}
}

// horizon is how long after a fault its trial looks.
func (t terms) horizon() time.Duration { return t.window + t.grace }

// system is a peer that runs: the processes are the stand's, the connections its own.
type system interface {
	// ask hands in one piece of work. It takes no longer than handing in does; where the answer comes, the done that the
	// system was opened with is called, by any goroutine. What cannot be handed in is lost.
	ask(frame uint64)
	// missing says what the system lacks to be whole, and nothing where it lacks nothing. It is also called before a victim
	// is started again, so that a system can change the command line for that.
	missing(ctx context.Context) string
	// victim names the process that holds the role to be broken, and says what it holds.
	victim(ctx context.Context) (name, held string, err error)
	// close ends every connection and goroutine.
	close()
}

// peers are all that are measured, in the order of the table.
func peers() []peer {
	return []peer{beanstalkd(), haproxy(), etcd(), sentinel(), asynqs(), gossip(), erlang()}
}

// Of every peer.
const (
	period   = 2 * time.Millisecond // from one piece of work to the next, as fracture's probe has it
	workTime = 4 * time.Millisecond // that a worker of ours takes for one; it waits, it does not compute
	keys     = 1000                 // that are written in turn where the work is a write
)

// keyOf is the key that a frame writes.
func keyOf(frame uint64) string { return fmt.Sprintf("key-%d", frame%keys) }

// redisCommand is the command line of a Redis at a port of loopback that keeps nothing.
func redisCommand(dir string, port int, more ...string) []string {
	return append([]string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
		"--save", "", "--appendonly", "no"}, more...)
}
