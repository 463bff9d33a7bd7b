package lab

import (
	"errors"
	"fmt"
	"os"
)

// ErrNoNetwork: the child has no interface of its own to take down; start the lab with a network of its own.
var ErrNoNetwork = errors.New("the node has no network interface of its own: the lab must be started with --netns, which needs root")

// Network gives children interfaces of their own. Both functions are called on the loop's thread.
type Network interface {
	// Fork starts a child, by start, with an interface of its own where it is to have one. When it returns the thread is back in
	// the network where it was.
	Fork(name string, start func() error) error
	// Set takes the interface in a child's network namespace up or down.
	Set(namespace *os.File, up bool) error
}

// inNetwork has start fork the child of that name where the child's network is.
func (l *Lab) inNetwork(name string, start func() error) error {
	if l.cfg.Network == nil {
		return start()
	}
	return l.cfg.Network.Fork(name, start)
}

// namespace holds the network namespace of a living child. Where that is the lab's own, which a child without an interface of its
// own shares, it is ErrNoNetwork.
func (l *Lab) namespace(c *child) (*os.File, error) {
	if l.cfg.Network == nil {
		return nil, ErrNoNetwork
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.PID))
	if err != nil {
		return nil, fmt.Errorf("finding its network: %w", err)
	}
	err = c.verify() // now that it is held: a pid may have changed hands before
	if err == nil && sharesNetwork(file) {
		err = ErrNoNetwork
	}
	if err != nil {
		closeQuietly(file)
		return nil, err
	}
	return file, nil
}

// sharesNetwork reports whether a namespace is this process's.
func sharesNetwork(file *os.File) bool {
	other, err := file.Stat()
	own, ownErr := os.Stat("/proc/thread-self/ns/net")
	return err == nil && ownErr == nil && os.SameFile(own, other)
}
