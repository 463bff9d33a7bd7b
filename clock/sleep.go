package clock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sleep blocks the calling thread, not only its goroutine, until at, and longer by what the kernel adds: with a slack of
// 50 µs for a thread that nobody changed, some 10 µs else. An instant that is past is not waited for. Nothing ends a sleep
// early, so it is for whoever sleeps a little at a time.
//
// A goroutine that is locked to its thread is woken so by the kernel itself; an [Alarm], a timer or a channel wake it by way
// of whichever thread polls for the runtime, and that one waits for a core like all others.
//
// The sleeper keeps its P as if it computed, so a process needs a P more for each such thread, or the others starve. The
// system call could tell the runtime that it blocks. Then the runtime's monitor would look whether the P is to be taken
// back, every 20 µs whenever the process has begun to do something, and a process that does a little some thousand times a
// second is always at that: in a cluster of five under half load the monitors' own wake-ups were a third of all.
// A P that is never idle and never taken back has the monitor look every 10 ms.
func Sleep(at Instant) {
	until := unix.NsecToTimespec(int64(at))
	for at > 0 && sleep(&until) == unix.EINTR {
		// The runtime's own signals interrupt a sleep, and the kernel does not resume it by itself.
	}
}

// sleep is a call of its own, for it is where a goroutine that the runtime wants to stop, for a collection say, stops.
//
//go:noinline
func sleep(until *unix.Timespec) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(until)), 0, 0, 0)
	return errno
}
