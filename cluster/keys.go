package cluster

import (
	"sync"
	"time"

	"fracture/clock"
	"fracture/cluster/front"
	"fracture/work"
)

// Bounds on the idempotency keys that a node remembers: the oldest is forgotten for a new one.
const (
	maxKeys = 4096
	keyTime = 10 * time.Minute
)

// keys are the idempotency keys that this node has seen: at its own front door, and at others', whose sinks subscribe at
// every node to what they ask for. Each belongs to the first stream that bore it, whatever became of that.
type keys struct {
	mu     sync.Mutex // guards both
	stream map[uint32]work.StreamID
	order  []seenKey // oldest first
}

type seenKey struct {
	part uint32
	at   clock.Instant
}

func seenNoKeys() keys { return keys{stream: make(map[uint32]work.StreamID)} }

// see notes the key of a stream, if it has one, and reports whether the key is this stream's.
func (k *keys) see(id work.StreamID, now clock.Instant) bool {
	if !front.IsKeyed(id) {
		return true
	}
	part := front.KeyPart(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.order) > 0 && now.Sub(k.order[0].at) >= keyTime {
		k.forgetOldest()
	}
	if owner, known := k.stream[part]; known {
		return owner == id
	}
	if len(k.order) >= maxKeys {
		k.forgetOldest()
	}
	k.stream[part] = id
	k.order = append(k.order, seenKey{part, now})
	return true
}

// forgetOldest forgets one key. The caller holds mu.
func (k *keys) forgetOldest() {
	delete(k.stream, k.order[0].part)
	k.order = k.order[1:]
}
