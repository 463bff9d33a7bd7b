package wire

import (
	"net/netip"
	"time"

	"fracture/clock"
	"fracture/cluster/failover"
)

// Heard is a peer's beat.
type Heard struct {
	From     failover.NodeID
	At       clock.Instant // when the kernel took it in
	HearsUs  bool          // whether the peer hears our beats
	Leaving  bool          // whether it drains
	Interval time.Duration // its rhythm
}

// BeatPeer is whom beats go to and are expected from.
type BeatPeer struct {
	ID          failover.NodeID
	Incarnation uint64 // zero where it is not known; then any incarnation of the id passes
	Addr        netip.AddrPort
}

// BeatStats counts what the beats did since they were made.
type BeatStats struct {
	In, Out   uint64
	Strangers uint64 // packets that are no beats of this cluster or are forged
	Stray     uint64 // genuine, but for another process or of one that is not a peer
	Replayed  uint64 // genuine, but not newer than what had come
	Unsent    uint64 // the kernel refused to send
	Faulted   uint64 // swallowed by a fault of ours
}
