package scenario

import "slices"

// besides are faults that several can have at once of one process, but for what keeps the process from them.
var besides = map[string][]string{
	"down":      {"kill", "stop"},
	"flush":     {"kill", "stop", "freeze"},
	"full_disk": {"kill", "stop", "freeze"},
}

// sufferers are the processes that are known before a fault strikes: named nodes, and the store's.
func sufferers(arguments []string) (list []string) {
	for _, n := range valuesOf(arguments, "node") {
		if n != "all" {
			list = append(list, n)
		}
	}
	if arguments[0] == "flush" || arguments[0] == "full_disk" || slices.Contains(valuesOf(arguments, "role"), "server") {
		list = append(list, "the store")
	}
	return list
}

// besidesDead finds faults of processes that do not run when their time comes, by another of the timeline. What a signal does that
// is named, who gets it decides.
func (r *reader) besidesDead(blows []blow) {
	for i, b := range blows {
		from := besides[b.arguments[0]]
		for j, a := range blows {
			stands := a.at <= b.at && (b.at < a.at+a.last || a.at == b.at)
			if i == j || !stands || !slices.Contains(from, a.arguments[0]) || valuesOf(a.arguments, "signal") != nil {
				continue
			}
			for _, n := range sufferers(b.arguments) {
				if slices.Contains(sufferers(a.arguments), n) {
					r.wrong(b.place, "%s of %s at %v: the %s at %v stands until %v", b.arguments[0], n, b.at, a.arguments[0], a.at, a.at+a.last)
				}
			}
		}
	}
}

// interfaces finds faults of network interfaces that the nodes do not have.
func (r *reader) interfaces(b blow, own bool) {
	if b.arguments[0] == "down" && !own && !r.options.NetNS {
		r.wrong(b.place, "down: no node has a network interface of its own: say netns: true of the cluster, or run it with --netns; "+
			"either needs root")
	}
}
