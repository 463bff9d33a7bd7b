package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"fracture/cluster/store"
	"fracture/lab"
)

// What the end-to-end tests stand on: the real program, built once, and real processes of it. Every process is ended with
// its test, however that goes.

// e2eTimeout bounds every single wait of an end-to-end test. It is there against hanging; nothing is measured by it, and a
// machine that is shared may be slow.
const e2eTimeout = 2 * time.Minute

// e2eLook is between two looks at what a process has done.
const e2eLook = 20 * time.Millisecond

// What tests leave until they end bears the name of their process, by which others tell that it is over.
const (
	e2ePrefix   = "fracture-e2e-"
	housePrefix = "fr-"
)

// e2eDir holds the program that the tests run.
var e2eDir = filepath.Join(os.TempDir(), e2ePrefix+lab.Self().String())

func TestMain(m *testing.M) {
	sweepOldTests(os.TempDir())
	leaveSettings()
	code := m.Run()
	_ = os.RemoveAll(e2eDir)
	os.Exit(code)
}

// leaveSettings has tests, and what they start, read no settings of whoever runs them, but for those of Go.
func leaveSettings() {
	if config, err := os.UserConfigDir(); err == nil && os.Getenv("GOENV") == "" {
		_ = os.Setenv("GOENV", filepath.Join(config, "go", "env"))
	}
	_ = os.Setenv("XDG_CONFIG_HOME", filepath.Join(e2eDir, "settings"))
}

// sweepOldTests removes what tests have left that were killed.
func sweepOldTests(dir string) {
	for _, prefix := range []string{e2ePrefix, housePrefix} {
		left, _ := filepath.Glob(filepath.Join(dir, prefix+"*@*")) // the pattern is good
		for _, path := range left {
			owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(path), prefix), "-")
			if proc, err := lab.ParseProc(owner); err == nil && !proc.Alive() {
				_ = os.RemoveAll(path) // another may do so too
			}
		}
	}
}

func TestSweepOldTests_removesWhatTheDeadHaveLeft(t *testing.T) {
	dir := t.TempDir()
	living, dead := lab.Self(), lab.Proc{PID: os.Getpid(), Start: 1}
	want := []string{e2ePrefix + "1", e2ePrefix + living.String(), housePrefix + living.String() + "-1"}
	for _, name := range append([]string{e2ePrefix + dead.String(), housePrefix + dead.String() + "-1"}, want...) {
		if err := os.MkdirAll(filepath.Join(dir, name, "deep"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweepOldTests(dir)
	var left []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	slices.Sort(want)
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("%q are left, %v; want %q", left, err, want)
	}
}

// e2eBinary builds the program at the first call and answers with its path.
var e2eBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(e2eDir, "fracture")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "fracture/cmd/fracture")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building fracture: %w\n%s", err, out)
	}
	return path, nil
})

// house is where the processes of one test live: they see no other labs of this host, and no other test sees theirs.
type house struct {
	t       *testing.T
	binary  string
	runtime string // their XDG_RUNTIME_DIR; short, for it holds sockets
	env     []string
}

// newHouse makes a house. With the test, every process ends that runs its program.
func newHouse(t *testing.T) *house {
	t.Helper()
	binary, err := e2eBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", housePrefix+lab.Self().String()+"-")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, binary: binary, runtime: dir}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "TMUX", "TMUX_PANE", "XDG_RUNTIME_DIR", storeEnv, "NO_COLOR", "COLORTERM", "TERM", "LC_ALL", "ENV", "PS1":
		default:
			h.env = append(h.env, e)
		}
	}
	h.env = append(h.env, "XDG_RUNTIME_DIR="+dir, "LC_ALL=C.UTF-8", "TERM=xterm-256color")
	t.Cleanup(func() {
		for _, pid := range h.running() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone meanwhile is as good
		}
		h.awaitNobody()
		_ = os.RemoveAll(dir)
	})
	return h
}

// running lists the processes that run the house's program, whoever started them.
func (h *house) running() []int {
	links, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is good
	var pids []int
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == h.binary {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link))) // digits, by the pattern
			pids = append(pids, pid)
		}
	}
	return pids
}

