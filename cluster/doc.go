// Package cluster is a node: gossip, links, beats, and the loop that drives failover.
//
// A [Node] runs one [failover.Core]. Everything that happens to it, from gossip, links, beats and workers, is put into
// one inbox; one goroutine takes it out, steps the core and carries out what the core answers. A [Client] is the same
// with a [failover.Sink]: a process that receives results and is given no work, such as the screen.
//
// The package decides nothing about who runs what. It does not draw, and it keeps no results; those go to the store
// behind the path (see keeper) and to the sinks.
package cluster
