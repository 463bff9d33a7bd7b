package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"fracture/clock"
	"fracture/cluster/store"
	"fracture/lab"
	"fracture/netns"
	"fracture/tui"
)

// The levels of a finding.
const (
	levelOK   = "ok"
	levelWarn = "warn" // fracture works, with less than it could
	levelFail = "fail" // fracture does not work as it stands
)

// finding is one line of the doctor's: what was looked at, what was found, and what to do where it is not well.
type finding struct {
	Check string `json:"check"`
	Level string `json:"level"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

func newDoctorCommand() *cobra.Command {
	var asJSON bool
	var redisURL string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look at this machine: ports, terminal, redis, limits; what was found, and the fix",
		Long: "Looks at what a lab needs of this machine and says, line by line, what it found and how to mend it.\n" +
			"Ends with 0 where a lab can run, with 3 where something stands in its way.",
		Example: "  fracture doctor\n  fracture doctor --redis redis://127.0.0.1:6379\n  fracture doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd.Context(), cmp.Or(redisURL, os.Getenv(storeEnv))) // as lab does
			print := printFindings
			if asJSON {
				print = printFindingsJSON
			}
			if err := print(cmd.OutOrStdout(), findings); err != nil {
				return fmt.Errorf("printing what was found: %w", err)
			}
			return verdict(findings)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	cmd.Flags().StringVar(&redisURL, "redis", "", "also try this store, as lab would use it (also by "+storeEnv+")")
	return cmd
}

// examine makes every check, the quick ones first.
func examine(ctx context.Context, redisURL string) []finding {
	return []finding{
		checkCores(),
		checkMemory(),
		checkFiles(),
		checkClock(),
		checkNice(),
		checkFIFO(),
		checkDirectory(),
		checkLeftovers(lab.Leftovers()),
		checkTerminal(),
		checkColours(),
		checkPort("tcp", 7035, "front door", "--http"),
		checkPort("tcp", 7946, "gossip", "--gossip"),
		checkPort("udp", 7946, "gossip", "--gossip"),
		checkLoopbackTCP(),
		checkLoopbackUDP(),
		checkNetworks(netns.Possible()),
		checkStore(ctx, redisURL),
	}
}

// verdict is the error with which the doctor ends: nil where nothing failed.
func verdict(findings []finding) error {
	var failed []string
	for _, f := range findings {
		if f.Level == levelFail {
			failed = append(failed, f.Check)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &exitError{exitEnvironment, fmt.Errorf("a lab would not run here: see %s above", strings.Join(failed, ", "))}
}

func printFindings(w io.Writer, findings []finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("%-5s %-14s %s", f.Level, f.Check, f.Found)
		if f.Fix != "" {
			line += "\n" + strings.Repeat(" ", 21) + "→ " + f.Fix
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func printFindingsJSON(w io.Writer, findings []finding) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(findings)
}

// okFinding, warnFinding and failFinding make findings of the three levels.
func okFinding(check, found string, args ...any) finding {
	return finding{Check: check, Level: levelOK, Found: fmt.Sprintf(found, args...)}
}

func warnFinding(check, fix, found string, args ...any) finding {
	return finding{Check: check, Level: levelWarn, Found: fmt.Sprintf(found, args...), Fix: fix}
}

func failFinding(check, fix, found string, args ...any) finding {
	return finding{Check: check, Level: levelFail, Found: fmt.Sprintf(found, args...), Fix: fix}
}

func checkCores() finding {
	n := runtime.NumCPU()
	if n < 2 {
		return warnFinding("cores", "use fewer frames a second, or a machine with two cores: downtimes here are mostly waiting for the core", "%d", n)
	}
	return okFinding("cores", "%d", n)
}

func checkMemory() finding {
	const wanted = 512 * mebi // ten nodes of 32 MiB, the screen, and room
	room, err := availableMemory()
	if err != nil {
		return warnFinding("memory", "", "unknown: %v", err)
	}
	if room < wanted {
		return warnFinding("memory", "run fewer nodes (--nodes 3)", "%d MiB available, %d wanted", room/mebi, wanted/mebi)
	}
	return okFinding("memory", "%d MiB available", room/mebi)
}

func checkFiles() finding {
	const wanted = 1024
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return warnFinding("open files", "", "unknown: %v", err)
	}
	// Go raises the soft limit to the hard one when a program starts, so the hard one counts.
	if limit.Max < wanted {
		return warnFinding("open files", fmt.Sprintf("raise the limit: ulimit -Hn %d", wanted), "at most %d a process", limit.Max)
	}
	return okFinding("open files", "at most %d a process", limit.Max)
}

func checkClock() finding {
	var resolution unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC, &resolution); err != nil {
		return failFinding("clock", "a kernel with CLOCK_MONOTONIC is needed", "%v", err)
	}
	step := time.Duration(1<<63 - 1)
	for last, n := clock.Now(), 0; n < 1000; n++ {
		now := clock.Now()
		if d := now.Sub(last); d > 0 {
			step = min(step, d)
		}
		last = now
	}
	if res := time.Duration(resolution.Nano()); res > time.Microsecond {
		return warnFinding("clock", "a high-resolution clock source: see clocksource in the kernel's parameters", "monotonic, resolution %v", res)
	}
	return okFinding("clock", "monotonic, resolution %v, smallest step seen %v", time.Duration(resolution.Nano()), step)
}

// onThread runs try on a thread that ends with it, so that what it changes in the thread's scheduling goes too.
func onThread(try func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		result <- try()
	}()
	return <-result
}

func checkNice() finding {
	const workers = 10
	err := onThread(func() error { return unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), workers) })
	if err != nil {
		return warnFinding("nice", "workers compute at the same priority as beats: expect longer tails", "niceness %d refused: %v", workers, err)
	}
	return okFinding("nice", "workers may step back to niceness %d", workers)
}

func checkFIFO() finding {
	err := onThread(func() error {
		return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	})
	if err != nil {
		return okFinding("real time", "SCHED_FIFO is refused (%v); fracture does without", err)
	}
	return okFinding("real time", "SCHED_FIFO is allowed")
}

// checkDirectory makes and removes a file where cluster directories are made.
func checkDirectory() finding {
	dir, name := os.Getenv("XDG_RUNTIME_DIR"), "XDG_RUNTIME_DIR"
	if dir == "" {
		dir, name = os.TempDir(), "the directory for temporary files"
	}
	trial, err := os.MkdirTemp(dir, "fracture-doctor-*")
	if err != nil {
		return failFinding("directory", "make it writable, or set XDG_RUNTIME_DIR to a directory that is", "%s, %s: %v", dir, name, err)
	}
	err = os.WriteFile(filepath.Join(trial, "file"), []byte("written"), 0o600)
	if err := errors.Join(err, os.RemoveAll(trial)); err != nil {
		return failFinding("directory", "make room there, or set XDG_RUNTIME_DIR to another directory", "%s, %s: %v", dir, name, err)
	}
	return okFinding("directory", "%s is writable", dir)
}

// checkLeftovers names what labs left that were killed.
func checkLeftovers(left []string, err error) finding {
	switch {
	case err != nil:
		return warnFinding("leftovers", "", "unknown: %v", err)
	case len(left) == 0:
		return okFinding("leftovers", "no lab that was killed has left its keys")
	}
	return warnFinding("leftovers", "the next lab or run removes them, or: rm -r "+strings.Join(left, " "),
		"keys and logs of %d labs that were killed, in %s", len(left), filepath.Dir(left[0]))
}

func checkTerminal() finding {
	drawable, why := tui.CanDraw(os.Environ(), unix.Stdin, unix.Stdout)
	if !drawable {
		return warnFinding("terminal", "lab prints plain lines here; for the screen run it in a terminal", "no screen: %s", why)
	}
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return warnFinding("terminal", "", "size unknown: %v", err)
	}
	return okFinding("terminal", "TERM=%s, %d×%d", os.Getenv("TERM"), size.Col, size.Row)
}

func checkColours() finding {
	depth, err := tui.ParseDepth("auto", os.Environ())
	if err != nil {
		return warnFinding("colours", "", "unknown: %v", err)
	}
	where := cmp.Or(os.Getenv("COLORTERM"), "unset")
	if os.Getenv("NO_COLOR") != "" {
		return okFinding("colours", "%s, because NO_COLOR is set", depth)
	}
	if depth.String() != "truecolor" {
		fix := "if the terminal can do more, set COLORTERM=truecolor"
		if os.Getenv("TMUX") != "" {
			fix = "if the terminal can do more, add to tmux.conf: set -as terminal-features ',*:RGB'"
		}
		return warnFinding("colours", fix, "%s (COLORTERM %s)", depth, where)
	}
	return okFinding("colours", "%s (COLORTERM %s)", depth, where)
}

// checkPort looks whether a port of the default addresses is free. One that is not is no failure: the lab takes another
// where it chooses by itself, and a flag chooses otherwise.
func checkPort(network string, port uint16, what, flag string) finding {
	check := fmt.Sprintf("port %d/%s", port, network)
	if err := tryPort(network, net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))); err != nil {
		return warnFinding(check, fmt.Sprintf("a lab takes another for its %s, and says which; end that process, or name one with %s", what, flag),
			"taken: %s", whoHolds(network, port, err))
	}
	return okFinding(check, "free, for the %s", what)
}

// loopbackTimeout bounds a round trip over the loopback interface.
const loopbackTimeout = 2 * time.Second

// The fix for a loopback that does not work.
const loopbackFix = "nodes speak over 127.0.0.1: bring the interface up (ip link set lo up) and look at the firewall"

func checkLoopbackTCP() finding {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failFinding("loopback tcp", loopbackFix, "%v", err)
	}
	defer func() { _ = listener.Close() }()
	began := clock.Now()
	conn, err := net.DialTimeout("tcp", listener.Addr().String(), loopbackTimeout)
	if err != nil {
		return failFinding("loopback tcp", loopbackFix, "%v", err)
	}
	took := clock.Now().Sub(began)
	_ = conn.Close() // nothing was sent
	return okFinding("loopback tcp", "connected in %v", took.Round(time.Microsecond))
}

func checkLoopbackUDP() finding {
	took, err := echoUDP()
	if err != nil {
		return failFinding("loopback udp", loopbackFix, "%v", err)
	}
	return okFinding("loopback udp", "a packet took %v", took.Round(time.Microsecond))
}

// echoUDP sends a packet to itself and says how long it was under way.
func echoUDP() (time.Duration, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(loopbackTimeout)); err != nil {
		return 0, err
	}
	began := clock.Now()
	if _, err := conn.WriteTo([]byte("beat"), conn.LocalAddr()); err != nil {
		return 0, err
	}
	if _, _, err := conn.ReadFrom(make([]byte, 16)); err != nil {
		return 0, err
	}
	return clock.Now().Sub(began), nil
}

func checkStore(ctx context.Context, redisURL string) finding {
	if redisURL == "" {
		return okFinding("store", "embedded; --redis URL looks at another")
	}
	if redisURL == ownRedis {
		program, err := findServer()
		if err != nil {
			return failFinding("store", "install the package redis-server, or leave --redis out to use the embedded store", "%v", err)
		}
		return okFinding("store", "the lab's own, by %s", program)
	}
	client, err := store.NewClient(redisURL)
	if err != nil {
		return failFinding("store", "correct the URL, such as redis://127.0.0.1:6379", "%v", err)
	}
	defer func() { _ = client.Close() }()
	err = client.Ping(ctx)
	if errors.Is(err, store.ErrLogin) {
		return failFinding("store", "give its password in the URL, as in redis://:PASSWORD@HOST:6379", "%v", err)
	}
	if err != nil {
		return failFinding("store", "start it, correct the URL, or leave --redis out to use the embedded store", "%v", err)
	}
	return okFinding("store", "%v answers", client)
}
