package clock

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Alarm wakes a goroutine at an instant, some 50 µs late at most on an idle machine. One goroutine sets it, one waits.
//
// It is a timer of the kernel (timerfd_create(2)) that the runtime's network poller watches. A timer of the runtime comes
// up to a millisecond late, and each time it is due it wakes the runtime's monitor beside the thread that waits. The
// monitor then polls every 20 µs until the process is idle again: in a process that does a little every few milliseconds
// that takes more processor time than the work. For the same reason no system call here enters the scheduler; none of
// them blocks.
type Alarm struct {
	file  *os.File
	raw   syscall.RawConn
	spec  unix.ItimerSpec
	times uint64 // that it rang; read because it must be
	set   func(fd uintptr)
	rang  func(fd uintptr) bool
}

// NewAlarm makes an alarm that is not set. It is to be closed.
func NewAlarm() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an alarm: %w", err)
	}
	a := &Alarm{file: os.NewFile(uintptr(fd), "alarm")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		_ = a.file.Close()
		return nil, fmt.Errorf("making an alarm: %w", err)
	}
	a.set = func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &a.spec, nil) }
	a.rang = func(fd uintptr) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&a.times)), unsafe.Sizeof(a.times))
		return errno != unix.EAGAIN
	}
	return a, nil
}

// Set makes the alarm ring at at, at once where that is past, and not at any instant that was set before; never where at
// is Never. A closed alarm cannot be set.
func (a *Alarm) Set(at Instant) {
	a.spec = unix.ItimerSpec{} // disarmed
	if at != Never {
		a.spec.Value = unix.NsecToTimespec(int64(max(at, 1)))
	}
	_ = a.raw.Control(a.set)
}

// Wait returns when the alarm has rung since the last Wait, and answers false once it is closed.
func (a *Alarm) Wait() bool { return a.raw.Read(a.rang) == nil }

// Close ends Wait. Closing twice is closing once. Any goroutine may close.
func (a *Alarm) Close() { _ = a.file.Close() }
