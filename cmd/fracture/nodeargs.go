package main

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"fracture/cluster"
	"fracture/thread"
)

// nodeArgs are what a node can be told about its process, and what lab and run hand on to theirs.
type nodeArgs struct {
	beatClass beatClass
}

func (a *nodeArgs) register(cmd *cobra.Command) {
	a.beatClass = beatClasses[0]
	cmd.Flags().Var(&a.beatClass, "beat-class", "how the thread that beats is scheduled: fifo, nice or other; auto: the first that is allowed")
}

// list is the command line that says the same to a node.
func (a *nodeArgs) list() []string {
	return []string{"--beat-class", a.beatClass.String()}
}

// apply tells a node that is to be made in this process, and gives the runtime a P more for the thread that beats: while
// that one sleeps the runtime may keep a P for it. The workers stay as many as there would be without.
func (a *nodeArgs) apply(cfg *cluster.NodeConfig) {
	cfg.BeatClasses = a.beatClass.classes()
	procs := runtime.GOMAXPROCS(0)
	cfg.Workers = max(1, procs-1)
	if len(cfg.BeatClasses) > 0 {
		runtime.GOMAXPROCS(procs + 1)
	}
}

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
