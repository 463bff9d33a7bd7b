// Package lab supervises the child processes of a lab: nodes that it starts, breaks, revives and ends.
//
// A [Lab] runs one loop on one operating system thread, and every child is forked from that thread. The kernel kills a
// child when the thread that forked it ends (PR_SET_PDEATHSIG), so children die with the lab however it dies, frozen
// ones too. A node that is nobody's child in that sense (one in a pane of its own) watches the lab with [WatchParent];
// what still remains is ended by who runs [SweepAfter], or by the next lab that opens a [Dir].
//
// A signal is sent only to a process whose pid and start time are both those of the child, and through a pidfd where the
// kernel has them. Faults (kill, freeze, thaw, down, up) enter through faults.go alone.
//
// What the package does not do: it knows nothing of what a node is, of gossip or of ports that nodes choose; the caller
// gives the command line, and the child may announce one line about itself with [Announce].
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"time"

	"fracture/clock"
)

// The errors of a lab.
var (
	// ErrClosed: Run has ended; nothing can be started or signalled any more.
	ErrClosed = errors.New("the lab has ended")
	// ErrUnknown: no child of that name was ever started; start it first.
	ErrUnknown = errors.New("no such node in this lab")
	// ErrBadName: names become file names; use 1 to 32 of a-z, A-Z, 0-9, dot, dash and underscore.
	ErrBadName = errors.New("bad node name")
	// ErrAlive: the child is alive; end it first.
	ErrAlive = errors.New("already running")
	// ErrDead: the child is not alive; revive it first.
	ErrDead = errors.New("not running")
	// ErrDied: the child ended before it was ready; the error's text carries the end of its log.
	ErrDied = errors.New("ended before it was ready")
)

// Config is what a lab is told at its making. Zero fields take the defaults given with them.
type Config struct {
	Dir     string                     // the cluster directory; logs and pids go below it
	Command func(name string) []string // the arguments of a child, without the program's name; asked at every start
	Program string                     // the program; this process's own executable
	Env     []string                   // added to this process's environment
	Grace   time.Duration              // between SIGTERM and SIGKILL; 5 s
	Network Network                    // of the children's own; nil: they are in this process's
	Changed func(Child)                // told of every change of state, in their order: it must neither block nor call the lab
}

// Lab is a set of children. The loop of Run starts and ends them; a signal is sent by whoever asks for it, for on a busy machine
// the way to another goroutine takes milliseconds.
type Lab struct {
	cfg     Config
	starts  chan func() // unbuffered: who starts a child waits for the loop
	exits   chan exit   // unbuffered: a waiter waits for the loop
	readies chan ready  // unbuffered: a reader waits for the loop
	done    chan struct{}
	living  int // waiters that have not reported; the loop's
	reading int // readers that have not reported; the loop's

	mu       sync.Mutex // guards what follows, and the children themselves
	children []*child   // in order of first start
	closing  bool
}

// validName is what may be a child's name.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// New makes a lab. It starts nothing.
func New(cfg Config) (*Lab, error) {
	if cfg.Program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding this program's file: %w", err)
		}
		cfg.Program = self
	}
	if cfg.Grace <= 0 {
		cfg.Grace = 5 * time.Second
	}
	for _, sub := range []string{logsDir, pidsDir} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("making the cluster directory: %w", err)
		}
	}
	return &Lab{
		cfg:     cfg,
		starts:  make(chan func()),
		exits:   make(chan exit),
		readies: make(chan ready),
		done:    make(chan struct{}),
	}, nil
}

// Run supervises the children until ctx ends. Then it ends every child, frozen ones too:
// SIGTERM, and SIGKILL after the grace. When it returns, no child is left. A child's death is no error of Run's.
func (l *Lab) Run(ctx context.Context) error {
	// Children live as long as the thread that forked them; see the package comment.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(l.done)
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.shut()
		case <-trim.C:
			l.each(func(c *child) { _ = trimLog(c.Log, LogBound) }) // tried again in a minute
		case start := <-l.starts:
			start()
		case e := <-l.exits:
			l.ended(e)
		case r := <-l.readies:
			l.announced(r)
		}
	}
}

