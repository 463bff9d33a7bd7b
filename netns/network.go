package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Network is a bridge in the namespace of this process, and what is plugged into it.
type Network struct {
	host, hub *os.File // the namespaces: the one that this process came from, and its own
	links     links    // of its own
	bridge    int      // its index
}

// bridgeName is what the bridge is called.
const bridgeName = "hub"

// furnish makes the network of a process that came from host's namespace to one that is empty.
func furnish(host *os.File) (*Network, error) {
	hub, err := os.Open(ownPath)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("finding this process's network namespace: %w", err), host.Close())
	}
	n := &Network{host: host, hub: hub}
	if n.links, n.bridge, err = build(); err != nil {
		return nil, errors.Join(err, host.Close(), hub.Close())
	}
	return n, nil
}

// build makes the bridge, in the namespace of the calling thread, and answers with its index.
func build() (links, int, error) {
	l, err := openLinks()
	if err != nil {
		return l, 0, fmt.Errorf("speaking with the kernel of interfaces: %w", err)
	}
	if err = l.addBridge(bridgeName, hardware(Gateway())); err != nil {
		l.close()
		return l, 0, explain("making a bridge", "CAP_NET_ADMIN", "bridges", err)
	}
	index, err := l.raise(bridgeName, Gateway())
	if err != nil {
		l.close()
		return l, 0, explain("setting up the bridge", "CAP_NET_ADMIN", "IPv4", err)
	}
	return l, index, nil
}

// raise gives an interface of the calling thread's namespace, which must be that of the links, its address, takes it and the
// loopback beside it up, and answers with its index.
func (l links) raise(name string, address netip.Addr) (int, error) {
	own, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return own.Index, errors.Join(l.set("lo", true), l.place(own.Index, netip.PrefixFrom(address, prefixBits)), l.set(name, true))
}

// hardware is the hardware address of who has an address: one that is locally administered.
func hardware(address netip.Addr) net.HardwareAddr {
	return append(net.HardwareAddr{0x02, 0xfc}, address.AsSlice()...)
}

// Close lets go of the network, which ends with the last process in it.
func (n *Network) Close() error {
	n.links.close()
	return errors.Join(n.host.Close(), n.hub.Close())
}

// OnHost does something in the namespace that this process came from: what do opens in its own goroutine, such as a socket that
// listens, is there and stays there.
func (n *Network) OnHost(do func() error) error { return in(n.host, do) }

// in does something in a namespace.
func in(namespace *os.File, do func() error) error {
	return aside(func() error {
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			return explain("entering a network namespace", "CAP_SYS_ADMIN", "network namespaces", err)
		}
		return do()
	})
}

// aside does what may take its thread to another namespace, on a goroutine of its own, and takes the thread back. Only one that
// cannot come back ends with the goroutine: the kernel may kill those whom a thread has started when it ends.
func aside(do func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		here, err := os.Open(ownPath)
		if err != nil {
			runtime.UnlockOSThread()
			result <- explain("finding this process's network namespace", "a readable /proc", "network namespaces", err)
			return
		}
		err = do()
		if stayed, look := isOwn(here); look == nil && stayed || unix.Setns(int(here.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		_ = here.Close()
		result <- err
	}()
	return <-result
}

// Fork starts the i-th node's process in a namespace of its own, with an interface whose other end, called by the node's name, is
// in the bridge. The goroutine must be locked to its thread, start must fork on it, and both are back where they were when Fork
// returns.
func (n *Network) Fork(i int, name string, start func() error) (err error) {
	if i < 1 || i > MaxNodes {
		return fmt.Errorf("giving %s an interface: number %d, want 1 to %d", name, i, MaxNodes)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return explain("making a network namespace for "+name, "CAP_SYS_ADMIN", "network namespaces", err)
	}
	defer func() {
		if back := unix.Setns(int(n.hub.Fd()), unix.CLONE_NEWNET); back != nil {
			err = errors.Join(err, fmt.Errorf("coming back from the network namespace of %s: %w", name, back))
		}
	}()
	if err := n.plug(i, name); err != nil {
		return explain("giving "+name+" an interface", "CAP_NET_ADMIN", "pairs of interfaces (veth)", err)
	}
	return start()
}

// plug makes the pair: one end in the bridge, the other here. A node that is started again has the hardware address that it had,
// which its peers remember.
func (n *Network) plug(i int, name string) error {
	here, err := os.Open(ownPath)
	if err != nil {
		return err
	}
	defer func() { _ = here.Close() }()
	_ = n.links.remove(name) // the kernel takes its time to clear a dead node's namespace, or has by now
	if err := n.links.addPair(name, n.bridge, interfaceName, here, hardware(Address(i))); err != nil {
		return err
	}
	l, err := openLinks()
	if err != nil {
		return err
	}
	defer l.close()
	_, err = l.raise(interfaceName, Address(i))
	return err
}

// Set takes the interface of the node in a namespace up or down, as `ip link set` does: with it the route is lost, and is back when
// it is up again.
func (n *Network) Set(namespace *os.File, up bool) error {
	deed := "taking the node's interface down"
	if up {
		deed = "taking the node's interface up"
	}
	return explain(deed, "CAP_NET_ADMIN", "interfaces", in(namespace, func() error {
		l, err := openLinks()
		if err != nil {
			return err
		}
		defer l.close()
		return l.set(interfaceName, up)
	}))
}
