package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"fracture/lab"
)

// stand is where one peer runs: child processes that die with this one, a directory of their own, and free ports. The
// processes are a lab's, so that a peer is killed and frozen by the very hand that kills and freezes fracture's nodes.
type stand struct {
	dir lab.Dir
	lab *lab.Lab
	end context.CancelFunc
	ran chan error // what the lab's Run returned

	mu   sync.Mutex // guards argv
	argv map[string][]string
}

// startWait bounds how long a process may take to answer.
const startWait = 30 * time.Second

// pollEvery lies between two looks at something that is waited for.
const pollEvery = 20 * time.Millisecond

// openStand makes an empty stand. It is to be closed.
func openStand() (*stand, error) {
	dir, err := lab.OpenDir()
	if err != nil {
		return nil, err
	}
	s := &stand{dir: dir, argv: map[string][]string{}, ran: make(chan error, 1)}
	// env replaces itself with the program that it is told to run, so the process that the lab has started is the peer's.
	s.lab, err = lab.New(lab.Config{Dir: dir.Path, Program: "/usr/bin/env", Command: s.command, Grace: time.Second})
	if err != nil {
		return nil, errors.Join(err, dir.Remove())
	}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	go func() { s.ran <- s.lab.Run(ctx) }()
	return s, nil
}

// close ends every process and removes the directory.
func (s *stand) close() error {
	s.end()
	return errors.Join(<-s.ran, s.dir.Remove())
}

func (s *stand) command(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.argv[name]
}

// say sets the command line with which a process will be started from now on.
func (s *stand) say(name string, argv ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.argv[name] = argv
}

// start starts a process.
func (s *stand) start(name string, argv ...string) error {
	s.say(name, argv...)
	return s.lab.Start(name)
}

// serve starts a process and returns once it accepts connections at an address.
func (s *stand) serve(ctx context.Context, name, address string, argv ...string) error {
	if err := s.start(name, argv...); err != nil {
		return err
	}
	return s.answers(ctx, name, address)
}

// path is a file or directory of the peer's below the stand's own.
func (s *stand) path(name string) string { return filepath.Join(s.dir.Path, name) }

// write makes a file.
func (s *stand) write(name, text string) (string, error) {
	path := s.path(name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// answers waits until the process accepts connections.
func (s *stand) answers(ctx context.Context, name, address string) error {
	return s.until(ctx, name, func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// until waits for check to be content, as long as the process lives.
func (s *stand) until(ctx context.Context, name string, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		child, childErr := s.lab.Child(name)
		if childErr != nil {
			return childErr
		}
		if child.State == lab.Dead {
			return fmt.Errorf("%s ended at its start (%s): %s", name, child.Exit, lastLines(child.Log))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (%w): %s", name, context.Cause(ctx), err, lastLines(child.Log))
		case <-time.After(pollEvery):
		}
	}
}

// quoted bounds what an error quotes of a log, in bytes.
const quoted = 600

func lastLines(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-quoted):])
}

// resident is how much memory a process holds resident, in bytes; 0 where that is not known.
func (s *stand) resident(name string) int64 {
	child, err := s.lab.Child(name)
	if err != nil {
		return 0
	}
	return resident(child.PID)
}

// resident reads the second field of proc_pid_statm(5).
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var all, pages int64
	if _, err := fmt.Sscan(string(text), &all, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// freePorts finds n ports of loopback that nobody has, for TCP and UDP alike. They are all held until the last is found,
// so that they differ; between that and the peer's own start somebody else could take one, and the start would fail.
func freePorts(n int) ([]int, error) {
	var ports []int
	var held []interface{ Close() error }
	defer func() {
		for _, h := range held {
			_ = h.Close()
		}
	}()
	for tries := 0; len(ports) < n && tries < 10*n; tries++ {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		held = append(held, tcp)
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", loopback(port))
		if err != nil {
			continue
		}
		held = append(held, udp)
		ports = append(ports, port)
	}
	if len(ports) < n {
		return nil, fmt.Errorf("finding %d free ports: found %d", n, len(ports))
	}
	return ports, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
