package meter

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"fracture/clock"
)

// BenchmarkWatch_besideAReceiver shows how late a goroutine is that waits for the kernel, as one that receives does, while
// another fills a P, without a watch and with it.
func BenchmarkWatch_besideAReceiver(b *testing.B) {
	for _, c := range []struct {
		name  string
		watch bool
	}{{"no watch", false}, {"watch", true}} {
		b.Run(c.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			var beside sync.WaitGroup
			defer beside.Wait()
			defer cancel()
			beside.Go(func() {
				for ctx.Err() == nil {
				}
			})
			if c.watch {
				beside.Go(func() { _ = NewWatch().Run(ctx) })
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
