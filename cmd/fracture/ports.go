package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"fracture/lab"
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
