package tui

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// kin is where a process stands among its terminal's others.
type kin struct{ parent, group, session int }

// errNoStat: the line of /proc does not read as the kernel writes it.
var errNoStat = errors.New("not a line of /proc/PID/stat")

// suspend puts the screen in the background, where somebody is there who can bring it back: the kernel does not stop a
// process group that is orphaned, and the screen would wait for ever with the terminal given away.
func (m *model) suspend(string) tea.Cmd {
	if m.orphaned() {
		m.state.say(true, "suspend: no shell with job control runs behind this screen, so nothing could bring it back")
		m.soil(paneFooter)
		return nil
	}
	return tea.Suspend
}

// orphaned reports whether this process's group is; so it is taken to be where the system does not tell.
func orphaned() bool { return isOrphaned(os.Getpid(), kinOf) }

// isOrphaned goes up from a process through its group to the first ancestor outside it: a job-control shell has the same
// session and a group of its own.
func isOrphaned(pid int, look func(pid int) (kin, error)) bool {
	own, err := look(pid)
	for above := own; err == nil && above.parent > 0; {
		if above, err = look(above.parent); err == nil && above.group != own.group {
			return above.session != own.session
		}
	}
	return true
}

// kinOf asks the system.
func kinOf(pid int) (kin, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return kin{}, err
	}
	return parseKin(string(text))
}

// parseKin reads a line of /proc/PID/stat. The second column is the program's name in parentheses, which may hold anything.
func parseKin(line string) (k kin, err error) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 4 {
		return kin{}, errNoStat
	}
	for i, into := range []*int{&k.parent, &k.group, &k.session} {
		if *into, err = strconv.Atoi(fields[i+1]); err != nil {
			return kin{}, errNoStat
		}
	}
	return k, nil
}
