package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"fracture/chaos/meter"
	"fracture/cluster/store"
	"fracture/lab"
)

// What a run can break beside its nodes: a store that is a server of its own, and a second receiver.

const (
	secondSink = "sink"       // the child's name
	serverName = "store"      // likewise
	serverDir  = "store"      // in the cluster directory
	serverFile = "redis.sock" // in serverDir
	serverDump = "dump.rdb"   // likewise: what it has saved
	serverLook = 20 * time.Millisecond
	serverPing = 500 * time.Millisecond
)

// errNoServer: the store can only be broken where it is a process. Install the package redis-server, or leave the store out.
var errNoServer = errors.New("redis-server was not found: install the package redis-server, or leave the store out")

// findServer finds the program of the store.
func findServer() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errNoServer
	}
	return path, nil
}

// server is a redis-server, a child of this process, that listens in the cluster directory alone. It saves what it holds when
// it is asked to end, and else never: nobody measures beside its saving.
type server struct {
	lab    *lab.Lab
	client *store.Client
	dump   string // the file that it saves to
}

// asServer begins a redis-server that lives on where a file cannot grow, as on a full disk: the kernel's signal is ignored, and
// the error that comes with it is not.
const asServer = `trap "" XFSZ; exec "$0" "$@"`

// saveAtEnd is as seldom as it can be said: a year after a change. Where nothing is said, nothing is saved at the end.
const saveAtEnd = "31536000 1"

// newServer prepares the server; it runs with its lab.
func newServer(program, dir string) (*server, error) {
	home := filepath.Join(dir, serverDir)
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, fmt.Errorf("making the store's directory: %w", err)
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	socket := filepath.Join(home, serverFile)
	children, err := lab.New(lab.Config{Dir: home, Program: shell, Command: func(string) []string {
		return []string{"-c", asServer, program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
			"--save", saveAtEnd, "--appendonly", "no", "--dir", home, "--dbfilename", serverDump}
	}})
	if err != nil {
		return nil, err
	}
	client, err := store.NewClient("unix://" + socket)
	if err != nil {
		return nil, err
	}
	return &server{children, client, filepath.Join(home, serverDump)}, nil
}

// url is where nodes find the server in the cluster directory.
func serverURL(dir string) string {
	return "unix://" + filepath.Join(dir, serverDir, serverFile)
}

// run keeps the server's lab until ctx ends.
func (s *server) run(ctx context.Context) error {
	err := s.lab.Run(ctx)
	return errors.Join(err, s.client.Close())
}

// up reports whether the server answers.
func (s *server) up(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, serverPing)
	defer cancel()
	return s.client.Ping(ctx) == nil
}

// awaitUp waits until the server answers.
func (s *server) awaitUp(ctx context.Context) error {
	for !s.up(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis-server: %w", context.Cause(ctx))
		case <-time.After(serverLook):
		}
	}
	return nil
}

// startServer starts the store's process, where it has one.
func (h *home) startServer(ctx context.Context) error {
	if h.server == nil {
		return nil
	}
	if err := h.server.lab.Start(serverName); err != nil {
		return err
	}
	return h.server.awaitUp(ctx)
}

// reviveServer starts the store's process again, with what it has saved.
func (h *home) reviveServer(ctx context.Context) error {
	if err := h.server.lab.Revive(ctx, serverName); err != nil {
		return fmt.Errorf("revive the store: %w", err)
	}
	return h.server.awaitUp(ctx)
}

// serverUp reports whether the store is a process and answers.
func (h *home) serverUp() bool { return h.server != nil && h.server.up(context.Background()) }

// sinkCommand is the command line of the second receiver.
func (h *home) sinkCommand() []string {
	return []string{"attach", "--plain", "--cluster", h.dir.Path}
}

// child is a process that can be broken, and the lab that can.
type child struct {
	lab  *lab.Lab
	name string
}

// victims are the processes that a strike concerns.
func (h *home) victims(s strike) []child {
	switch s.component {
	case meter.Store:
		return []child{{h.server.lab, serverName}}
	case meter.Sink:
		return []child{{h.lab, secondSink}}
	default:
	}
	var all []child
	for _, name := range s.nodes {
		all = append(all, child{h.lab, name})
	}
	return all
}
