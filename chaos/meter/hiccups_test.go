package meter

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"fracture/clock"
)

// BenchmarkHiccups_besideAReceiver shows how late a goroutine is that waits for the kernel, as one that receives does, while
// another fills a P, and the watch runs beside them: not at all, with the Ps that there are, with one more.
func BenchmarkHiccups_besideAReceiver(b *testing.B) {
	for _, c := range []struct {
		name  string
		watch bool
		ps    int
	}{{"no watch", false, 2}, {"watch", true, 2}, {"watch and a P more", true, 3}} {
		b.Run(c.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.ps))
			ctx, cancel := context.WithCancel(b.Context())
			var beside sync.WaitGroup
			defer beside.Wait()
			defer cancel()
			beside.Go(func() {
				for ctx.Err() == nil {
				}
			})
			h := NewHiccups()
			if c.watch {
				beside.Go(func() { _ = h.Run(ctx) })
			}
			alarm, err := clock.NewAlarm()
			if err != nil {
				b.Fatal(err)
			}
			defer alarm.Close()
			var late []time.Duration
			for b.Loop() {
				at := clock.Now().Add(2300 * time.Microsecond)
				alarm.Set(at)
				alarm.Wait()
				late = append(late, clock.Now().Sub(at))
			}
			slices.Sort(late)
			n := len(late)
			b.ReportMetric(float64(late[n/2].Microseconds()), "late-p50-µs")
			b.ReportMetric(float64(late[n*99/100].Microseconds()), "late-p99-µs")
			b.ReportMetric(float64(late[n-1].Microseconds()), "late-max-µs")
		})
	}
}
