package wire

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"fracture/clock"
)

// askStamps asks the kernel to note when each packet of a socket came. It begins to a moment later, where no other socket of
// the host has asked before; what came until then bears the instant at which it is read.
func askStamps(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }

// stamped receives packets with the instant at which the kernel took them in: a packet that waits in the socket until its
// reader's turn would seem as late as the turn. Its address is given to the kernel, so it is not copied.
type stamped struct {
	header  unix.Msghdr
	buffer  unix.Iovec
	control [64]byte      // as much as one stamp needs, and more
	wall    time.Duration // how far the kernel's clock of stamps, the wall clock, is ahead of ours
}

// synchronize compares the two clocks; what is received until the next call is stamped by that. A step of the wall clock in
// between makes stamps wrong, so whoever uses them bounds them by what it knows.
func (s *stamped) synchronize(now clock.Instant) {
	s.wall = time.Duration(time.Now().UnixNano() - int64(now))
}

// receive reads what has come and says when, or answers EAGAIN. The bytes beyond b of a packet are lost. Where there is
// no stamp, at is zero.
func (s *stamped) receive(fd uintptr, b []byte) (n int, at clock.Instant, errno syscall.Errno) {
	s.buffer.Base = unsafe.SliceData(b)
	s.buffer.SetLen(len(b))
	s.header = unix.Msghdr{Iov: &s.buffer, Iovlen: 1, Control: &s.control[0]}
	s.header.SetControllen(len(s.control))
	got, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&s.header)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, 0, errno
	}
	note := (*unix.Cmsghdr)(unsafe.Pointer(&s.control))
	if int(s.header.Controllen) >= unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) && note.Level == unix.SOL_SOCKET && note.Type == unix.SO_TIMESTAMPNS {
		stamp := (*unix.Timespec)(unsafe.Pointer(&s.control[unix.CmsgLen(0)]))
		at = clock.Instant(stamp.Nano()).Add(-s.wall)
	}
	return int(got), at, 0
}
