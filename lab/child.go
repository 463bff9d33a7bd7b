package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fracture/clock"
)

// The directories below the cluster directory that a lab fills.
const (
	logsDir = "logs" // <name>.log: stdout and stderr of a child, appended over its starts and bounded by LogBound
	pidsDir = "pids" // <name>: the Proc of a living child, so that others can end what the lab could not
)

// State is how a child is.
type State uint8

// The states of a child.
const (
	// Starting: the process exists and has not announced itself.
	Starting State = iota + 1
	// Running: it has announced itself.
	Running
	// Frozen: it was sent SIGSTOP and not yet SIGCONT.
	Frozen
	// Dead: it has ended and is reaped; Exit says how.
	Dead
)

// String is the state's name.
func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Running:
		return "running"
	case Frozen:
		return "frozen"
	case Dead:
		return "dead"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Child describes a supervised process.
type Child struct {
	Name      string
	Proc      // of its newest start
	State     State
	Starts    int    // how often it was started
	Announced string // what it said of itself with Announce since that start
	Exit      string // how it ended, such as "signal: killed"; empty while it lives
	Started   clock.Instant
	Ended     clock.Instant // when the lab reaped it; zero while it lives
	Log       string        // the file of its output
}

// child is a Child with what the lab needs to steer it. It is made at the first start of a name and renewed at each.
type child struct {
	Child
	process *os.Process
	said    *os.File      // the reading end of its announcement
	told    chan struct{} // closed at the announcement
	gone    chan struct{} // closed when it is reaped
	downs   int           // how many hold its interface down
	fills   int           // how many hold its disk full
	ending  bool          // it was sent a signal that ends it
}

// start forks the child of that name. It runs in the loop, on the loop's thread.
func (l *Lab) start(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return ErrClosed
	}
	if !validName.MatchString(name) {
		return fmt.Errorf("%w %q", ErrBadName, name)
	}
	c, err := l.find(name)
	if err != nil {
		c = &child{Child: Child{Name: name, State: Dead, Log: filepath.Join(l.cfg.Dir, logsDir, name+".log")}}
	}
	if c.State != Dead {
		return fmt.Errorf("%s: %w", name, ErrAlive)
	}
	process, said, err := l.fork(c)
	if err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	if c.Starts == 0 {
		l.children = append(l.children, c)
	}
	c.process, c.said = process, said
	c.Child = Child{Name: name, Proc: procOf(process.Pid), State: Starting, Starts: c.Starts + 1, Log: c.Log, Started: clock.Now()}
	c.told, c.gone, c.downs, c.fills, c.ending = make(chan struct{}), make(chan struct{}), 0, 0, false
	l.living++
	l.reading++
	go l.reap(c, process)
	go l.listen(c, process.Pid, said)
	l.changed(c)
	pidFile := filepath.Join(l.cfg.Dir, pidsDir, name)
	if err := os.WriteFile(pidFile, []byte(c.Proc.String()), 0o600); err != nil {
		return errors.Join(fmt.Errorf("noting the pid of %s: %w", name, err), c.signal(syscall.SIGKILL))
	}
	return nil
}

// fork makes the process and returns the reading end of its announcement.
func (l *Lab) fork(c *child) (*os.Process, *os.File, error) {
	_ = trimLog(c.Log, LogBound) // one that cannot be cut can perhaps be opened, which is what counts
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer closeQuietly(log)
	said, say, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer closeQuietly(say)
	cmd := exec.Command(l.cfg.Program, l.cfg.Command(c.Name)...)
	cmd.Env = append(append(os.Environ(), l.cfg.Env...), announceEnv+"="+announceFD)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{say}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := l.inNetwork(c.Name, cmd.Start); err != nil {
		closeQuietly(said)
		return nil, nil, err
	}
	return cmd.Process, said, nil
}

// closeQuietly closes what was only read or handed on, where a failure of close tells nothing.
func closeQuietly(f *os.File) { _ = f.Close() }

// reap waits for the end of one start of a child.
func (l *Lab) reap(c *child, process *os.Process) {
	how := "unknown"
	if state, err := process.Wait(); err == nil {
		how = state.String()
	}
	l.exits <- exit{child: c, how: how, at: clock.Now()}
}

// lastWords bounds how long an announcement is waited for after the end of the child, which may have left the pipe to
// children of its own.
const lastWords = time.Second

// listen waits for the announcement of one start of a child; it ends soon after the child does, if not before.
func (l *Lab) listen(c *child, pid int, said *os.File) {
	defer closeQuietly(said)
	l.readies <- ready{child: c, pid: pid, line: readLine(said)}
}

// signal sends sig to the child, if it is alive and still the process that was started.
func (c *child) signal(sig syscall.Signal) error {
	if err := c.verify(); err != nil {
		return err
	}
	return c.send(sig)
}

// verify makes sure that there is a process to signal, and that it is the one that was started.
func (c *child) verify() error {
	if c.State == Dead {
		return ErrDead
	}
	if procOf(c.PID) != c.Proc {
		return fmt.Errorf("%w: pid %d is not the process that was started", ErrGone, c.PID)
	}
	return nil
}

// send is the system call alone, through the pidfd that the kernel gave with the fork.
func (c *child) send(sig syscall.Signal) error {
	if err := c.process.Signal(sig); err != nil {
		return fmt.Errorf("sending %s to pid %d: %w", sig, c.PID, err)
	}
	c.ending = c.ending || Ends(sig)
	return nil
}

// askToEnd sends SIGTERM, and SIGCONT to one that is frozen, which else would not see it.
func (c *child) askToEnd() error {
	if err := c.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if c.State == Frozen {
		return c.signal(syscall.SIGCONT)
	}
	return nil
}

// tailBytes bounds what is quoted of a log.
const tailBytes = 800

// tail returns the last lines of a log, at most tailBytes of them.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(text) > tailBytes {
		text = text[len(text)-tailBytes:]
	}
	return strings.TrimSpace(string(text))
}

// lastWord is the last line of a log's end, which says why an orderly program ended; the whole of it where the program
// crashed, whose reason stands above the stacks.
func lastWord(text string) string {
	if strings.Contains(text, "\ngoroutine ") {
		return "\n" + text
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}
