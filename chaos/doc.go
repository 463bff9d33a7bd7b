// Package chaos decides the bad: what goes wrong, where and when.
//
// It is the adversary of cluster/failover and as pure: told a seed, it answers with values. Its words are few. A [Site]
// is a kind of place where something can go wrong, and a [Spot] one such place; a [Fault] is what goes wrong; a [Rule]
// says when and how often; an [Order] tells a running node what stands at it; a [Luck] is the randomness of one decision.
//
// Luck is drawn by counting and never from a shared stream: [Draw] hashes the seed, the spot, the rule, and how often
// that spot has asked. So each spot replays its own faults whatever the others do, in the simulator and on real links
// alike, and a fault taken out of a run leaves the others where they were.
//
// The package carries nothing out. Faults enter the program through files named faults.go, one for each package that
// [Site.Doors] lists.
package chaos
