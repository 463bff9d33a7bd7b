package main

import (
	"runtime"
	"time"

	"fracture/clock"
	"fracture/thread"
)

// punctually does something at an instant that is near, or at once where that is past, and returns when it is done.
//
// It does so on a thread of its own that the kernel runs before all that compute, where it allows that: woken like all others,
// a goroutine comes up to some milliseconds late where every core is busy. What is done must not start a process, for the
// kernel may kill it when the thread ends.
func punctually(at clock.Instant, do func()) {
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		runtime.LockOSThread()                  // and not unlocked: the class is the thread's
		_, _ = thread.First(beatFIFO, beatNice) // refused, it is woken like all others
		thread.Punctual()
		meet(at)
		do()
	}()
	if fell := <-done; fell != nil {
		panic(fell) // where it is caught
	}
}

// meetSpin is for how long before an instant the processor is kept busy: what the kernel is late by with a thread that it wakes.
const meetSpin = 200 * time.Microsecond

// meet returns at an instant that is near. The thread sleeps, and keeps its P: the kernel runs one that wakes before those that
// computed all the while, so on a busy machine it is less late than one that did so itself.
func meet(at clock.Instant) {
	clock.Sleep(at.Add(-meetSpin))
	for clock.Now() < at {
	}
}
