// Package toxiproxy speaks the HTTP API of Toxiproxy 2.x, so that its client libraries and its command line drive it
// unchanged, over proxies of its own.
//
//	curl 127.0.0.1:8474/proxies -d '{"name":"db","listen":"127.0.0.1:26379","upstream":"127.0.0.1:6379"}'
//	curl 127.0.0.1:8474/proxies/db/toxics -d '{"type":"latency","attributes":{"latency":100}}'
//
// A [Server] has proxies, and each proxy has toxics for either stream. What passes a proxy passes its toxics in their
// order: a [Toxic] is data, a stage is what it does at one connection, and a flow drives the stages of one direction.
// Stages hold no goroutine and no clock; they are told the time, and say when they want to be asked again.
//
// Beside proxies that it runs itself a server shows the links of a running cluster ([Links]) as proxies. It does not
// carry out what is asked of those; who supplies the interface does.
//
// The server listens on loopback unless told otherwise, and refuses what a page of a foreign site sends. Proxies,
// connections, toxics, bodies and what waits in a flow are bounded.
package toxiproxy
