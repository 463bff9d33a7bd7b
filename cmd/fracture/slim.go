package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// slimAfter is how long after a node's start its start-up is over.
const slimAfter = 2 * time.Second

// staySlim gives back, once, the memory that only the start of a node needed. The kernel takes down what a dead node has
// before its peers hear of it, and half of that were pages of the program which are not looked at again, such as those of
// the command line and the tables that packages fill at their start.
func staySlim(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(slimAfter):
	}
	debug.FreeOSMemory()
	for _, s := range untouchedProgram() {
		// What is needed again comes back from the page cache, within microseconds. A refusal leaves the node larger.
		_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED)
	}
	return nil
}

// untouchedProgram finds what is mapped of this process's program and may be dropped. It finds nothing where the system
// does not tell.
func untouchedProgram() []span {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil
	}
	defer func() { _ = maps.Close() }()
	return untouched(bufio.NewScanner(maps), program)
}

// span is a range of this process's addresses.
type span struct{ from, to uintptr }

// untouched finds, in the words of /proc/PID/smaps (proc_pid_smaps(5)), the mappings of a file that nobody may write to and
// of which no page differs from the file: dropping their pages loses nothing. A program that is relocated at its start has
// pages that differ.
func untouched(maps *bufio.Scanner, file string) (found []span) {
	var here span // the mapping that the lines are about; zero where it is not of the kind
	for maps.Scan() {
		fields := strings.Fields(maps.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // from-to rwxp offset device inode file
			here = span{}
			private := strings.HasPrefix(fields[1], "r-") && strings.HasSuffix(fields[1], "p")
			if private && strings.Join(fields[5:], " ") == file {
				if _, err := fmt.Sscanf(fields[0], "%x-%x", &here.from, &here.to); err != nil {
					here = span{}
				}
			}
		case len(fields) >= 2 && fields[0] == "Anonymous:" && here.to > here.from:
			if fields[1] == "0" {
				found = append(found, here)
			}
		}
	}
	return found
}
