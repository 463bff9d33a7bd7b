// Package netns gives a cluster a network of its own: a bridge, and for each node an interface in a network namespace that
// is the node's alone, so that an interface can really be taken down.
//
// Nothing here has a name in the file system. A namespace lives as long as a process in it, and what is in it goes with it: the
// two ends of a pair of interfaces with the node's namespace, the bridge with that of the process that made it. So nothing is
// left behind, whoever is killed.
//
// A thread that leaves a namespace takes no other thread along, and the Go runtime makes threads as it likes. So a process does
// not change its namespace: [Own] and [Enter] begin the program again, in the same process, with all of it in the other one.
//
// What it does not do: it knows nothing of nodes but a number and a name, joins nothing to the host's networks, and masks no
// address. From the network of a cluster nobody else is reached.
package netns

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The errors of a network.
var (
	// ErrRights: the process lacks a right, which the text names; run it as root, or without a network of its own.
	ErrRights = errors.New("not allowed")
	// ErrKernel: the kernel cannot do it, for what the text says; do without a network of its own.
	ErrKernel = errors.New("this kernel cannot")
	// ErrGone: the process whose network is to be entered has ended.
	ErrGone = errors.New("its process has ended")
)

// MaxNodes is how many nodes a network can have.
const MaxNodes = 64

// interfaceName is what a node's interface is called in the node's namespace.
const interfaceName = "eth0"

// Gateway is the address of the bridge, where who made the network is.
func Gateway() netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, 1}) }

// Address is that of the i-th node, from 1.
func Address(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(1 + i)}) }

// prefixBits is the length of the network's prefix.
const prefixBits = 24

// explain says what is missing where the kernel refuses a deed that needs a right, or a part of the kernel.
func explain(deed, right, part string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: %w: it needs %s, which root has", deed, ErrRights, right)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%s: %w: as many as /proc/sys/user/max_net_namespaces allows are in use", deed, ErrKernel)
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s: %w: it was built without %s, or that is not loaded (%w)", deed, ErrKernel, part, err)
	}
	return fmt.Errorf("%s: %w", deed, err)
}
