package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"fracture/chaos/scenario"
	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/lab"
	"fracture/netns"
	"fracture/telemetry"
)

// A cluster with a network of its own: each node has an interface, which can be taken down.

// networkFile, in a lab's directory, says that the lab is in a network of its own; in it stands the lab's address there.
const networkFile = "network"

// down is the fault that only such a cluster can suffer, and what is said of a node that does.
const down = "down"

// netnsFlag asks for a network of the cluster's own.
type netnsFlag struct {
	wanted bool
	own    *netns.Network // nil before open, and where none is wanted
}

func (f *netnsFlag) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.wanted, "netns", false, "each node has a network interface of its own, which inject down takes down; it needs root (network namespaces)")
}

// open makes the network where one is wanted. The process begins again for that: nothing is to be open, started or printed before.
// The store is that of the nodes, which only a socket in the file system reaches from there.
func (f *netnsFlag) open(redis string) (err error) {
	if !f.wanted {
		return nil
	}
	if redis != "" && redis != ownRedis && !strings.HasPrefix(redis, "unix://") {
		return wrongUse(errors.New("--netns: no store but this host's sockets is reached from the nodes' network: give --redis unix:///path/of/its.sock, or leave it out for the embedded one"))
	}
	if f.own, err = netns.Own(); err != nil {
		return fmt.Errorf("--netns: %w; without --netns all nodes are on the loopback interface, and no right is needed", err)
	}
	return nil
}

// excludes refuses addresses for what has others in such a network.
func (f *netnsFlag) excludes(gossip, http string) error {
	switch {
	case !f.wanted:
		return nil
	case gossip != "":
		return fmt.Errorf("--gossip with --netns: each node has an address of its own, the first %v; leave it out", netns.Address(1))
	case http != "":
		return fmt.Errorf("--http with --netns: a door cannot be shared between networks; each node's is at %s; leave it out", nodeDoor(1))
	}
	return nil
}

// checkNetworks tells the doctor's findings of whether a lab can have a network of its own. One that cannot is well all the same.
func checkNetworks(why error) finding {
	if why != nil {
		return okFinding("interfaces", "lab --netns is not possible here (%v); fracture does without", why)
	}
	return okFinding("interfaces", "lab --netns can give each node a network interface of its own")
}

// serves refuses a scenario that takes interfaces down where nodes have none of their own.
func (f *netnsFlag) serves(e *scenario.Experiment) error {
	if takesDown := func(arguments []string) bool { return arguments[0] == down }; !f.wanted && slices.ContainsFunc(injections(e), takesDown) {
		return errors.New("a network interface is to be taken down, and no node has one of its own: say `netns: true` of the cluster, or give --netns; it needs root")
	}
	return nil
}

// nodeDoor is where the front door of the i-th node is, from 1.
func nodeDoor(i int) string { return onPort(i, usualHTTP) }

// onPort is the address of the i-th node with the port of a usual one.
func onPort(i int, usual string) string {
	_, port, _ := net.SplitHostPort(usual) // it is one of ours
	return net.JoinHostPort(netns.Address(i).String(), port)
}

// placed is what the i-th node is told of where it is.
func placed(i int) []string {
	anywhere := net.JoinHostPort(netns.Address(i).String(), "0")
	return []string{"--gossip", onPort(i, usualGossip), "--link", anywhere, "--beat", anywhere, "--http", nodeDoor(i), "--http-remote"}
}

// plugs gives the nodes of a home their interfaces; a second receiver has none.
type plugs struct{ *netns.Network }

// Fork implements lab.Network.
func (p plugs) Fork(name string, start func() error) error {
	if i := nodeNumber(name); i > 0 {
		return p.Network.Fork(i, name, start)
	}
	return start()
}

// nodeNumber is which node bears a name, as nodeName made it; 0 where none does.
func nodeNumber(name string) int {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "n"))
	if err != nil || i < 1 || nodeName(i) != name {
		return 0
	}
	return i
}

// noteNetwork leaves word in the directory of a lab with a network of its own.
func (h *home) noteNetwork() error {
	if h.cfg.network == nil {
		return nil
	}
	if err := writeWhole(filepath.Join(h.dir.Path, networkFile), []byte(netns.Gateway().String()+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting that the network is our own: %w", err)
	}
	return nil
}

// networkOf is the address of a lab in a network of its own, where it has one. What else is wrong with its directory, who reads the
// keys says.
func networkOf(dir string) (address string, own bool) {
	text, err := os.ReadFile(filepath.Join(dir, networkFile))
	return strings.TrimSpace(string(text)), err == nil
}

// enterNetwork has this process begin again in the network of the lab whose directory that is, where the lab has one of its own and
// this process is not there: nothing is to be open, started or printed before.
func enterNetwork(dir string) error {
	if _, own := networkOf(dir); !own {
		return nil
	}
	owner, err := lab.Dir{Path: dir}.Owner()
	if err == nil {
		err = netns.Enter(owner.PID, owner.Alive)
	}
	if err != nil {
		return fmt.Errorf("%s: the lab has a network of its own: %w", dir, err)
	}
	return nil
}

// enter has a node that was started by hand begin again in the network of its lab, where the lab has one of its own; there the node
// is beside the lab, at the bridge, where nothing else was asked for.
func (f *nodeFlags) enter(dir string) error {
	if err := enterNetwork(dir); err != nil {
		return err
	}
	address, own := networkOf(dir)
	if !own {
		return nil
	}
	for _, at := range []*string{&f.gossip, &f.link, &f.beat} {
		if *at == anyPort {
			*at = net.JoinHostPort(address, "0")
		}
	}
	return nil
}

// atHost does something where who uses the lab is: in the host's network, where the home has one of its own.
func (h *home) atHost(do func() error) error {
	if h.cfg.network == nil {
		return do()
	}
	return h.cfg.network.OnHost(do)
}

// whereNodes is the news of where the nodes of a network of its own are, and how one gets there.
func (h *home) whereNodes() []telemetry.Event {
	text := fmt.Sprintf("each node has an interface of its own: n1 is %v, its front door %s, and so on; this host reaches them by "+
		"nsenter -t %d -n curl …", netns.Address(1), nodeDoor(1), os.Getpid())
	return []telemetry.Event{{Trace: failover.Trace{At: clock.Now(), Node: nodeName(1), Verb: "listen"}, Text: text}}
}

// hasInterfaces refuses a fault for which nodes must have interfaces of their own.
func (h *home) hasInterfaces(fault string) error {
	if fault == down && h.cfg.network == nil {
		return fmt.Errorf("%s: %w", fault, lab.ErrNoNetwork)
	}
	return nil
}

// takeDown takes a node's interface down.
func takeDown(_ context.Context, h *home, node string, _ syscall.Signal) error {
	before, _, err := h.lab.Down(node)
	h.broke(node, down, before, err)
	return err
}

// takeUp takes it up again. That of a node which is dead by now is gone, and as good.
func takeUp(_ context.Context, h *home, node string, _ syscall.Signal) error {
	_, _, err := h.lab.Up(node)
	if errors.Is(err, lab.ErrDead) || errors.Is(err, lab.ErrGone) || errors.Is(err, lab.ErrClosed) {
		return nil
	}
	return err
}
