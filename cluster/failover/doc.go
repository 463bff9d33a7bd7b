// Package failover decides who runs a task, who stands by, and who takes over.
//
// It is a pure machine in the manner of etcd's raft: a [Core] is one node's share of the decision, driven by
//
//	effects = core.Step(now, event, effects[:0])
//
// The shell around it (a node's loop, or the simulator) turns what happens into an [Event] and carries out each [Effect].
// The package reads no clock, owns no goroutine and no socket, and allocates nothing once it is warm. The other end of a
// stream, the sink, has its own pure machine here, [Sink], of the same shape.
//
// The path of a frame, in the ten words of the trace:
//
//	request → split → place → copy → execute → detect → promote → deliver → store → draw
//
// What the package does not do: it does not compute a task, choose colours, keep results, or decide membership; gossip
// tells it who exists.
package failover
