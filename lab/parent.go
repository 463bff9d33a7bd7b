package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrOrphaned: the lab that this process belongs to has ended; end too.
var ErrOrphaned = errors.New("the lab has ended")

// WatchParent waits until the process named by spec (see [Proc]) has ended, which is ErrOrphaned, or ctx has, which is
// nil. A node runs it beside its own loop and lets its error end the node. It takes a pidfd, no polling.
func WatchParent(ctx context.Context, spec string) error {
	parent, err := ParseProc(spec)
	if err != nil {
		return err
	}
	fd, err := unix.PidfdOpen(parent.PID, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("%v: %w", parent, ErrOrphaned)
	}
	if err != nil {
		return fmt.Errorf("watching process %v: %w", parent, err)
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	defer closeQuietly(file)
	if !parent.Alive() {
		return fmt.Errorf("%v: %w", parent, ErrOrphaned)
	}
	stop := context.AfterFunc(ctx, func() { closeQuietly(file) })
	defer stop()
	raw, err := file.SyscallConn()
	if err != nil {
		return nil // closed by the end of ctx
	}
	var ended bool
	err = raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		ended = err == nil && n > 0
		return ended
	})
	if ended {
		return fmt.Errorf("%v: %w", parent, ErrOrphaned)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("watching process %v: %w", parent, err)
}

// A child finds the descriptor for its announcement in the environment. It is the first after stdin, stdout and stderr.
const (
	announceEnv = "FRACTURE_ANNOUNCE_FD"
	announceFD  = "3"
)

// maxAnnouncement bounds an announcement, in bytes.
const maxAnnouncement = 4096

// Announce tells the lab that started this process one line about it, and that it is ready. It may be called once; where
// no lab started the process it does nothing. Line breaks become spaces.
func Announce(line string) error {
	text, ok := os.LookupEnv(announceEnv)
	if !ok {
		return nil
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("reading %s: %w", announceEnv, err)
	}
	file := os.NewFile(uintptr(fd), "announcement")
	_, err = file.WriteString(strings.ReplaceAll(line, "\n", " ") + "\n")
	if err := errors.Join(err, file.Close(), os.Unsetenv(announceEnv)); err != nil {
		return fmt.Errorf("announcing to the lab: %w", err)
	}
	return nil
}

// readLine reads an announcement; it is empty where the child ended without one.
func readLine(r io.Reader) string {
	var line []byte
	buf := make([]byte, 512)
	for len(line) < maxAnnouncement {
		n, err := r.Read(buf)
		line = append(line, buf[:n]...)
		if text, _, found := strings.Cut(string(line), "\n"); found {
			return text
		}
		if err != nil {
			return ""
		}
	}
	return ""
}
