package main

import (
	"fracture/cluster"
	"fracture/cluster/front"
	"fracture/cluster/store"
)

// around tells a node's statuses of the store's writer and of the front door beside it; there may be no door.
func around(writer *store.Writer, door *front.Server) func() cluster.Surroundings {
	return func() cluster.Surroundings {
		w := writer.Counters()
		s := cluster.Surroundings{StoreDown: w.Down, Unstored: w.Dropped}
		if door != nil {
			d := door.Counters()
			s.Refused = d.Bad + d.Foreign + d.Refused + d.Turned
		}
		return s
	}
}
