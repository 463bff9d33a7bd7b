// Package wire is what nodes say to each other, and how they know whom they speak with.
//
// It has three parts, which share only the cluster's credentials:
//
//   - [Credentials]: a cluster directory with the keys that make a process a member. Whoever holds it may join.
//   - [Links]: one connection for each pair of processes that shares work, over mutual TLS 1.3. A link
//     carries [failover.Message] both ways; that it breaks is the first signal of a failure.
//   - [Beats]: small authenticated UDP packets in the manner of BFD (RFC 5880), whose silence is the second signal.
//
// The package decides nothing: it reports what came, who is linked and who beats, and its owner judges. It does not find
// peers either; gossip does, and the owner names them with [Links.Connect] and [Beats.SetPeers].
//
// What is sent is progress, not a promise: every queue has a bound, a full one drops and counts, and the machines of
// package failover make up for what is lost.
package wire
