package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestStayLean_collectsWhileNoTaskRunsWhatTheRuntimeWouldLeave(t *testing.T) {
	was := debug.SetGCPercent(runtimeGC)
	defer debug.SetGCPercent(was)
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumGC
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	runtime.GC() // so that all that is there lives
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	full := make([]byte, heapLimit(m.HeapAlloc))
	if err := stayLean(ctx, func(patience time.Duration, f func()) {
		asked++
		before := collections()
		f()
		if after := collections(); after == before {
			t.Errorf("after %d collections there were none more", before)
		}
		cancel()
	}); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(full)
	if asked != 1 {
		t.Errorf("it asked %d times for the workers to stand still, want once", asked)
	}
	if now := debug.SetGCPercent(runtimeGC); now != runtimeGC {
		t.Errorf("the runtime's collector is left at %d %%, want the %d of before", now, runtimeGC)
	}
}

func TestHeapLimit_isTheGoalOrWellAboveWhatLives(t *testing.T) {
	for live, want := range map[uint64]uint64{0: heapGoal, heapGoal / 2: heapGoal, 10 << 20: 16 << 20} {
		if got := heapLimit(live); got > want || got < want-want/1000 {
			t.Errorf("with %d B alive it is collected from %d B on, want %d", live, got, want)
		}
	}
}
