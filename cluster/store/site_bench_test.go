package store

import (
	"io"
	"net"
	"testing"
)

// nowhere takes and gives nothing.
type nowhere struct{ net.Conn }

func (nowhere) Read([]byte) (int, error)    { return 0, io.EOF }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// What a command and its reply cost where no rule stands at the store, beside the same without the site: of 1000 in a turn, so
// that the loop costs nothing.
func BenchmarkSite_withoutARule(b *testing.B) {
	const turns = 1000
	t := &tap{Conn: nowhere{}, client: &Client{}}
	part := make([]byte, 100)
	for _, through := range []struct {
		name string
		do   func([]byte) (int, error)
	}{{"command/site", t.Write}, {"command/none", t.Conn.Write}, {"reply/site", t.Read}, {"reply/none", t.Conn.Read}} {
		b.Run(through.name, func(b *testing.B) {
			for b.Loop() {
				for range turns {
					_, _ = through.do(part)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/turns, "ns/pass")
			b.ReportMetric(0, "ns/op")
		})
	}
}
