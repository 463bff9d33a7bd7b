package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleEnv makes the test binary play a part instead of running tests: a node, or a whole lab in a process of its own.
const roleEnv = "LAB_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "node":
		playNode(os.Args[1])
	case "lab":
		playLab(os.Args[1])
	default:
		goleak.VerifyTestMain(m)
	}
}

// playNode is a child. Its name says how it behaves.
func playNode(name string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	switch {
	case strings.HasPrefix(name, "broken"):
		fmt.Println("no port for me")
		os.Exit(3)
	case strings.HasPrefix(name, "stubborn"):
		signal.Ignore(syscall.SIGTERM)
	case strings.HasPrefix(name, "parent"):
		heir := exec.Command(os.Args[0], "heir")
		heir.ExtraFiles = []*os.File{os.NewFile(3, "announcement")}
		if err := heir.Start(); err != nil {
			panic(err)
		}
		fmt.Println(procOf(heir.Process.Pid))
		os.Exit(0)
	case name == "heir": // holds the pipe of the announcement and says nothing
		<-asked
		return
	}
	fmt.Println("hello from", name)
	if err := Announce("name " + name); err != nil {
		panic(err)
	}
	<-asked
}

// playLab supervises two nodes, freezes one, prints both and waits to be killed.
func playLab(base string) {
	dir, err := openDirIn(base)
	if err != nil {
		panic(err)
	}
	l, err := New(Config{Dir: dir.Path, Command: argsOf, Env: []string{roleEnv + "=node"}})
	if err != nil {
		panic(err)
	}
	go func() { panic(l.Run(context.Background())) }()
	for _, name := range []string{"awake", "frozen"} {
		if err := l.Start(name); err != nil {
			panic(err)
		}
		if _, err := l.Ready(context.Background(), name); err != nil {
			panic(err)
		}
	}
	if _, _, err := l.Freeze("frozen"); err != nil {
		panic(err)
	}
	for _, name := range []string{"awake", "frozen"} {
		c, err := l.Child(name)
		if err != nil {
			panic(err)
		}
		fmt.Println(c.Proc)
	}
	select {}
}

func argsOf(name string) []string { return []string{name} }

// runLab runs a lab of test nodes in a directory of its own; what Run returned comes after stop is called.
func runLab(t testing.TB, cfg Config) (l *Lab, stop func(), ended <-chan error) {
	t.Helper()
	cfg.Dir, cfg.Command, cfg.Env = t.TempDir(), argsOf, []string{roleEnv + "=node"}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	return l, stop, ran
}

// testLab runs a lab of test nodes until the test ends.
func testLab(t *testing.T, names ...string) *Lab {
	t.Helper()
	l, stop, ended := runLab(t, Config{})
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	startAll(t, l, names...)
	for _, name := range names {
		if !strings.HasPrefix(name, "broken") {
			awaitReady(t, l, name)
		}
	}
	return l
}

// startAll starts children of a lab that runs.
func startAll(t testing.TB, l *Lab, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := l.Start(name); err != nil {
			t.Fatal(err)
		}
	}
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// awaitReady waits for the announcement and describes the child.
func awaitReady(t *testing.T, l *Lab, name string) Child {
	t.Helper()
	if _, err := l.Ready(bounded(t), name); err != nil {
		t.Fatal(err)
	}
	return describe(t, l, name)
}

