package sim

import (
	"fracture/clock"
	"fracture/cluster/failover"
)

// trace hashes the lines of a run, and hands them on where somebody reads them.
type trace struct {
	hash uint64
	buf  []byte
	tell func(line []byte)
	name func(failover.NodeID) string
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

func (t *trace) reset(tell func([]byte)) { t.hash, t.tell = fnvOffset, tell }

// effect writes what a machine answered.
func (t *trace) effect(at clock.Instant, node string, e *failover.Effect) {
	t.line(failover.TraceOf(at, node, *e, t.name))
}

// fault writes that a fault begins or ends: its kind is the verb, its spot the node and the peer.
func (t *trace) fault(at clock.Instant, node, peer, kind string) {
	t.line(failover.Trace{At: at, Node: node, Verb: kind, Peer: peer})
}

func (t *trace) line(line failover.Trace) {
	t.buf = line.Append(t.buf[:0])
	h := t.hash
	for _, b := range t.buf {
		h = (h ^ uint64(b)) * fnvPrime
	}
	t.hash = (h ^ '\n') * fnvPrime
	if t.tell != nil {
		t.tell(t.buf)
	}
}
