package clock

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSleep_doesNotEndBefore(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, -1, 0, 1, time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
		at := Now().Add(d)
		Sleep(at)
		if now := Now(); now < at {
			t.Errorf("a sleep of %v ended %v too early", d, at.Sub(now))
		}
	}
	Sleep(0) // never, in an unset field: not waited for
	Sleep(-1)
}

func TestSleep_goesOnAfterASignal(t *testing.T) {
	thread, slept := make(chan int), make(chan time.Duration)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		at := Now().Add(50 * time.Millisecond)
		Sleep(at)
		slept <- Now().Sub(at)
	}()
	tid := <-thread
	signals := 0
	for {
		select {
		case late := <-slept:
			if late < 0 {
				t.Errorf("the sleep ended %v too early, after %d signals", -late, signals)
			}
			if signals == 0 {
				t.Error("no signal was sent: the test shows nothing")
			}
			return
		case <-time.After(time.Millisecond):
			// SIGURG is what the runtime preempts with; it comes at any time and means nothing.
			if err := unix.Tgkill(unix.Getpid(), tid, unix.SIGURG); err != nil {
				t.Fatal(err)
			}
			signals++
		}
	}
}

func TestSleep_allocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Sleep(Now()) }); n != 0 {
		t.Errorf("Sleep allocates %v times, want none", n)
	}
}

func BenchmarkSleep(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var late time.Duration
	for b.Loop() {
		at := Now().Add(200 * time.Microsecond)
		Sleep(at)
		late += Now().Sub(at)
	}
	b.ReportMetric(float64(late.Nanoseconds())/float64(b.N), "late-ns/op")
}
