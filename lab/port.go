package lab

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Holder is a process that has a port open.
type Holder struct {
	Address netip.AddrPort
	PID     int    // 0 where this user may not see whose it is
	Command string // empty where PID is 0
}

// String names the holder the way an error does.
func (h Holder) String() string {
	if h.PID == 0 {
		return fmt.Sprintf("%v, held by a process that this user may not see", h.Address)
	}
	return fmt.Sprintf("%v, held by %s (pid %d)", h.Address, h.Command, h.PID)
}

// PortHolders finds who listens on a port; network is "tcp" or "udp". It reads /proc, takes milliseconds, and is meant
// for explaining why a listen was refused.
func PortHolders(network string, port uint16) []Holder {
	var holders []Holder
	inodes := map[string]int{} // socket inode → index in holders
	for _, table := range []string{network, network + "6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if err != nil {
			continue // without IPv6 there is no such table
		}
		for _, line := range strings.Split(string(text), "\n") {
			address, inode, ok := parseSocket(line, network)
			if ok && address.Port() == port {
				inodes["socket:["+inode+"]"] = len(holders)
				holders = append(holders, Holder{Address: address})
			}
		}
	}
	if len(holders) > 0 {
		findOwners(inodes, holders)
	}
	return holders
}

// ExplainPort says in half a sentence who holds a port: the part of an error that follows "address already in use".
func ExplainPort(network string, port uint16) string {
	holders := PortHolders(network, port)
	if len(holders) == 0 {
		return fmt.Sprintf("%s port %d is free by now", network, port)
	}
	return network + " " + holders[0].String()
}

// parseSocket reads one line of /proc/net/tcp or udp, see proc_pid_net(5). Only sockets that listen count: for TCP the
// state LISTEN, for UDP one without a peer.
func parseSocket(line, network string) (address netip.AddrPort, inode string, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return netip.AddrPort{}, "", false
	}
	listening := "0A" // TCP_LISTEN
	if network == "udp" {
		listening = "07" // TCP_CLOSE, which is what the kernel calls an unconnected UDP socket
	}
	if fields[3] != listening {
		return netip.AddrPort{}, "", false
	}
	address, ok = parseAddress(fields[1])
	return address, fields[9], ok
}

// parseAddress reads "0100007F:1B7B": each 32-bit word of the address in the host's (little-endian) order, then the port.
func parseAddress(text string) (netip.AddrPort, bool) {
	host, portText, found := strings.Cut(text, ":")
	raw, hexErr := hex.DecodeString(host)
	port, portErr := strconv.ParseUint(portText, 16, 16)
	if !found || hexErr != nil || portErr != nil {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	address, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), ok
}

// findOwners fills in the processes whose descriptors point at the sockets, as far as this user may look.
func findOwners(inodes map[string]int, holders []Holder) {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*") // fails only on a bad pattern
	for _, path := range descriptors {
		target, err := os.Readlink(path)
		if err != nil {
			continue
		}
		at, ok := inodes[target]
		if !ok || holders[at].PID != 0 {
			continue
		}
		pid, command := strings.Split(path, "/")[2], ""
		if text, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
			command = strings.TrimSpace(string(text))
		}
		holders[at].PID, _ = strconv.Atoi(pid) // the glob admits digits only
		holders[at].Command = command
	}
}
