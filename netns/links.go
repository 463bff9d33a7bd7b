package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// What is asked of the kernel here is five requests of rtnetlink(7), few enough to spell them: the library for it would make
// the program 1.8 MB larger, which every node runs.

// vethInfoPeer is the attribute of a pair that says what the other end is, VETH_INFO_PEER of linux/veth.h.
const vethInfoPeer = 1

// links speaks with the kernel of the interfaces in one namespace, whatever namespace the calling thread is in.
type links struct{ fd int }

// openLinks is for the namespace of the calling thread.
func openLinks() (links, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	return links{fd}, os.NewSyscallError("socket", err)
}

func (l links) close() { _ = unix.Close(l.fd) }

// addBridge makes a bridge. Without an address of its own it would change to that of a port, whenever one comes or goes.
func (l links) addBridge(name string, address net.HardwareAddr) error {
	return l.ask(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, header(0, 0), attribute(unix.IFLA_IFNAME, text(name)),
		attribute(unix.IFLA_ADDRESS, address), attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("bridge"))))
}

// addPair makes a pair of interfaces: one here, which is up and a port of a bridge, given by its index, and the other in another
// namespace, with a hardware address.
func (l links) addPair(here string, bridge int, there string, namespace *os.File, address net.HardwareAddr) error {
	peer := slices.Concat(header(0, 0), attribute(unix.IFLA_IFNAME, text(there)), attribute(unix.IFLA_ADDRESS, address),
		attribute(unix.IFLA_NET_NS_FD, word(uint32(namespace.Fd()))))
	return l.ask(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, header(unix.IFF_UP, unix.IFF_UP),
		attribute(unix.IFLA_IFNAME, text(here)), attribute(unix.IFLA_MASTER, word(uint32(bridge))),
		attribute(unix.IFLA_LINKINFO, attribute(unix.IFLA_INFO_KIND, []byte("veth")),
			attribute(unix.IFLA_INFO_DATA, attribute(vethInfoPeer, peer))))
}

// remove removes an interface, and with it the other of a pair.
func (l links) remove(name string) error {
	return l.ask(unix.RTM_DELLINK, 0, header(0, 0), attribute(unix.IFLA_IFNAME, text(name)))
}

// set takes an interface up or down.
func (l links) set(name string, up bool) error {
	var flags uint32
	if up {
		flags = unix.IFF_UP
	}
	return l.ask(unix.RTM_NEWLINK, 0, header(flags, unix.IFF_UP), attribute(unix.IFLA_IFNAME, text(name)))
}

// place gives an interface, by its index, an address.
func (l links) place(index int, address netip.Prefix) error {
	head := append([]byte{unix.AF_INET, byte(address.Bits()), 0, unix.RT_SCOPE_UNIVERSE}, word(uint32(index))...)
	raw := address.Addr().AsSlice()
	return l.ask(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, head, attribute(unix.IFA_LOCAL, raw), attribute(unix.IFA_ADDRESS, raw))
}

// ask makes a request and waits for the kernel's answer, which is an error of the kernel's or nil.
func (l links) ask(kind, flags uint16, parts ...[]byte) error {
	body := slices.Concat(parts...)
	request := word(uint32(unix.NLMSG_HDRLEN + len(body)))
	request = binary.NativeEndian.AppendUint16(request, kind)
	request = binary.NativeEndian.AppendUint16(request, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	request = append(append(request, make([]byte, 8)...), body...) // number and sender: there is one at a time
	if err := unix.Sendto(l.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	var reply [4096]byte
	n, err := retry(func() (int, error) { n, _, err := unix.Recvfrom(l.fd, reply[:], 0); return n, err })
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	const errnoEnd = unix.NLMSG_HDRLEN + 4
	if n < errnoEnd || binary.NativeEndian.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("rtnetlink: an answer of %d bytes that is none", n)
	}
	if errno := int32(binary.NativeEndian.Uint32(reply[unix.NLMSG_HDRLEN:])); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

// retry makes a call again that a signal interrupted.
func retry(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// header is the head of a request about an interface that is named by an attribute: which flags are to change, and to what.
func header(flags, change uint32) []byte {
	return slices.Concat(make([]byte, 8), word(flags), word(change))
}

// attribute is one of a request: its length, its kind, what it holds, and zeros up to a multiple of four bytes.
func attribute(kind uint16, parts ...[]byte) []byte {
	held := slices.Concat(parts...)
	a := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(held)))
	a = append(binary.NativeEndian.AppendUint16(a, kind), held...)
	return append(a, make([]byte, -len(a)&3)...)
}

// text is a name as the kernel reads it.
func text(name string) []byte { return append([]byte(name), 0) }

// word is a number of 32 bits in the machine's order.
func word(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