// shut ends every child and returns when the last one is reaped.
func (l *Lab) shut() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.each(func(c *child) { _ = c.askToEnd() }) // one that is gone already has nothing to be told
	grace := time.NewTimer(l.cfg.Grace)
	defer grace.Stop()
	for l.living+l.reading > 0 {
		select {
		case <-grace.C:
			l.each(func(c *child) { _ = c.signal(syscall.SIGKILL) })
		case start := <-l.starts:
			start()
		case e := <-l.exits:
			l.ended(e)
		case r := <-l.readies:
			l.announced(r)
		}
	}
	return nil
}

// each does something to every child.
func (l *Lab) each(do func(*child)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.children {
		do(c)
	}
}

// with runs op on the child of that name. After Run it is ErrClosed.
func (l *Lab) with(name string, op func(*child) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return ErrClosed
	default:
	}
	c, err := l.find(name)
	if err != nil {
		return err
	}
	if err := op(c); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// find finds a child. The caller holds mu.
func (l *Lab) find(name string) (*child, error) {
	for _, c := range l.children {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, ErrUnknown)
}

// Start starts a child that is not alive: a new name, or one that has ended. It returns once the process exists;
// [Lab.Ready] waits until it has announced itself. Before Run it waits for Run.
func (l *Lab) Start(name string) error {
	result := make(chan error, 1)
	select {
	case l.starts <- func() { result <- l.start(name) }:
		return <-result
	case <-l.done:
		return ErrClosed
	}
}

// Revive starts a child again after its death, which it waits for where the child was killed a moment ago.
func (l *Lab) Revive(ctx context.Context, name string) error {
	if err := l.Ended(ctx, name); err != nil {
		return err
	}
	return l.Start(name)
}

// Gone waits until the child of that name is not alive.
func (l *Lab) Gone(ctx context.Context, name string) error {
	var gone chan struct{}
	if err := l.with(name, func(c *child) error { gone = c.gone; return nil }); err != nil {
		return err
	}
	return awaitEnd(ctx, name, gone)
}

// Ended waits until the child of that name has ended, if the lab has sent it a signal that ends it. It does not wait for one that
// somebody else has started since, which may live for ever.
func (l *Lab) Ended(ctx context.Context, name string) error {
	var gone chan struct{}
	err := l.with(name, func(c *child) error {
		if c.ending {
			gone = c.gone
		}
		return nil
	})
	if err != nil || gone == nil {
		return err
	}
	return awaitEnd(ctx, name, gone)
}

func awaitEnd(ctx context.Context, name string, gone <-chan struct{}) error {
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s to end: %w", name, context.Cause(ctx))
	}
}

// Ready waits until the child has announced itself and returns what it said. Where the child ends first the error is
// ErrDied, with the last line of its log, which is gone with the lab.
func (l *Lab) Ready(ctx context.Context, name string) (string, error) {
	var told, gone chan struct{}
	if err := l.with(name, func(c *child) error { told, gone = c.told, c.gone; return nil }); err != nil {
		return "", err
	}
	select {
	case <-told:
	case <-gone:
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for %s to be ready: %w", name, context.Cause(ctx))
	}
	now, err := l.Child(name)
	if err != nil {
		return "", err
	}
	if now.State == Dead && now.Announced == "" {
		return "", fmt.Errorf("%s %w (%s): %s", name, ErrDied, now.Exit, lastWord(tail(now.Log)))
	}
	return now.Announced, nil
}

// Child describes one child as it is now.
func (l *Lab) Child(name string) (Child, error) {
	var out Child
	err := l.with(name, func(c *child) error { out = c.Child; return nil })
	return out, err
}

func (l *Lab) changed(c *child) {
	if l.cfg.Changed != nil {
		l.cfg.Changed(c.Child)
	}
}

func (l *Lab) ended(e exit) {
	l.living--
	l.mu.Lock()
	defer l.mu.Unlock()
	e.child.State, e.child.Exit, e.child.Ended = Dead, e.how, e.at
	close(e.child.gone)
	_ = e.child.said.SetReadDeadline(time.Now().Add(lastWords))    // fails where it is closed, and then nobody reads
	_ = os.Remove(filepath.Join(l.cfg.Dir, pidsDir, e.child.Name)) // a stale one is harmless: it names a start time
	l.changed(e.child)
}

func (l *Lab) announced(r ready) {
	l.reading--
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.line == "" || r.child.PID != r.pid {
		return
	}
	r.child.Announced = r.line
	close(r.child.told)
	if r.child.State == Starting {
		r.child.State = Running
		l.changed(r.child)
	}
}

type exit struct {
	child *child
	how   string
	at    clock.Instant
}

type ready struct {
	child *child
	pid   int
	line  string
}
