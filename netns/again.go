package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// hostEnv names, to a process that has begun again in a network of its own, the descriptor of the namespace that it came from.
const hostEnv = "FRACTURE_HOST_NETNS"

// ownPath is the namespace of the thread that opens it.
const ownPath = "/proc/thread-self/ns/net"

// Own is the network of this process's own. Where the process has none yet it begins again with its arguments, in the same
// process, and Own does not return but with an error: so it is called before anything is opened, started or printed.
func Own() (*Network, error) {
	if host, ok := cameFrom(); ok {
		return furnish(host)
	}
	runtime.LockOSThread() // and not unlocked: the thread may be where no other is
	host, err := os.Open(ownPath)
	if err != nil {
		return nil, explain("finding this process's network namespace", "a readable /proc", "network namespaces", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, explain("making a network namespace", "CAP_SYS_ADMIN", "network namespaces", err)
	}
	if _, err := unix.FcntlInt(host.Fd(), unix.F_SETFD, 0); err != nil {
		return nil, fmt.Errorf("keeping the host's network namespace: %w", err)
	}
	err = again(append(os.Environ(), fmt.Sprintf("%s=%d", hostEnv, host.Fd())))
	runtime.KeepAlive(host)
	return nil, err
}

// Possible tells why this process cannot have a network of its own, or nil. It makes a namespace with a bridge to see, which ends
// at once.
func Possible() error {
	return aside(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return explain("making a network namespace", "CAP_SYS_ADMIN", "network namespaces", err)
		}
		l, _, err := build()
		if err == nil {
			l.close()
		}
		return err
	})
}

// Enter has this process begin again with its arguments in the network namespace of another, unless it is in there: then it
// returns nil. alive is asked once the namespace is held, and tells whether the process of that number is still the one that is
// meant. It too is called before anything is opened, started or printed.
func Enter(pid int, alive func() bool) error {
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if errors.Is(err, os.ErrNotExist) {
		return ErrGone
	}
	if err != nil {
		return explain("looking at the network namespace of process "+strconv.Itoa(pid), "CAP_SYS_PTRACE, or to be its user,", "network namespaces", err)
	}
	defer func() { _ = there.Close() }()
	if !alive() {
		return ErrGone
	}
	runtime.LockOSThread()
	same, err := isOwn(there)
	if err != nil || same {
		runtime.UnlockOSThread()
		return err
	}
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return explain("entering the network namespace of process "+strconv.Itoa(pid), "CAP_SYS_ADMIN", "network namespaces", err)
	}
	return again(os.Environ())
}

// again begins this program anew, in this process. All its threads end but the calling one, whose namespace is then the process's.
func again(env []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's file: %w", err)
	}
	return fmt.Errorf("beginning again in another network: %w", syscall.Exec(self, os.Args, env))
}

// cameFrom is the namespace from which this process came to its own; there is none where it did not.
func cameFrom() (*os.File, bool) {
	text, ok := os.LookupEnv(hostEnv)
	if !ok {
		return nil, false
	}
	_ = os.Unsetenv(hostEnv) // it is not for who is started from here
	fd, err := strconv.Atoi(text)
	if err != nil || fd <= unix.Stderr {
		return nil, false
	}
	if kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE); err != nil || kind != unix.CLONE_NEWNET {
		return nil, false // somebody has set the variable by hand
	}
	unix.CloseOnExec(fd)
	host := os.NewFile(uintptr(fd), "host's network")
	if same, err := isOwn(host); err != nil || same {
		_ = host.Close()
		return nil, false
	}
	return host, true
}

// isOwn reports whether a namespace is that of the calling thread.
func isOwn(namespace *os.File) (bool, error) {
	own, err := os.Stat(ownPath)
	if err != nil {
		return false, fmt.Errorf("finding this process's network namespace: %w", err)
	}
	other, err := namespace.Stat()
	if err != nil {
		return false, fmt.Errorf("looking at a network namespace: %w", err)
	}
	return os.SameFile(own, other), nil
}