// childrenOf lists the processes of the house's program whose parent is pid.
func (h *house) childrenOf(pid int) []int {
	return slices.DeleteFunc(h.running(), func(child int) bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child)) // one that is gone is nobody's child
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		return len(fields) < 2 || fields[1] != strconv.Itoa(pid)
	})
}

// working lists the processes that run the house's program, without those that wait to sweep behind a lab.
func (h *house) working() []int {
	return slices.DeleteFunc(h.running(), func(pid int) bool {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // one that is gone has none, and is counted where it was seen
		return strings.Contains(string(line), "\x00sweep\x00")
	})
}

// nodes lists the living nodes that a process started: pids by name.
func (h *house) nodes(of *process) map[string]int {
	pids := map[string]int{}
	for _, pid := range h.childrenOf(of.cmd.Process.Pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // one that is gone has no name
		_, after, named := strings.Cut(string(line), "\x00--name\x00")
		if name, _, _ := strings.Cut(after, "\x00"); named {
			pids[name] = pid
		}
	}
	return pids
}

// killNode kills a node of a lab and returns once it is gone.
func (h *house) killNode(lab *process, name string) {
	h.t.Helper()
	pid := h.nodes(lab)[name]
	if pid == 0 {
		h.t.Fatalf("no process of %s", name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	// Whole and reaped: a process that has no memory any more may still have sockets for a moment, and connections to them.
	await(h.t, name+" is gone", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		return errors.Is(err, fs.ErrNotExist)
	}, nil)
}

// awaitNobody waits until no process runs the house's program.
func (h *house) awaitNobody() {
	h.t.Helper()
	await(h.t, "the end of the house's processes", func() bool { return len(h.running()) == 0 },
		func() string { return strings.Join(commandLines(h.t), "\n") })
}

// dirs lists the cluster directories in the house.
func (h *house) dirs() []string {
	dirs, _ := filepath.Glob(filepath.Join(h.runtime, "fracture", "*")) // the pattern is good
	return dirs
}

// wantNothingLeft fails where a process or a cluster directory outlives its lab. The lab waits for its nodes, so there is
// nothing to wait for here.
func (h *house) wantNothingLeft() {
	h.t.Helper()
	if pids := h.running(); len(pids) != 0 {
		h.t.Errorf("processes %v outlived their lab", pids)
	}
	if dirs := h.dirs(); len(dirs) != 0 {
		h.t.Errorf("%v outlived their lab", dirs)
	}
}

// labArgs are those of a lab that stands in nobody's way.
func labArgs(more ...string) []string {
	return append([]string{"lab", "--gossip", "127.0.0.1:0", "--http", "127.0.0.1:0"}, more...)
}

// startLab starts a lab of as many nodes that prints lines, and returns once all of them live and frames come.
func (h *house) startLab(nodes int, more ...string) *process {
	h.t.Helper()
	lab := h.start(labArgs(append([]string{"--plain", "--nodes", strconv.Itoa(nodes)}, more...)...)...)
	lab.awaitAlive(nodes)
	return lab
}

// process is a program that a test started.
type process struct {
	t         *testing.T
	cmd       *exec.Cmd
	out, errs record
	done      chan struct{} // closed once it is reaped and its output is whole
}

// start runs the house's program.
func (h *house) start(args ...string) *process {
	h.t.Helper()
	return h.startProgram(h.binary, args...)
}

// startProgram runs a program in a process group of its own, with pipes for its output.
func (h *house) startProgram(program string, args ...string) *process {
	h.t.Helper()
	p := &process{t: h.t, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir = h.env, h.runtime
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	p.cmd.WaitDelay = time.Second // for a pipe that a grandchild still holds
	// The death signal is for a test binary that is killed, or ends itself for its own time limit: then no cleanup runs.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go p.wait(nil)
	h.t.Cleanup(p.kill)
	return p
}

// startOnTerminal runs the house's program on a terminal of a kind, of 120×36 cells, that it has for itself, and answers
// with the end at which a person would sit.
func (h *house) startOnTerminal(term string, args ...string) (*process, *os.File) {
	h.t.Helper()
	p := &process{t: h.t, cmd: exec.Command(h.binary, args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir = append(slices.Clone(h.env), "TERM="+term), h.runtime
	attrs := &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	person, err := pty.StartWithAttrs(p.cmd, &pty.Winsize{Cols: 120, Rows: 36}, attrs)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = person.Close() })
	go p.wait(person)
	h.t.Cleanup(p.kill)
	return p, person
}

// wait reaps the process; what it wrote to a terminal is read to the end before.
func (p *process) wait(terminal io.Reader) {
	if terminal != nil {
		_, _ = io.Copy(&p.out, terminal) // ends with an error when the last one has closed the terminal
	}
	_ = p.cmd.Wait() // its exit code is looked at by end
	close(p.done)
}

// kill ends the process and its group at once, if it has not ended.
func (p *process) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // not reaped, so the group's number is still its own
	<-p.done
}

// signal sends the process, and nobody else, a signal.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("sending %v: %v", sig, err)
	}
}

