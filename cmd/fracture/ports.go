package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster/failover"
	"fracture/lab"
	"fracture/telemetry"
)

// Where the first node of a lab is found by those who know no other address: the front door where the original's was,
// membership where memberlist's is. Another lab may run there already, and the second is to come up too.
const (
	usualHTTP   = "127.0.0.1:7035"
	usualGossip = "127.0.0.1:7946"
	anyPort     = "127.0.0.1:0"
)

// firstFree is the usual address, or where that is taken in one of the networks any free one; then why says by whom.
func firstFree(usual string, networks ...string) (addr, why string) {
	for _, network := range networks {
		if err := tryPort(network, usual); err != nil {
			_, text, _ := net.SplitHostPort(usual)
			port, _ := strconv.ParseUint(text, 10, 16)
			return anyPort, fmt.Sprintf("%s is taken (%s)", usual, whoHolds(network, uint16(port), err))
		}
	}
	return usual, ""
}

// checkDoor refuses an address that the front doors of a lab cannot have: they are open to this host alone.
func checkDoor(address string) error {
	if err := checkAddress("--http", address, usualHTTP); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--http %s: other hosts could reach it, and a lab's front door is for this host alone: give 127.0.0.1:%s; "+
			"beside a lab, `fracture node --name n0 --http %s --http-remote` opens one for them", address, port, address)
	}
	return nil
}

// checkAddress refuses what is no host:port; like is one that could be given.
func checkAddress(flag, address, like string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s %q: want host:port, such as %s, the port 0 to 65535", flag, address, like)
	}
	return nil
}

// checkFree refuses an address that somebody else has in one of the networks, and says who.
func checkFree(flag, address string, networks ...string) error {
	for _, network := range networks {
		if err := tryPort(network, address); err != nil {
			_, text, _ := net.SplitHostPort(address)
			port, _ := strconv.ParseUint(text, 10, 16)
			what := "cannot be had"
			if errors.Is(err, unix.EADDRINUSE) {
				what = "is in use"
			}
			return fmt.Errorf("%s %s %s (%s): give another, or leave %s out for any that is free",
				flag, address, what, whoHolds(network, uint16(port), err), flag)
		}
	}
	return nil
}

// whoHolds says who holds a port that could not be had, or what the system said.
func whoHolds(network string, port uint16, err error) string {
	if len(lab.PortHolders(network, port)) == 0 {
		return unwrapAll(err).Error()
	}
	return lab.ExplainPort(network, port)
}

// tryPort tells whether an address is free: nil where it is.
func tryPort(network, address string) error {
	var bound io.Closer
	var err error
	if network == "udp" {
		bound, err = net.ListenPacket(network, address)
	} else {
		bound, err = net.Listen(network, address)
	}
	if err != nil {
		return err
	}
	return bound.Close()
}

// unwrapAll is the innermost error: what the system said, without who called it.
func unwrapAll(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// settle chooses the addresses that were not given, and says why not the usual ones; those of a network of its own are its nodes'.
func (f *labFlags) settle() (noGossip, noHTTP string, err error) {
	if f.netns.own != nil {
		return "", "", nil
	}
	if f.gossip == "" {
		f.gossip, noGossip = firstFree(usualGossip, "tcp", "udp")
	} else if err := checkFree("--gossip", f.gossip, "tcp", "udp"); err != nil {
		return "", "", err
	}
	if f.http == "" {
		f.http, noHTTP = firstFree(usualHTTP, "tcp")
	} else if err := checkFree("--http", f.http, "tcp"); err != nil {
		return "", "", err
	}
	return noGossip, noHTTP, nil
}

// whereItAll is the news of all addresses that nobody would guess.
func (h *home) whereItAll(gossip, noGossip, noHTTP string) []telemetry.Event {
	if h.cfg.network != nil {
		return h.whereNodes()
	}
	return append(whereItIs("the front door", h.door.Address, usualHTTP, noHTTP), whereItIs("gossip", gossip, usualGossip, noGossip)...)
}

// whereItIs is the news of an address that nobody would guess, with the reason where there is one; none of the usual one.
func whereItIs(what, addr, usual, why string) []telemetry.Event {
	if addr == usual {
		return nil
	}
	text := fmt.Sprintf("%s is at %s", what, addr)
	if why != "" {
		text += ": " + why
	}
	return []telemetry.Event{{Trace: failover.Trace{At: clock.Now(), Node: nodeName(1), Verb: "listen"}, Text: text}}
}
