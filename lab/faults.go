package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"fracture/clock"
)

// Kill ends a child the hard way (SIGKILL). The two instants lie immediately before and after the system call, so the
// kill began to act between them; the process is gone a moment later, when its state becomes [Dead].
func (l *Lab) Kill(name string) (before, after clock.Instant, err error) {
	return l.inject(name, syscall.SIGKILL)
}

// Freeze stops a child where it stands (SIGSTOP): its sockets stay open and silent.
func (l *Lab) Freeze(name string) (before, after clock.Instant, err error) {
	return l.inject(name, syscall.SIGSTOP)
}

// Thaw lets a frozen child go on (SIGCONT).
func (l *Lab) Thaw(name string) (before, after clock.Instant, err error) {
	return l.inject(name, syscall.SIGCONT)
}

// Down takes a child's network interface down, as `ip link set down` does: nothing comes or goes, and the route is lost. It stays
// so until as many have called Up. A child that is started again has a new interface, which is up.
func (l *Lab) Down(name string) (before, after clock.Instant, err error) {
	return l.setInterface(name, +1)
}

// Up lets go of a child's network interface, which is taken up when the last does that has taken it down.
func (l *Lab) Up(name string) (before, after clock.Instant, err error) {
	return l.setInterface(name, -1)
}

// setInterface changes by one how many hold a child's interface down, and takes it where it then belongs. One that fails has
// changed the number all the same: what is tried is to be taken back.
func (l *Lab) setInterface(name string, more int) (before, after clock.Instant, err error) {
	err = l.with(name, func(c *child) error {
		if err := c.verify(); err != nil {
			return err
		}
		namespace, err := l.namespace(c)
		if err != nil {
			return err
		}
		defer closeQuietly(namespace)
		c.downs = max(c.downs+more, 0)
		before = clock.Now()
		err = l.cfg.Network.Set(namespace, c.downs == 0)
		after = clock.Now()
		return err
	})
	return before, after, err
}

// Signal sends a child any signal, stamped as a kill is.
func (l *Lab) Signal(name string, sig syscall.Signal) (before, after clock.Instant, err error) {
	return l.inject(name, sig)
}

// Ends reports whether a signal ends a process that has not said otherwise.
func Ends(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGILL, syscall.SIGTRAP,
		syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS:
		return true
	default:
		return false
	}
}

// Stop asks a child to end in order (SIGTERM), a frozen one too, and returns when it has; after the grace it is killed.
func (l *Lab) Stop(ctx context.Context, name string) error {
	if err := l.with(name, func(c *child) error { return c.askToEnd() }); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, l.cfg.Grace)
	defer cancel()
	if err := l.Ended(patience, name); err == nil || ctx.Err() != nil {
		return err
	}
	if _, _, err := l.Kill(name); err != nil && !errors.Is(err, ErrDead) {
		return err
	}
	return l.Ended(ctx, name)
}

// FillDisk lets a child write nothing more to any file, as on a disk that is full: the limit of its files' size is 0
// (RLIMIT_FSIZE), a write is answered with EFBIG, and, unless the child ignores it, with SIGXFSZ, which ends it. It stays so until
// as many have called EmptyDisk, or the child is started again.
func (l *Lab) FillDisk(name string) error {
	_, err := l.limitFiles(name, +1)
	return err
}

// EmptyDisk takes back what [Lab.FillDisk] did. The disk is full yet where somebody else has filled it, too.
func (l *Lab) EmptyDisk(name string) (full bool, err error) { return l.limitFiles(name, -1) }

// limitFiles changes by one how many hold a child's disk full, and bounds the size of the files that it writes, as far as the child may
// have more.
func (l *Lab) limitFiles(name string, more int) (full bool, err error) {
	err = l.with(name, func(c *child) error {
		if err := c.verify(); err != nil {
			return err
		}
		var limit unix.Rlimit
		if err := unix.Prlimit(c.PID, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
			return os.NewSyscallError("prlimit", err)
		}
		fills := max(c.fills+more, 0)
		if full = fills > 0; full {
			limit.Cur = 0
		} else {
			limit.Cur = limit.Max
		}
		if err := unix.Prlimit(c.PID, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			return os.NewSyscallError("prlimit", err)
		}
		c.fills = fills
		return nil
	})
	return full, err
}

// Kill ends a child of the lab whose directory this is as [Lab.Kill] does, from another process: one that has no more than
// the directory. It goes by what the lab noted of the child's newest start.
func (d Dir) Kill(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%w %q", ErrBadName, name)
	}
	text, err := os.ReadFile(filepath.Join(d.Path, pidsDir, name))
	if err != nil {
		return fmt.Errorf("%s: %w", name, ErrDead)
	}
	proc, err := ParseProc(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return proc.Signal(syscall.SIGKILL)
}

// inject sends the signal of a fault and stamps it on both sides.
func (l *Lab) inject(name string, sig syscall.Signal) (before, after clock.Instant, err error) {
	err = l.with(name, func(c *child) error {
		if err := c.verify(); err != nil {
			return err
		}
		before = clock.Now()
		err := c.send(sig)
		after = clock.Now()
		if err != nil {
			return err
		}
		switch {
		case sig == syscall.SIGSTOP:
			c.State = Frozen
		case sig == syscall.SIGCONT && c.State == Frozen:
			c.State = c.awake()
		default:
			return nil
		}
		l.changed(c)
		return nil
	})
	return before, after, err
}

// awake is the state of a living child that is not frozen.
func (c *child) awake() State {
	if c.Announced == "" {
		return Starting
	}
	return Running
}
