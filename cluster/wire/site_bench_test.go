package wire

import (
	"io"
	"net"
	"testing"

	"fracture/cluster/failover"
)

// What sites cost at which no rule stands: each as it is, beside the same without the site. The cost is the difference.

// nowhere takes and gives nothing.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, io.EOF }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// turns is how often a site is passed in one turn of the benchmark's loop, so that the loop costs nothing: figures are of so
// many.
const turns = 1000

// passes runs once over and over, and reports what one of its turns takes.
func passes(b *testing.B, name string, once func(turns int)) {
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			once(turns)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/turns, "ns/pass")
		b.ReportMetric(0, "ns/op")
	})
}

func BenchmarkSite_withoutARule(b *testing.B) {
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	l := &Links{}
	g := newGate(near, func() {})
	g.raw = nowhere{}
	g.strait.Store(&strait{faults: &l.faults})
	frame := make([]byte, 100)
	passes(b, "link, bytes/site", func(turns int) {
		for range turns {
			_, _ = g.Write(frame)
		}
	})
	passes(b, "link, bytes/none", func(turns int) {
		for range turns {
			_, _ = g.raw.Write(frame)
		}
	})

	peer, lost := failover.NodeID(5), 0
	passes(b, "link, a message out/site", func(turns int) {
		for range turns {
			if l.Stands() {
				lost++
			}
		}
	})
	passes(b, "link, a message in/site", func(turns int) {
		for range turns {
			if l.Stands() && l.lostInward(peer) {
				lost++
			}
		}
	})
	r, to, packet := &round{Beats: &Beats{}}, &beatPeer{}, new([beatBytes]byte)
	passes(b, "beat out/site", func(turns int) {
		for range turns {
			if r.Stands() && r.intercepts(to, packet) {
				lost++
			}
		}
	})
	passes(b, "beat in/site", func(turns int) {
		for range turns {
			if r.Stands() && r.loses(to, packet[:]) {
				lost++
			}
		}
	})
	passes(b, "messages and beats/none", func(turns int) {
		for range turns {
			if lost > 0 {
				lost++
			}
		}
	})
}
