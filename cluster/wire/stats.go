package wire

import "sync/atomic"

// Stats counts what the links did since they were made.
type Stats struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // of batches, before TLS
	Dropped                 uint64 // messages given up because a queue was full, the message too large, or no link stood
	TelemetryDropped        uint64 // telemetry items given up for the same reasons
	Malformed               uint64 // messages and batches from peers that could not be read
	Strangers               uint64 // connections refused: no TLS, a wrong key, a wrong name, too many at once
	Reconnects              uint64 // links that stood again after they had broken
	Faulted                 uint64 // messages swallowed by a fault of ours, and times that one had bytes
	Missed, Repaired        uint64 // messages asked for because later ones had come, and said again because the peer asked
}

// counters are Stats while they count.
type counters struct {
	messagesIn, messagesOut, bytesIn, bytesOut, dropped, telemetryDropped,
	malformed, strangers, reconnects, faulted, missed, repaired atomic.Uint64
}

// Stats reads the counters, each for itself.
func (l *Links) Stats() Stats {
	c := &l.count
	return Stats{
		MessagesIn: c.messagesIn.Load(), MessagesOut: c.messagesOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Dropped: c.dropped.Load(), TelemetryDropped: c.telemetryDropped.Load(),
		Malformed: c.malformed.Load(), Strangers: c.strangers.Load(),
		Reconnects: c.reconnects.Load(), Faulted: c.faulted.Load(),
		Missed: c.missed.Load(), Repaired: c.repaired.Load(),
	}
}
