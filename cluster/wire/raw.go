package wire

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls on sockets that never block, made without telling the scheduler. The usual way in tells it, in case the
// call blocks, and that wakes the runtime's monitor, which then polls every 20 µs until the process is idle again. A node
// that sends and receives a little a thousand times a second spent a fifth of its processor time in that.

// receiveNow reads what has come, or answers EAGAIN. The bytes beyond b of a packet are lost.
func receiveNow(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM,
		fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendNow gives b to the kernel, as much as there is room for, or answers EAGAIN. On a connected socket to is nil.
func sendNow(fd uintptr, b []byte, to *sockaddr) (int, syscall.Errno) {
	var name unsafe.Pointer
	var length uintptr
	if to != nil {
		name, length = unsafe.Pointer(&to.raw), to.length
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO,
		fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(name), length)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sockaddr is an address as the kernel takes it.
type sockaddr struct {
	raw    unix.RawSockaddrInet6 // or, in its first bytes, a RawSockaddrInet4
	length uintptr
}

// newSockaddr spells addr for a socket of the given family. It answers nil where such a socket cannot reach it.
func newSockaddr(addr netip.AddrPort, family uint16) *sockaddr {
	s := new(sockaddr)
	port := [2]byte{byte(addr.Port() >> 8), byte(addr.Port())}
	ip := addr.Addr().Unmap()
	if family == unix.AF_INET {
		if !ip.Is4() {
			return nil
		}
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
		v4.Family, v4.Addr, s.length = unix.AF_INET, ip.As4(), unix.SizeofSockaddrInet4
		*(*[2]byte)(unsafe.Pointer(&v4.Port)) = port
		return s
	}
	s.raw.Family, s.raw.Addr, s.length = unix.AF_INET6, addr.Addr().As16(), unix.SizeofSockaddrInet6
	*(*[2]byte)(unsafe.Pointer(&s.raw.Port)) = port
	if zone := addr.Addr().Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return nil
		}
		s.raw.Scope_id = uint32(link.Index)
	}
	return s
}

// rawConn reads and writes a TCP connection by such calls. One goroutine reads and one writes at a time, as TLS does.
type rawConn struct {
	syscall.RawConn
	in, out         []byte
	read, written   int
	inErr, outErr   syscall.Errno
	reader, writing func(fd uintptr) bool
}

func newRawConn(c syscall.Conn) (*rawConn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &rawConn{RawConn: raw}
	r.reader = func(fd uintptr) bool {
		r.read, r.inErr = receiveNow(fd, r.in)
		return r.inErr != unix.EAGAIN
	}
	r.writing = func(fd uintptr) bool {
		for len(r.out) > 0 {
			n, errno := sendNow(fd, r.out, nil)
			r.outErr = errno
			if errno == unix.EINTR {
				continue
			}
			if errno != 0 {
				return errno != unix.EAGAIN
			}
			r.out = r.out[n:]
			r.written += n
		}
		return true
	}
	return r, nil
}

// Read is net.Conn's.
func (r *rawConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.in = b
	err := r.RawConn.Read(r.reader)
	r.in = nil
	switch {
	case err != nil:
		return 0, err
	case r.inErr != 0:
		return 0, r.inErr
	case r.read == 0:
		return 0, io.EOF
	}
	return r.read, nil
}

// Write is net.Conn's.
func (r *rawConn) Write(b []byte) (int, error) {
	r.out, r.written, r.outErr = b, 0, 0
	err := r.RawConn.Write(r.writing)
	r.out = nil
	if err == nil && r.outErr != 0 {
		err = r.outErr
	}
	return r.written, err
}