// end waits until the process has ended and answers with its exit code, -1 where a signal ended it.
func (p *process) end() int {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%v ends", p.cmd.Args), func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	}, p.said)
	return p.cmd.ProcessState.ExitCode()
}

// wantExit waits until the process has ended, and checks with which code.
func (p *process) wantExit(code int) {
	p.t.Helper()
	if got := p.end(); got != code {
		p.t.Errorf("%q exits with %d, want %d:\n%s", p.cmd.Args, got, code, p.said())
	}
}

// endBy tells the process to end, and checks that it ends well.
func (p *process) endBy(sig syscall.Signal) {
	p.t.Helper()
	p.signal(sig)
	p.wantExit(exitHeld)
}

// wantRefusal waits until the process has ended, and checks with which code, and that it says why.
func (p *process) wantRefusal(code int, why ...string) {
	p.t.Helper()
	p.wantExit(code)
	for _, want := range why {
		if said := p.said(); !strings.Contains(said, want) {
			p.t.Errorf("%q says %q, want %q in it", p.cmd.Args, said, want)
		}
	}
}

// said is all that the process has written.
func (p *process) said() string { return p.out.String() + p.errs.String() }

// awaitLine waits until what the process has written holds the pattern.
func (p *process) awaitLine(pattern string) {
	p.t.Helper()
	match := regexp.MustCompile(pattern)
	await(p.t, "output that holds "+pattern, func() bool { return match.MatchString(p.out.String()) }, p.said)
}

// awaitAlive waits for the summary of a lab in which so many nodes, and no others, live, and frames come.
func (p *process) awaitAlive(nodes int) {
	p.t.Helper()
	p.awaitLine(fmt.Sprintf(`(?m)^summary .* %d alive, 0 unwell, 0 dead; .* frame \d+;`, nodes))
}

// record is what a process has written so far.
type record struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

// Write implements io.Writer.
func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

// String is all of it.
func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// await looks until cond holds. Where it never does, the test ends and shows what there was instead.
func await(t *testing.T, what string, cond func() bool, instead func() string) {
	t.Helper()
	tick := time.NewTicker(e2eLook)
	defer tick.Stop()
	for deadline := time.After(e2eTimeout); !cond(); {
		select {
		case <-tick.C:
		case <-deadline:
			text := ""
			if instead != nil {
				text = "; instead there is:\n" + instead()
			}
			t.Fatalf("never came: %s%s", what, text)
		}
	}
}

// terminal is a tmux of the test's own with one window of 120×36 cells, in which a shell runs.
type terminal struct {
	h      *house
	tmux   string
	socket string
}

// needProgram finds a program that a test cannot do without. Where it is missing the test is skipped and says what to
// install; under CI a skipped test is a failure.
func needProgram(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s was not found: CI must install the package %s", name, pkg)
	}
	t.Skipf("%s was not found: install the package %s to run this test", name, pkg)
	return ""
}

