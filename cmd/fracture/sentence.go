package main

import (
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fracture/chaos"
	"fracture/lab"
)

// sentence says in a few words what a harm has done to who suffers it, and for how long, or that it is over.
func (h harm) sentence(whom string, over bool) string {
	begun, ended := h.outcome()
	switch {
	case over:
		return whom + ": " + ended
	case h.once():
		return whom + ": " + begun
	}
	return fmt.Sprintf("%s: %s, for %v", whom, begun, h.last)
}

// outcome is what becomes of who suffers a harm, and then, where it stands for a while.
func (h harm) outcome() (begun, ended string) {
	switch h.name {
	case "kill":
		if h.deed == nil { // at the door of the store
			break
		}
		if begun = killed; h.signal != syscall.SIGKILL {
			begun = "given " + unix.SignalName(h.signal)
		}
		if lab.Ends(h.signal) {
			return begun, "started again"
		}
		return begun, "runs"
	case "freeze":
		return frozen, "goes on"
	case "stop":
		return "stopped", "started again"
	case down:
		return "its network interface is down", "its network interface is up"
	case "restart":
		return "stopped and started again", ""
	case "replace":
		return "killed and started again", ""
	case "thaw":
		return "goes on", ""
	case "revive":
		return "started again", ""
	case "flush":
		return "emptied", ""
	case "full_disk":
		return "its disk is full", "its disk is no longer full"
	}
	return describe(h.stand), "healed"
}

// describe says what stands.
func describe(stand []chaos.Standing) string {
	var words []string
	for _, s := range stand {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}