func describe(t *testing.T, l *Lab, name string) Child {
	t.Helper()
	c, err := l.Child(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls until cond holds, for as long as a busy machine may need.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := bounded(t); !cond(); {
		select {
		case <-tick.C:
		case <-deadline.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}

func TestLab_startsAChildInAGroupOfItsOwnAndHearsItAnnounceItself(t *testing.T) {
	l := testLab(t)
	if err := l.Start("n1"); err != nil {
		t.Fatal(err)
	}
	said, err := l.Ready(bounded(t), "n1")
	if err != nil || said != "name n1" {
		t.Fatalf("Ready = %q, %v, want %q", said, err, "name n1")
	}
	c := describe(t, l, "n1")
	if c.State != Running || c.Starts != 1 || c.Proc != procOf(c.PID) {
		t.Errorf("child = %+v, want running, started once, with its own start time", c)
	}
	if group, err := syscall.Getpgid(c.PID); err != nil || group != c.PID {
		t.Errorf("process group = %d, %v, want its own, %d", group, err, c.PID)
	}
	if log, err := os.ReadFile(c.Log); err != nil || string(log) != "hello from n1\n" {
		t.Errorf("log = %q, %v, want the child's stdout", log, err)
	}
	if err := l.Start("n1"); !errors.Is(err, ErrAlive) {
		t.Errorf("Start of one that runs = %v, want ErrAlive", err)
	}
}

func TestLab_killStampsTheCallAndReviveGivesANewProcess(t *testing.T) {
	l := testLab(t, "n1")
	first := describe(t, l, "n1")
	before, after, err := l.Kill("n1")
	if err != nil || before <= first.Started || after < before {
		t.Fatalf("Kill = %d, %d, %v, want two rising instants after the start at %d", before, after, err, first.Started)
	}
	if err := l.Gone(bounded(t), "n1"); err != nil {
		t.Fatal(err)
	}
	dead := describe(t, l, "n1")
	if dead.State != Dead || dead.Exit != "signal: killed" || dead.Ended < before {
		t.Errorf("killed child = %+v, want dead by signal: killed", dead)
	}
	if _, _, err := l.Kill("n1"); !errors.Is(err, ErrDead) {
		t.Errorf("second Kill = %v, want ErrDead", err)
	}
	if err := l.Revive(bounded(t), "n1"); err != nil {
		t.Fatal(err)
	}
	second := awaitReady(t, l, "n1")
	if second.PID == first.PID || second.Starts != 2 || second.State != Running {
		t.Errorf("revived child = %+v, want another pid than %d and two starts", second, first.PID)
	}
}

func TestLab_revivesAtOnceAfterAKill(t *testing.T) {
	l := testLab(t, "n1")
	for range 5 {
		if _, _, err := l.Kill("n1"); err != nil {
			t.Fatal(err)
		}
		if err := l.Revive(bounded(t), "n1"); err != nil {
			t.Fatal(err)
		}
	}
	if c := awaitReady(t, l, "n1"); c.Starts != 6 {
		t.Errorf("starts = %d, want 6", c.Starts)
	}
}

func TestLab_freezesAndThaws(t *testing.T) {
	l := testLab(t, "n1")
	if _, _, err := l.Freeze("n1"); err != nil {
		t.Fatal(err)
	}
	c := describe(t, l, "n1")
	if c.State != Frozen {
		t.Errorf("state = %v, want frozen", c.State)
	}
	stateIs := func(want byte) func() bool {
		return func() bool { _, state := readStat(c.PID); return state == want }
	}
	eventually(t, "the kernel says stopped", stateIs('T'))
	if _, _, err := l.Thaw("n1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the kernel says sleeping", stateIs('S'))
	if c := describe(t, l, "n1"); c.State != Running {
		t.Errorf("state = %v, want running", c.State)
	}
}

func TestLab_quotesTheLogOfAChildThatDiesBeforeItIsReady(t *testing.T) {
	l := testLab(t, "broken")
	_, err := l.Ready(bounded(t), "broken")
	if !errors.Is(err, ErrDied) || !strings.Contains(err.Error(), "no port for me") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Ready = %v, want ErrDied with the exit and the end of the log", err)
	}
	if gone := describe(t, l, "broken").Log; strings.Contains(err.Error(), gone) {
		t.Errorf("Ready = %v, which names a log that is gone with the lab", err)
	}
}

func TestLastWord_isALineUnlessTheProgramCrashed(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"one":                     "one",
		"one\ntwo":                "two",
		"panic: x\n\ngoroutine 1": "\npanic: x\n\ngoroutine 1",
	} {
		if got := lastWord(text); got != want {
			t.Errorf("lastWord(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLab_neverSignalsARecycledPid(t *testing.T) {
	l := testLab(t, "n1")
	c := describe(t, l, "n1")
	setStart := func(start uint64) {
		if err := l.with("n1", func(c *child) error { c.Start = start; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	setStart(c.Start + 1) // as if the pid had gone to another process
	if _, _, err := l.Kill("n1"); !errors.Is(err, ErrGone) {
		t.Errorf("Kill with another start time = %v, want ErrGone", err)
	}
	if err := (Proc{PID: c.PID, Start: c.Start + 1}).Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("Signal with another start time = %v, want ErrGone", err)
	}
	if !c.Alive() {
		t.Error("the process was signalled")
	}
	setStart(c.Start)
}

func TestDir_killsWhatItsLabHasNoted(t *testing.T) {
	l := testLab(t, "n1")
	dir := Dir{Path: l.cfg.Dir}
	if err := dir.Kill("n1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Gone(bounded(t), "n1"); err != nil {
		t.Fatal(err)
	}
	if c := describe(t, l, "n1"); c.Exit != "signal: killed" {
		t.Errorf("exit = %q, want signal: killed", c.Exit)
	}
	if err := dir.Kill("n1"); !errors.Is(err, ErrDead) {
		t.Errorf("Kill of a dead child = %v, want ErrDead", err)
	}
	if err := dir.Kill("../n1"); !errors.Is(err, ErrBadName) {
		t.Errorf("Kill of a path = %v, want ErrBadName", err)
	}
}

func TestLab_refusesWhatItCannotName(t *testing.T) {
	l := testLab(t)
	for _, name := range []string{"", "../n1", "n 1", ".hidden", strings.Repeat("n", 33)} {
		if err := l.Start(name); !errors.Is(err, ErrBadName) {
			t.Errorf("Start(%q) = %v, want ErrBadName", name, err)
		}
	}
	if _, _, err := l.Kill("nobody"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Kill of an unknown name = %v, want ErrUnknown", err)
	}
}

func TestLab_leavesNoChildAfterRun(t *testing.T) {
	var changes []State // written by the loop, read after Run
	l, stop, ended := runLab(t, Config{
		Grace: 50 * time.Millisecond, Changed: func(c Child) { changes = append(changes, c.State) },
	})
	names := []string{"n1", "n2", "stubborn"}
	startAll(t, l, names...)
	for _, name := range names {
		awaitReady(t, l, name)
	}
	if _, _, err := l.Freeze("n2"); err != nil {
		t.Fatal(err)
	}
	var children []Child
	for _, name := range names {
		children = append(children, describe(t, l, name))
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatalf("Run = %v, want nil", err)
	}
	for _, c := range children {
		if c.Alive() {
			t.Errorf("%s lives after Run", c.Name)
		}
	}
	if _, _, err := l.Kill("n1"); !errors.Is(err, ErrClosed) {
		t.Errorf("Kill after Run = %v, want ErrClosed", err)
	}
	count := func(s State) int {
		return len(changes) - len(slices.DeleteFunc(slices.Clone(changes), func(c State) bool { return c == s }))
	}
	if count(Starting) != 3 || count(Running) != 3 || count(Frozen) != 1 || count(Dead) != 3 {
		t.Errorf("changes = %v, want each child starting, running and dead, one frozen", changes)
	}
}

func TestLab_endsThoughAGrandchildHoldsTheAnnouncement(t *testing.T) {
	l, stop, ended := runLab(t, Config{})
	startAll(t, l, "parent")
	if err := l.Gone(bounded(t), "parent"); err != nil {
		t.Fatal(err)
	}
	heir, err := ParseProc(tail(describe(t, l, "parent").Log))
	if err != nil || !heir.Alive() {
		t.Fatalf("grandchild = %v, %v, want it alive", heir, err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	case <-bounded(t).Done():
		t.Error("Run waits for a process that is not its child")
	}
	if err := heir.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// orphanLab starts a lab in a process of its own and returns it with its two children, one of them frozen.
func orphanLab(t *testing.T, base string) (*exec.Cmd, []Proc) {
	t.Helper()
	cmd := exec.Command(os.Args[0], base)
	cmd.Env = append(os.Environ(), roleEnv+"=lab")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var children []Proc
	for lines := bufio.NewScanner(out); len(children) < 2 && lines.Scan(); {
		p, err := ParseProc(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, p)
	}
	if len(children) != 2 {
		t.Fatalf("the lab told of %d children, want 2", len(children))
	}
	return cmd, children
}

func TestLab_killedHardTakesItsChildrenAlong(t *testing.T) {
	base := filepath.Join(t.TempDir(), "clusters")
	cmd, children := orphanLab(t, base)
	if !children[0].Alive() || !children[1].Alive() {
		t.Fatal("the children should be alive while the lab is")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // signal: killed
	for _, p := range children {
		eventually(t, fmt.Sprintf("the end of %v", p), func() bool { return !p.Alive() })
	}
	if left, err := os.ReadDir(base); err != nil || len(left) != 1 {
		t.Fatalf("the killed lab left %d directories, %v, want its own", len(left), err)
	}
	next, err := openDirIn(base)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(base); err != nil || len(left) != 1 || left[0].Name() != filepath.Base(next.Path) {
		t.Errorf("after the next lab's start there is %v, %v, want its directory alone", left, err)
	}
	if err := next.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(base); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the last lab left %s (%v), want nothing", base, err)
	}
}

func TestOpenDir_endsTheOrphansOfADeadLab(t *testing.T) {
	base := filepath.Join(t.TempDir(), "clusters")
	orphan := exec.Command(os.Args[0], "orphan") // nobody's child in the lab's sense: no death signal
	orphan.Env = append(os.Environ(), roleEnv+"=node")
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	pids := filepath.Join(base, "1@1-dead", pidsDir)
	if err := os.MkdirAll(pids, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pids, "n1"), []byte(procOf(orphan.Process.Pid).String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o700); err != nil {
		t.Fatal(err)
	}
	if left, err := leftoversIn(base); err != nil || len(left) != 1 || left[0] != filepath.Join(base, "1@1-dead") {
		t.Errorf("before the next lab %v, %v are left over, want the dead lab's", left, err)
	}
	dir, err := openDirIn(base)
	if err != nil {
		t.Fatal(err)
	}
	if err := orphan.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the orphan ended with %v, want signal: killed", err)
	}
	info, err := os.Stat(dir.Path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode = %v, %v, want 0700", info.Mode().Perm(), err)
	}
	if left, err := leftoversIn(base); err != nil || len(left) != 0 {
		t.Errorf("after it %v, %v are left over, want nothing", left, err)
	}
}

func TestOpenDir_refusesADirectoryOpenToOthers(t *testing.T) {
	base := t.TempDir()
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := openDirIn(base); !errors.Is(err, ErrUnsafeDir) || !strings.Contains(err.Error(), base) {
		t.Errorf("openDirIn = %v, want ErrUnsafeDir naming the directory", err)
	}
}

// BenchmarkLab_killAndRevive measures a whole round, to the announcement, and within it how far apart the two stamps of
// the kill are: that is the error of every downtime.
func BenchmarkLab_killAndRevive(b *testing.B) {
	l, stop, ended := runLab(b, Config{})
	startAll(b, l, "n1")
	var stamps []time.Duration
	for b.Loop() {
		if _, err := l.Ready(b.Context(), "n1"); err != nil {
			b.Fatal(err)
		}
		before, after, err := l.Kill("n1")
		if err != nil {
			b.Fatal(err)
		}
		stamps = append(stamps, after.Sub(before))
		if err := l.Revive(b.Context(), "n1"); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(stamps)
	b.ReportMetric(float64(stamps[len(stamps)/2].Microseconds()), "µs-stamps-p50")
	b.ReportMetric(float64(stamps[len(stamps)*99/100].Microseconds()), "µs-stamps-p99")
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

func TestSweepAfter_takesOnlyWhatALabMade(t *testing.T) {
	base := filepath.Join(t.TempDir(), "clusters")
	precious, dead := filepath.Join(base, "precious"), filepath.Join(base, "1@1-dead")
	for _, dir := range []string{precious, dead} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweepAfter(t.Context(), base, precious); err == nil || !strings.Contains(err.Error(), "not a cluster directory") {
		t.Errorf("SweepAfter of any directory = %v, want a refusal", err)
	}
	if err := sweepAfter(t.Context(), filepath.Dir(base), dead); err == nil {
		t.Error("SweepAfter of a directory that lies elsewhere goes on, want a refusal")
	}
	if err := sweepAfter(t.Context(), base, dead); err != nil {
		t.Errorf("SweepAfter of a dead lab's = %v", err)
	}
	own, err := openDirIn(base)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sweepAfter(ctx, base, own.Path); err != nil {
		t.Errorf("SweepAfter of a living lab's, interrupted = %v", err)
	}
	for path, want := range map[string]bool{precious: true, dead: false, own.Path: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
}

// A child whose disk is full may write nothing to any file, and, when that is over, as much as before.
func TestLab_fillsAndEmptiesTheDiskOfAChild(t *testing.T) {
	l := testLab(t, "a", "b")
	sizes := func(name string) string {
		c, err := l.Child(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.PID))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "Max file size")
		line, _, _ := strings.Cut(after, "\n")
		return strings.Fields(line)[0]
	}
	before := sizes("a")
	if err := l.FillDisk("a"); err != nil {
		t.Fatal(err)
	}
	if full, other := sizes("a"), sizes("b"); full != "0" || other != before {
		t.Errorf("its files may have %s bytes, those of another child %s; want 0 and %s", full, other, before)
	}
	if err := l.FillDisk("a"); err != nil { // somebody else does, too
		t.Fatal(err)
	}
	for _, want := range []string{"0", before, before} { // once too often is as good
		full, err := l.EmptyDisk("a")
		if now := sizes("a"); err != nil || now != want || full != (want == "0") {
			t.Errorf("emptied, its files may have %s bytes, full %v, %v; want %s", now, full, err, want)
		}
	}
	if _, _, err := l.Kill("a"); err != nil {
		t.Fatal(err)
	}
	if err := l.Gone(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := l.FillDisk("a"); !errors.Is(err, ErrDead) {
		t.Errorf("of a dead child: %v, want %v", err, ErrDead)
	}
}
