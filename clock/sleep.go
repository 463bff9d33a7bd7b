package clock

import "golang.org/x/sys/unix"

// Sleep blocks the calling thread, not only its goroutine, until at, and longer by what the kernel adds: with a slack of
// 50 µs for a thread that nobody changed, some 10 µs else. An instant that is past is not waited for. Nothing ends a sleep
// early, so it is for whoever sleeps a little at a time.
//
// A goroutine that is locked to its thread is woken so by the kernel itself; an [Alarm], a timer or a channel wake it by way
// of whichever thread polls for the runtime, and that one waits for a core like all others. The price: the runtime may
// believe for up to 10 ms that the sleeper needs its P, so a process needs a P more for each such thread; and it
// uses about half as much processor time again as with an Alarm.
func Sleep(at Instant) {
	until := unix.NsecToTimespec(int64(at))
	for at > 0 && unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &until, nil) == unix.EINTR {
		// The runtime's own signals (preemption) interrupt a sleep, and the kernel does not resume it by itself.
	}
}
