package failover

import "fracture/clock"

// Sink is the machine of a receiver: it delivers each result once, refuses what is fenced, and submits its streams
// again when their leaders are gone.
type Sink struct{ cfg SinkConfig }

// NewSink makes the machine of one sink.
func NewSink(cfg SinkConfig) *Sink { return &Sink{cfg: cfg} }

// Step tells the sink what happened at now and appends what is to be done to out.
func (s *Sink) Step(now clock.Instant, ev Event, out []Effect) []Effect { return out }

// Wake is the instant at which the sink next wants a Tick, if nothing happens before.
func (s *Sink) Wake() clock.Instant { return clock.Never }
