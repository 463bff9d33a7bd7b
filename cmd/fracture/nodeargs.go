package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fracture/cluster"
	"fracture/thread"
)

// nodeArgs are what a node can be told about its process, and what lab and run hand on to theirs.
type nodeArgs struct {
	ballast   byteSize
	beatClass beatClass
}

func (a *nodeArgs) register(cmd *cobra.Command) {
	a.beatClass = beatClasses[0]
	flags := cmd.Flags()
	flags.Var(&a.ballast, "rss-ballast", "memory that a node fills at its start and keeps, such as 64MiB: what it costs a takeover")
	flags.Var(&a.beatClass, "beat-class", "how the thread that beats is scheduled: fifo, nice or other; auto: the first that is allowed")
}

// list is the command line that says the same to a node.
func (a *nodeArgs) list() []string {
	return []string{"--rss-ballast", a.ballast.String(), "--beat-class", a.beatClass.String()}
}

// apply tells a node that is to be made in this process, and gives the runtime a P more for the thread that beats: while
// that one sleeps the runtime may keep a P for it. The workers stay as many as there would be without.
func (a *nodeArgs) apply(cfg *cluster.NodeConfig) {
	cfg.Ballast, cfg.BeatClasses = int64(a.ballast), a.beatClass.classes()
	procs := runtime.GOMAXPROCS(0)
	cfg.Workers = max(1, procs-1)
	if len(cfg.BeatClasses) > 0 {
		runtime.GOMAXPROCS(procs + 1)
	}
}

// errMemory: the nodes' ballast does not fit into this machine's memory. Take less of it, or fewer nodes.
var errMemory = errors.New("too little memory")

// fits refuses a ballast that, times the nodes, this machine has no room for. Where the system does not tell how much
// there is, it lets it pass.
func (a *nodeArgs) fits(nodes int) error {
	room, err := availableMemory()
	if whole := byteSize(nodes) * a.ballast; err == nil && whole > room {
		return wrongValue("rss-ballast", "%v: %w: %d nodes would fill %v, and %v is available", a.ballast, errMemory, nodes, whole, room/mebi*mebi)
	}
	return nil
}

// availableMemory is how much memory can be filled without swapping, as the kernel estimates it.
func availableMemory() (byteSize, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return byteSize(kib << 10), err
		}
	}
	return 0, errors.New("/proc/meminfo does not tell")
}

// byteSize is a number of bytes on the command line.
type byteSize int64

// maxBallast bounds what one node is asked to fill.
const maxBallast = 4 * gibi

// The units of a byteSize.
const (
	kibi byteSize = 1 << (10 * (iota + 1))
	mebi
	gibi
)

// sizeUnits are the units in which a size is written, the largest first.
var sizeUnits = []struct {
	name string
	size byteSize
}{{"GiB", gibi}, {"MiB", mebi}, {"KiB", kibi}, {"B", 1}}

// String is the size in the largest unit that divides it.
func (s byteSize) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && s%unit.size == 0 {
			return fmt.Sprintf("%d%s", s/unit.size, unit.name)
		}
	}
	return "0B"
}

// Set reads a size such as 64MiB.
func (s *byteSize) Set(text string) error {
	bytes, ok := bytesIn(text)
	switch {
	case ok && bytes > float64(maxBallast):
		return fmt.Errorf("want at most %v", maxBallast)
	case ok:
		*s = byteSize(bytes)
		return nil
	}
	return errors.New("want whole bytes with their unit, such as 64MiB")
}

// Type is how help calls the value.
func (s *byteSize) Type() string { return "size" }

// beatClass is a way of scheduling the thread that beats, by its name on the command line.
type beatClass string

// beatClasses are the ways that there are, the default first.
var beatClasses = []beatClass{"auto", "fifo", "nice", "other"}

// What a beat's thread asks for: a step before everything that is not real time is all it takes.
var (
	beatFIFO = thread.Class{Policy: thread.FIFO, Priority: 1}
	beatNice = thread.Class{Nice: -10}
)

// classes are what the kernel is to be asked for, in this order.
func (c beatClass) classes() []thread.Class {
	switch c {
	case "fifo":
		return []thread.Class{beatFIFO}
	case "nice":
		return []thread.Class{beatNice}
	case "other":
		return nil
	}
	return []thread.Class{beatFIFO, beatNice}
}

// String is the name.
func (c *beatClass) String() string { return string(*c) }

// Set takes a name.
func (c *beatClass) Set(text string) error {
	if !slices.Contains(beatClasses, beatClass(text)) {
		return fmt.Errorf("want one of %v", beatClasses)
	}
	*c = beatClass(text)
	return nil
}

// Type is how help calls the value.
func (c *beatClass) Type() string { return "class" }
