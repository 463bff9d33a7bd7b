package cluster

import (
	"testing"
	"time"

	"fracture/cluster/failover"
	"fracture/work"
)

// instant is a function that takes no time.
type instant struct{ work.Function }

func (instant) Run(_, output []byte) ([]byte, error) { return output, nil }

// What sites cost at which no rule stands, each beside the same without the site: of 1000 passes in a turn, so that the loop
// costs nothing.
func BenchmarkSite_withoutARule(b *testing.B) {
	const turns = 1000
	passes := func(name string, once func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				once()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/turns, "ns/pass")
			b.ReportMetric(0, "ns/op")
		})
	}
	w := newWorkers(func(string) work.Function { return instant{} }, nil)
	task := &failover.Message{}
	passes("work/site", func() {
		for range turns {
			w.do(task, nil, time.Second)
		}
	})
	passes("work/none", func() {
		for range turns {
			compute(w.function, task, nil)
		}
	})
	m, silent := &mouth{}, 0
	passes("gossip/site", func() {
		for range turns {
			if m.silenced() {
				silent++
			}
		}
	})
	passes("gossip/none", func() {
		for range turns {
			if silent > 0 {
				silent++
			}
		}
	})
}
