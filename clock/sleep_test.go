package clock

import (
	"runtime"
	"testing"
	"time"
)

func TestSleepUntil_doesNotReturnBefore(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	Sharpen()
	for _, d := range []time.Duration{-time.Hour, -1, 0, 1, time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
		at := Now().Add(d)
		SleepUntil(at)
		if now := Now(); now < at {
			t.Errorf("SleepUntil %v from now returned %v too early", d, at.Sub(now))
		}
	}
	SleepUntil(0)
	SleepUntil(-1)
}

func BenchmarkSleepUntil(b *testing.B) {
	runtime.LockOSThread()
	Sharpen()
	var late time.Duration
	for b.Loop() {
		at := Now().Add(200 * time.Microsecond)
		SleepUntil(at)
		late += Now().Sub(at)
	}
	b.ReportMetric(float64(late.Nanoseconds())/float64(b.N), "late-ns/op")
}