// openTerminal starts tmux and a shell in it. The server stays in the foreground (-D), so that it is the test's to end.
func (h *house) openTerminal() *terminal {
	h.t.Helper()
	s := &terminal{h: h, tmux: needProgram(h.t, "tmux", "tmux"), socket: filepath.Join(h.runtime, "tmux")}
	h.startProgram(s.tmux, "-S", s.socket, "-f", os.DevNull, "-D")
	await(h.t, "tmux makes its socket", func() bool { _, err := os.Stat(s.socket); return err == nil }, nil)
	s.do("set", "-g", "default-terminal", "screen-256color", ";", "new-session", "-d", "-x", "120", "-y", "36", "PS1='e2e> ' sh -i")
	s.await("e2e>")
	return s
}

// do gives tmux a command and answers with what it prints.
func (s *terminal) do(args ...string) string {
	s.h.t.Helper()
	ctx, cancel := context.WithTimeout(s.h.t.Context(), e2eTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.tmux, append([]string{"-u", "-S", s.socket}, args...)...)
	cmd.Env = s.h.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.h.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// press presses keys, each named as tmux names them, or the characters of a text.
func (s *terminal) press(keys ...string) {
	s.h.t.Helper()
	s.do(append([]string{"send-keys"}, keys...)...)
}

// shown is what stands on the screen.
func (s *terminal) shown() string { return s.do("capture-pane", "-p") }

// is asks tmux for one of its variables.
func (s *terminal) is(variable string) string {
	return strings.TrimSpace(s.do("display-message", "-p", "#{"+variable+"}"))
}

// await waits until the screen shows all patterns at the same time, and answers with that screen.
func (s *terminal) await(patterns ...string) string {
	s.h.t.Helper()
	var now string
	await(s.h.t, fmt.Sprintf("a screen that shows %q", patterns), func() bool {
		now = s.shown()
		return !slices.ContainsFunc(patterns, func(p string) bool { return !regexp.MustCompile(p).MatchString(now) })
	}, func() string { return now })
	return now
}

// frame is the number of the frame that the screen shows, and 0 where it shows none.
func (s *terminal) frame() int {
	found := regexp.MustCompile(`frame (\d+)`).FindStringSubmatch(s.shown())
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1]) // digits, by the pattern
	return n
}

// freePort is a TCP port that nobody listens at. It lies below those that the kernel hands out by itself, so nobody who
// asks for any port gets it while the test has nobody there.
func freePort(t *testing.T) int {
	t.Helper()
	var refused error
	for i := range 100 {
		port := 20000 + (os.Getpid()*17+i)%10000
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
		refused = errors.Join(refused, err)
	}
	t.Fatal(refused)
	return 0
}

// freeAddress is one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

// redisServer is a real redis-server, without persistence, that can be killed and started again at the same address.
type redisServer struct {
	h       *house
	program string
	port    int
	more    []string // arguments
	process *process
	client  *store.Client
}

// startRedis starts one at a free port.
func (h *house) startRedis(more ...string) *redisServer {
	h.t.Helper()
	r := &redisServer{h: h, program: needProgram(h.t, "redis-server", "redis-server"), port: freePort(h.t), more: more}
	var err error
	if r.client, err = store.NewClient(r.url()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = r.client.Close() })
	r.start()
	return r
}

func (r *redisServer) address() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

func (r *redisServer) url() string { return "redis://" + r.address() }

// is tells whether a value is the one that is wanted.
func is(wanted string) func(value string) bool {
	return func(value string) bool { return value == wanted }
}

// awaitKey waits until the store has a value under a key that is good.
func (r *redisServer) awaitKey(key string, good func(value string) bool, instead func() string) {
	r.h.t.Helper()
	await(r.h.t, key+" in the store", func() bool {
		value, err := r.client.Get(r.h.t.Context(), key)
		return err == nil && good(string(value))
	}, instead)
}

func (r *redisServer) start() {
	r.h.t.Helper()
	args := append([]string{"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--dir", r.h.runtime}, r.more...)
	r.process = r.h.startProgram(r.program, args...)
	r.process.awaitLine("Ready to accept connections")
}
