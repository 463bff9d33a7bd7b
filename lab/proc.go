package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrGone: the process does not exist any more, or its pid belongs to another one by now; there is nothing to signal.
var ErrGone = errors.New("the process is gone")

// ErrBadProc: the text does not name a process; write it as pid@start, the way Proc prints itself.
var ErrBadProc = errors.New("not a process, want pid@start")

// Proc names one process for ever: pids are used again, a pid with its start time is not.
type Proc struct {
	PID   int
	Start uint64 // clock ticks since boot, field 22 of /proc/<pid>/stat; 0 means that there is no such process
}

// Self is the Proc of this process.
func Self() Proc { return procOf(os.Getpid()) }

// String writes the process as pid@start.
func (p Proc) String() string { return fmt.Sprintf("%d@%d", p.PID, p.Start) }

// ParseProc reads what [Proc.String] wrote.
func ParseProc(text string) (Proc, error) {
	pid, start, found := strings.Cut(text, "@")
	p, pidErr := strconv.Atoi(pid)
	s, startErr := strconv.ParseUint(start, 10, 64)
	if !found || pidErr != nil || startErr != nil || p <= 0 || s == 0 {
		return Proc{}, fmt.Errorf("%q: %w", text, ErrBadProc)
	}
	return Proc{PID: p, Start: s}, nil
}

// Alive tells whether the process exists. A zombie, ended and not yet reaped, does not count.
func (p Proc) Alive() bool {
	start, state := readStat(p.PID)
	return start != 0 && start == p.Start && state != 'Z' && state != 'X'
}

// Signal sends a signal to the process, which need not be a child. The handle is taken before the start time is
// compared, so the pid cannot change hands between.
func (p Proc) Signal(sig syscall.Signal) error {
	process, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("%v: %w", p, ErrGone)
	}
	defer func() { _ = process.Release() }()
	if procOf(p.PID) != p {
		return fmt.Errorf("%v: %w", p, ErrGone)
	}
	if err := process.Signal(sig); err != nil {
		return fmt.Errorf("sending %s to %v: %w", sig, p, err)
	}
	return nil
}

// procOf is the process that has the pid now; its Start is 0 where there is none.
func procOf(pid int) Proc {
	start, _ := readStat(pid)
	return Proc{PID: pid, Start: start}
}

// readStat reads a process's start time and state letter; start is 0 where there is no such process.
func readStat(pid int) (start uint64, state byte) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	return parseStat(string(text))
}

// parseStat reads fields 22 (start time) and 3 (state) of proc_pid_stat(5). Field 2, the command, stands in parentheses
// and may itself hold spaces and parentheses, so fields are counted from the last one that closes.
func parseStat(text string) (start uint64, state byte) {
	closing := strings.LastIndexByte(text, ')')
	if closing < 0 {
		return 0, 0
	}
	fields := strings.Fields(text[closing+1:])
	const stateField, startField = 0, 19 // fields 3 and 22, counted from field 3
	if len(fields) <= startField {
		return 0, 0
	}
	start, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0
	}
	return start, fields[stateField][0]
}
