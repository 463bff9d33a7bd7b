// Package thread says, and tells, how the kernel schedules the thread that a goroutine is locked to.
//
// A node has threads that must be on time and threads that compute; the Go runtime knows no difference, the kernel does.
// [Class] is what one asks of it, [Current] what is really in force: asking is often refused, and what a report prints must
// be what was so. The calls act on the calling thread alone, so whoever makes one locks its goroutine to it first
// (runtime.LockOSThread) and does not unlock it with a class of its own. What a class is good for, this package does not
// know.
package thread

import (
	"cmp"
	"fmt"

	"golang.org/x/sys/unix"
)

// Class is how a thread is scheduled. The zero Class is that of a thread which nobody changed.
type Class struct {
	Policy   Policy
	Priority int // of FIFO and RoundRobin: 1 to 99, the higher comes first
	Nice     int // of the others: -20 to 19, the lower gets more
}

// Policy is a policy of the kernel, sched(7), by its number.
type Policy uint32

// The policies that have a name here.
const (
	Other      Policy = unix.SCHED_NORMAL // shares the processor by niceness
	FIFO       Policy = unix.SCHED_FIFO   // runs before all of Other, until it waits
	RoundRobin Policy = unix.SCHED_RR     // the same, taking turns with its equals
	Batch      Policy = unix.SCHED_BATCH  // as Other, and interrupts nobody
	Idle       Policy = unix.SCHED_IDLE   // runs when nobody else would
)

// String is the policy's name.
func (p Policy) String() string {
	switch p {
	case Other:
		return "other"
	case FIFO:
		return "fifo"
	case RoundRobin:
		return "rr"
	case Batch:
		return "batch"
	case Idle:
		return "idle"
	}
	return fmt.Sprintf("policy(%d)", uint32(p))
}

// String is the class as reports print it: "fifo 1", "other nice 10".
func (c Class) String() string {
	if c.Policy == FIFO || c.Policy == RoundRobin {
		return fmt.Sprintf("%v %d", c.Policy, c.Priority)
	}
	return fmt.Sprintf("%v nice %d", c.Policy, c.Nice)
}

// Current is the class in force for the calling thread.
func Current() (Class, error) {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return Class{}, fmt.Errorf("reading the thread's class: %w", err)
	}
	return Class{Policy: Policy(attr.Policy), Priority: int(attr.Priority), Nice: int(attr.Nice)}, nil
}

// Set gives the calling thread a class, or leaves it as it was with an error. Stepping back is always allowed, stepping
// forward takes a privilege or a limit (RLIMIT_RTPRIO, RLIMIT_NICE). A thread that has stepped forward passes nothing on to
// the threads and processes that it starts.
func Set(c Class) error {
	attr := unix.SchedAttr{Policy: uint32(c.Policy), Priority: uint32(c.Priority), Nice: int32(c.Nice)}
	if c.Ahead() {
		attr.Flags = unix.SCHED_FLAG_RESET_ON_FORK
	}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("asking for the class %v: %w", c, err)
	}
	return nil
}

// Ahead reports whether a thread of this class comes before one that nobody changed.
func (c Class) Ahead() bool {
	return c.Policy == FIFO || c.Policy == RoundRobin || c.Nice < 0
}

// First gives the calling thread the first of some classes that the kernel allows, and answers with the class in force then,
// which may be none of them. The error is the first refusal; there is none where the first was granted, or none was asked.
func First(classes ...Class) (inForce Class, refused error) {
	for _, c := range classes {
		err := Set(c)
		if err == nil {
			break
		}
		refused = cmp.Or(refused, err)
	}
	inForce, err := Current()
	return inForce, cmp.Or(refused, err)
}

// Punctual asks the kernel to wake the calling thread when it is due, and not up to 50 µs later, when a wake-up may
// serve others too. A thread of FIFO or RoundRobin needs no asking.
func Punctual() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) } // a refusal costs the 50 µs

// Cores are the numbers of the processors that the calling thread may run on, in order.
func Cores() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cores []int
	for core := 0; len(cores) < set.Count(); core++ {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// Bind lets the calling thread run on one processor only.
func Bind(core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("binding the thread to processor %d: %w", core, err)
	}
	return nil
}
